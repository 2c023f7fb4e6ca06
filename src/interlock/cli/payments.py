"""``interlock payments``: payments and every try that was made for them."""

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.base.redaction import scrub
from interlock.cli.output import ExitCode, JsonOption, RefusedError, console, print_json, print_rows, time_text
from interlock.cli.session import AccountOption, LiveOption, done, the_account, with_database
from interlock.payments.attempts.service import Attempts
from interlock.payments.attempts.types import Attempt
from interlock.payments.intents.types import INTENTS, Intent, IntentStatus
from interlock.payments.representation.amounts import front_amount
from interlock.routing.types import GATEWAYS
from interlock.storage.database import Database
from interlock.storage.pages import Page

_COLUMNS = ("id", "created_at", "amount", "currency", "status", "tries")
_ATTEMPTS_MAX = 100
_COLOURS = {
    "approved": "green",
    "declined": "yellow",
    "challenge": "cyan",
    "pending": "cyan",
    "begun": "cyan",
    "refused": "red",
    "not_sent": "red",
    "unknown": "bold red",
}

Limit = Annotated[int, typer.Option("--limit", min=1, max=100, help="How many, newest first.")]
Status = Annotated[str | None, typer.Option("--status", help="Only payments in this state, e.g. processing.")]


def register(app: typer.Typer) -> None:
    """Add the verb to ``app``."""
    group = typer.Typer(help="Payments, and every try at a gateway that was made for them.")
    group.command("list", epilog="Example:  interlock payments list --status processing --limit 50")(list_payments)
    group.command("show", epilog="Example:  interlock payments show pi_0Rk2…")(show)
    app.add_typer(group, name="payments")


def list_payments(
    limit: Limit = 20,
    status: Status = None,
    live: LiveOption = False,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """List payments, newest first."""
    if status is not None and status not in set(IntentStatus):
        raise RefusedError("--status", f"{status!r} is no state", f"choose {', '.join(IntentStatus)}", ExitCode.USAGE)

    async def work(database: Database) -> list[dict[str, Any]]:
        owner = await the_account(database, account)
        where = {} if status is None else {"status": status}
        found = await database.find(INTENTS, Scope(owner.account_id, live), Page(limit=limit), where=where)
        return [_row(intent) for intent in found.items]

    print_rows(with_database(work), _COLUMNS, as_json=as_json, empty="no payments yet; `interlock up` prints a curl")


def show(
    intent_id: Annotated[str, typer.Argument(metavar="ID", help="A payment intent, pi_….")],
    live: LiveOption = False,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a payment with the timeline of its tries: gateway, release, outcome, phase, times."""

    async def work(database: Database) -> tuple[Intent, list[Attempt], dict[str, str]]:
        owner = await the_account(database, account)
        scope = Scope(owner.account_id, live)
        intent = await database.get(INTENTS, scope, intent_id)
        if intent is None:
            mode = "live" if live else "test"
            raise RefusedError("ID", f"{intent_id} does not exist in {mode} mode", "see `interlock payments list`")
        found = done(await _attempts(database, scope, intent_id), "ID")
        gateways = await database.get_many(GATEWAYS, scope, {attempt.gateway_id for attempt in found})
        return intent, found, {gateway.id: gateway.name for gateway in gateways.values()}

    intent, attempts, names = with_database(work)
    if as_json:
        print_json({**_row(intent), "attempts": [_attempt_row(attempt, names) for attempt in attempts]})
    else:
        console.print(timeline(intent, attempts, names))


async def _attempts(database: Database, scope: Scope, intent_id: str) -> list[Attempt] | Problem:
    found = await Attempts(database).list(scope, Page(limit=_ATTEMPTS_MAX), intent=intent_id)
    return found if isinstance(found, Problem) else list(reversed(found.items))


def timeline(intent: Intent, attempts: list[Attempt], names: dict[str, str]) -> Tree:
    """Return the view of a payment: what was asked, then each try with its distance in time from the beginning."""
    head = Text.assemble(
        (intent.id, "bold"), f"  {_amount(intent.amount_minor, intent.currency)}  ", (intent.status.value, "bold")
    )
    tree = Tree(head)
    tree.add(Text(f"created {time_text(intent.created_at_ms)} UTC", style="dim"))
    for attempt in attempts:
        tree.add(_branch(intent, attempt, names))
    if not attempts:
        tree.add("no try was made yet")
    if intent.last_payment_error:
        tree.add(Text(f"last error: {scrub(str(intent.last_payment_error.get('message', '')))}", style="yellow"))
    return tree


def _branch(intent: Intent, attempt: Attempt, names: dict[str, str]) -> Table:
    after_ms = attempt.created_at_ms - intent.created_at_ms
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    title = Text.assemble(
        (attempt.state, _COLOURS.get(attempt.state, "")),
        f"  {attempt.operation.value} at {names.get(attempt.gateway_id, attempt.gateway_id)}",
        (f"  +{after_ms} ms", "dim"),
    )
    grid.add_row(title)
    took = "" if attempt.latency_ms is None else f", took {attempt.latency_ms} ms"
    status = "" if attempt.http_status is None else f", HTTP {attempt.http_status}"
    grid.add_row(Text(f"{attempt.id}  release {attempt.release_id} ({attempt.arm})", style="dim"))
    if attempt.phase is not None:
        grid.add_row(Text(f"phase {attempt.phase}{status}{took}, inquiries {attempt.inquiries}", style="dim"))
    said = " ".join(text for text in (attempt.code, attempt.decline_code, attempt.message) if text)
    if said:
        grid.add_row(Text(scrub(said)))
    if attempt.echo_mismatch:
        grid.add_row(Text("the gateway spoke of other money than was asked for", style="bold red"))
    return grid


def _amount(amount_minor: int, currency: str) -> str:
    return f"{front_amount(amount_minor, currency)} {currency}"


def _row(intent: Intent) -> dict[str, Any]:
    return {
        "id": intent.id,
        "created_at": time_text(intent.created_at_ms),
        "amount": front_amount(intent.amount_minor, intent.currency),
        "currency": intent.currency,
        "status": intent.status.value,
        "tries": intent.attempt_count,
    }


def _attempt_row(attempt: Attempt, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "operation": attempt.operation.value,
        "state": attempt.state,
        "gateway": names.get(attempt.gateway_id, attempt.gateway_id),
        "gateway_id": attempt.gateway_id,
        "release": attempt.release_id,
        "arm": attempt.arm,
        "created_at": time_text(attempt.created_at_ms),
        "settled_at": time_text(attempt.settled_at_ms),
        "latency_ms": attempt.latency_ms,
        "phase": attempt.phase,
        "http_status": attempt.http_status,
        "inquiries": attempt.inquiries,
        "code": attempt.code,
        "decline_code": attempt.decline_code,
        "message": None if attempt.message is None else scrub(attempt.message),
        "gateway_reference": attempt.gateway_reference,
        "echo_mismatch": attempt.echo_mismatch,
    }
