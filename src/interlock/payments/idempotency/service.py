"""Idempotency of requests to us, exactly as the API we speak describes it.

Called by ``api`` around every POST. The happy path makes no look-up at all, because the claim travels in the use case's
first commit. Only when a use case answers with a problem (its own, or a refused claim) is the key looked up and, where
an earlier call got further, that call's answer replayed.
"""

from collections.abc import Awaitable, Callable

from interlock.base.context import RequestContext
from interlock.base.errors import InvariantError
from interlock.base.problems import Problem
from interlock.payments.events.facts import announcement_of, draw_object
from interlock.payments.idempotency.types import IDEMPOTENCY_KEYS, IdempotencyKey
from interlock.payments.work import CONFLICT, NOT_KEPT, Answer
from interlock.storage.database import Database
from interlock.storage.queries import load_queries
from interlock.storage.writes import Rejected

KEY_TAKEN = Problem(
    status=409,
    type="idempotency_error",
    code="idempotency_key_in_use",
    message="There is currently another in-progress request using this idempotency key. Please try again later.",
    retryable=True,
)
KEPT_MS = 24 * 3_600_000
MAX_KEY_CHARACTERS = 255

Resume = Callable[[RequestContext, str], Awaitable[Answer | Problem | None]]
"""Answers an interrupted request from the present state of its object; None while that is still open."""

_QUERIES = load_queries(__package__)


def refused_commit(rejected: Rejected) -> Problem:
    """Return the problem a refused commit stands for.

    Raises:
        InvariantError: a row broke a rule of its table, which validation should have caught.

    """
    if rejected.reason == "constraint":
        raise InvariantError(f"a row was refused by the schema: {rejected.detail}")
    return KEY_TAKEN if rejected.detail == IDEMPOTENCY_KEYS.name else CONFLICT


class Idempotency:
    """Looks up keys and replays answers."""

    def __init__(self, database: Database) -> None:
        """Read and finish keys in ``database``."""
        self._database = database

    async def settle(
        self, ctx: RequestContext, outcome: Answer | Problem, resume: Resume | None = None
    ) -> Answer | Problem:
        """Return what to answer, given what the use case came to.

        An answer is final. A problem stands unless an earlier request with the same key began: then its answer is
        replayed, a mismatch of parameters is an error, and one still running is a 409.

        Args:
            ctx: the request.
            outcome: the use case's answer or problem.
            resume: how to answer for a request that was interrupted after it began.

        """
        if isinstance(outcome, Answer) or ctx.idempotency_key is None:
            return outcome
        key = await self.find(ctx)
        if key is None:
            return outcome
        mismatch = _mismatch(ctx, key)
        if mismatch is not None:
            return mismatch
        if key.status is not None:
            return _replay(key.status, await self._kept_body(key), key)
        return await self._resume(ctx, key, resume)

    async def find(self, ctx: RequestContext) -> IdempotencyKey | None:
        """Return the stored key of this request, or None."""
        row = await self._database.fetchrow(_QUERIES["find_key"], ctx.account_id, ctx.livemode, ctx.kept_key)
        return None if row is None else IDEMPOTENCY_KEYS.decode(row)

    async def forget(self, account_id: str, before_ms: int, limit: int) -> str:
        """Remove up to ``limit`` keys of an account that are older than ``before_ms``; return the database's tag."""
        return await self._database.execute(_QUERIES["forget_keys"], account_id, before_ms, limit)

    async def _kept_body(self, key: IdempotencyKey) -> bytes:
        if key.event_id is None:
            return key.body or b""
        announcement_id, position = announcement_of(key.event_id)
        facts = await self._database.fetchval(_QUERIES["kept_facts"], key.account_id, announcement_id)
        return draw_object(str(facts), position)

    async def _resume(self, ctx: RequestContext, key: IdempotencyKey, resume: Resume | None) -> Answer | Problem:
        answer = None if resume is None else await resume(ctx, key.resource_id)
        if answer is None:
            return KEY_TAKEN
        if isinstance(answer, Answer) and answer.status not in NOT_KEPT:
            await self._database.execute(
                _QUERIES["finish_key"], ctx.account_id, ctx.livemode, ctx.kept_key, answer.status, answer.body
            )
            return _replay(answer.status, answer.body, key)
        return answer


def _mismatch(ctx: RequestContext, key: IdempotencyKey) -> Problem | None:
    if key.path != ctx.path:
        text = (
            f"Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('{ctx.path}' vs '{key.path}'). Try using a key other than '{ctx.idempotency_key}' if you meant to "
            "execute a different request."
        )
    elif key.fingerprint != ctx.fingerprint:
        text = (
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
            f"using a key other than '{ctx.idempotency_key}' if you meant to execute a different request."
        )
    else:
        return None
    return Problem(status=400, type="idempotency_error", message=text)


def _replay(status: int, body: bytes, key: IdempotencyKey) -> Answer:
    original = {"original-request": key.request_id, "idempotent-replayed": "true"}
    return Answer(status, body, original)
