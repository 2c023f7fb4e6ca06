"""What the switch believes, read from the scratch database: intents, attempts, and what the ledger has posted."""

from collections import defaultdict
from typing import Any

import msgspec

from interlock.base.clock import SystemClock
from interlock.base.context import Scope
from interlock.ledger.service import Ledger
from interlock.storage.database import Database

_INTENTS = """
SELECT id, account_id, status, currency, amount_received_minor, metadata->>'case' AS case_name FROM payment_intents
"""
_SETUPS = "SELECT id, metadata->>'case' AS case_name FROM setup_intents"
_ATTEMPTS = """
SELECT id, intent_id, subject_id, operation, state, amount_minor, currency, gateway_reference, next_inquiry_at_ms,
       detail
FROM attempts
"""
_POSTED = """
SELECT c.payment_intent_id AS intent, t.type, sum(t.amount_minor)::bigint AS amount
FROM ledger_transactions t
LEFT JOIN refunds r ON r.account_id = t.account_id AND r.id = t.source_id
LEFT JOIN disputes d ON d.account_id = t.account_id AND d.id = t.source_id
JOIN charges c ON c.account_id = t.account_id AND c.id = coalesce(r.charge_id, d.charge_id, t.source_id)
GROUP BY 1, 2
"""
_CHARGED = """
SELECT payment_intent_id AS intent, sum(amount_captured_minor)::bigint AS captured,
       sum(amount_refunded_minor)::bigint AS refunded
FROM charges GROUP BY 1
"""
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
    for row in await database.fetch(_INTENTS):
        intents[row["id"]] = Believed(
            intent=row["id"],
            account_id=row["account_id"],
            case=row["case_name"] or "",
            status=row["status"],
            currency=row["currency"],
            received=row["amount_received_minor"],
        )
    for row in await database.fetch(_CHARGED):
        if row["intent"] in intents:
            intents[row["intent"]].captured = row["captured"]
            intents[row["intent"]].refunded = row["refunded"]
    for row in await database.fetch(_POSTED):
        intent = intents.get(row["intent"] or "")
        if intent is not None:
            field, sign = _FIELDS[row["type"]]
            setattr(intent, field, getattr(intent, field) + sign * row["amount"])
    cases = {one.intent: one.case for one in intents.values()}
    cases |= {row["id"]: row["case_name"] or "" for row in await database.fetch(_SETUPS)}
    attempts = {row["id"]: _tried(dict(row)) for row in await database.fetch(_ATTEMPTS)}
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
