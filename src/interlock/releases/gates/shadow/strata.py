"""Which recordings are taken, and what a part of the traffic is called. Pure.

Plain sales are nearly all there is; what a release breaks is as a rule something else. So attempts are taken in turn
from every kind of them, the newest first, until there are enough.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

from interlock.gateways.contract import Initiator, InquireRequest, Operation, PaymentRequest
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.shadow.types import Slice

T = TypeVar("T")

_NOUNS = {
    Operation.AUTHORISE: "authorisations",
    Operation.SALE: "sales",
    Operation.COMPLETE: "completions",
    Operation.CAPTURE: "captures",
    Operation.INCREMENT: "increments",
    Operation.VOID: "voids",
    Operation.REFUND: "refunds",
    Operation.VERIFY: "card checks",
    Operation.INQUIRE: "inquiries",
    Operation.FUND: "test transfers",
}
_CREDENTIALS = {
    "one_time": ("one-time ", ""),
    "first_use": ("first ", " that store the card"),
    "customer": ("customer-initiated ", " with a stored card"),
    "merchant_known": ("merchant-initiated ", " with a network transaction id"),
    "merchant_unknown": ("merchant-initiated ", " without a network transaction id"),
}


def credential_kind(request: OperationRequest) -> str:
    """Return what the networks are told of a stored card: the words of ``Slice.credential``."""
    if isinstance(request, InquireRequest) and request.original is not None:
        return credential_kind(request.original)
    stored = request.stored_credential if isinstance(request, PaymentRequest) else None
    if stored is None:
        return "one_time"
    if stored.initiator is Initiator.MERCHANT:
        return "merchant_known" if stored.network_transaction_id else "merchant_unknown"
    return "first_use" if stored.store else "customer"


def in_turn(values: Iterable[T], stratum: Callable[[T], Hashable]) -> Iterator[T]:
    """Yield ``values`` so that every stratum has its first before any has its second, and so on; the rarest begin."""
    strata: dict[Hashable, list[T]] = {}
    for value in values:
        strata.setdefault(stratum(value), []).append(value)
    queues = sorted(strata.values(), key=len)
    for turn in range(max(map(len, queues), default=0)):
        yield from (queue[turn] for queue in queues if turn < len(queue))


def noun(operation: Operation | None, number: int = 2) -> str:
    """Return what several of an operation are called, or one of them."""
    plural = "notifications" if operation is None else _NOUNS[operation]
    if number != 1:
        return plural
    return plural[:-3] + "y" if plural.endswith("ies") else plural[:-1]


def described_share(affected: Sequence[Slice], everything: Sequence[Slice]) -> str:
    """Return which part of the recordings is concerned: ``12 of 40 recorded merchant-initiated sales``.

    The part named is the narrowest that one property tells, so that the reader sees at once whom it is about. All of
    ``affected`` are of one operation, and in ``everything``.
    """
    operation = affected[0].operation
    same = [each for each in everything if each.operation is operation]
    name, number = noun(operation), len(same)
    for properties, called in _PROPERTIES:
        values = {properties(each) for each in affected}
        if len(values) != 1:
            continue
        value = values.pop()
        alike = sum(properties(each) == value for each in same)
        if alike < number:
            name, number = called(affected[0], noun(operation)), alike
    return f"{len(affected)} of {number} recorded {name}"


def _by_credential(example: Slice, name: str) -> str:
    before, after = _CREDENTIALS.get(example.credential, ("", ""))
    return f"{before}{name}{after}"


def _by_currency(example: Slice, name: str) -> str:
    return f"{example.currency.upper()} {name}"


def _by_network(example: Slice, name: str) -> str:
    return f"{example.network} {name}"


def _by_method(example: Slice, name: str) -> str:
    return f"{example.method} {name}"


def _by_outcome(example: Slice, name: str) -> str:
    return f"{example.outcome} {name}"


def _merchant(each: Slice) -> str:
    return each.credential.partition("_")[0]


def _by_initiator(example: Slice, name: str) -> str:
    return f"{_merchant(example)}-initiated {name}" if _merchant(example) == "merchant" else name


_PROPERTIES: tuple[tuple[Callable[[Slice], Hashable], Callable[[Slice, str], str]], ...] = (
    (lambda each: _merchant(each) == "merchant", _by_initiator),
    (lambda each: each.credential, _by_credential),
    (lambda each: each.currency, _by_currency),
    (lambda each: each.method, _by_method),
    (lambda each: each.network, _by_network),
    (lambda each: each.outcome, _by_outcome),
)
