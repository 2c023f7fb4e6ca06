"""The money of every request, read from the wire by the switch itself and held against its own table of decimals."""

import re
from collections.abc import Mapping

from interlock.base.money import Money
from interlock.gateways.contract import FollowOnRequest, InquireRequest, Operation
from interlock.gateways.manifest import Manifest, Sent
from interlock.gateways.sent import SentExtractor, SentMoney
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.contract.cases import Performed
from interlock.releases.gates.contract.checks.baskets import Basket, basket_of, last_key
from interlock.releases.gates.contract.matching import made_of
from interlock.releases.gates.contract.matrix import written
from interlock.releases.gates.contract.notes import Notes
from interlock.releases.gates.contract.requests import CARRYING
from interlock.releases.gates.contract.stage import Stage
from interlock.releases.gates.observation import Trace
from interlock.releases.gates.providers.tables import ProviderTable

_CURRENCY_NAME = re.compile(r"currency", re.IGNORECASE)
_FREE = ("/metadata", "/additionalData")
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
            self._basket(operation, basket_of(sent.fields), wanted, trace.case)
            for place, value in sent.fields.items():
                named = _CURRENCY_NAME.search(last_key(place)) and not place.startswith(_FREE)
                if named and str(value).lower() != request.amount.currency:
                    problem = f"{operation}: {place} says another currency than was asked for"
                    self._notes.fail("amounts_agree", trace.case, problem, "name one currency")

    def _basket(self, operation: Operation, basket: Basket, wanted: int | None, case: str) -> None:
        for place, number in basket.single.items():
            if number is None or number != wanted:
                problem = f"{operation}: {place} says another amount than was asked for"
                self._notes.fail("amounts_agree", case, problem, _REMEDY)
        for place, number in basket.portions.items():
            if number is None or wanted is None or abs(number) > wanted:
                problem = f"{operation}: {place} is more than the amount it is a part of"
                self._notes.fail("amounts_agree", case, problem, _REMEDY)
        for place, total in basket.items.items():
            if total is None or total != wanted:
                problem = f"{operation}: the items at {place} do not add up to the amount"
                remedy = "send items that, with tax and shipping and less discounts, add up to the total, or send none"
                self._notes.fail("amounts_agree", case, problem, remedy)


def _factor(read: int, wanted: int) -> str:
    """Return how ``read`` differs from ``wanted``, in words."""
    for power in (10, 100, 1000, 10_000):
        if read == wanted * power:
            return f"{power} times the amount"
        if read * power == wanted or (wanted and read == wanted // power):
            return f"a {power}th of the amount"
    return "another amount" if read else "nothing"
