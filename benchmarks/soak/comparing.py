"""The audit: three records of the same payments, compared to the minor unit. Pure; knows no database and no HTTP.

The gateways' books say what happened to the money, the switch says what it believes, the shoppers say what they were
told. Everything is in ISO minor units. A finding names the payment and what differs, so that it can be looked at.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from interlock.sandbox.shoppers.currencies import BY_CODE


class Booked(msgspec.Struct, kw_only=True):
    """One payment at one gateway, summed from its books. ``intent`` is empty when nobody knows the payment."""

    gateway: str
    payment: str
    currency: str
    intent: str = ""
    authorised: int = 0
    manual: bool = False
    captured: int = 0
    refunded: int = 0
    disputed: int = 0
    voided: bool = False

    @property
    def net(self) -> int:
        """Return what was taken and not given back, disputes aside."""
        return self.captured - self.refunded

    @property
    def held(self) -> bool:
        """Return True for an authorisation that is neither captured nor given back."""
        return self.authorised > 0 and not self.captured and not self.voided


class Believed(msgspec.Struct, kw_only=True):
    """One intent as the switch has it: what its ledger posted, and what the intent itself says."""

    intent: str
    order: str
    currency: str
    status: str
    received: int = 0
    captured: int = 0
    refunded: int = 0
    disputed: int = 0


class Told(msgspec.Struct, kw_only=True):
    """One payment as its shopper was told. ``acknowledged`` is the best answer ever given to a call."""

    order: str
    payment: str
    intent: str
    currency: str
    status: str
    received: int = 0
    refunded: int = 0
    acknowledged: str = ""
    refunds_acknowledged: int = 0


class Finding(msgspec.Struct, frozen=True):
    """One thing that must not be. ``minor`` is the money it is about."""

    kind: str
    subject: str
    text: str
    minor: int = 0


_SIGNS: Mapping[str, tuple[str, int]] = {
    "capture": ("captured", 1),
    "capture_reversal": ("captured", -1),
    "refund": ("refunded", 1),
    "refund_reversal": ("refunded", -1),
    "dispute": ("disputed", 1),
    "dispute_won": ("disputed", -1),
    "increment": ("authorised", 1),
}


def iso_minor(currency: str, major: str) -> int:
    """Return a decimal amount of the books in ISO minor units."""
    minor = Decimal(major).scaleb(BY_CODE[currency].iso_decimals)
    if minor != int(minor):
        raise ValueError(f"{major} {currency} is a fraction of a minor unit")
    return int(minor)


def sum_books(gateway: str, entries: Iterable[Mapping[str, object]]) -> dict[str, Booked]:
    """Return the gateway's payments by their reference there."""
    payments: dict[str, Booked] = {}
    for entry in entries:
        currency, kind = str(entry["currency"]), str(entry["kind"])
        if entry["status"] != "approved" or currency not in BY_CODE:
            continue
        name = str(entry["payment_id"])
        payment = payments.setdefault(name, Booked(gateway=gateway, payment=name, currency=currency))
        amount = iso_minor(currency, str(entry["amount_major"]))
        if kind == "authorisation":
            payment.authorised += amount
            payment.intent = str(entry["reference"])
        elif kind == "void":
            payment.voided = True
        elif kind in _SIGNS:
            field, sign = _SIGNS[kind]
            setattr(payment, field, getattr(payment, field) + sign * amount)
    return payments


class Verdict(msgspec.Struct, kw_only=True):
    """What the comparison found."""

    lost: list[Finding] = []
    duplicates: list[Finding] = []
    differences: list[Finding] = []
    holds: list[Finding] = []

    @property
    def difference_minor(self) -> int:
        """Return the money of all differences."""
        return sum(abs(finding.minor) for finding in self.differences)


