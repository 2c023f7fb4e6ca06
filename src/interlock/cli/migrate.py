"""``interlock migrate``: bring the database to the schema this version needs."""

import asyncio
from typing import Annotated

import typer

from interlock.base.settings import Settings, load_settings
from interlock.bootstrap import database_url
from interlock.cli.output import JsonOption, print_rows, say, time_text
from interlock.storage.migrations import MigrationStatus, status
from interlock.storage.migrations import migrate as apply_migrations


def register(app: typer.Typer) -> None:
    """Add the verb to ``app``."""
    app.command("migrate", epilog="Example:  INTERLOCK_DATABASE_URL=postgresql://… interlock migrate --status")(migrate)


def migrate(
    show_status: Annotated[bool, typer.Option("--status", help="Only show what is applied; change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Apply missing migrations to the database, one at a time, and show where it stands.

    Safe to run again, to interrupt and to run from several machines at once. `interlock up` does it by itself.
    """
    applied, standing = asyncio.run(_migrate(load_settings(), only_status=show_status))
    if not as_json and not show_status:
        say(f"applied {', '.join(applied)}" if applied else "nothing to apply: the schema is up to date")
    rows = [
        {
            "migration": row.name,
            "done": f"{row.statements_done} of {row.statements_total}",
            "applied_at": time_text(row.applied_at_ms),
            "applied": row.applied_at_ms is not None,
        }
        for row in standing
    ]
    print_rows(rows, ("migration", "done", "applied_at"), as_json=as_json, empty="this version has no migrations")


async def _migrate(settings: Settings, *, only_status: bool) -> tuple[list[str], list[MigrationStatus]]:
    async with database_url(settings) as url:
        applied = [] if only_status else await apply_migrations(url)
        return applied, await status(url)
