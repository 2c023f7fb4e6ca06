"""Which payments a release touched, and what that means for each of them. Called by ``cli`` and ``api``.

A bad release hurts nobody silently: after a rollback this is the list to work through.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

import msgspec

from interlock.base.context import Scope
from interlock.base.ids import first_id
from interlock.base.problems import Problem
from interlock.gateways.outcomes import Outcome
from interlock.payments.attempts.types import OPEN_STATES
from interlock.payments.intents.types import INTENTS
from interlock.payments.setup.types import SETUP_INTENTS
from interlock.releases.store import ReleaseStore
from interlock.routing import journal
from interlock.storage.database import Database
from interlock.storage.queries import load_queries

_QUERIES = load_queries("interlock.releases")
_STEP = 500
"""So many rows are read and worked on at a time: payments may share this process."""
ATTEMPTS_MAX = 20_000
_BEGINS = frozenset({"canary.started", "release.promoted", "gateway.added"})
_ENTRIES_MAX = 1_000
Wanted = tuple[str, str]
"""What an attempt was for: whose (intent, set-up or refund), and which operation."""


class Consequence(StrEnum):
    """What a release meant for a payment, the worst first.

    ``mismatch``: the gateway's answer named another amount or currency than was asked for. ``open``: it is not known
    yet whether money moved. ``lost``: a technical failure, and what was wanted (a payment, a capture, a refund) has not
    been done since. ``declined``: said no, and not done since; a wrong mapping looks like that too. ``saved``: failed
    or declined here, done another way. ``done``: done through this release.
    """

    MISMATCH = "mismatch"
    OPEN = "open"
    LOST = "lost"
    DECLINED = "declined"
    SAVED = "saved"
    DONE = "done"


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt through the release."""

    id: str
    created_at_ms: int
    operation: str
    state: str
    arm: str
    phase: str | None
    http_status: int | None
    code: str | None
    decline_code: str | None
    echo_mismatch: bool


class AffectedPayment(msgspec.Struct, frozen=True, kw_only=True):
    """One payment, or set-up of a card, with its attempts through the release; ``status`` is as it stands now."""

    id: str
    consequence: Consequence
    status: str | None
    amount_minor: int
    currency: str
    charge_id: str | None
    attempts: tuple[Try, ...]


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """The list. ``since_ms`` is where it begins; ``is_whole`` is False where there are more attempts than are read."""

    release_id: str
    gateway_id: str
    since_ms: int
    attempts: int
    is_whole: bool
    payments: tuple[AffectedPayment, ...]

    def counts(self) -> dict[str, int]:
        """Return how many payments there are of each consequence."""
        seen = [payment.consequence for payment in self.payments]
        return {consequence.value: seen.count(consequence) for consequence in Consequence}


