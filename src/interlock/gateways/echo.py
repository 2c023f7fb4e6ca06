"""The switch's own reading of the money in an answer: it shares no code with connectors, so that a connector which
multiplies and divides by the same wrong factor cannot agree with itself.

Built once per manifest by the loader; asked by the transport after each operation that names its money. Only the
fields that the manifest's pointers name are decoded, which costs a few microseconds.
"""

from typing import Any

import msgspec

from interlock.base.money import Money, from_provider
from interlock.gateways.contract import UNREADABLE, Operation
from interlock.gateways.manifest import Echo, Manifest
from interlock.gateways.outcomes import Outcome

_SPEAKS_OF_MONEY = frozenset({Outcome.APPROVED, Outcome.PENDING, Outcome.CHALLENGE})


class EchoVerdict(msgspec.Struct, frozen=True):
    """What the answer said: ``money`` is None when it named none; ``mismatch`` only when it named something else."""

    money: Money | None = None
    mismatch: bool = False


_SILENT = EchoVerdict()


def _path(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]


def _decoder(pointers: list[str]) -> msgspec.json.Decoder[Any]:
    """Return a decoder that keeps only what ``pointers`` name and skips the rest of the document."""
    tree: dict[str, Any] = {}
    for pointer in pointers:
        branch = tree
        for part in _path(pointer)[:-1]:
            branch = branch.setdefault(part, {})
        branch[_path(pointer)[-1]] = None

    def struct(branch: dict[str, Any]) -> type[msgspec.Struct]:
        fields = [
            (f"f{index}", struct(child) | None if child else Any, msgspec.field(name=name, default=None))
            for index, (name, child) in enumerate(branch.items())
        ]
        return msgspec.defstruct("Echo", fields)

    return msgspec.json.Decoder(struct(tree))


class _Reader:
    """Reads one operation's money."""

    __slots__ = ("_decoder", "_paths", "cumulative")

    def __init__(self, echo: Echo) -> None:
        pointers = [pointer for pointer in (echo.amount, echo.currency, echo.captured) if pointer]
        self._decoder = _decoder(pointers)
        self._paths = [self._attributes(pointer, pointers) for pointer in pointers]
        self.cumulative = echo.cumulative

    @staticmethod
    def _attributes(pointer: str, pointers: list[str]) -> list[str]:
        names: list[str] = []
        prefix: list[str] = []
        for part in _path(pointer):
            siblings: list[str] = []
            for other in map(_path, pointers):
                if other[: len(prefix)] == prefix and len(other) > len(prefix) and other[len(prefix)] not in siblings:
                    siblings.append(other[len(prefix)])
            names.append(f"f{siblings.index(part)}")
            prefix.append(part)
        return names

    def values(self, body: bytes) -> list[Any]:
        """Return what stands at each pointer, None where nothing does."""
        document = self._decoder.decode(body)
        found = []
        for names in self._paths:
            value = document
            for name in names:
                value = getattr(value, name, None)
            found.append(value)
        return found


class EchoExtractor:
    """Compares the money an answer names with what was asked for, by the manifest's pointers and exponents."""

    def __init__(self, manifest: Manifest) -> None:
        """Prepare one reader per operation.

        Args:
            manifest: whose ``echo`` and ``currencies`` tables are used.

        """
        self._exponents = manifest.currencies.exponents
        self._readers = {operation: _Reader(echo) for operation, echo in manifest.echo.items()}

    def check(
        self, operation: Operation, asked: Money, outcome: Outcome, body: bytes, *, captured_before_minor: int = 0
    ) -> EchoVerdict:
        """Return what ``body`` says about the money and whether that differs from ``asked``.

        Args:
            operation: what was asked of the gateway (for an inquiry: the operation inquired about).
            asked: the money that was sent.
            outcome: what the connector made of the answer; refusals name no money.
            body: the last answer.
            captured_before_minor: what earlier captures took, for running totals.

        """
        reader = self._readers.get(operation)
        if reader is None or outcome not in _SPEAKS_OF_MONEY:
            return _SILENT
        try:
            values = reader.values(body)
        except UNREADABLE:
            return _SILENT
        amount, currency, captured = values[0], values[1], values[2] if len(values) > 2 else None
        if amount is None and currency is None:
            return _SILENT
        money = self._money(amount, currency)
        if money is None:
            return EchoVerdict(None, mismatch=True)
        if reader.cumulative:
            money = Money(money.amount_minor - captured_before_minor, money.currency)
        mismatch = money != asked
        if captured is not None and outcome is Outcome.APPROVED:
            mismatch = mismatch or self._money(captured, currency) != asked
        return EchoVerdict(money, mismatch)

    def _money(self, amount: object, currency: object) -> Money | None:
        if type(amount) is not int or type(currency) is not str:
            return None
        return from_provider(amount, currency, self._exponents)
