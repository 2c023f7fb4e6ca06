"""``interlock doctor``: looks at everything this installation needs and says what to do about what is wrong."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import typer

from interlock.base.context import Scope
from interlock.base.errors import InterlockError
from interlock.base.settings import Settings, load_settings, unknown_variables
from interlock.bootstrap import Rooms, database_url, open_rooms
from interlock.cli.gateways import reach
from interlock.cli.output import ExitCode, JsonOption, console, print_json
from interlock.cli.supervision.ports import is_free
from interlock.cli.supervision.quickstart import read_quickstart
from interlock.cli.supervision.supervisor import answers
from interlock.routing.store import read_configuration
from interlock.storage.migrations import status
from interlock.storage.pages import Page
from interlock.webhooks.outbound.types import EndpointStatus

_CLOCK_TOLERANCE_MS = 2_000
_GATEWAYS_MAX = 50
_MARKS = {"good": "[green]✓[/]", "notice": "[yellow]![/]", "bad": "[red]✗[/]"}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, how it is, and what to do when it is not good."""

    check: str
    state: Literal["good", "notice", "bad"]
    says: str
    remedy: str = ""


def register(app: typer.Typer) -> None:
    """Add the verb to ``app``."""
    app.command("doctor", epilog="Exit code 1 when something is bad. Example:  interlock doctor --json")(doctor)


