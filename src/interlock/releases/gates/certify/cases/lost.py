"""Payments and follow-ons whose answer is lost while the gateway has done what it was asked, and how they are settled.

Webhooks of these payments are held back: each has a currency of its own to know them by.
"""

from interlock.gateways.contract import Operation
from interlock.payments.attempts.types import Attempt
from interlock.payments.intents.types import Intent
from interlock.payments.refunds.types import Refund
from interlock.payments.setup.types import SetupIntent
from interlock.releases.gates.certify import deck
from interlock.releases.gates.certify.cases.failures import Failure, expect_done, failing, operate
from interlock.releases.gates.certify.cases.holds import INCREMENTAL
from interlock.releases.gates.certify.stage import Stage

LOST = Failure("lost", "reset_after", executes=True)
_AMOUNT_MINOR = 24_000
_RETURNS = ("uah", "pkr")
"""Of the return from a challenge, a fault can match nothing but the currency: one for each direction."""

FollowedOn = tuple[Intent, Refund | None]
Returned = tuple[Intent, Attempt]


async def sale(stage: Stage, currency: str, *, hold: bool = False) -> Intent:
    """Lose the answer to a sale, or to an authorisation (``hold``), in ``currency``."""
    stage.hold_webhooks(f'"{currency}"')
    number = stage.house.deck.plain()
    operation = "authorise" if hold else "sale"
    async with failing(stage, LOST, bin=number[: deck.ISSUER_DIGITS], operation=operation):
        paid = await stage.pay(_AMOUNT_MINOR, currency, stage.card(number), hold=hold, rooms=stage.house.hasty)
    return paid.intent


async def sale_asked(stage: Stage, intent: Intent) -> None:
    """Ask what became of a sale."""
    await stage.ask(intent)
    await sale_told(stage, intent)


async def sale_told(stage: Stage, intent: Intent) -> None:
    """Hear from a webhook what became of a sale."""
    await stage.release_webhooks(f'"{intent.currency}"')
    await stage.expect_taken(await stage.until_settled(intent), intent.amount_minor)


async def hold_asked(stage: Stage, intent: Intent) -> None:
    """Ask what became of an authorisation, and release it."""
    await stage.ask(intent)
    await stage.release_webhooks(f'"{intent.currency}"')
    await stage.voided(await stage.expect_status(intent, "requires_capture"))


async def follow_on(operation: Operation, currency: str, stage: Stage) -> FollowedOn:
    """Lose the answer to a capture, increment, void or refund."""
    number = stage.house.deck.plain()
    card = stage.card(number)
    if operation is Operation.REFUND:
        intent = await stage.sale(_AMOUNT_MINOR, currency, card=card)
    else:
        details = dict(INCREMENTAL) if operation is Operation.INCREMENT else {}
        intent = await stage.hold(_AMOUNT_MINOR, currency, card=card, details=details)
    stage.hold_webhooks(f'"{currency}"')
    async with failing(stage, LOST, bin=number[: deck.ISSUER_DIGITS], operation=operation.value):
        return intent, await operate(stage, operation, intent)


async def asked(operation: Operation, stage: Stage, followed_on: FollowedOn) -> None:
    """Ask what became of a follow-on."""
    await stage.ask(followed_on[0])
    await told(operation, stage, followed_on)


async def told(operation: Operation, stage: Stage, followed_on: FollowedOn) -> None:
    """Hear from a webhook what became of a follow-on."""
    intent, refund = followed_on
    await stage.release_webhooks(f'"{intent.currency}"')
    await stage.until_settled(intent)
    await expect_done(stage, operation, LOST, intent, refund)


async def completion(stage: Stage) -> Returned:
    """Lose the answer that tells what became of a challenge."""
    currency = _RETURNS[stage.case.startswith("candidate")]
    paid = await stage.pay(_AMOUNT_MINOR, currency, stage.card(deck.CHALLENGED))
    attempt = await stage.challenged(paid)
    stage.hold_webhooks(attempt.id)
    brought = await stage.at_bank(attempt, "succeed")
    async with failing(stage, LOST, operation=["complete", "inquire"], currency=currency):
        await stage.come_back(attempt, brought, rooms=stage.house.hasty)
    return paid.intent, attempt


async def completion_asked(stage: Stage, returned: Returned) -> None:
    """Ask what became of the challenge."""
    intent, attempt = returned
    await stage.ask(intent)
    await stage.release_webhooks(attempt.id)
    await stage.expect_taken(await stage.until_settled(intent), intent.amount_minor)


async def set_up(stage: Stage) -> SetupIntent:
    """Lose the answer to the check of a card that is to be kept."""
    number = stage.house.deck.plain()
    async with failing(stage, LOST, bin=number[: deck.ISSUER_DIGITS], operation="verify"):
        return await stage.set_up(await stage.customer(), stage.card(number), rooms=stage.house.hasty)


async def set_up_asked(stage: Stage, setup: SetupIntent) -> None:
    """Ask what became of it."""
    setup = await stage.setup_settled(setup)
    stage.expect(setup.status == "succeeded", f"the set-up is {setup.status}, not succeeded")
