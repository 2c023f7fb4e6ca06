"""The comparison: the gateway's books against what the switch believes, to the minor unit. Pure.

Every difference names the case whose payment it is, where that is known.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from interlock.releases.gates.certify.audit.books import Booked, Booking
from interlock.releases.gates.certify.audit.ours import Believed, Record, Tried

_TAKING = frozenset({"sale", "authorise"})
_BEGINNING = _TAKING | {"verify"}
_OPEN = frozenset({"begun", "unknown", "pending"})


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the two records do not agree on. ``soft`` ones say no more than that a case was not finished."""

    check: str
    case: str
    problem: str
    facts: dict[str, Any] = {}
    soft: bool = False


class _Comparison:
    def __init__(
        self, booked: Mapping[str, Booked], record: Record, keys: Mapping[str, str], aside: Collection[str]
    ) -> None:
        self.booked = booked
        self.record = record
        self.keys = keys
        self.aside = aside
        self.by_gateway_reference = {
            tried.gateway_reference: tried.intent for tried in record.attempts.values() if tried.gateway_reference
        }
        self.found: list[Difference] = []
        self.by_reference: dict[str, list[Booked]] = defaultdict(list)
        self.by_intent: dict[str, list[Booked]] = defaultdict(list)

    def differs(self, check: str, intent: str, problem: str, *, soft: bool = False, **facts: Any) -> None:
        case = self.record.cases.get(intent, "")
        self.found.append(Difference(check=check, case=case, problem=problem, facts=facts, soft=soft))

    def other_money(
        self, tried: Tried, done: str, expected_minor: int, found: Booking, found_minor: int | None
    ) -> None:
        """Note that the books have other money than was asked for; the sentence holds both."""
        shown = "a fraction of a minor unit" if found_minor is None else str(found_minor)
        problem = (
            f"{expected_minor} {tried.currency} (minor units) was to be {done}, the gateway's books have "
            f"{shown} {found.currency}"
        )
        money: dict[str, Any] = {"expected_minor": expected_minor, "found_minor": found_minor}
        money |= {"currency": tried.currency, "found_currency": found.currency}
        self.differs("amounts", tried.intent, problem, attempt=tried.attempt, **money)

    # Payments of the books

    def payments(self) -> None:
        for payment in self.booked.values():
            authorisations = payment.of("authorisation")
            for line in payment.lines:
                if line.kind == "authorisation":
                    self.by_reference[line.reference].append(payment)
            if not authorisations:
                continue
            owner = self.record.attempts.get(authorisations[0].reference)
            if owner is None or owner.operation not in _BEGINNING:
                self._orphan(payment, authorisations[0])
                continue
            self.by_intent[owner.intent].append(payment)
            self._begun(payment, authorisations, owner)

    def _orphan(self, payment: Booked, line: Booking) -> None:
        held = payment.net or payment.held
        problem = (
            f"the gateway has {held} {payment.currency} under {payment.payment} with the reference "
            f"{line.reference or '(none)'}, of which the switch knows nothing"
        )
        intent = self.by_gateway_reference.get(payment.payment, "")
        self.differs("orphans", intent, problem, payment=payment.payment, reference=line.reference)

    def _begun(self, payment: Booked, lines: list[Booking], owner: Tried) -> None:
        if len(lines) > 1:
            problem = f"the gateway has authorised {payment.payment} {len(lines)} times"
            self.differs("doubles", owner.intent, problem, payment=payment.payment)
        line = lines[0]
        if owner.operation == "verify":
            if payment.net or payment.held:
                self.other_money(owner, "charged", 0, line, payment.net or payment.held)
            return
        if (line.amount_minor, line.currency) != (owner.amount_minor, owner.currency):
            self.other_money(owner, "charged", owner.amount_minor, line, line.amount_minor)
        if owner.state != "approved" and (payment.net or payment.held):
            problem = f"the {owner.operation} counts as {owner.state}, the gateway has approved it"
            self.differs("outcomes", owner.intent, problem, attempt=owner.attempt)

    # Captures and increments, line by line

    def lines(self) -> None:
        captured: dict[str, int] = defaultdict(int)
        for payment in self.booked.values():
            held = 0
            for line in payment.of("authorisation", "increment", "capture"):
                held += 0 if line.kind == "capture" else line.amount_minor or 0
                tried = self._asked_by(line)
                if tried is None or payment.payment in self.aside:
                    continue
                if line.kind == "increment" and held != tried.amount_minor:
                    self.other_money(tried, "held after the increment", tried.amount_minor, line, held)
                if line.kind == "capture" and line.amount_minor != tried.amount_minor:
                    self.other_money(tried, "captured", tried.amount_minor, line, line.amount_minor)
                if tried.operation == "capture":
                    captured[tried.attempt] += 1
        for attempt, times in captured.items():
            if times > 1:
                tried = self.record.attempts[attempt]
                problem = f"one {tried.operation} has taken money {times} times"
                self.differs("doubles", tried.intent, problem, attempt=attempt)

    def _asked_by(self, line: Booking) -> Tried | None:
        """Return the attempt whose doing a capture or an increment is: by its key, else by its reference."""
        wanted = {"capture": ("capture", "sale"), "increment": ("increment",)}.get(line.kind, ())
        for attempt in (self.keys.get(line.key, ""), line.reference):
            tried = self.record.attempts.get(attempt)
            if tried is not None and tried.operation in wanted:
                return tried
        return None

    # Attempts

    def attempts(self) -> None:
        for tried in self.record.attempts.values():
            if tried.state in _OPEN or (tried.waits and tried.state != "challenge"):
                problem = f"the {tried.operation} is still {tried.state} at the end"
                self.differs("unsettled", tried.intent, problem, soft=True, attempt=tried.attempt)
            if tried.operation in _TAKING:
                self._taking(tried)
            elif tried.operation == "refund":
                self._refund(tried)
            elif tried.operation == "void" and tried.state == "approved" and not tried.undoes:
                self._void(tried)

    def _taking(self, tried: Tried) -> None:
        payments = [payment for payment in self.by_reference.get(tried.attempt, ()) if payment.is_approved]
        if tried.state == "approved" and not payments:
            problem = f"the {tried.operation} counts as approved, the gateway has authorised nothing for it"
            self.differs("outcomes", tried.intent, problem, attempt=tried.attempt)
        if len({payment.payment for payment in payments}) > 1:
            named = ", ".join(sorted(payment.payment for payment in payments))
            problem = f"one {tried.operation} was executed {len(payments)} times: {named}"
            self.differs("doubles", tried.intent, problem, attempt=tried.attempt)

    def _refund(self, tried: Tried) -> None:
        lines = [
            line for payment in self.booked.values() for line in payment.of("refund") if line.reference == tried.attempt
        ]
        reversed_ = [
            line for payment in self.booked.values() for line in payment.of("refund_reversal")
            if line.reference == tried.attempt
        ]  # fmt: skip
        if len(lines) > 1:
            problem = f"one refund was executed {len(lines)} times"
            self.differs("doubles", tried.intent, problem, attempt=tried.attempt)
        if tried.undoes:
            return
        if tried.state == "approved" and not lines:
            problem = "a refund counts as done, the gateway's books have none under its reference"
            self.differs("refunds", tried.intent, problem, attempt=tried.attempt)
        if tried.state not in {"approved", *_OPEN} and len(lines) > len(reversed_):
            problem = f"a refund counts as {tried.state}, the gateway has given the money back"
            self.differs("refunds", tried.intent, problem, attempt=tried.attempt)
        for line in lines[:1]:
            if (line.amount_minor, line.currency) != (tried.amount_minor, tried.currency):
                self.other_money(tried, "refunded", tried.amount_minor, line, line.amount_minor)

    def _void(self, tried: Tried) -> None:
        payments = self.by_intent.get(tried.intent, ())
        if payments and not any(payment.of("void") or payment.refunded for payment in payments):
            problem = "a void counts as done, the gateway's books have none"
            self.differs("holds", tried.intent, problem, attempt=tried.attempt)

    # Intents

    def intents(self) -> None:
        for intent in self.record.intents.values():
            payments = self.by_intent.get(intent.intent, [])
            if any(payment.payment in self.aside for payment in payments):
                continue
            self._money(intent, payments)
            self._holds(intent, payments)

    def _money(self, intent: Believed, payments: list[Booked]) -> None:
        net = sum(payment.net for payment in payments)
        ours = intent.captured - intent.refunded
        if net != ours:
            problem = f"the gateway's books have {net} {intent.currency} (minor units) taken, the switch {ours}"
            money: dict[str, Any] = {"expected_minor": ours, "found_minor": net, "currency": intent.currency}
            self.differs("totals", intent.intent, problem, payment_intent=intent.intent, **money)
        ledger = intent.posted - intent.given_back
        if (ledger, intent.received) != (ours, intent.captured):
            problem = (
                f"the ledger has {ledger} {intent.currency}, the charges {ours}, and {intent.received} counts as "
                f"received of {intent.captured} captured"
            )
            self.differs("ledger", intent.intent, problem, payment_intent=intent.intent)
        disputed = sum(payment.disputed for payment in payments)
        if disputed != intent.disputed:
            problem = f"the gateway's books have {disputed} {intent.currency} disputed, the ledger {intent.disputed}"
            self.differs("disputes", intent.intent, problem, payment_intent=intent.intent)
        kept = [payment.payment for payment in payments if payment.net > 0]
        if len(kept) > 1:
            self.differs("doubles", intent.intent, f"one payment was taken {len(kept)} times: {', '.join(kept)}")

    def _holds(self, intent: Believed, payments: list[Booked]) -> None:
        for payment in payments:
            if payment.held:
                problem = (
                    f"the gateway still holds {payment.held} {payment.currency} (minor units), the payment is "
                    f"{intent.status}"
                )
                waiting = intent.status == "requires_capture"
                self.differs("holds", intent.intent, problem, soft=waiting, payment=payment.payment)


def compare(
    booked: Mapping[str, Booked], record: Record, keys: Mapping[str, str], aside: Collection[str] = ()
) -> list[Difference]:
    """Return every difference between the two records.

    Args:
        booked: payments of the gateway's books, by id.
        record: what the switch believes.
        keys: the attempt that each idempotency key was sent for.
        aside: payments that the merchant captured on the provider's own pages, where the switch cannot know it.

    """
    comparison = _Comparison(booked, record, keys, aside)
    comparison.payments()
    comparison.lines()
    comparison.attempts()
    comparison.intents()
    faults = [
        Difference(check="ledger", case="", problem=f"the ledger does not balance: {one}")
        for one in record.ledger_faults
    ]
    return [*comparison.found, *faults]


def by_case(differences: Iterable[Difference], failed: Collection[str], most: int) -> list[Difference]:
    """Return what is to be told: no soft difference of a case that has failed anyway, and at most ``most`` of each."""
    counts: dict[str, int] = defaultdict(int)
    told = []
    for one in differences:
        if one.soft and one.case in failed:
            continue
        counts[one.case] += 1
        if counts[one.case] <= most:
            told.append(one)
    return told
