"""Scratch databases: each run gets a fresh copy of a migrated one, on a server of the gate's own or on a given one."""

import asyncio
import re
import secrets
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from interlock.storage.connections import Connection, open_connection
from interlock.storage.embedded import EmbeddedPostgres
from interlock.storage.migrations import migrate
from interlock.storage.queries import load_queries

_QUERIES = load_queries("interlock.releases.gates.certify")
_PREFIX = "interlock_certify_"
_NAME = re.compile(rf"({_PREFIX}[0-9a-f]+)(?:_\d+)?")
_SETTINGS = {"application_name": "interlock-certify"}
_SERVER_SETTINGS = {
    # What is written here is thrown away in a minute.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "64MB",
    "max_connections": "40",
}


class Databases:
    """A template and the copies of it. One per workshop; close it with :meth:`close`."""

    def __init__(self, folder: Path, server_url: str | None) -> None:
        """Start nothing yet.

        Args:
            folder: where a server of our own keeps its data.
            server_url: a running server to use instead; its user must be allowed to make databases.

        """
        self._folder = folder
        self._server_url = server_url
        self._server: EmbeddedPostgres | None = None
        self._template = f"{_PREFIX}{secrets.token_hex(8)}"
        self._made: set[str] = set()
        self._count = 0
        self._owner: Connection | None = None

    async def open(self) -> None:
        """Start the server where none is given, and migrate the template.

        Raises:
            ConfigurationError: the machine has no fit Postgres.
            StorageError: the server does not come up or cannot be used.

        """
        if self._server_url is None:
            self._server = EmbeddedPostgres(self._folder / "postgres", settings=_SERVER_SETTINGS, restart=False)
            await asyncio.to_thread(self._server.start)
        else:
            # Others see by this session that the databases named after it are in use.
            settings = {"application_name": self._template}
            self._owner = await open_connection(self._url_of(None), settings, command_timeout_s=60)
            await self._remove_left_over()
        await self._execute(f"CREATE DATABASE {self._template}")
        self._made.add(self._template)
        await migrate(self._url_of(self._template))

    async def fresh(self) -> tuple[str, str]:
        """Return name and URL of a new, empty, migrated database."""
        self._count += 1
        name = f"{self._template}_{self._count}"
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        self._made.add(name)
        return name, self._url_of(name)

    async def drop(self, name: str) -> None:
        """Remove a database that :meth:`fresh` made."""
        await self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._made.discard(name)

    async def close(self) -> None:
        """Remove what was made and stop the server that was started."""
        if self._server is None:
            for name in sorted(self._made, key=len, reverse=True):
                await self.drop(name)
            if self._owner is not None:
                await self._owner.close(timeout=5)
            return
        await asyncio.to_thread(self._server.stop)

    async def _remove_left_over(self) -> None:
        """Drop what a gate that was killed left on a server that is not ours."""
        connection = await open_connection(self._url_of(None), _SETTINGS, command_timeout_s=60)
        try:
            owners = {row["application_name"] for row in await connection.fetch(_QUERIES["connected"])}
            for row in await connection.fetch(_QUERIES["databases"]):
                found = _NAME.fullmatch(row["datname"])
                if found and found[1] not in owners:
                    await connection.execute(f"DROP DATABASE IF EXISTS {row['datname']} WITH (FORCE)")
        finally:
            await connection.close(timeout=5)

    async def _execute(self, statement: str) -> None:
        connection = await open_connection(self._url_of(None), _SETTINGS, command_timeout_s=60)
        try:
            await connection.execute(statement)
        finally:
            await connection.close(timeout=5)

    def _url_of(self, database: str | None) -> str:
        if self._server is not None:
            return self._server.url if database is None else self._server.url_of(database)
        url = self._server_url or ""
        return url if database is None else urlunsplit(urlsplit(url)._replace(path=f"/{quote(database)}"))
