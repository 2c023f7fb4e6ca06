"""The switch's own reading of the money in a request: the counterpart of ``gateways.echo``, and as independent.

It shares no code with connectors and knows nothing of them but ``[sent.*]`` pointers (a manifest's, or better those of
the switch's own provider table), so that a connector which multiplies by a wrong factor is seen before anything is
sent. Used by the release gates.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from interlock.gateways.contract import HttpRequest, Operation
from interlock.gateways.manifest import Sent

_DIGITS = re.compile(r"-?[0-9]{1,18}")


class SentMoney(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says of money: ``amount`` in the provider's minor units, ``currency`` as written.

    Each is None where the request names none. ``problem`` says why what stands there cannot be read.
    """

    amount: int | None = None
    currency: str | None = None
    problem: str | None = None


class _Reader:
    """Reads one operation's money."""

    __slots__ = ("_amount", "_currency", "_form", "_path")

    def __init__(self, sent: Sent) -> None:
        self._path = re.compile("[^/?]+".join(re.escape(part) for part in sent.path.split("*")) + r"(?:\?.*)?")
        self._form = sent.format == "form"
        self._amount = sent.amount
        self._currency = sent.currency

    def carries(self, path: str) -> bool:
        """Return True for the path of the request that carries the money."""
        return self._path.fullmatch(path) is not None

    def read(self, body: bytes) -> SentMoney:
        """Return the money in ``body``."""
        try:
            values = _form_values(body) if self._form else msgspec.json.decode(body or b"null")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
            return SentMoney(problem="the body cannot be read")
        amount = self._value(values, self._amount)
        currency = self._value(values, self._currency)
        if isinstance(amount, str) and self._form and _DIGITS.fullmatch(amount):
            amount = int(amount)
        if amount is not None and type(amount) is not int:
            return SentMoney(problem=f"the amount {_shown(amount)} is no whole number of minor units")
        if currency is not None and (type(currency) is not str or not currency.isascii() or not currency.isalpha()):
            return SentMoney(amount=amount, problem=f"the currency {_shown(currency)} is no code")
        return SentMoney(amount=amount, currency=currency)

    def _value(self, values: Any, place: str | None) -> Any:
        if place is None:
            return None
        if self._form:
            return values.get(place)
        for part in place[1:].split("/"):
            values = values.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(values, dict) else None
        return values


class SentExtractor:
    """Reads the money of requests by pointers."""

    def __init__(self, places: Mapping[Operation, Sent]) -> None:
        """Prepare one reader per operation.

        Args:
            places: where each operation's request says its money: a manifest's ``sent``, or what somebody else knows.

        """
        self._readers = {operation: _Reader(sent) for operation, sent in places.items()}

    def carries(self, operation: Operation, request: HttpRequest) -> bool:
        """Return True when ``request`` is the one of ``operation`` that carries its money (a POST of that path)."""
        reader = self._readers.get(operation)
        return reader is not None and request.method != "GET" and reader.carries(request.path)

    def read(self, operation: Operation, request: HttpRequest) -> SentMoney | None:
        """Return the money in ``request``, or None where it is not the request of ``operation`` that carries it.

        Args:
            operation: what is asked of the gateway.
            request: one of its requests.

        """
        return self._readers[operation].read(request.body) if self.carries(operation, request) else None


def _form_values(body: bytes) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body)):
        values[name] = [values[name], value] if name in values else value  # twice is no amount
    return values


def _shown(value: object) -> str:
    return repr(value)[:40]