async def affected(
    database: Database, scope: Scope, release_id: str, *, since_ms: int | None = None, until_ms: int | None = None
) -> Affected | Problem:
    """Return the payments that were tried through a release, the worst consequence first.

    Args:
        database: to read from.
        scope: account and mode.
        release_id: which.
        since_ms: attempts begun then or later; when the release first took payments without it.
        until_ms: attempts begun before; now without it.

    Raises:
        StorageError: the database cannot be reached.

    """
    release = await ReleaseStore(database).release(scope, release_id)
    if isinstance(release, Problem):
        return release
    if since_ms is None:
        entries = await journal.read(database, scope.account_id, subject=release_id, limit=_ENTRIES_MAX)
        began = [entry.created_at_ms for entry in entries if entry.action in _BEGINS]
        since_ms = min(began, default=release.created_at_ms)
    rows = await _attempts(database, scope, release.gateway_id, release_id, since_ms, until_ms)
    whole = len(rows) < ATTEMPTS_MAX
    payments = await _payments(database, scope, rows)
    return Affected(
        release_id=release_id,
        gateway_id=release.gateway_id,
        since_ms=since_ms,
        attempts=len(rows),
        is_whole=whole,
        payments=tuple(sorted(payments, key=_worst_first)),
    )


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt as it is read."""

    subject_id: str
    intent_id: str | None
    charge_id: str | None
    amount_minor: int
    currency: str
    attempt: Try


async def _attempts(
    database: Database, scope: Scope, gateway_id: str, release_id: str, since_ms: int, until_ms: int | None
) -> list[_Row]:
    after = first_id("at", since_ms)
    before = "at`" if until_ms is None else first_id("at", until_ms)  # the sign after the underscore: after every id
    found: list[_Row] = []
    while len(found) < ATTEMPTS_MAX:
        rows = await database.fetch(
            _QUERIES["attempts_of_release"], scope.account_id, after, before, gateway_id, release_id, _STEP
        )
        found += [
            _Row(
                subject_id=row["subject_id"],
                intent_id=row["intent_id"],
                charge_id=row["charge_id"],
                amount_minor=row["amount_minor"],
                currency=row["currency"],
                attempt=msgspec.convert(dict(row), Try),
            )
            for row in rows
        ]
        if len(rows) < _STEP:
            break
        after = rows[-1]["id"]
    return found[:ATTEMPTS_MAX]


async def _payments(database: Database, scope: Scope, rows: Sequence[_Row]) -> list[AffectedPayment]:
    by_payment: dict[str, list[_Row]] = {}
    for row in rows:
        by_payment.setdefault(row.intent_id or row.subject_id, []).append(row)
    ids = list(by_payment)
    statuses, done = await _statuses(database, scope, ids), await _done(database, scope, ids)
    payments: list[AffectedPayment] = []
    for number, (payment_id, tries) in enumerate(by_payment.items(), start=1):
        payments.append(_payment(payment_id, tries, statuses.get(payment_id), done))
        if number % _STEP == 0:
            await asyncio.sleep(0)
    return payments


async def _done(database: Database, scope: Scope, ids: Sequence[str]) -> set[Wanted]:
    """Return what has been done for these payments, through whichever release."""
    found: set[Wanted] = set()
    for start in range(0, len(ids), _STEP):
        some = list(ids[start : start + _STEP])
        rows = await database.fetch(_QUERIES["done_for"], scope.account_id, some, Outcome.APPROVED.value)
        found.update((row["subject_id"], row["operation"]) for row in rows)
    return found


async def _statuses(database: Database, scope: Scope, ids: Sequence[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(ids), _STEP):
        some = ids[start : start + _STEP]
        for payment_id, intent in (await database.get_many(INTENTS, scope, some)).items():
            found[payment_id] = intent.status
        for setup_id, setup in (await database.get_many(SETUP_INTENTS, scope, some)).items():
            found[setup_id] = setup.status
    return found


def _payment(payment_id: str, rows: Sequence[_Row], status: str | None, done: Collection[Wanted]) -> AffectedPayment:
    last = rows[-1]
    return AffectedPayment(
        id=payment_id,
        consequence=consequence([(row.subject_id, row.attempt) for row in rows], done),
        status=status,
        amount_minor=last.amount_minor,
        currency=last.currency,
        charge_id=last.charge_id,
        attempts=tuple(row.attempt for row in rows),
    )


def consequence(tries: Sequence[tuple[str, Try]], done: Collection[Wanted]) -> Consequence:
    """Return what a release's attempts mean for a payment. Pure.

    Args:
        tries: each with whose it was: the payment's intent or set-up, or a refund of it.
        done: what has been approved for this payment, through whichever release.

    """
    by_wanted: dict[Wanted, list[Try]] = {}
    for subject_id, each in tries:
        by_wanted.setdefault((subject_id, each.operation), []).append(each)
    order = list(Consequence)
    return min((_of(each, wanted in done) for wanted, each in by_wanted.items()), key=order.index)


def _of(tries: Sequence[Try], is_done: bool) -> Consequence:  # noqa: FBT001 - a fact, told by its only caller
    states = {each.state for each in tries}
    if any(each.echo_mismatch for each in tries):
        return Consequence.MISMATCH
    if states & OPEN_STATES:
        return Consequence.OPEN
    if Outcome.APPROVED in states:
        return Consequence.DONE
    if is_done:
        return Consequence.SAVED
    technical = any(Outcome(state).is_technical_failure for state in states)
    return Consequence.LOST if technical else Consequence.DECLINED


def _worst_first(payment: AffectedPayment) -> tuple[int, str]:
    return list(Consequence).index(payment.consequence), payment.id
