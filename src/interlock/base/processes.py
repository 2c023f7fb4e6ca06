"""How every long-running process begins and ends: settings, logs without secrets, one clear line when it cannot start.

Called by the entry points of ``api`` and ``worker``.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable

import uvloop

from interlock.base.errors import ConfigurationError, StorageError
from interlock.base.redaction import install_redaction
from interlock.base.settings import Settings, load_settings

EXIT_CONFIGURATION = 3
EXIT_UNREACHABLE = 4


def start_logging(level: str) -> None:
    """Log to standard error, scrubbed, from now on."""
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True)
    install_redaction()


def run_process(name: str, work: Callable[[Settings], Awaitable[None]]) -> None:
    """Run ``work`` with the settings of the environment; exit with 3 or 4 and one line when it cannot.

    Args:
        name: what the process is called in that line.
        work: the process.

    """
    try:
        settings = load_settings()
        start_logging(settings.log_level)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_awaited(work, settings))
    except ConfigurationError as error:
        sys.stderr.write(f"{name}: {error}\n")
        sys.exit(EXIT_CONFIGURATION)
    except StorageError as error:
        sys.stderr.write(f"{name}: database: {error}\n")
        sys.exit(EXIT_UNREACHABLE)


async def _awaited(work: Callable[[Settings], Awaitable[None]], settings: Settings) -> None:
    await work(settings)
