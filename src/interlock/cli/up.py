"""``interlock up``: the whole switch with one command, for trying, development and tests."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Annotated

import typer

from interlock.base.settings import load_settings
from interlock.cli.output import ExitCode, RefusedError, console
from interlock.cli.supervision.quickstart import only_one
from interlock.cli.supervision.running import FixtureSwitch, Switch
from interlock.cli.supervision.screen import Screen
from interlock.cli.supervision.supervisor import ChildFailedError

_EXAMPLES = """Examples:

  interlock up                                         everything, data in .interlock/

  INTERLOCK_DATABASE_URL=postgresql://… interlock up   with a database of yours

  INTERLOCK_API_PORT=9000 interlock up                 on another port

  interlock up --webhook-url http://127.0.0.1:4242/webhook   events go to your shop

  interlock up --fixtures stripe_fixtures3.json        a stateless API for a client's own test suite
"""

Fixtures = Annotated[
    Path | None,
    typer.Option("--fixtures", metavar="FILE", help="Serve only a stateless API that answers from this fixture file."),
]


Hook = Annotated[
    str | None,
    typer.Option("--webhook-url", metavar="URL", help="Where your shop wants its events, signed with webhook_secret."),
]


def register(app: typer.Typer) -> None:
    """Add the verb to ``app``."""
    app.command("up", epilog=_EXAMPLES)(up)


def up(fixtures: Fixtures = None, webhook_url: Hook = None) -> None:
    """Start database, API, worker and two sandbox gateways, print test keys, and serve until Ctrl-C.

    Everything is kept in the data folder (.interlock/), so a second start finds the same keys, ports and payments. The
    same facts are written to quickstart.json there. It is for trying, development and tests; in production run
    the API and the worker under your own service manager with INTERLOCK_DATABASE_URL set.
    """
    settings = load_settings()
    screen = Screen(console)
    if fixtures is not None:
        _check_fixtures(fixtures)
        asyncio.run(_serve(FixtureSwitch(settings, screen, fixtures.absolute())))
        return
    with only_one(settings.data_dir.absolute()):
        asyncio.run(_serve(Switch(settings, screen, webhook_url)))


def _check_fixtures(file: Path) -> None:
    if not file.is_file():
        raise RefusedError(
            "--fixtures", f"{file} is no file", "name the fixture file, stripe_fixtures3", ExitCode.USAGE
        )


async def _serve(switch: Switch | FixtureSwitch) -> None:
    """Start, wait for Ctrl-C (or SIGTERM, or the terminal's end), stop; a second Ctrl-C does not wait."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, told.set)
    starting = asyncio.create_task(switch.start())
    waiting = asyncio.create_task(told.wait())
    try:
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not told.is_set():
            starting.result()
            await waiting
            console.print("\nstopping", style="dim")
    except ChildFailedError as error:
        raise RefusedError("up", str(error), "see the log, or run `interlock doctor`", ExitCode.FAILED) from None
    finally:
        waiting.cancel()
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await starting
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, switch.hurry)
        await switch.stop()
