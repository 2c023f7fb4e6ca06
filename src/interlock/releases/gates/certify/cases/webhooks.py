"""Webhooks that are repeated, late, out of order, lost, forged, written in another hand; reviews, disputes."""

import contextlib
from collections.abc import AsyncIterator
from functools import partial

from interlock.base.problems import Problem
from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Manifest
from interlock.payments.disputes.types import DISPUTES
from interlock.releases.gates.certify import deck
from interlock.releases.gates.certify.cases.failures import Failure, failing
from interlock.releases.gates.certify.cases.types import CORE, USUAL, Case
from interlock.releases.gates.certify.providers import Provider
from interlock.releases.gates.certify.stage import Stage
from interlock.storage.database import Page

_MISCHIEF = {
    "as it comes": None,
    "twice": "webhook_duplicate",
    "late": "webhook_late",
    "out of order": "webhook_reordered",
    "forged first": "webhook_bad_signature",
    "spaced otherwise": "webhook_respaced",
}
_CURRENCIES = ("chf", "gbp", "ron", "kes", "php", "ils", "sar")
"""One for each mischief (and the lost one): of a webhook, a fault can match nothing else at every provider."""
_MISCHIEF_MS = 300
_TAMPERED = ("mur", 234_567)
_REVIEWED = {"accepted": "kzt", "rejected": "gel"}
_LOST = Failure("lost", "reset_after", executes=True)


def cases(manifest: Manifest, provider: Provider) -> list[Case]:
    """Return the cases of webhooks."""
    if manifest.webhook is None:
        return []
    able = manifest.capabilities
    found = [
        Case(f"webhook {name}", "webhooks", partial(_told, kind, _CURRENCIES[position]), USUAL if kind else CORE)
        for position, (name, kind) in enumerate(_MISCHIEF.items())
    ]
    found.append(Case("webhook forged", "webhooks", _forged))
    if Operation.SALE in able.operations:
        found.append(Case("webhook tampered with", "webhooks", _tampered))
    if able.inquiry != "none" and Operation.CAPTURE not in able.asynchronous_operations:
        found.append(Case("webhook lost", "webhooks", partial(_lost, _CURRENCIES[len(_MISCHIEF)])))
    found.append(Case("payment disputed", "disputes", partial(_disputed, deck.DISPUTED, takes_money=True)))
    found.append(
        Case("payment inquired about", "disputes", partial(_disputed, deck.DISPUTED_INQUIRY, takes_money=False))
    )
    if not provider.reviews:
        return found
    found.append(Case("review rejected", "reviews", partial(_reviewed, "rejected")))
    found.append(Case("review accepted", "reviews", partial(_reviewed, "accepted")))
    return found


@contextlib.asynccontextmanager
async def _mischief(stage: Stage, kind: str | None, currency: str) -> AsyncIterator[None]:
    control = stage.house.control
    if kind is None:
        yield
        return
    fault = await control.add_fault(kind, {"currency": currency}, ms=_MISCHIEF_MS, schedule={})
    try:
        yield
    finally:
        await control.remove_fault(fault)


async def _told(kind: str | None, currency: str, stage: Stage) -> None:
    """A payment whose answer was lost, and its refund's too: webhooks alone settle both, however they come."""
    number = stage.house.deck.plain()
    issuer = number[: deck.ISSUER_DIGITS]
    async with _mischief(stage, kind, currency):
        async with failing(stage, _LOST, bin=issuer, operation="sale"):
            paid = await stage.pay(24_000, currency, stage.card(number), rooms=stage.house.hasty)
        await stage.expect_taken(await stage.until_settled(paid.intent), 24_000)
        async with failing(stage, _LOST, bin=issuer, operation="refund"):
            refund = await stage.refund(paid.intent, 9_000, rooms=stage.house.hasty)
        await stage.settled_refund(refund, "succeeded")
    charge = await stage.charge(paid.intent)
    given = charge.amount_refunded_minor
    stage.expect(given == 9_000, f"{given} is refunded, not 9000: a webhook counted twice or not at all")


