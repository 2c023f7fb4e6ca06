"""Use cases of attempts: reading every try. Called by ``api`` (payment attempt records), ``console`` and ``cli``."""

from collections.abc import Iterable

from interlock.base.context import Scope
from interlock.base.ids import first_id
from interlock.base.problems import Problem, missing
from interlock.payments.attempts.types import ATTEMPTS, EXCHANGES, Attempt, Exchange
from interlock.payments.instruments.types import PAYMENT_METHODS, PaymentMethod
from interlock.storage.database import Database, Page, PageResult
from interlock.storage.queries import load_queries

_EXCHANGES_MAX = 20


_QUERIES = load_queries(__package__)
EXCHANGES_KEPT_DAYS = 30
_DAY_MS = 86_400_000


class Attempts:
    """Read attempts, and forget their exchanges in time."""

    def __init__(self, database: Database) -> None:
        """Read from ``database``."""
        self._database = database

    async def get(self, scope: Scope, attempt_id: str) -> Attempt | Problem:
        """Return one attempt."""
        attempt = await self._database.get(ATTEMPTS, scope, attempt_id)
        return missing("payment_attempt_record", attempt_id) if attempt is None else attempt

    async def exchanges(self, scope: Scope, attempt_id: str) -> list[Exchange]:
        """Return the redacted exchanges kept of an attempt, newest first."""
        found = await self._database.find(
            EXCHANGES, scope, Page(limit=_EXCHANGES_MAX), where={"attempt_id": attempt_id}
        )
        return found.items

    async def trim_exchanges(self, account_id: str, now_ms: int, limit: int) -> int:
        """Remove up to ``limit`` exchanges older than :data:`EXCHANGES_KEPT_DAYS` and return how many."""
        before = first_id("exc", now_ms - EXCHANGES_KEPT_DAYS * _DAY_MS)
        tag = await self._database.execute(_QUERIES["trim_exchanges"], account_id, before, limit)
        return int(tag.rpartition(" ")[2])

    async def methods(self, scope: Scope, attempts: Iterable[Attempt]) -> dict[str, PaymentMethod]:
        """Return what ``attempts`` were made with, by id, read together."""
        wanted = {attempt.payment_method_id for attempt in attempts if attempt.payment_method_id is not None}
        return await self._database.get_many(PAYMENT_METHODS, scope, wanted)

    async def list(self, scope: Scope, page: Page, *, intent: str | None = None) -> PageResult[Attempt]:
        """Return attempts, newest first; of a payment or setup intent (its refunds included) when given."""
        where = {} if intent is None else {"intent_id": intent}
        return await self._database.find(ATTEMPTS, scope, page, where=where)
