"""``interlock init``: make everything a new installation needs, without serving."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from interlock.base.clock import SystemClock
from interlock.base.settings import CONFIG_FILE, Settings, load_settings
from interlock.bootstrap import database_url
from interlock.cli.output import say
from interlock.cli.session import done
from interlock.payments.access.service import AccessService
from interlock.storage.database import Database
from interlock.storage.migrations import migrate
from interlock.vault.keys import load_keys

_EXAMPLES = """Examples:

  interlock init

  INTERLOCK_DATABASE_URL=postgresql://… interlock init --name "Bakery" --country NL --currency eur
"""
_HEADER = (
    "# Settings of Interlock; `interlock config` explains them. A variable INTERLOCK_NAME wins over a line here.\n"
)


def register(app: typer.Typer) -> None:
    """Add the verb to ``app``."""
    app.command("init", epilog=_EXAMPLES)(init)


def init(
    name: Annotated[str, typer.Option("--name", help="The merchant's name.")] = "My shop",
    country: Annotated[str, typer.Option("--country", help="Two capital letters, ISO 3166.")] = "US",
    currency: Annotated[str, typer.Option("--currency", help="Currency the account settles in, ISO 4217.")] = "usd",
) -> None:
    """Write a settings file, make the vault's keys, migrate the database and open an account.

    What exists already is left as it is, so running it again is safe. `interlock up` does all of it by itself.
    """
    settings = load_settings()
    _write_settings_file(settings, Path(CONFIG_FILE))
    file = settings.key_file()
    existed = settings.vault_keys is not None or file.exists()
    keys = None if settings.vault_keys is None else settings.vault_keys.get_secret_value()
    load_keys(keys, file, create=True)
    say(
        "vault keys: there already" if existed else f"vault keys: made {file}; back it up, cards cannot be read without"
    )
    asyncio.run(_prepare_database(settings, name, country, currency))


def _write_settings_file(settings: Settings, file: Path) -> None:
    if file.exists():
        say(f"settings: {file} is there already")
        return
    lines = [_HEADER]
    for field, info in type(settings).model_fields.items():
        default = info.default
        shown = f'"{default}"' if isinstance(default, (str, Path)) else str(default).lower()
        lines.append(f"# {info.description}\n# {field} = {'...' if default is None else shown}\n")
    file.write_text("\n".join(lines), encoding="utf-8")
    say(f"settings: wrote {file}, every setting in it with its default")


async def _prepare_database(settings: Settings, name: str, country: str, currency: str) -> None:
    async with database_url(settings) as url:
        applied = await migrate(url)
        say(f"database: {len(applied)} migrations applied" if applied else "database: schema up to date")
        database = await Database.connect(url, pool_size=2)
        try:
            access = AccessService(database, SystemClock())
            accounts = await access.list_accounts()
            if accounts:
                say(f"account: {accounts[0].account_id} is there already ({accounts[0].name})")
                return
            account = done(await access.create_account(name=name, country=country, default_currency=currency), "--name")
            say(f"account: opened {account.account_id} ({account.name}); next: `interlock keys create`")
        finally:
            await database.close()
