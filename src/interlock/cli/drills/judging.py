"""Who was hurt? The gateways' own books against what shops were told, payment by payment, to the minor unit. Pure.

Independent of the switch but for one thing: which payment a line of the books belongs to is told by the attempts, and
by the order's own number where an attempt does not say it. A line that belongs to nobody is wrong money.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import accumulate
from typing import Any

import msgspec

from interlock.cli.drills.types import Harm
from interlock.sandbox.shoppers.currencies import BY_CODE
from interlock.sandbox.shoppers.journal import Entry
from interlock.sandbox.shoppers.tally import Tally

_SIGNS = {"capture": 1, "capture_reversal": -1, "refund": -1, "refund_reversal": 1}
_ENDED = frozenset({"canceled", "requires_payment_method"})
_EXAMPLES = 3
_USUAL_DECIMALS = 2
"""Of a currency that no shopper pays in: money in it is wrong, whatever its decimals."""
_PROBE = "interlock validate"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a gateway's books, as its control API tells it."""

    kind: str
    status: str
    payment_id: str
    reference: str
    currency: str
    amount_major: str
    metadata: dict[str, Any] = {}


class Booked(msgspec.Struct, kw_only=True):
    """One payment at one gateway, summed from its books."""

    payment: str
    currency: str
    reference: str
    order: str
    authorised: int = 0
    taken: int = 0
    net: int = 0
    voided: bool = False

    @property
    def held(self) -> int:
        """Return what is held and neither taken nor released."""
        return 0 if self.taken or self.voided else self.authorised


class Told(msgspec.Struct, kw_only=True):
    """One payment as its shop was told last.

    ``asked`` is what it is for, ``captures`` what was asked for later, part by part; ``net`` is what the shop was told
    it has, ``moving`` what it was told is on its way back.
    """

    intent: str
    order: str
    currency: str
    status: str = ""
    asked: int = 0
    received: int = 0
    captures: dict[str, int] = {}
    refunds: dict[str, int] = {}
    pending: dict[str, int] = {}

    @property
    def net(self) -> int:
        """Return what the shop was told was taken and not given back."""
        return self.received - sum(self.refunds.values())

    @property
    def wanted(self) -> set[int]:
        """Return what may have been taken while the last word is not there: nothing, some parts, or all."""
        parts = list(accumulate(self.captures.values()))
        return {0, *(parts or [self.asked])}

    @property
    def moving(self) -> int:
        """Return what is on its way back, as far as the shop was told."""
        return sum(self.pending.values())


class Wrong(msgspec.Struct, frozen=True, kw_only=True):
    """A payment whose money is not what its shop was told, in words. ``minor`` is the difference."""

    intent: str
    text: str
    minor: int


def sum_books(lines: Iterable[Line]) -> list[Booked]:
    """Return payments that shoppers began in these lines; probes are of nobody's order."""
    payments: dict[str, Booked] = {}
    for line in lines:
        probes = line.metadata.get("made_by") == _PROBE
        if line.status != "approved" or probes:
            continue
        if line.kind == "authorisation" and line.payment_id not in payments:
            payments[line.payment_id] = Booked(
                payment=line.payment_id,
                currency=line.currency,
                reference=line.reference,
                order=str(line.metadata.get("order", "")),
            )
        payment = payments.get(line.payment_id)
        if payment is not None:
            _add(payment, line)
    return list(payments.values())


def _add(payment: Booked, line: Line) -> None:
    known = BY_CODE.get(line.currency)
    amount = int(Decimal(line.amount_major).scaleb(_USUAL_DECIMALS if known is None else known.iso_decimals))
    if line.kind in {"authorisation", "increment"}:
        payment.authorised += amount
    elif line.kind == "void":
        payment.voided = True
    elif line.kind in _SIGNS:
        payment.net += _SIGNS[line.kind] * amount
        payment.taken += amount if line.kind == "capture" else 0


