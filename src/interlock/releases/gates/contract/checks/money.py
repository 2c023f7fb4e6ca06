"""The money of every request, read from the wire by the switch itself and held against its own table of decimals."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from interlock.base.money import Money
from interlock.gateways.contract import FollowOnRequest, InquireRequest, Operation
from interlock.gateways.manifest import Manifest, Sent
from interlock.gateways.sent import SentExtractor, SentMoney
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.contract.cases import Performed
from interlock.releases.gates.contract.matching import made_of
from interlock.releases.gates.contract.matrix import written
from interlock.releases.gates.contract.notes import Notes
from interlock.releases.gates.contract.requests import CARRYING
from interlock.releases.gates.contract.stage import Stage
from interlock.releases.gates.observation import SentRequest, Trace
from interlock.releases.gates.providers.tables import ProviderTable

_AMOUNT_NAME = re.compile(r"(?:^|_)(?:amount|total|price|value)(?:_|$)|(?:Amount|Total|Price|Value)", re.ASCII)
_CURRENCY_NAME = re.compile(r"currency", re.IGNORECASE)
_QUANTITY_NAME = re.compile(r"quantity", re.IGNORECASE)
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_FREE = ("/metadata", "/additionalData")
_ITEM = re.compile(r"(.*?)(?:\[(\d+)\]|/(\d+)(?=/))(.*)")
_MOVED = frozenset({"approved", "pending", "challenge", "declined"})
_REMEDY = "use to_provider with the provider's exponents, for every amount of the request"


def places_of_money(table: ProviderTable | None, manifest: Manifest) -> dict[Operation, Sent]:
    """Return where requests say their money: by the provider's table, by the manifest where there is none."""
    if table is None:
        return dict(manifest.sent)
    return {
        operation: Sent(path=rules.path, format=rules.format, amount=rules.amount, currency=rules.currency)
        for operation, rules in table.sent.items()
    }


class MoneyChecks:
    """Checks amounts and currencies of requests."""

    def __init__(self, stage: Stage, notes: Notes, places: Mapping[Operation, Sent]) -> None:
        """Prepare.

        Args:
            stage: knows the provider's decimals.
            notes: where findings go.
            places: where money stands in requests.

        """
        self._stage = stage
        self._notes = notes
        self._places = places
        self._sent = SentExtractor(places)

    def check(self, performed: Performed) -> None:
        """Look at the money of every request of a case."""
        for request, trace in zip(performed.asked, performed.traces, strict=True):
            assert trace.operation is not None
            operation = request.operation if isinstance(request, InquireRequest) else trace.operation
            self._amounts(operation, request, trace)
            self._others(operation, request, trace)

    def _amounts(self, operation: Operation, request: OperationRequest, trace: Trace) -> None:
        place = self._places.get(operation)
        if place is None:
            return
        read = [self._sent.read(operation, made_of(sent)) for sent in trace.requests]
        found = [money for money in read if money is not None]
        if place.amount is None:
            return
        self._notes.looked("amount")
        if len(found) > 1:
            problem = f"{operation} asks for the money in {len(found)} requests"
            self._notes.fail("amount", trace.case, problem, "ask once: each of them may be executed")
        if not found and self._ought_to_ask(operation, request, trace):
            problem = f"{operation} claims an answer, and no request carried its money ({place.path})"
            self._notes.fail("amount", trace.case, problem, "ask where the provider takes the money")
        for money in found:
            self._compare(operation, request.amount, money, place, trace)

    def _ought_to_ask(self, operation: Operation, request: OperationRequest, trace: Trace) -> bool:
        reverse = isinstance(request, FollowOnRequest) and request.reverse
        asks = operation in CARRYING and not reverse and not isinstance(request, InquireRequest)
        return asks and trace.result is not None and str(trace.result.outcome) in _MOVED

    def _compare(self, operation: Operation, asked: Money, read: SentMoney, place: Sent, trace: Trace) -> None:
        wanted = self._stage.amounts.express(asked)
        title = self._stage.manifest.title
        shown = written(asked)
        if read.problem is not None:
            self._notes.fail("amount", trace.case, f"{operation}: {read.problem}", _REMEDY)
        elif wanted is None:
            problem = f"{operation} of {shown}, which {title} cannot express, is asked for as {read.amount}"
            self._notes.fail("amount", trace.case, problem, "end as not_sent what cannot be expressed; never round")
        elif read.amount is None:
            self._notes.fail("amount", trace.case, f"{operation} names no amount at {place.amount}", _REMEDY)
        elif read.amount != wanted:
            factor = _factor(read.amount, wanted)
            problem = f"{operation} in {asked.currency} asks for {factor}"
            self._notes.fail("amount", trace.case, problem, f"{shown} is {wanted} at {title}; {_REMEDY}")
        if place.currency is not None and read.problem is None and (read.currency or "").lower() != asked.currency:
            problem = f"{operation} names another currency, or none"
            self._notes.fail("amount", trace.case, problem, "name the currency that was asked for")

    def _others(self, operation: Operation, request: OperationRequest, trace: Trace) -> None:
        """Look at whatever else in a request looks like an amount or a currency: all must say the same."""
        wanted = self._stage.amounts.express(request.amount)
        for sent in trace.requests:
            if sent.method == "GET" or operation not in CARRYING:
                continue
            self._notes.looked("amounts_agree")
            single, items = _amount_like(sent)
            for place, number in single:
                if number is None or number != wanted:
                    problem = f"{operation}: {place} says another amount than was asked for"
                    self._notes.fail("amounts_agree", trace.case, problem, _REMEDY)
            for place, total in items.items():
                if total is None or total != wanted:
                    problem = f"{operation}: the items at {place} do not add up to the amount"
                    remedy = "send items that add up to the total, or none"
                    self._notes.fail("amounts_agree", trace.case, problem, remedy)
            for place, value in sent.fields.items():
                named = _CURRENCY_NAME.search(_last(place)) and not place.startswith(_FREE)
                if named and str(value).lower() != request.amount.currency:
                    problem = f"{operation}: {place} says another currency than was asked for"
                    self._notes.fail("amounts_agree", trace.case, problem, "name one currency")


