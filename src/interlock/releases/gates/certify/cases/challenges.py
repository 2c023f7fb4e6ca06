"""3D Secure: passed, failed, left behind, late, declined afterwards, confirmed by the shop's server."""

import asyncio

from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Manifest
from interlock.payments.intents.types import ConfirmIntent
from interlock.releases.gates.certify import deck
from interlock.releases.gates.certify.cases.types import CORE, Case
from interlock.releases.gates.certify.providers import Provider
from interlock.releases.gates.certify.stage import RETURN_URL, Paid, Stage


def cases(manifest: Manifest, provider: Provider) -> list[Case]:
    """Return the cases of challenges."""
    del provider
    able = manifest.capabilities
    if not able.three_d_secure:
        return []
    found = [
        Case("challenge passed", "challenges", _passed, CORE),
        Case("challenge failed", "challenges", _failed),
        Case("challenge passed late", "challenges", _late),
        Case("challenge passed, then declined", "challenges", _then_declined),
        Case("challenge left behind, then passed", "challenges", _left_behind),
        Case("challenge left behind, paid otherwise", "challenges", _paid_otherwise),
        Case("challenge confirmed by the shop", "challenges", _by_hand),
        Case("challenge reloaded", "challenges", _reloaded),
        Case("webhook and return at once", "challenges", _at_once),
        Case("challenge asked for", "challenges", _asked_for),
    ]
    if Operation.AUTHORISE in able.operations and Operation.CAPTURE in able.operations:
        found.append(Case("challenge passed hold", "challenges", _hold))
    if Operation.AUTHORISE in able.operations and Operation.VOID in able.operations:
        found.append(Case("challenge passed hold, then void", "challenges", _hold_void))
    return found


async def _asked(stage: Stage, amount_minor: int = 2_400, **more: object) -> Paid:
    # What a case asks besides is as various as payments are: no type says it.
    return await stage.pay(amount_minor, card=stage.card(deck.CHALLENGED), **more)  # type: ignore[arg-type]


async def _passed(stage: Stage) -> None:
    paid = await _asked(stage)
    await stage.through_bank_first(await stage.challenged(paid))
    await stage.expect_taken(await stage.until_settled(paid.intent), 2_400)


async def _failed(stage: Stage) -> None:
    paid = await _asked(stage)
    await stage.through_bank_first(await stage.challenged(paid), "fail")
    await stage.until_settled(paid.intent)
    await stage.expect_status(paid.intent, "requires_payment_method")


async def _late(stage: Stage) -> None:
    """The shopper passes and closes the browser; it comes back much later, when the webhooks have long come."""
    paid = await _asked(stage)
    attempt = await stage.challenged(paid)
    brought = await stage.at_bank(attempt, "succeed")
    await asyncio.sleep(0.3)
    await stage.come_back(attempt, brought)
    await stage.expect_taken(await stage.until_settled(paid.intent), 2_400)


async def _then_declined(stage: Stage) -> None:
    paid = await stage.pay(card=stage.card(deck.CHALLENGED_THEN_DECLINED))
    attempt = await stage.challenged(paid)
    await stage.through_bank_first(attempt)
    await stage.until_settled(paid.intent)
    await stage.expect_status(paid.intent, "requires_payment_method")


async def _left_behind(stage: Stage) -> None:
    """The shop gives the payment up while its shopper is at the bank, who passes after all: nothing may be kept."""
    paid = await _asked(stage)
    attempt = await stage.challenged(paid)
    brought = await stage.at_bank(attempt, "succeed")
    await stage.cancel(paid.intent)
    await stage.come_back(attempt, brought)
    await stage.recover(paid.intent)
    await stage.expect_status(paid.intent, "canceled")


async def _paid_otherwise(stage: Stage) -> None:
    paid = await _asked(stage)
    await stage.challenged(paid)
    again = ConfirmIntent(payment_method_data=stage.card(), return_url=RETURN_URL)
    second = await stage.confirm(paid.intent, again)
    await stage.recover(second.intent)
    await stage.expect_taken(second.intent, 2_400)


async def _by_hand(stage: Stage) -> None:
    """``confirmation_method=manual``: the bank's yes alone takes no money, the shop confirms once more."""
    paid = await _asked(stage, confirmation_method="manual")
    await stage.through_bank(await stage.challenged(paid))
    await stage.expect_status(paid.intent, "requires_confirmation")
    confirmed = await stage.confirm(paid.intent, ConfirmIntent())
    await stage.expect_taken(await stage.until_settled(confirmed.intent), 2_400)


async def _reloaded(stage: Stage) -> None:
    paid = await _asked(stage)
    attempt = await stage.challenged(paid)
    brought = await stage.at_bank(attempt, "succeed")
    for _ in range(3):
        await stage.come_back(attempt, brought)
    await stage.expect_taken(await stage.until_settled(paid.intent), 2_400)


async def _at_once(stage: Stage) -> None:
    """Webhook and browser arrive within 5 ms of each other, each of them twice."""
    paid = await _asked(stage)
    attempt = await stage.challenged(paid)
    stage.hold_webhooks(attempt.id)
    brought = await stage.at_bank(attempt, "succeed")
    await asyncio.sleep(0.1)
    await asyncio.gather(
        stage.release_webhooks(attempt.id),
        stage.come_back(attempt, brought),
        stage.come_back(attempt, brought),
    )
    await stage.expect_taken(await stage.until_settled(paid.intent), 2_400)


async def _asked_for(stage: Stage) -> None:
    """The shop wants a challenge where the issuer would not ask for one."""
    paid = await stage.pay(
        card=stage.card(deck.CHALLENGED_ON_REQUEST),
        details={"payment_method_options": {"card": {"request_three_d_secure": "any"}}},
    )
    await stage.through_bank(await stage.challenged(paid))
    await stage.expect_taken(await stage.until_settled(paid.intent), 2_400)


async def _hold(stage: Stage) -> None:
    paid = await _asked(stage, hold=True)
    await stage.through_bank(await stage.challenged(paid))
    await stage.until_settled(paid.intent)
    intent = await stage.expect_status(paid.intent, "requires_capture")
    received = intent.amount_received_minor
    stage.expect(received == 0, f"{received} was received for a payment that is only to be authorised")
    await stage.captured(intent)


async def _hold_void(stage: Stage) -> None:
    paid = await _asked(stage, hold=True)
    await stage.through_bank(await stage.challenged(paid))
    await stage.until_settled(paid.intent)
    await stage.voided(await stage.expect_status(paid.intent, "requires_capture"))
