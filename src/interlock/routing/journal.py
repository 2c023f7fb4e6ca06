"""The change journal: who changed which configuration, when and why, in a chain of hashes.

Whoever changes what payments run by adds an entry to the same commit (``routing``, ``releases``); anybody may read and
verify. Two changes at one moment want the same place in the chain, so one of them is refused and asks again.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any

import msgspec

from interlock.base.context import Scope
from interlock.storage.database import Database
from interlock.storage.queries import load_queries
from interlock.storage.tables import Table

_QUERIES = load_queries("interlock.routing")
_WHY_MAX = 2_000
_PAGE = 1_000
_VERIFIED_AT_A_TIME = 200
_BEFORE_ALL = "0" * 64
_encode = msgspec.json.Encoder(order="sorted").encode


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change. ``subject`` is the id of what changed, ``facts`` hold the numbers and ids that belong to it."""

    account_id: str
    sequence: int
    livemode: bool
    created_at_ms: int
    actor: str
    action: str
    subject: str
    why: str
    facts: dict[str, Any]
    previous_hash: str
    hash: str


JOURNAL = Table(JournalEntry, "change_journal", key=("account_id", "sequence"), version=None)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written into the journal."""

    actor: str
    action: str
    subject: str
    why: str
    facts: dict[str, Any] = {}


async def chained(database: Database, scope: Scope, entries: Sequence[Entry], now_ms: int) -> list[JournalEntry]:
    """Return ``entries`` as the next places of the account's chain, to be inserted in the caller's commit.

    Args:
        database: to read the last entry from.
        scope: account and mode.
        entries: in order.
        now_ms: the time.

    """
    last = await database.fetchrow(_QUERIES["journal_head"], scope.account_id)
    sequence, previous = (0, _BEFORE_ALL) if last is None else (last["sequence"], last["hash"])
    made: list[JournalEntry] = []
    for entry in entries:
        sequence += 1
        row = JournalEntry(
            account_id=scope.account_id,
            sequence=sequence,
            livemode=scope.livemode,
            created_at_ms=now_ms,
            actor=entry.actor,
            action=entry.action,
            subject=entry.subject,
            why=entry.why[:_WHY_MAX],
            facts=entry.facts,
            previous_hash=previous,
            hash="",
        )
        row = msgspec.structs.replace(row, hash=entry_hash(row))
        previous = row.hash
        made.append(row)
    return made


def entry_hash(entry: JournalEntry) -> str:
    """Return the SHA-256 of everything in an entry but its own hash, the hash before it included."""
    content = msgspec.to_builtins(entry)
    del content["hash"]
    return hashlib.sha256(_encode(content)).hexdigest()


async def read(
    database: Database, account_id: str, *, subject: str | None = None, before: int | None = None, limit: int = 100
) -> list[JournalEntry]:
    """Return entries, newest first.

    Args:
        database: to read from.
        account_id: whose.
        subject: only those about this id.
        before: only those with a lower sequence.
        limit: at most so many.

    """
    rows = await database.fetch(_QUERIES["journal_entries"], account_id, subject, before, min(limit, _PAGE))
    return [JOURNAL.decode(row) for row in rows]


class Chain(msgspec.Struct, frozen=True):
    """What verifying found: how many entries hold, the hash of the last, and the first that does not hold."""

    entries: int
    head: str
    broken_at: int | None


async def verify(database: Database, account_id: str) -> Chain:
    """Recompute the whole chain of an account.

    A cut end cannot be seen from inside: keep the ``head`` somewhere else and compare.
    """
    previous, expected = _BEFORE_ALL, 1
    while True:
        rows = await database.fetch(_QUERIES["journal_from"], account_id, expected, _VERIFIED_AT_A_TIME)
        for row in rows:
            entry = JOURNAL.decode(row)
            linked = entry.sequence == expected and hmac.compare_digest(entry.previous_hash, previous)
            if not linked or not hmac.compare_digest(entry.hash, entry_hash(entry)):
                return Chain(expected - 1, previous, expected)
            previous, expected = entry.hash, expected + 1
        if len(rows) < _VERIFIED_AT_A_TIME:
            return Chain(expected - 1, previous, None)
