"""The shoppers' own record: one JSON line per answered request, written as it happens, never with a card number.

The auditor reads it; nothing else does. Amounts are in the API's units, as they were asked for and as they were told.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgspec

_FLUSH_EVERY = 64


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line.

    ``step`` names the place in the order (``pay``, ``capture.1``, ``refund.2``, ``settled.pay`` …). ``status`` is the
    HTTP status of the definite answer, 0 when there was none within the shopper's patience. ``asked`` is the money that
    was asked for; ``told`` what the answer says of the object.
    """

    at_ms: int
    order: str
    step: str
    method: str
    path: str
    key: str = ""
    currency: str = ""
    asked: int | None = None
    status: int = 0
    tries: int = 1
    wait_ms: int = 0
    told: dict[str, Any] = {}


_TOLD = (
    "id",
    "object",
    "status",
    "amount",
    "amount_received",
    "amount_capturable",
    "currency",
    "payment_intent",
    "latest_charge",
    "charge",
    "payment_method",
    "disputed",
    "amount_captured",
    "amount_refunded",
)
_TOLD_OF_ERRORS = ("type", "code", "decline_code", "message", "param")


def told(body: Any) -> dict[str, Any]:
    """Return what the record keeps of an answer: ids, states and amounts."""
    if not isinstance(body, dict):
        return {}
    error = body.get("error")
    if isinstance(error, dict):
        kept = {f"error_{name}": error[name] for name in _TOLD_OF_ERRORS if error.get(name) is not None}
        attached = error.get("payment_intent") or error.get("setup_intent")
        return {**kept, **told(attached)} if isinstance(attached, dict) else kept
    return {name: body[name] for name in _TOLD if body.get(name) is not None and not isinstance(body[name], dict)}


class Journal:
    """Appends entries to a file; without a file it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        """Write to ``path``, which is begun anew."""
        self._encoder = msgspec.json.Encoder()
        self._file: IO[bytes] | None = None
        self._unwritten = 0
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb")

    def write(self, entry: Entry) -> None:
        """Append one entry."""
        if self._file is None:
            return
        self._file.write(self._encoder.encode(entry) + b"\n")
        self._unwritten += 1
        if self._unwritten >= _FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        """Hand what is written to the kernel."""
        if self._file is not None:
            self._file.flush()
        self._unwritten = 0

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read(path: Path) -> Iterator[Entry]:
    """Yield the entries of a journal; a last line cut short by a kill is left out."""
    decoder = msgspec.json.Decoder(Entry)
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield decoder.decode(line)