def told(entries: Iterable[Entry]) -> dict[str, Told]:
    """Return every payment of a journal of shoppers, by intent."""
    found: dict[str, Told] = {}
    for entry in entries:
        says, kind = entry.told, entry.told.get("object")
        intent = str(says.get("id") if kind == "payment_intent" else says.get("payment_intent"))
        if kind == "payment_intent":
            one = found.setdefault(intent, Told(intent=intent, order=entry.order, currency=entry.currency))
            one.status, one.received = str(says.get("status", "")), _iso(entry, "amount_received")
            one.asked = _iso(entry, "amount")
            if entry.step.startswith("capture.") and entry.asked is not None:
                one.captures[entry.step.removesuffix(".final")] = BY_CODE[entry.currency].iso_minor(entry.asked)
        elif kind == "refund" and intent in found:
            one, name, amount = found[intent], str(says.get("id")), _iso(entry, "amount")
            one.refunds[name] = amount if says.get("status") == "succeeded" else 0
            one.pending[name] = amount if says.get("status") == "pending" else 0
    return found


def _iso(entry: Entry, field: str) -> int:
    return BY_CODE[entry.currency].iso_minor(int(entry.told.get(field) or 0))


def wrong_payments(
    booked: Iterable[Booked], told_of: Mapping[str, Told], intents: Mapping[str, str]
) -> tuple[list[Wrong], int]:
    """Return the payments whose money is wrong, and how many are still under way.

    Args:
        booked: payments at all gateways.
        told_of: what shops were told, by intent.
        intents: attempt → intent, as the switch knows them.

    """
    by_order: dict[str, list[str]] = defaultdict(list)
    for one in told_of.values():
        by_order[one.order].append(one.intent)
    kept: dict[str, list[Booked]] = defaultdict(list)
    wrong: list[Wrong] = []
    for payment in booked:
        guesses = by_order.get(payment.order, [])
        intent = intents.get(payment.reference) or (guesses[0] if len(guesses) == 1 else "")
        if intent in told_of:
            kept[intent].append(payment)
        elif payment.net or payment.held:
            text = f"{payment.payment} holds {payment.net or payment.held} {payment.currency} that no shop knows of"
            wrong.append(Wrong(intent=intent, text=text, minor=abs(payment.net or payment.held)))
    moving = 0
    for one in told_of.values():
        moving += one.status == "processing" or bool(one.moving)
        found = _wrong(one, kept.get(one.intent, []))
        if found is not None:
            wrong.append(found)
    return wrong, moving


def _wrong(one: Told, payments: list[Booked]) -> Wrong | None:
    net: Counter[str] = Counter()
    for payment in payments:
        net[payment.currency] += payment.net
    others = {currency: amount for currency, amount in net.items() if amount and currency != one.currency}
    if others:
        text = f"{one.order}: {one.net} {one.currency} was asked for, the books have {others}"
        return Wrong(intent=one.intent, text=text, minor=sum(abs(amount) for amount in others.values()))
    difference = net[one.currency] - one.net
    if one.status == "processing" and net[one.currency] in one.wanted:
        return None  # nobody was told yet, and nothing else was taken than what will be told
    if -one.moving <= difference < 0:
        return None  # what the shop knows to be on its way back has arrived
    if difference:
        text = f"{one.order}: the shop was told {one.net} {one.currency}, the books have {net[one.currency]}"
        return Wrong(intent=one.intent, text=text, minor=abs(difference))
    held = sum(payment.held for payment in payments)
    if held and one.status in _ENDED:
        text = f"{one.order}: {held} {one.currency} are still held although it is {one.status}"
        return Wrong(intent=one.intent, text=text, minor=held)
    return None


def harm(tally: Tally, wrong: list[Wrong], moving: int, named: set[str]) -> Harm:
    """Return what was done to customers.

    Args:
        tally: what shoppers came to.
        wrong: payments whose money is wrong.
        moving: payments that are still under way.
        named: intents that somebody was told of.

    """
    lost = [f"{one.order}: {one.step} {one.came} {one.code}".strip() for one in tally.surprises if one.hurts]
    untold = [one for one in wrong if one.intent not in named]
    return Harm(
        payments=tally.payments,
        lost=tally.hurt,
        wrong=len(wrong),
        minor=sum(one.minor for one in wrong),
        untold=len(untold),
        open=moving,
        examples=(*(one.text for one in (untold or wrong)[:_EXAMPLES]), *lost[:_EXAMPLES]),
    )
