"""Hears Postgres NOTIFY on a connection of its own. Used to hurry polls; everything works without it (design 7.4).

Called by ``worker`` (loops) and ``bootstrap`` (the routing table). Payments send no NOTIFY, because a NOTIFY takes a
lock that all commits of the database share; commands and rare changes may.
"""

import asyncio
import logging
from collections.abc import Callable

import asyncpg

_CHECK_EVERY_S = 30.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_LOG = logging.getLogger(__name__)


class Listener:
    """Listens to one channel until cancelled."""

    def __init__(self, url: str, channel: str, heard: Callable[[str], None]) -> None:
        """Listen at ``url`` and call ``heard`` with each payload."""
        self._url = url
        self._channel = channel
        self._heard = heard

    async def run(self) -> None:
        """Listen, connecting again whenever the connection is lost."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._listen()
                pause_s = _FIRST_PAUSE_S
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _LOG.info("%s not heard, polling only: %s", self._channel, type(error).__name__)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._url, timeout=5, server_settings={"application_name": "interlock-hurry"}
        )
        lost = asyncio.Event()

        def heard(*message: object) -> None:
            self._heard(str(message[3]))

        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(self._channel, heard)
            while not lost.is_set():
                try:
                    async with asyncio.timeout(_CHECK_EVERY_S):
                        await lost.wait()
                except TimeoutError:
                    await connection.fetchval("SELECT 1", timeout=5)
        finally:
            connection.terminate()
