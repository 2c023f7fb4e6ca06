"""One release finishes what another began, in both directions; and a rollback in the middle of payments.

All crossings of one direction begin side by side in a shop of their own, then the pointer moves, then all are finished:
by the release that serves by then, which is recorded as proven to take over (that is what is being proven).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Manifest
from interlock.payments.intents.types import ConfirmIntent, Intent
from interlock.releases.gates.certify import deck
from interlock.releases.gates.certify.cases.failures import Failure, failing
from interlock.releases.gates.certify.cases.holds import INCREMENTAL
from interlock.releases.gates.certify.cases.types import amount_in
from interlock.releases.gates.certify.stage import Paid, Stage

_LOST = Failure("lost", "reset_after", executes=True)
_SLOW_MS = 500


@dataclass(frozen=True, slots=True)
class Crossing:
    """Something that one release begins and another finishes. ``begin`` returns what ``finish`` goes on with."""

    name: str
    begin: Callable[[Stage], Awaitable[Any]]
    finish: Callable[[Stage, Any], Awaitable[None]]


def crossings(manifest: Manifest) -> list[Crossing]:
    """Return what must be possible across releases, as far as ``manifest`` (what both claim) goes."""
    able = manifest.capabilities
    can = able.operations.__contains__
    found: list[Crossing] = []
    if can(Operation.CAPTURE):
        found.append(Crossing("capture", _held, _captured))
    if can(Operation.CAPTURE) and able.partial_capture:
        found.append(Crossing("capture partial", partial(_held, currency="jpy"), _captured_partly))
    if can(Operation.VOID):
        found.append(Crossing("void", _held, _voided))
    if can(Operation.REFUND):
        found.append(Crossing("refund", _sold, _refunded))
        found.append(Crossing("refund partial", partial(_sold, currency="kwd"), _refunded_partly))
    if able.incremental:
        found.append(Crossing("increment", _incrementable, _raised))
    if able.three_d_secure:
        found.append(Crossing("challenge", _challenged, _completed))
        found.append(Crossing("challenge confirmed by the shop", _challenged_by_hand, _completed_by_hand))
    return [*found, *_inquiries(manifest)]


def _inquiries(manifest: Manifest) -> list[Crossing]:
    """Return what is found out about payments whose answer was lost: by asking, or from a webhook."""
    able = manifest.capabilities
    can = able.operations.__contains__
    found: list[Crossing] = []
    if able.inquiry != "none":
        found.append(Crossing("inquiry after a lost sale", partial(_lost_sale, currency="sek"), _inquired))
        if can(Operation.AUTHORISE) and can(Operation.VOID):
            lost_hold = partial(_lost_sale, currency="nok", hold=True)
            found.append(Crossing("inquiry after a lost hold", lost_hold, _inquired_hold))
        if can(Operation.REFUND):
            lost_refund = partial(_lost_refund, currency="dkk")
            found.append(Crossing("inquiry after a lost refund", lost_refund, _inquired_refund))
    if manifest.webhook is not None:
        found.append(Crossing("webhook", partial(_lost_sale, currency="chf"), _heard))
    return found


# Captures, voids, refunds, increments


async def _held(stage: Stage, currency: str = "usd") -> Intent:
    return await stage.hold(amount_in(currency), currency)


async def _captured(stage: Stage, intent: Intent) -> None:
    await stage.captured(intent)


async def _captured_partly(stage: Stage, intent: Intent) -> None:
    await stage.captured(intent, intent.amount_minor // 2)


async def _voided(stage: Stage, intent: Intent) -> None:
    await stage.voided(intent)


async def _sold(stage: Stage, currency: str = "usd") -> Intent:
    return await stage.sale(amount_in(currency), currency)


async def _refunded(stage: Stage, intent: Intent) -> None:
    await stage.refunded(intent)


async def _refunded_partly(stage: Stage, intent: Intent) -> None:
    await stage.refunded(intent, intent.amount_minor // 2)


async def _incrementable(stage: Stage) -> Intent:
    return await stage.hold(details=dict(INCREMENTAL))


async def _raised(stage: Stage, intent: Intent) -> None:
    await stage.increment(intent, intent.amount_minor + 600)
    now = await stage.until_settled(intent)
    await stage.expect_attempt(now, "increment", "approved")
    await stage.captured(now)


# Challenges


async def _challenged(stage: Stage) -> Paid:
    paid = await stage.pay(card=stage.card(deck.CHALLENGED))
    await stage.challenged(paid)
    return paid


async def _completed(stage: Stage, paid: Paid) -> None:
    await stage.through_bank(await stage.challenged(paid))
    await stage.expect_taken(await stage.until_settled(paid.intent), paid.intent.amount_minor)


async def _challenged_by_hand(stage: Stage) -> Paid:
    paid = await stage.pay(card=stage.card(deck.CHALLENGED), confirmation_method="manual")
    await stage.through_bank(await stage.challenged(paid))
    return paid


async def _completed_by_hand(stage: Stage, paid: Paid) -> None:
    await stage.expect_status(paid.intent, "requires_confirmation")
    await stage.confirm(paid.intent, ConfirmIntent())
    await stage.expect_taken(await stage.until_settled(paid.intent), paid.intent.amount_minor)


# Inquiries. Webhooks of these payments are held back: each has a currency of its own to know them by


async def _lost_sale(stage: Stage, currency: str, *, hold: bool = False) -> Intent:
    stage.hold_webhooks(f'"{currency}"')
    number = stage.house.deck.plain()
    operation = "authorise" if hold else "sale"
    async with failing(stage, _LOST, bin=number[: deck.ISSUER_DIGITS], operation=operation):
        paid = await stage.pay(24_000, currency, stage.card(number), hold=hold, rooms=stage.house.hasty)
    return paid.intent


async def _inquired(stage: Stage, intent: Intent) -> None:
    await stage.ask(intent)
    await stage.release_webhooks(f'"{intent.currency}"')
    await stage.expect_taken(await stage.until_settled(intent), intent.amount_minor)


async def _inquired_hold(stage: Stage, intent: Intent) -> None:
    await stage.ask(intent)
    await stage.release_webhooks(f'"{intent.currency}"')
    await stage.voided(await stage.expect_status(intent, "requires_capture"))


async def _lost_refund(stage: Stage, currency: str) -> Intent:
    number = stage.house.deck.plain()
    intent = await stage.sale(24_000, currency, card=stage.card(number))
    stage.hold_webhooks(f'"{currency}"')
    async with failing(stage, _LOST, bin=number[: deck.ISSUER_DIGITS], operation="refund"):
        await stage.refund(intent, rooms=stage.house.hasty)
    return intent


async def _inquired_refund(stage: Stage, intent: Intent) -> None:
    await stage.ask(intent)
    await stage.release_webhooks(f'"{intent.currency}"')
    await stage.until_settled(intent)
    charge = await stage.charge(intent)
    given = charge.amount_refunded_minor
    stage.expect(given == intent.amount_minor, f"{given} is refunded, not {intent.amount_minor}")


async def _heard(stage: Stage, intent: Intent) -> None:
    await stage.release_webhooks(f'"{intent.currency}"')
    await stage.expect_taken(await stage.until_settled(intent), intent.amount_minor)


# Rollbacks: the release that began the payments has been taken back, and nothing is proven


async def roll_back_in_the_middle(stages: dict[str, Stage], roll_back: Callable[[], Awaitable[None]]) -> dict[str, Any]:
    """Begin payments, take their release back while they are under way, and return what was begun, by case."""
    begun: dict[str, Any] = {}
    challenge, webhook = stages.get(CHALLENGE), stages.get(WEBHOOK)
    capture = stages.get(CAPTURE)
    if webhook is not None:
        begun[WEBHOOK] = await _lost_sale(webhook, "chf")
    if challenge is not None:
        begun[CHALLENGE] = await _challenged(challenge)
    if capture is None:
        await roll_back()
        return begun
    number = capture.house.deck.plain()
    intent = await capture.hold(card=capture.card(number))
    slow = Failure("slow", "latency", executes=True, parameters=(("ms", _SLOW_MS),))
    async with failing(capture, slow, bin=number[: deck.ISSUER_DIGITS], operation="capture"):
        under_way = asyncio.create_task(capture.capture(intent))
        await asyncio.sleep(_SLOW_MS / 4_000)
        await roll_back()
        await under_way
    begun[CAPTURE] = intent
    return begun


async def ends_right(stage: Stage, begun: Any) -> None:
    """Finish what was begun before the rollback, as shoppers and webhooks do."""
    if stage.case == CHALLENGE:
        await _completed(stage, begun)
        return
    if stage.case == WEBHOOK:
        await stage.release_webhooks(f'"{begun.currency}"')
    intent = await stage.until_settled(begun)
    await stage.expect_taken(intent, begun.amount_minor)


CHALLENGE, CAPTURE, WEBHOOK = "rollback during a challenge", "rollback during a capture", "rollback before a webhook"


def rollbacks(manifest: Manifest) -> list[str]:
    """Return the names of the cases in which a release is taken back in the middle of a payment."""
    able = manifest.capabilities
    found = [CHALLENGE] if able.three_d_secure else []
    if Operation.CAPTURE in able.operations:
        found.append(CAPTURE)
    if manifest.webhook is not None:
        found.append(WEBHOOK)
    return found
