"""``interlock release journal``: who changed what, when and why, and whether the record is whole."""

from typing import Annotated, Any

import typer

from interlock.base.redaction import scrub
from interlock.cli.output import JsonOption, RefusedError, print_json, print_rows, say, time_text
from interlock.cli.session import AccountOption, the_account, with_database
from interlock.releases.showing import visible
from interlock.releases.standing import journal_view
from interlock.routing.journal import Chain, JournalEntry, read, verify
from interlock.storage.database import Database

_COLUMNS = ("sequence", "at", "mode", "actor", "action", "subject", "why")
EXAMPLES = """Examples:

  interlock release journal

  interlock release journal rel_4f0c…          only about this release (or gateway, or operator) by its whole id

  interlock release journal --verify           recomputes the chain of hashes; keep the head it prints somewhere else
"""


def journal(
    subject: Annotated[str | None, typer.Argument(metavar="ID", help="Only about this id.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many, newest first.")] = 30,
    before: Annotated[int | None, typer.Option("--before", min=1, help="Only entries before this number.")] = None,
    verified: Annotated[bool, typer.Option("--verify", help="Recompute the chain instead.")] = False,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the change journal of the account, both modes, newest first."""
    if verified:
        _verify(account, as_json=as_json)
        return

    async def work(database: Database) -> list[JournalEntry]:
        owner = await the_account(database, account)
        return await read(database, owner.account_id, subject=subject, before=before, limit=limit)

    entries = with_database(work)
    if as_json:
        print_json([journal_view(entry) for entry in entries])
        return
    print_rows([_row(entry) for entry in entries], _COLUMNS, as_json=False, empty="no entries")


def _row(entry: JournalEntry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "at": (time_text(entry.created_at_ms) or "")[:19],
        "mode": "live" if entry.livemode else "test",
        "actor": visible(entry.actor),
        "action": _action(entry),
        "subject": entry.subject,
        "why": visible(scrub(entry.why)),
    }


def _action(entry: JournalEntry) -> str:
    """Return what was done, with the one fact that makes the difference."""
    if entry.facts.get("break_glass") is True:
        return f"{entry.action} (break glass)"
    if entry.action == "release.examined":
        return f"{entry.action} ({entry.facts.get('gate')} {entry.facts.get('verdict')})"
    return entry.action


def _verify(account: str | None, *, as_json: bool) -> None:
    async def work(database: Database) -> Chain:
        return await verify(database, (await the_account(database, account)).account_id)

    chain = with_database(work, doing="recomputing the chain")
    if as_json:
        print_json({"entries": chain.entries, "head": chain.head, "broken_at": chain.broken_at})
    if chain.broken_at is not None:
        problem = f"entry {chain.broken_at} does not follow from the ones before it"
        raise RefusedError("journal", problem, "somebody changed it: compare with a backup")
    if not as_json:
        say(f"{chain.entries} entries, each follows from the one before; head {chain.head}")


def register(group: typer.Typer) -> None:
    """Add the verb to ``group``."""
    group.command("journal", epilog=EXAMPLES)(journal)