def _amount_like(sent: SentRequest) -> tuple[list[tuple[str, Decimal | None]], dict[str, Decimal | None]]:
    """Return the fields that look like amounts, and by list the sums of those inside of items (times quantity)."""
    single: list[tuple[str, Decimal | None]] = []
    items: dict[tuple[str, str], dict[str, Decimal | None]] = {}
    quantities: dict[tuple[str, str], Decimal] = {}
    for place, value in _values(sent):
        item = _ITEM.fullmatch(place)
        where = (item[1], item[2] or item[3]) if item else None
        if where is not None and _QUANTITY_NAME.search(_last(place)):
            quantities[where] = _number(value) or Decimal(1)
        elif _AMOUNT_NAME.search(_last(place)):
            if where is None:
                single.append((place, _number(value)))
            else:
                items.setdefault(where, {})[_last(place)] = _number(value)
    sums: dict[str, Decimal | None] = {}
    for where, amounts in items.items():
        number = _gross(amounts)
        before = sums.get(where[0], Decimal(0))
        known = number is not None and before is not None
        sums[where[0]] = before + number * quantities.get(where, Decimal(1)) if known else None  # type: ignore[operator]
    return single, sums


def _gross(amounts: Mapping[str, Decimal | None]) -> Decimal | None:
    """Return what one item costs with tax: the provider's gross field where there is one, else net and tax."""
    gross = [number for name, number in amounts.items() if "includingtax" in name.lower() or "total" in name.lower()]
    if gross:
        return gross[0]
    numbers = [number for name, number in amounts.items() if "percent" not in name.lower()]
    return None if None in numbers else sum((number for number in numbers if number is not None), Decimal(0))


def _values(sent: SentRequest) -> Iterator[tuple[str, Any]]:
    for place, value in sent.fields.items():
        if not place.startswith(_FREE) and value not in ({}, [], None):
            yield place, value


def _last(place: str) -> str:
    """Return the name of a field: the last key of a pointer or of a form's brackets."""
    return place.rstrip("]").replace("[", "/").replace("]", "").rpartition("/")[2]


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    text = str(value)
    try:
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:
        return None


def _factor(read: int, wanted: int) -> str:
    """Return how ``read`` differs from ``wanted``, in words."""
    for power in (10, 100, 1000, 10_000):
        if read == wanted * power:
            return f"{power} times the amount"
        if read * power == wanted or (wanted and read == wanted // power):
            return f"a {power}th of the amount"
    return "another amount" if read else "nothing"
