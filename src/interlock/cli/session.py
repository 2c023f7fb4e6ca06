"""A verb's way to the database: opened for one command, embedded or configured; the account it speaks for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import typer

from interlock.base.clock import SystemClock
from interlock.base.problems import Problem
from interlock.base.settings import Settings, load_settings
from interlock.bootstrap import Rooms, database_url, open_rooms
from interlock.cli.output import ExitCode, RefusedError, errors
from interlock.payments.access.service import AccessService
from interlock.payments.access.types import Account
from interlock.storage.database import Database
from interlock.storage.migrations import status

T = TypeVar("T")
_PATIENCE_S = 2.0

AccountOption = Annotated[
    str | None, typer.Option("--account", metavar="acct_…", help="The account; needed when there are several.")
]
LiveOption = Annotated[bool, typer.Option("--live", help="Live mode instead of test mode.")]


@asynccontextmanager
async def ready_url(settings: Settings) -> AsyncIterator[str]:
    """Give the URL of the database, whose schema is up to date.

    Raises:
        RefusedError: the schema is older than this version.

    """
    async with database_url(settings) as url:
        if any(row.applied_at_ms is None for row in await status(url)):
            raise RefusedError("database", "its schema is older than this version", "run `interlock migrate`")
        yield url


def with_database(work: Callable[[Database], Awaitable[T]], *, doing: str | None = None) -> T:
    """Run ``work`` with the configured database and return its result; see :func:`with_rooms`."""

    async def run() -> T:
        async with ready_url(load_settings()) as url:
            database = await Database.connect(url, pool_size=2)
            try:
                async with _told(doing):
                    return await work(database)
            finally:
                await database.close()

    return asyncio.run(run())


def with_rooms(work: Callable[[Rooms], Awaitable[T]], *, doing: str | None = None) -> T:
    """Run ``work`` with every use case and return its result.

    Args:
        work: what is to be done.
        doing: what somebody at a terminal is told when it takes longer than two seconds; work that draws on the
            terminal itself has none.

    """

    async def run() -> T:
        settings = load_settings()
        async with ready_url(settings) as url, open_rooms(settings, url, pool_size=2) as rooms, _told(doing):
            return await work(rooms)

    return asyncio.run(run())


@asynccontextmanager
async def _told(doing: str | None) -> AsyncIterator[None]:
    """Draw a spinner with ``doing`` on standard error once it takes long, where that is a terminal."""
    if doing is None or not errors.is_terminal:
        yield
        return
    status = errors.status(doing)
    timer = asyncio.get_running_loop().call_later(_PATIENCE_S, status.start)
    try:
        yield
    finally:
        timer.cancel()
        status.stop()


async def the_account(database: Database, account_id: str | None) -> Account:
    """Return the account called ``account_id``, or the only one there is.

    Raises:
        RefusedError: there is no such account, or it is not clear which one is meant.

    """
    accounts = await AccessService(database, SystemClock()).list_accounts()
    if account_id is not None:
        for account in accounts:
            if account.account_id == account_id:
                return account
        raise RefusedError("--account", f"{account_id} does not exist", f"choose {_named(accounts)}", ExitCode.USAGE)
    if not accounts:
        raise RefusedError("account", "there is none yet", "run `interlock init` or `interlock up`")
    if len(accounts) > 1:
        raise RefusedError("--account", "there are several accounts", f"choose {_named(accounts)}", ExitCode.USAGE)
    return accounts[0]


def _named(accounts: list[Account]) -> str:
    return " or ".join(f"{account.account_id} ({account.name})" for account in accounts[:5]) or "none: there is none"


def done(result: T | Problem, field: str) -> T:
    """Return ``result`` unless it is a problem, which ends the command in one line about ``field``."""
    if isinstance(result, Problem):
        raise RefusedError(result.param or field, result.message.rstrip("."), "correct it and try again")
    return result
