"""What the switch believes, read from the scratch database: intents, attempts, and what the ledger has posted."""

from collections import defaultdict
from typing import Any

import msgspec

from interlock.base.clock import SystemClock
from interlock.base.context import Scope
from interlock.ledger.service import Ledger
from interlock.storage.database import Database
from interlock.storage.queries import load_queries

_QUERIES = load_queries("interlock.releases.gates.certify")
_FIELDS = {"charge": ("posted", 1), "refund": ("given_back", -1), "refund_failure": ("given_back", -1),
           "adjustment": ("disputed", -1)}  # fmt: skip


class Believed(msgspec.Struct, kw_only=True):
    """One payment intent: what it says itself (``received``), its charges (``captured``, ``refunded``), and the ledger
    (``posted``, ``given_back``, ``disputed``)."""

    intent: str
    account_id: str
    case: str
    status: str
    currency: str
    received: int
    captured: int = 0
    refunded: int = 0
    posted: int = 0
    given_back: int = 0
    disputed: int = 0


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. ``undoes`` says that it gives back what a stray one took; ``waits`` that recovery still looks."""

    attempt: str
    intent: str
    operation: str
    state: str
    amount_minor: int
    currency: str
    gateway_reference: str
    undoes: bool
    waits: bool


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Everything read: intents and attempts by id, the case of each payment or set-up, the ledger's own faults."""

    intents: dict[str, Believed]
    attempts: dict[str, Tried]
    cases: dict[str, str]
    ledger_faults: tuple[str, ...]


async def read_ours(database: Database) -> Record:
    """Return what the scratch database says."""
    intents: dict[str, Believed] = {}
    for row in await database.fetch(_QUERIES["intents"]):
        intents[row["id"]] = Believed(
            intent=row["id"],
            account_id=row["account_id"],
            case=row["case_name"] or "",
            status=row["status"],
            currency=row["currency"],
            received=row["amount_received_minor"],
        )
    for row in await database.fetch(_QUERIES["charged"]):
        if row["intent"] in intents:
            intents[row["intent"]].captured = row["captured"]
            intents[row["intent"]].refunded = row["refunded"]
    for row in await database.fetch(_QUERIES["posted"]):
        intent = intents.get(row["intent"] or "")
        if intent is not None:
            field, sign = _FIELDS[row["type"]]
            setattr(intent, field, getattr(intent, field) + sign * row["amount"])
    cases = {one.intent: one.case for one in intents.values()}
    cases |= {row["id"]: row["case_name"] or "" for row in await database.fetch(_QUERIES["setups"])}
    attempts = {row["id"]: _tried(dict(row)) for row in await database.fetch(_QUERIES["attempts"])}
    faults = await _ledger_faults(database, {one.account_id for one in intents.values()})
    return Record(intents=intents, attempts=attempts, cases=cases, ledger_faults=faults)


def _tried(row: dict[str, Any]) -> Tried:
    detail = row["detail"]
    facts: dict[str, Any] = msgspec.json.decode(detail) if isinstance(detail, str) else dict(detail or {})
    return Tried(
        attempt=row["id"],
        intent=row["intent_id"] or row["subject_id"],
        operation=row["operation"],
        state=row["state"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        gateway_reference=row["gateway_reference"] or "",
        undoes="stray" in facts,
        waits=row["next_inquiry_at_ms"] is not None,
    )


async def _ledger_faults(database: Database, accounts: set[str]) -> tuple[str, ...]:
    found: dict[str, list[str]] = defaultdict(list)
    for account_id in sorted(accounts):
        for one in await Ledger(database, SystemClock()).check(Scope(account_id, livemode=False)):
            found[account_id].append(f"{one.kind} {one.subject}: {one.expected_minor}, {one.found_minor}")
    return tuple(text for texts in found.values() for text in texts)