async def _lost(currency: str, stage: Stage) -> None:
    number = stage.house.deck.plain()
    control = stage.house.control
    fault = await control.add_fault("webhook_lost", {"currency": currency}, schedule={})
    try:
        async with failing(stage, _LOST, bin=number[: deck.ISSUER_DIGITS], operation="sale"):
            paid = await stage.pay(24_000, currency, stage.card(number), rooms=stage.house.hasty)
        await stage.recover(paid.intent)
        await stage.expect_taken(paid.intent, 24_000)
    finally:
        await control.remove_fault(fault)


async def _forged(stage: Stage) -> None:
    """A body that nobody has signed, one with a signature of another body, and no body at all are all turned away."""
    house = stage.house
    header = (stage.manifest.webhook.signature_header if stage.manifest.webhook else None) or "x-signature"
    bodies: tuple[tuple[bytes, dict[str, str]], ...] = (
        (b"{}", {}),
        (b'{"id":"evt_forged00000000","type":"payment_intent.succeeded"}', {header: "t=1,v1=00"}),
        (b'{"live":"false","notificationItems":[]}', {}),
        (b"", {}),
    )
    for body, headers in bodies:
        answer = await house.receiver.inbound.receive(*stage.shop.address, headers, body)
        accepted = getattr(answer, "stored", 0)
        stage.expect(not accepted, "a webhook without a valid signature is believed")


async def _tampered(stage: Stage) -> None:
    """A genuine webhook whose amount was changed on the way, or that has lost its signature, is turned away."""
    currency, amount_minor = _TAMPERED
    number = stage.house.deck.plain()
    stage.hold_webhooks(f'"{currency}"')
    await stage.pay(amount_minor, currency, stage.card(number))

    async def arrived() -> bool:
        return any(str(amount_minor).encode() in body for _, body in stage.kept_webhooks(f'"{currency}"'))

    await stage.until(arrived, "the gateway sends no webhook of a sale that names its amount")
    for headers, body in stage.kept_webhooks(f'"{currency}"'):
        changed = body.replace(str(amount_minor).encode(), str(amount_minor + 1).encode())
        unsigned = {name: value for name, value in headers.items() if "signature" not in name}
        for forged in ((headers, changed), (unsigned, changed)):
            said = await stage.house.receiver.inbound.receive(*stage.shop.address, *forged)
            believed = changed != body and not isinstance(said, Problem)
            stage.expect(not believed, "a webhook whose amount was changed on the way is believed")
    await stage.release_webhooks(f'"{currency}"')


async def _disputed(number: str, stage: Stage, *, takes_money: bool) -> None:
    intent = await stage.sale(card=stage.card(number))

    async def told() -> bool:
        where = {"payment_intent_id": intent.id}
        found = await stage.house.database.find(DISPUTES, stage.shop.scope, Page(limit=5), where=where)
        return any(dispute.funds_withdrawn == takes_money for dispute in found.items)

    what = "its money is with the bank" if takes_money else "the bank asks about it"
    await stage.until(told, f"the payment is disputed, and the switch does not learn that {what}")


async def _reviewed(verdict: str, stage: Stage) -> None:
    """A payment that the gateway accepts for review is not authorised yet; what is decided later counts."""
    currency = _REVIEWED[verdict]
    stage.hold_webhooks(f'"{currency}"')  # or the verdict may be known before anybody has looked
    paid = await stage.pay(24_000, currency, stage.card(holder=f"review {verdict}"))
    attempt = await stage.attempt(paid.intent, "sale")
    stage.expect(attempt.state == "pending", f"a payment that is under review counts as {attempt.state}")
    await stage.expect_status(paid.intent, "processing")
    await stage.release_webhooks(f'"{currency}"')
    await stage.until_status(paid.intent, "succeeded" if verdict == "accepted" else "requires_payment_method")