def doctor(as_json: JsonOption = False) -> None:
    """Check settings, database, migrations, vault keys, gateways, webhooks, clock and ports; each with a remedy."""
    findings = asyncio.run(_examine(load_settings()))
    if as_json:
        print_json([msgspec.structs.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            remedy = f"  [dim]→ {finding.remedy}[/]" if finding.remedy else ""
            console.print(
                f"{_MARKS[finding.state]} [bold]{finding.check:<11}[/] {finding.says}{remedy}", soft_wrap=True
            )
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(ExitCode.FAILED)


async def _examine(settings: Settings) -> list[Finding]:
    findings = [_settings(), *await _ports(settings)]
    try:
        async with database_url(settings) as url:
            findings += [finding async for finding in _with_database(settings, url)]
    except InterlockError as error:
        remedy = "correct INTERLOCK_DATABASE_URL or start that server; without it the embedded Postgres is used"
        findings.append(Finding(check="database", state="bad", says=str(error), remedy=remedy))
    return findings


def _settings() -> Finding:
    stray = unknown_variables()
    if not stray:
        return Finding(check="settings", state="good", says="every variable and key is known")
    names = ", ".join(f"{name} (did you mean {close}?)" if close else name for name, close in stray.items())
    return Finding(check="settings", state="notice", says=f"set nothing: {names}", remedy="correct or remove them")


async def _ports(settings: Settings) -> list[Finding]:
    quickstart = read_quickstart(settings.data_dir)
    port = settings.api_port if quickstart is None else quickstart.ports.get("api", settings.api_port)
    if await answers(settings.api_host, port, "/healthz"):
        return [Finding(check="API", state="good", says=f"answers on port {port}")]
    if is_free(settings.api_host, port):
        says = f"does not run; port {port} is free"
        return [Finding(check="API", state="notice", says=says, remedy="start it with `interlock up`")]
    says = f"port {port} is taken by something else"
    return [Finding(check="API", state="notice", says=says, remedy="`interlock up` picks another, or set api_port")]


async def _with_database(settings: Settings, url: str) -> AsyncIterator[Finding]:
    own = "yours" if settings.database_url is not None else "embedded Postgres"
    standing = await status(url)
    yield Finding(check="database", state="good", says=f"{own}, reached")
    behind = [row.name for row in standing if row.applied_at_ms is None]
    if behind:
        says = f"{len(behind)} not applied: {', '.join(behind)}"
        yield Finding(check="migrations", state="bad", says=says, remedy="run `interlock migrate`")
        return
    yield Finding(check="migrations", state="good", says=f"{len(standing)} applied, none missing")
    try:
        async with open_rooms(settings, url, pool_size=2) as rooms:
            for look in (_clock, _vault, _accounts, _gateways, _webhooks):
                for finding in await look(rooms):
                    yield finding
    except InterlockError as error:
        remedy = "restore the vault's keys, or run `interlock init` on a new installation"
        yield Finding(check="vault", state="bad", says=str(error), remedy=remedy)


Look = Callable[[Rooms], Awaitable[list[Finding]]]


async def _clock(rooms: Rooms) -> list[Finding]:
    theirs = await rooms.foundation.database.fetchval("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
    apart_ms = abs(int(theirs) - time.time_ns() // 1_000_000)
    if apart_ms <= _CLOCK_TOLERANCE_MS:
        return [Finding(check="clock", state="good", says=f"{apart_ms} ms from the database's")]
    remedy = "synchronise both clocks (NTP): leases and signatures depend on them"
    return [Finding(check="clock", state="bad", says=f"{apart_ms} ms from the database's", remedy=remedy)]


async def _vault(rooms: Rooms) -> list[Finding]:
    vault = rooms.foundation.vault
    absent = await vault.missing_keys()
    if absent:
        says = f"stored cards need keys that are not there: {', '.join(absent)}"
        return [Finding(check="vault", state="bad", says=says, remedy="put these keys back into the vault's keys")]
    return [
        Finding(check="vault", state="good", says=f"key {vault.envelope.current_key_id} seals, all cards can be opened")
    ]


async def _accounts(rooms: Rooms) -> list[Finding]:
    accounts = await rooms.access.list_accounts()
    if accounts:
        return [Finding(check="accounts", state="good", says=f"{len(accounts)} there")]
    return [
        Finding(check="accounts", state="bad", says="there is none", remedy="run `interlock init` or `interlock up`")
    ]


async def _gateways(rooms: Rooms) -> list[Finding]:
    findings = [
        Finding(check="gateways", state="bad", says=said, remedy="see `interlock gateways show`")
        for said in rooms.foundation.table.complaints()
    ]
    for gateway in (await read_configuration(rooms.foundation.database)).gateways[:_GATEWAYS_MAX]:
        ready = rooms.foundation.table.gateway(gateway.scope, gateway.id)
        if ready is None:
            continue  # the table complains of it
        found = await reach(ready)
        named = f"{gateway.name} ({gateway.id}) at {found['address']}"
        if found["reached"]:
            findings.append(Finding(check="gateways", state="good", says=f"{named} reached in {found['took_ms']} ms"))
        else:
            sandbox = "base_url" in ready.config.settings
            remedy = "start the sandbox with `interlock up`" if sandbox else "check network and firewall"
            state: Literal["notice", "bad"] = "notice" if sandbox else "bad"
            findings.append(Finding(check="gateways", state=state, says=f"{named} {found['problem']}", remedy=remedy))
    if not findings:
        findings = [
            Finding(check="gateways", state="bad", says="there is none", remedy="`interlock gateways add --help`")
        ]
    return findings


async def _webhooks(rooms: Rooms) -> list[Finding]:
    enabled, live = 0, 0
    for account in await rooms.access.list_accounts():
        for livemode in (False, True):
            scope = Scope(account.account_id, livemode)
            page = await rooms.webhook_endpoints.list(scope, Page(limit=100))
            enabled += sum(endpoint.status is EndpointStatus.ENABLED for endpoint in page.items)
            live += livemode and len(await rooms.routing.list_gateways(scope))
    findings = []
    host = urlsplit(rooms.foundation.settings.base_url()).hostname or ""
    if live and (host == "localhost" or host.startswith("127.")):
        remedy = "set INTERLOCK_PUBLIC_URL to the address gateways and shoppers reach"
        says = f"live gateways cannot reach {rooms.foundation.settings.base_url()}"
        findings.append(Finding(check="webhooks", state="bad", says=says, remedy=remedy))
    if not enabled:
        remedy = "create an endpoint over the API, or start with `interlock up --webhook-url URL`"
        return [*findings, Finding(check="webhooks", state="notice", says="nobody is told of events", remedy=remedy)]
    return [*findings, Finding(check="webhooks", state="good", says=f"{enabled} endpoints are told of events")]
