"""Queries: named SQL from a package's ``queries.sql``; called by every room's ``store.py``.

::

    -- name: due_attempts
    SELECT … FROM attempts WHERE account_id = $1 AND …;

Names are snake case and unique in a file. The schema lint reads the same files.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from interlock.base.errors import InvariantError

_NAME = re.compile(r"^--\s*name:\s*(\S+)\s*$")
_VALID_NAME = re.compile(r"^[a-z][a-z0-9_]*$")


class Queries(Mapping[str, str]):
    """The queries of one file by name; asking for an unknown one is a bug and says so."""

    def __init__(self, source: str, queries: Mapping[str, str]) -> None:
        """Keep ``queries``; ``source`` is named in errors."""
        self._source = source
        self._queries = dict(queries)

    def __getitem__(self, name: str) -> str:
        """Return the SQL called ``name``."""
        try:
            return self._queries[name]
        except KeyError:
            problem = f"{self._source} has no query {name!r}"
            raise InvariantError(problem) from None

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._queries)

    def __len__(self) -> int:
        """Return how many queries there are."""
        return len(self._queries)


def parse_queries(source: str, text: str) -> Queries:
    """Return the queries in ``text``; ``source`` is named in errors."""
    found: dict[str, str] = {}
    name = ""
    lines: list[str] = []
    for line in [*text.splitlines(), "-- name: end_of_file"]:
        match = _NAME.match(line)
        if match is None:
            lines.append(line)
            continue
        _keep(source, found, name, lines)
        name, lines = match.group(1), []
        if not _VALID_NAME.match(name) or name in found:
            problem = f"{source}: query name {name!r} is not snake case or not unique"
            raise InvariantError(problem)
    return Queries(source, found)


def _keep(source: str, found: dict[str, str], name: str, lines: list[str]) -> None:
    sql = "\n".join(lines).strip().removesuffix(";").rstrip()
    bare = "\n".join(line for line in lines if line.strip() and not line.lstrip().startswith("--"))
    if bool(bare) != bool(name):
        problem = f"{source}: query {name!r} is empty" if name else f"{source}: SQL before the first '-- name:'"
        raise InvariantError(problem)
    if name:
        found[name] = sql


@cache
def load_queries(package: str, file_name: str = "queries.sql") -> Queries:
    """Return the queries in ``file_name`` of ``package`` (``load_queries(__package__)``)."""
    return parse_queries(f"{package}/{file_name}", (files(package) / file_name).read_text(encoding="utf-8"))
