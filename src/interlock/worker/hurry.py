"""Hurry: hears Postgres NOTIFY and wakes loops; used by ``worker.main``.

It only shortens a pause: everything works without it, at the speed of polling (design 7.4). Payments send no NOTIFY,
because a NOTIFY takes a lock that all commits of the database share; commands and rare changes may.
"""

import asyncio
import logging

import asyncpg

from interlock.worker.loops import Supervisor

CHANNEL = "interlock_hurry"
_CHECK_EVERY_S = 30.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_LOG = logging.getLogger(__name__)


class HurryListener:
    """Listens until cancelled; ``NOTIFY interlock_hurry, 'fan_out'`` hurries that loop, an empty payload all."""

    def __init__(self, url: str, supervisor: Supervisor) -> None:
        """Listen at ``url`` on a connection of its own and wake loops of ``supervisor``."""
        self._url = url
        self._supervisor = supervisor

    async def run(self) -> None:
        """Listen, connecting again whenever the connection is lost."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._listen()
                pause_s = _FIRST_PAUSE_S
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _LOG.info("hurry signal not heard, polling only: %s", type(error).__name__)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._url, timeout=5, server_settings={"application_name": "interlock-hurry"}
        )
        lost = asyncio.Event()

        def heard(*message: object) -> None:
            self._supervisor.hurry(str(message[3]) or None)

        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, heard)
            while not lost.is_set():
                try:
                    async with asyncio.timeout(_CHECK_EVERY_S):
                        await lost.wait()
                except TimeoutError:
                    await connection.fetchval("SELECT 1", timeout=5)
        finally:
            connection.terminate()
