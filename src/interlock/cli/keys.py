"""``interlock keys``: the API keys of an account."""

from typing import Annotated, Any

import typer

from interlock.base.clock import SystemClock
from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.cli.output import JsonOption, console, print_json, print_rows, say, time_text
from interlock.cli.session import AccountOption, LiveOption, done, the_account, with_database
from interlock.payments.access.permissions import FAMILIES, read_permissions
from interlock.payments.access.service import AccessService
from interlock.payments.access.types import ApiKey, KeyKind
from interlock.storage.database import Database

_CREATE_EXAMPLES = """Examples:

  interlock keys create --name "web shop"      a secret key for test mode

  interlock keys create --publishable          a key that may be in a browser

  interlock keys create --live --name shop

  interlock keys create --allow charge=read    a restricted key: reads charges, nothing else

  interlock keys create --allow payment_intent=write --allow charge=read

Families for --allow, each with =read or =write (which includes read):

"""
_CREATE_EXAMPLES += "\n\n".join(f"  {family:<20} {what}" for family, what in FAMILIES.items())
_COLUMNS = ("id", "kind", "mode", "key", "name", "allowed", "created_at", "revoked_at")


def register(app: typer.Typer) -> None:
    """Add the verb to ``app``."""
    group = typer.Typer(help="API keys of an account: make, list, revoke.")
    group.command("create", epilog=_CREATE_EXAMPLES)(create)
    group.command("list", epilog="Example:  interlock keys list --json")(list_keys)
    group.command("revoke", epilog="Example:  interlock keys revoke key_0Rk2…")(revoke)
    app.add_typer(group, name="keys")


def create(
    name: Annotated[str, typer.Option("--name", help="What the key is for.")] = "",
    publishable: Annotated[bool, typer.Option("--publishable", help="A key that may be shown in a browser.")] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="FAMILY=LEVEL", help="A restricted key that may do this; repeat for more."),
    ] = None,
    live: LiveOption = False,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an API key and print it: this once, it is kept nowhere."""
    kind = KeyKind.PUBLISHABLE if publishable else KeyKind.RESTRICTED if allow else KeyKind.SECRET
    if publishable and allow:
        raise typer.BadParameter("not together with --publishable, which may do little anyway", param_hint="--allow")
    permissions = read_permissions(allow) if allow else None
    if isinstance(permissions, Problem):
        raise typer.BadParameter(permissions.message, param_hint="--allow")

    async def work(database: Database) -> dict[str, Any]:
        owner = await the_account(database, account)
        service, scope = AccessService(database, SystemClock()), Scope(owner.account_id, live)
        made = await service.create_key(scope, kind, name=name, permissions=permissions)
        new = done(made, "--name")
        return {**_row(new.record), "key": new.plaintext}

    row = with_database(work)
    if as_json:
        print_json(row)
        return
    # Not through `say`, which would take the key for something to hide.
    console.print(row["key"], soft_wrap=True)
    say(f"This is {row['id']}; the key itself is not kept: copy it now.")


def list_keys(account: AccountOption = None, as_json: JsonOption = False) -> None:
    """List the keys of both modes by their last characters; the keys themselves are not kept."""

    async def work(database: Database) -> list[dict[str, Any]]:
        owner = await the_account(database, account)
        access = AccessService(database, SystemClock())
        scopes = (Scope(owner.account_id, livemode) for livemode in (False, True))
        return [_row(key) for scope in scopes for key in await access.list_keys(scope)]

    print_rows(with_database(work), _COLUMNS, as_json=as_json, empty="no keys; `interlock keys create` makes one")


def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, key_… (see `interlock keys list`).")],
    account: AccountOption = None,
) -> None:
    """End a key: within a second nothing accepts it any more."""

    async def work(database: Database) -> ApiKey:
        owner = await the_account(database, account)
        access = AccessService(database, SystemClock())
        found = await access.revoke_key(Scope(owner.account_id, livemode=False), key_id)
        if isinstance(found, Problem):
            found = await access.revoke_key(Scope(owner.account_id, livemode=True), key_id)
        return done(found, "ID")

    key = with_database(work)
    say(f"revoked {key.id} ({key.hint})")


def _row(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "account": key.account_id,
        "kind": key.kind.value,
        "mode": "live" if key.livemode else "test",
        "key": key.hint,
        "name": key.name,
        "created_at": time_text(key.created_at_ms),
        "revoked_at": time_text(key.revoked_at_ms),
        "allowed": " ".join(f"{family}={level}" for family, level in sorted((key.permissions or {}).items())),
    }
