"""What one release begins and another finishes: every follow-on of a payment, asked for, told of, or lost on the way.

All crossings of one direction begin side by side in a shop of their own, then the pointer moves, then all are finished:
by the release that serves by then, which is recorded as proven to take over (that is what is being proven).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Manifest
from interlock.payments.intents.types import ConfirmIntent, Intent
from interlock.payments.setup.types import SetupIntent
from interlock.releases.gates.certify import deck
from interlock.releases.gates.certify.cases import banks, lost, stored
from interlock.releases.gates.certify.cases.holds import INCREMENTAL
from interlock.releases.gates.certify.cases.types import amount_in
from interlock.releases.gates.certify.stage import Paid, Stage


@dataclass(frozen=True, slots=True)
class Crossing:
    """Something that one release begins and another finishes. ``begin`` returns what ``finish`` goes on with."""

    name: str
    begin: Callable[[Stage], Awaitable[Any]]
    finish: Callable[[Stage, Any], Awaitable[None]]


def crossings(manifest: Manifest) -> list[Crossing]:
    """Return what must be possible across releases, as far as ``manifest`` goes."""
    return [
        *_follow_ons(manifest),
        *_challenges(manifest),
        *_kept(manifest),
        *_banks(manifest),
        *_inquiries(manifest),
        *_webhooks(manifest),
    ]


def _follow_ons(manifest: Manifest) -> list[Crossing]:
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
    if can(Operation.REFUND) and able.partial_refund:
        found.append(Crossing("refund partial", partial(_sold, currency="kwd"), _refunded_partly))
    if able.incremental:
        found.append(Crossing("increment", _incrementable, _raised))
    return found


def _challenges(manifest: Manifest) -> list[Crossing]:
    able = manifest.capabilities
    if not able.three_d_secure:
        return []
    found = [
        Crossing("challenge", challenged, completed),
        Crossing("challenge confirmed by the shop", _challenged_by_hand, _completed_by_hand),
    ]
    if Operation.VERIFY in able.operations:
        found.append(Crossing("challenge of a set-up", _set_up_challenged, _set_up_completed))
    return found


def _kept(manifest: Manifest) -> list[Crossing]:
    if "merchant" not in manifest.capabilities.stored_credentials:
        return []
    return [Crossing("stored card used by merchant", _stored, _used)]


def _banks(manifest: Manifest) -> list[Crossing]:
    able = manifest.capabilities
    found: list[Crossing] = []
    if "sepa_debit" in able.methods:
        found.append(Crossing("debit", _debited, _debit_paid))
    if "customer_balance" in able.methods:
        found.append(Crossing("transfer", banks.awaited, _transferred))
    return found


_INQUIRIES = {Operation.CAPTURE: "cny", Operation.VOID: "pen", Operation.INCREMENT: "aed", Operation.REFUND: "qar"}
_TOLD = {Operation.CAPTURE: "egp", Operation.VOID: "mad", Operation.INCREMENT: "cop", Operation.REFUND: "uyu"}
"""A currency for each, by which the webhooks that are held back are known; none is another case's."""


def _inquiries(manifest: Manifest) -> list[Crossing]:
    """Return what is found out by asking, because an answer was lost."""
    able = manifest.capabilities
    can = able.operations.__contains__
    found: list[Crossing] = []
    if able.inquiry == "none":
        return found
    if can(Operation.SALE):
        found.append(Crossing("inquiry after a lost sale", partial(lost.sale, currency="brl"), lost.sale_asked))
    if can(Operation.AUTHORISE) and can(Operation.VOID):
        hold = partial(lost.sale, currency="lkr", hold=True)
        found.append(Crossing("inquiry after a lost hold", hold, lost.hold_asked))
    for operation, currency in _INQUIRIES.items():
        if can(operation):
            begin = partial(lost.follow_on, operation, currency)
            found.append(Crossing(f"inquiry after a lost {operation}", begin, partial(lost.asked, operation)))
    if able.three_d_secure:
        found.append(Crossing("inquiry after a lost return", lost.completion, lost.completion_asked))
    if can(Operation.VERIFY):
        found.append(Crossing("inquiry after a lost set-up", lost.set_up, lost.set_up_asked))
    return found


def _webhooks(manifest: Manifest) -> list[Crossing]:
    """Return what a webhook tells of payments whose answer was lost."""
    able = manifest.capabilities
    found: list[Crossing] = []
    if manifest.webhook is None:
        return found
    if Operation.SALE in able.operations:
        found.append(Crossing("webhook of a sale", partial(lost.sale, currency="chf"), lost.sale_told))
    # Where a provider answers for good, its webhooks need not name the operation; a refund is an object of its own.
    named = {Operation.REFUND, *able.asynchronous_operations} & set(able.operations)
    for operation, currency in _TOLD.items():
        if operation in named:
            begin = partial(lost.follow_on, operation, currency)
            found.append(Crossing(f"webhook of a {operation}", begin, partial(lost.told, operation)))
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


async def challenged(stage: Stage) -> Paid:
    """Pay with a card whose holder is asked to act."""
    paid = await stage.pay(card=stage.card(deck.CHALLENGED))
    await stage.challenged(paid)
    return paid


async def completed(stage: Stage, paid: Paid) -> None:
    """Let the holder pass the bank's page; end the case unless all is taken then."""
    await stage.through_bank_first(await stage.challenged(paid))
    await stage.expect_taken(await stage.until_settled(paid.intent), paid.intent.amount_minor)


async def _challenged_by_hand(stage: Stage) -> Paid:
    paid = await stage.pay(card=stage.card(deck.CHALLENGED), confirmation_method="manual")
    await stage.through_bank(await stage.challenged(paid))
    return paid


async def _completed_by_hand(stage: Stage, paid: Paid) -> None:
    await stage.expect_status(paid.intent, "requires_confirmation")
    await stage.confirm(paid.intent, ConfirmIntent())
    await stage.expect_taken(await stage.until_settled(paid.intent), paid.intent.amount_minor)


async def _set_up_challenged(stage: Stage) -> SetupIntent:
    setup = await stage.set_up(await stage.customer(), stage.card(deck.CHALLENGED))
    await stage.setup_waiting(setup)
    return setup


async def _set_up_completed(stage: Stage, setup: SetupIntent) -> None:
    await stage.through_bank(await stage.setup_waiting(setup))
    setup = await stage.setup_settled(setup)
    stage.expect(setup.status == "succeeded", f"the set-up is {setup.status} after a passed challenge")


# Cards on file, debits, transfers


async def _stored(stage: Stage) -> tuple[str, Intent]:
    customer = await stage.customer()
    return customer, await stage.sale(customer=customer, setup_future_usage="off_session")


async def _used(stage: Stage, kept: tuple[str, Intent]) -> None:
    customer, first = kept
    await stored.used_again(stage, "merchant", customer, first.payment_method_id or "")


async def _debited(stage: Stage) -> Intent:
    stage.hold_webhooks('"eur"')
    return await banks.debited(stage, deck.PAID_ACCOUNT)


async def _debit_paid(stage: Stage, intent: Intent) -> None:
    await stage.release_webhooks('"eur"')
    now = await stage.until_status(intent, "succeeded")
    if Operation.REFUND in stage.manifest.capabilities.operations:
        await stage.refunded(now)


async def _transferred(stage: Stage, awaited: tuple[str, Intent]) -> None:
    customer, intent = awaited
    await banks.fund(stage, customer, intent.amount_minor)
    await stage.expect_taken(await stage.until_status(intent, "succeeded"), intent.amount_minor)
