"""Looks for card numbers, bank accounts and credentials where none may be: in every row, exchange and log line."""

import contextlib
import logging
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator

from interlock.releases.gates.certify.audit.comparing import Difference
from interlock.releases.gates.certify.watching import Told
from interlock.storage.connections import open_connection
from interlock.storage.queries import load_queries

_QUERIES = load_queries("interlock.releases.gates.certify")
_RUN = re.compile(rb"[0-9](?:[ \-.+_/]{0,2}[0-9]){11,}")
_NO_DIGIT = bytes(byte for byte in range(256) if not 48 <= byte <= 57)
_HEX = re.compile(rb"\\\\?x((?:[0-9a-f]{2}){12,})")
_SETTINGS = {"application_name": "interlock-certify-audit"}
_LINES_MAX = 20_000


class Needles:
    """What is looked for."""

    def __init__(self, numbers: Collection[str], texts: Collection[str]) -> None:
        """Look for ``numbers`` in any grouping, and for ``texts`` as they stand."""
        self._numbers = frozenset(numbers)
        self._lengths = sorted({len(number) for number in numbers})
        self._texts = [text.encode() for text in texts]

    def count(self, data: bytes) -> int:
        """Return how many of them stand in ``data``, plain or in hexadecimal columns."""
        found = self._plain(data)
        for digits in _HEX.findall(data):
            found += self._plain(bytes.fromhex(digits.decode()))
        return found

    def _plain(self, data: bytes) -> int:
        runs = (run.translate(None, _NO_DIGIT).decode() for run in _RUN.findall(data))
        return sum(data.count(text) for text in self._texts) + sum(self._in_run(run) for run in runs)

    def _in_run(self, digits: str) -> int:
        return sum(
            digits[start : start + length] in self._numbers
            for length in self._lengths
            for start in range(len(digits) - length + 1)
        )


class Listener(logging.Handler):
    """Keeps every log line of the run, to look through afterwards."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        if len(self.lines) < _LINES_MAX:
            self.lines.append(self.format(record))


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have ``listener`` hear every log line of the process inside the block, whatever its level."""
    root = logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(listener)
        root.setLevel(level)


def told(said: Iterable[Told], needles: Needles, case_of: Callable[[str], str]) -> list[Difference]:
    """Return which operations a connector has spoken of with a card number, an account or a credential in its words.

    The switch takes out what it recognises before it keeps a word; that is its last net, not a connector's excuse.
    """
    found: dict[tuple[str, str], Difference] = {}
    for one in said:
        if needles.count(one.words):
            case = case_of(one.reference)
            problem = f"what the connector says of a {one.asked} holds a card number, an account or a credential"
            facts = {"attempt": one.reference}
            found.setdefault((case, one.asked), Difference(check="secrets", case=case, problem=problem, facts=facts))
    return list(found.values())


async def leaks(database_url: str, needles: Needles, lines: Iterable[str]) -> list[Difference]:
    """Return where a card number, an account or a credential stands in clear."""
    found: dict[str, int] = defaultdict(int)
    connection = await open_connection(database_url, _SETTINGS, command_timeout_s=60)
    try:
        for table in await connection.fetch(_QUERIES["tables"]):
            kept = bytearray()

            async def keep(data: bytes, kept: bytearray = kept) -> None:
                kept.extend(data)

            await connection.copy_from_table(
                table["tablename"], schema_name=table["schemaname"], output=keep, format="text"
            )
            found[f"table {table['tablename']}"] += needles.count(bytes(kept))
    finally:
        await connection.close(timeout=5)
    found["the log"] += needles.count("\n".join(lines).encode("utf-8", "replace"))
    return [
        Difference(
            check="secrets", case="", problem=f"{count} card numbers, accounts or credentials stand in clear in {place}"
        )
        for place, count in found.items()
        if count
    ]
