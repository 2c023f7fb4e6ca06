"""Connections: how this room opens them and what it makes of their errors; called inside ``storage`` only.

Design 7.6: 40001, 40P01, 08*, 57P01 and 57P03 are retried with jitter; a commit whose answer was lost is unknown; a
commit that stopped waiting for its standby is unknown too, although its rows can be read here.
"""

import asyncio
import contextlib
import random
import time
from enum import Enum

import asyncpg

from interlock.base.errors import CommitUnknownError, StorageError

Connection = asyncpg.Connection
_ROLLED_BACK = frozenset({"40001", "40P01", "57P01", "57P03", "53300"})
_RULE_CLASSES = ("22", "23")
_LOCK_TIMEOUT = "55P03"
_ADMIN_SHUTDOWN = "57P01"
FIRST_PAUSE_S = 0.005
LONGEST_PAUSE_S = 0.25
CONNECT_FOR_S = 10.0

READER_SETTINGS = {"jit": "off", "application_name": "interlock"}
# A plan made while a table was empty would keep its sequential scan as the table grows; generic plans spare planning.
WRITER_SETTINGS = {
    "application_name": "interlock-writer",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
    "lock_timeout": "3000",
}


class Failure(Enum):
    """What an error says about the statement that met it."""

    ROLLED_BACK = "the server undid it: safe to repeat"
    RULE = "its rows break a rule: repeating cannot help"
    BLOCKED = "a row stayed locked by someone else for too long"
    LOST = "the answer was lost: it may have been done"
    OTHER = "a bug or an unusable database"


def classify(error: BaseException) -> Failure:
    """Tell what ``error``, met while a statement ran, says about it."""
    if isinstance(error, asyncpg.PostgresError) and not isinstance(error, asyncpg.PostgresConnectionError):
        return _classify_state(error.sqlstate or "")
    if isinstance(error, UnicodeEncodeError):
        return Failure.RULE
    return Failure.LOST if isinstance(error, _LOST) else Failure.OTHER


_LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


def _classify_state(state: str) -> Failure:
    if state in _ROLLED_BACK:
        return Failure.ROLLED_BACK
    if state == _LOCK_TIMEOUT:
        return Failure.BLOCKED
    if state[:2] in _RULE_CLASSES:
        return Failure.RULE
    return Failure.LOST if state.startswith(("08", "57P0")) else Failure.OTHER


def describe(error: BaseException) -> str:
    """Return a text about ``error`` that names rules and never values."""
    if isinstance(error, asyncpg.PostgresError):
        named = [getattr(error, part, None) for part in ("table_name", "column_name", "constraint_name")]
        where = " ".join(str(name) for name in named if name)
        return f"{type(error).__name__} {error.sqlstate or ''} {where}".strip()
    return type(error).__name__


async def pause(attempt: int) -> None:
    """Sleep before retry number ``attempt`` (from 0): exponential, capped, with full jitter."""
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt)
    await asyncio.sleep(random.uniform(longest / 4, longest))  # noqa: S311 - jitter, not a secret


async def open_connection(
    url: str, settings: dict[str, str], *, command_timeout_s: float, connect_for_s: float = CONNECT_FOR_S
) -> Connection:
    """Connect, trying again for ``connect_for_s`` seconds while the server is away.

    Raises:
        StorageError: the server cannot be reached.

    """
    give_up_at = time.monotonic() + connect_for_s
    attempt = 0
    while True:
        try:
            return await asyncpg.connect(
                url, server_settings=settings, command_timeout=command_timeout_s, timeout=connect_for_s
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if time.monotonic() >= give_up_at or not may_come_back(error):
                problem = f"cannot connect to the database: {describe(error)}"
                raise StorageError(problem) from error
        await pause(attempt)
        attempt += 1


def may_come_back(error: BaseException) -> bool:
    """Tell whether connecting again may work: False for a wrong password or a database that does not exist."""
    return not isinstance(error, asyncpg.InvalidAuthorizationSpecificationError | asyncpg.InvalidCatalogNameError)


class StandbyWatch:
    """Remembers that a commit stopped waiting for its synchronous standby (a warning, then apparent success)."""

    def __init__(self, connection: Connection) -> None:
        """Listen on ``connection`` until :meth:`stop`, or for as long as it lives."""
        self._seen = False
        self._connection = connection
        connection.add_log_listener(self._hear)

    def stop(self) -> None:
        """Listen no more (a pool wants its connections back without listeners). Never hides another error."""
        with contextlib.suppress(asyncpg.InterfaceError):  # the connection was lost and taken from its pool
            self._connection.remove_log_listener(self._hear)

    def _hear(self, _connection: object, message: asyncpg.PostgresLogMessage) -> None:
        state = getattr(message, "sqlstate", "")
        if state == _ADMIN_SHUTDOWN or "synchronous replication" in str(message):
            self._seen = True

    def refuse_unreplicated(self) -> None:
        """Raise CommitUnknownError when it happened since last asked."""
        seen, self._seen = self._seen, False
        if seen:
            problem = "the commit stopped waiting for its standby: it may be lost with this server"
            raise CommitUnknownError(problem)