def compare(booked: Iterable[Booked], believed: Mapping[str, Believed], told: Iterable[Told]) -> Verdict:
    """Return every difference between the three records.

    Args:
        booked: payments at all gateways, ``intent`` filled in from the switch's attempts.
        believed: intents of the switch by id.
        told: payments of the shoppers' record.

    """
    verdict = Verdict()
    by_intent: dict[str, list[Booked]] = defaultdict(list)
    for payment in booked:
        if payment.intent in believed:
            by_intent[payment.intent].append(payment)
        elif payment.net or payment.held:
            text = f"{payment.gateway} holds {payment.payment}, of which the switch knows nothing"
            verdict.lost.append(Finding("unknown payment", payment.payment, text, payment.net))
    told_by_intent = {one.intent: one for one in told}
    for intent in believed.values():
        _compare_with_books(verdict, intent, by_intent.get(intent.intent, []))
        if intent.intent not in told_by_intent and intent.order:
            text = f"the shopper of {intent.order} was never told of it"
            verdict.duplicates.append(Finding("untold intent", intent.intent, text, intent.received))
    for one in told_by_intent.values():
        _compare_with_shopper(verdict, one, believed.get(one.intent), by_intent.get(one.intent, []))
    return verdict


def _compare_with_books(verdict: Verdict, intent: Believed, payments: list[Booked]) -> None:
    net = sum(payment.net for payment in payments)
    disputed = sum(payment.disputed for payment in payments)
    ours = intent.captured - intent.refunded
    if net != ours or intent.received != intent.captured:
        text = f"books {net}, ledger {ours}, intent received {intent.received} {intent.currency} ({intent.status})"
        verdict.differences.append(Finding("books and ledger", intent.intent, text, (net - ours) or 1))
    if disputed != intent.disputed:
        text = f"books {disputed}, ledger {intent.disputed} {intent.currency} disputed"
        verdict.differences.append(Finding("disputes", intent.intent, text, disputed - intent.disputed))
    kept = [payment for payment in payments if payment.net > 0]
    if len(kept) > 1:
        names = ", ".join(f"{payment.gateway} {payment.payment}" for payment in kept)
        verdict.duplicates.append(Finding("charged twice", intent.intent, names, net - ours))
    if intent.status != "requires_capture":
        for payment in payments:
            if payment.held:
                text = f"{payment.gateway} still holds {payment.authorised} {payment.currency} ({intent.status})"
                verdict.holds.append(Finding("authorisation left", intent.intent, text, payment.authorised))


def _compare_with_shopper(verdict: Verdict, one: Told, intent: Believed | None, payments: list[Booked]) -> None:
    captured = sum(payment.captured for payment in payments)
    refunded = sum(payment.refunded for payment in payments)
    net, wanted = captured - refunded, one.received - one.refunded
    if intent is None:
        verdict.lost.append(Finding("lost", one.intent, f"{one.order} was told of an intent that is not there"))
        return
    if net < wanted:
        text = f"{one.order} was told {wanted} {one.currency}, the books have {net}"
        verdict.lost.append(Finding("lost", one.intent, text, wanted - net))
    if net > wanted:
        text = f"{one.order} was told {wanted} {one.currency}, the books have {net}"
        verdict.duplicates.append(Finding("charged more than told", one.intent, text, net - wanted))
    if net != wanted:
        verdict.differences.append(Finding("books and shopper", one.intent, f"{net} and {wanted}", net - wanted))
    if one.acknowledged == "succeeded" and one.status != "succeeded":
        text = f"{one.order} was told it succeeded, later that it is {one.status}"
        verdict.lost.append(Finding("went back", one.intent, text, one.received))
    if one.acknowledged == "requires_capture" and one.status not in {"requires_capture", "succeeded", "canceled"}:
        text = f"{one.order} was told it is authorised, later that it is {one.status}"
        verdict.lost.append(Finding("went back", one.intent, text))


def compare_totals(booked: Iterable[Booked], receivable: Mapping[tuple[str, str], int]) -> list[Finding]:
    """Return where a gateway's books and what our ledger says it owes differ, by (gateway, currency)."""
    totals: dict[tuple[str, str], int] = defaultdict(int)
    for payment in booked:
        totals[payment.gateway, payment.currency] += payment.net - payment.disputed
    found = []
    for key in sorted({*totals, *receivable}):
        difference = totals.get(key, 0) - receivable.get(key, 0)
        if difference:
            text = f"books {totals.get(key, 0)}, ledger {receivable.get(key, 0)}"
            found.append(Finding("gateway total", " ".join(key), text, difference))
    return found
