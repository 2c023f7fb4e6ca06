"""Reads the three records: the gateways' books (HTTP), the switch's database, the shoppers' journal."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import asyncpg
from benchmarks.soak.comparing import Believed, Told
from benchmarks.soak.pans import count_pans

from interlock.base.clock import SystemClock
from interlock.base.context import Scope
from interlock.ledger.service import Ledger
from interlock.payments.events.facts import event_id
from interlock.sandbox.shoppers.currencies import BY_CODE
from interlock.sandbox.shoppers.journal import Entry, read
from interlock.storage.database import Database

_OPEN = {
    "attempts": "SELECT count(*) FROM attempts WHERE state IN ('begun', 'unknown', 'pending') "
    "OR (state IN ('refused', 'not_sent') AND next_inquiry_at_ms IS NOT NULL)",
    "intents": "SELECT count(*) FROM payment_intents WHERE status = 'processing' "
    "OR (active_attempt_id IS NOT NULL AND status <> 'requires_action')",
    "refunds": "SELECT count(*) FROM refunds WHERE status = 'pending'",
    "setup intents": "SELECT count(*) FROM setup_intents WHERE status = 'processing'",
}
_UNDELIVERED = {
    "outbox": "SELECT count(*) FROM outbox",
    "deliveries": "SELECT count(*) FROM webhook_deliveries WHERE state = 'pending'",
    "notifications": "SELECT count(*) FROM gateway_notifications WHERE state = 'waiting'",
}
_INTENTS = "SELECT id, status, currency, amount_received_minor, metadata->>'order' AS order_id FROM payment_intents"
_POSTED = """
SELECT c.payment_intent_id AS intent, t.type, sum(t.amount_minor)::bigint AS amount
FROM ledger_transactions t
LEFT JOIN refunds r ON r.account_id = t.account_id AND r.id = t.source_id
LEFT JOIN disputes d ON d.account_id = t.account_id AND d.id = t.source_id
JOIN charges c ON c.account_id = t.account_id AND c.id = coalesce(r.charge_id, d.charge_id, t.source_id)
GROUP BY 1, 2
"""
_FIELDS = {"charge": ("captured", 1), "refund": ("refunded", -1), "refund_failure": ("refunded", -1),
           "adjustment": ("disputed", -1)}  # fmt: skip
_HURRY = """
UPDATE attempts SET next_inquiry_at_ms = 1,
    created_at_ms = CASE WHEN created_at_ms > $1 THEN created_at_ms - $2 ELSE created_at_ms END
WHERE next_inquiry_at_ms > 1 AND state <> 'challenge' AND (state <> 'begun' OR next_inquiry_at_ms < $3)
"""
_COPY_BLOCK = 1 << 22
_HURRIED_MS = 7_200_000


class Ours:
    """Reads the switch's database."""

    def __init__(self, database: Database, account_id: str) -> None:
        """Read what belongs to ``account_id`` from ``database``."""
        self._database = database
        self._scope = Scope(account_id, livemode=False)

    async def open_work(self) -> dict[str, int]:
        """Return how many attempts, intents, refunds and set-ups have no outcome yet."""
        return {name: int(await self._database.fetchval(sql)) for name, sql in _OPEN.items()}

    async def undelivered(self) -> dict[str, int]:
        """Return how many events and notifications wait."""
        return {name: int(await self._database.fetchval(sql)) for name, sql in _UNDELIVERED.items()}

    async def hurry(self, in_flight_ms: int) -> int:
        """Let what recovery and inbound notifications wait for be due now, as if two hours had passed.

        An attempt whose request may still be at work is left alone: its lease has more than ``in_flight_ms`` to run.
        Returns how many attempts were moved.
        """
        now_ms = SystemClock().now_ms()
        moved = await self._database.execute(_HURRY, now_ms - _HURRIED_MS, _HURRIED_MS, now_ms + in_flight_ms)
        await self._database.execute(
            "UPDATE gateway_notifications SET next_attempt_at_ms = 1 WHERE state = 'waiting' AND next_attempt_at_ms > 1"
        )
        return int(moved.rpartition(" ")[2])

    async def references(self) -> dict[str, str]:
        """Return attempt id → intent id for everything that may have taken money."""
        rows = await self._database.fetch("SELECT id, intent_id FROM attempts WHERE operation <> 'verify'")
        return {row["id"]: row["intent_id"] or "" for row in rows}

    async def believed(self) -> dict[str, Believed]:
        """Return every intent with what the ledger posted for it."""
        found: dict[str, Believed] = {}
        for row in await self._database.fetch(_INTENTS):
            found[row["id"]] = Believed(
                intent=row["id"],
                order=row["order_id"] or "",
                currency=row["currency"],
                status=row["status"],
                received=row["amount_received_minor"],
            )
        for row in await self._database.fetch(_POSTED):
            intent = found.get(row["intent"] or "")
            if intent is not None:
                field, sign = _FIELDS[row["type"]]
                setattr(intent, field, getattr(intent, field) + sign * row["amount"])
        return found

    async def receivable(self, gateways: Mapping[str, str]) -> dict[tuple[str, str], int]:
        """Return what each gateway owes by (name, currency), from the ledger's trial balance.

        Args:
            gateways: id → name.

        """
        trial = await Ledger(self._database, SystemClock()).trial_balance(self._scope)
        owed: dict[tuple[str, str], int] = {}
        for (code, currency), amount in trial.items():
            kind, _, gateway_id = code.partition(":")
            if kind == "gateway_receivable":
                owed[gateways[gateway_id], currency] = amount
        return owed

    async def ledger_faults(self) -> list[str]:
        """Return what the ledger's own audit finds."""
        differences = await Ledger(self._database, SystemClock()).check(self._scope)
        return [f"{one.kind} {one.subject}: {one.expected_minor}, {one.found_minor}" for one in differences]

    async def event_ids(self) -> set[str]:
        """Return the id of every event."""
        rows = await self._database.fetch("SELECT id, types FROM announcements")
        return {event_id(row["id"], position) for row in rows for position in range(len(row["types"].split()))}


