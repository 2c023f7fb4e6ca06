"""The only wiring: which database, and (from it) every service, for the API, the worker and the command line.

Called by ``api``, ``worker`` and ``cli`` entry points. Nothing below imports it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from interlock.base.settings import Settings
from interlock.storage.embedded import EmbeddedPostgres, running_url


def embedded_folder(settings: Settings) -> Path:
    """Return the folder of the embedded Postgres."""
    return settings.data_dir.absolute() / "postgres"


def known_database_url(settings: Settings) -> str | None:
    """Return the URL of the configured database, else of the embedded one if it runs, else None."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return running_url(embedded_folder(settings))


@asynccontextmanager
async def database_url(settings: Settings) -> AsyncIterator[str]:
    """Give the URL of the database, starting the embedded Postgres for the time being where none runs.

    Raises:
        ConfigurationError: the embedded Postgres cannot run on this machine.
        StorageError: it does not come up.

    """
    known = known_database_url(settings)
    if known is not None:
        yield known
        return
    server = EmbeddedPostgres(embedded_folder(settings))
    await asyncio.to_thread(server.start)
    try:
        yield server.url
    finally:
        await asyncio.to_thread(server.stop)
