"""``interlock operators``: who may change releases, by a token of their own."""

from typing import Annotated, Any

import typer

from interlock.base.clock import SystemClock
from interlock.cli.acting import the_actor
from interlock.cli.output import JsonOption, console, print_json, print_rows, say, time_text
from interlock.cli.session import AccountOption, done, the_account, with_database
from interlock.releases.operators import Operator, Operators
from interlock.storage.database import Database

_COLUMNS = ("id", "name", "token", "created_at", "revoked_at")
_ADD_EXAMPLES = """Example:

  interlock operators add ann

  export INTERLOCK_OPERATOR_TOKEN=iop_…      in ann's shell: what she does is done as ann, proven

A live release is proposed by one operator and approved by another. Programs get operators of their own, such as
ci@shop, and send the token to the control API as `Authorization: Bearer iop_…` (docs/releases.md).
"""


def register(app: typer.Typer) -> None:
    """Add the verb to ``app``."""
    group = typer.Typer(help="Operators: who may change releases, in the CLI and over the control API.")
    group.command("add", epilog=_ADD_EXAMPLES)(add)
    group.command("list", epilog="Example:  interlock operators list --json")(list_operators)
    group.command("revoke", epilog="Example:  interlock operators revoke ann")(revoke)
    app.add_typer(group, name="operators")


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who it is: small letters, digits and . _ @ + -")],
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an operator and print the token: this once, it is kept nowhere."""

    async def work(database: Database) -> dict[str, Any]:
        owner = await the_account(database, account)
        actor = await the_actor(database, owner.account_id)
        made = done(await Operators(database, SystemClock()).add(owner.account_id, name, actor), "NAME")
        return {**_row(made.record), "token": made.token}

    row = with_database(work)
    if as_json:
        print_json(row)
        return
    # Not through `say`, which would take the token for something to hide.
    console.print(row["token"], soft_wrap=True)
    say(f"This is {row['name']} ({row['id']}); the token itself is not kept: copy it now.")


def list_operators(account: AccountOption = None, as_json: JsonOption = False) -> None:
    """List operators by name; of their tokens the last characters are known."""

    async def work(database: Database) -> list[dict[str, Any]]:
        owner = await the_account(database, account)
        return [_row(one) for one in await Operators(database, SystemClock()).list_operators(owner.account_id)]

    empty = "no operators; `interlock operators add NAME` makes one"
    print_rows(with_database(work), _COLUMNS, as_json=as_json, empty=empty)


def revoke(
    operator_id: Annotated[str, typer.Argument(metavar="NAME", help="The operator's name or id (opr_…).")],
    account: AccountOption = None,
) -> None:
    """End a token: the next request with it is refused. What was done with it stays in the journal."""

    async def work(database: Database) -> Operator:
        owner = await the_account(database, account)
        actor = await the_actor(database, owner.account_id)
        return done(await Operators(database, SystemClock()).revoke(owner.account_id, operator_id, actor), "NAME")

    operator = with_database(work)
    say(f"revoked {operator.name} ({operator.id}, {operator.hint})")


def _row(operator: Operator) -> dict[str, Any]:
    return {
        "id": operator.id,
        "account": operator.account_id,
        "name": operator.name,
        "token": operator.hint,
        "created_at": time_text(operator.created_at_ms),
        "revoked_at": time_text(operator.revoked_at_ms),
    }