async def pans_in_database(url: str) -> dict[str, int]:
    """Dump every column of every table and return the tables in which a card number stands, with how often."""
    found: dict[str, int] = defaultdict(int)
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        for table in tables:
            kept = bytearray()

            async def look(data: bytes, kept: bytearray = kept, name: str = table["tablename"]) -> None:
                kept.extend(data)
                if len(kept) > _COPY_BLOCK:
                    end = kept.rfind(b"\n") + 1
                    found[name] += count_pans(bytes(kept[:end]))
                    del kept[:end]

            await connection.copy_from_table(
                table["tablename"], schema_name=table["schemaname"], output=look, format="text"
            )
            found[table["tablename"]] += count_pans(bytes(kept))
    finally:
        await connection.close()
    return {name: count for name, count in found.items() if count}


def told(journal: Path) -> tuple[list[Told], int]:
    """Return the shoppers' payments, and how many calls never got a definite answer."""
    payments: dict[str, Told] = {}
    refunds: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
    unanswered: set[str] = set()
    for entry in read(journal):
        if entry.key:
            (unanswered.discard if entry.status else unanswered.add)(entry.key)
        if entry.told.get("object") == "payment_intent" and entry.told.get("id"):
            _payment(payments, entry)
        elif entry.told.get("object") == "refund" and entry.told.get("id"):
            intent = str(entry.told.get("payment_intent"))
            amount = _iso(entry, "amount")
            refunds[intent][str(entry.told["id"])] = (str(entry.told.get("status")), amount)
    for intent, made in refunds.items():
        if intent in payments:
            payments[intent].refunded = sum(amount for status, amount in made.values() if status == "succeeded")
    return list(payments.values()), len(unanswered)


_RANK = {"": 0, "requires_capture": 1, "succeeded": 2}


def _payment(payments: dict[str, Told], entry: Entry) -> None:
    intent, status = str(entry.told["id"]), str(entry.told.get("status", ""))
    one = payments.get(intent)
    if one is None:
        one = Told(order=entry.order, payment=entry.step, intent=intent, currency=entry.currency, status=status)
        payments[intent] = one
    if entry.step.startswith("settled.") or entry.status == 200:
        one.status = status
        one.received = _iso(entry, "amount_received")
    if entry.status == 200 and _RANK.get(status, 0) > _RANK.get(one.acknowledged, 0):
        one.acknowledged = status


def _iso(entry: Entry, field: str) -> int:
    return BY_CODE[entry.currency].iso_minor(int(entry.told.get(field) or 0))
