"""``interlock gateways``: the provider accounts money can be taken through."""

import asyncio
import os
import ssl
import time
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from interlock import bootstrap
from interlock.base.context import Scope
from interlock.cli import gateways_doc, refusing
from interlock.cli.acting import the_actor
from interlock.cli.output import ExitCode, JsonOption, RefusedError, print_json, print_rows, say, time_text
from interlock.cli.pairs import pairs, secrets
from interlock.cli.session import AccountOption, LiveOption, done, the_account, with_rooms
from interlock.gateways.loader import known_gateways
from interlock.gateways.manifest import base_url
from interlock.routing.types import Gateway, ReadyGateway

_COLUMNS = ("id", "name", "connector", "mode", "enabled", "position")
_CONNECT_WITHIN_S = 5.0
_ADD_EXAMPLES = """Examples:

  interlock gateways add stripe --credential secret_key=@STRIPE_KEY

  interlock gateways add adyen --live --set merchant_account=Bakery --set live_prefix=1797a841fbb37ca7-Bakery \\

      --credential api_key=@ADYEN_KEY --credential hmac_key=@ADYEN_HMAC

A credential is NAME=@VARIABLE: it is read from that variable, so that it does not end in the shell's history.
"""

GatewayId = Annotated[str, typer.Argument(metavar="ID", help="The gateway's id (gw_…) or name.")]


def register(app: typer.Typer) -> None:
    """Add the verb to ``app``."""
    group = typer.Typer(help="Gateways: the provider accounts money can be taken through.")
    group.command("list", epilog="Example:  interlock gateways list --live")(list_gateways)
    group.command("add", epilog=_ADD_EXAMPLES)(add)
    group.command("show", epilog="Example:  interlock gateways show stripe")(show)
    group.command("enable", epilog="Example:  interlock gateways enable adyen")(enable)
    group.command("disable", epilog="Example:  interlock gateways disable adyen")(disable)
    group.command("test", epilog="Example:  interlock gateways test stripe")(check)
    group.command("doc", epilog=gateways_doc.EXAMPLES)(gateways_doc.doc)
    group.command("refuse", epilog=refusing.REFUSE_EXAMPLES)(refusing.refuse)
    group.command("accept", epilog=refusing.ACCEPT_EXAMPLE)(refusing.accept)
    group.command("refusals", epilog="Example:  interlock gateways refusals --live")(refusing.refusals)
    app.add_typer(group, name="gateways")


def list_gateways(live: LiveOption = False, account: AccountOption = None, as_json: JsonOption = False) -> None:
    """List gateways in the order they are tried where no rule says otherwise."""

    async def work(rooms: bootstrap.Rooms) -> list[dict[str, Any]]:
        scope = await _scope(rooms, account, live=live)
        table = rooms.foundation.table
        return [_row(one, table.gateway(scope, one.id)) for one in await rooms.routing.list_gateways(scope)]

    empty = "no gateways; `interlock gateways add --help` shows how to add one"
    print_rows(with_rooms(work), _COLUMNS, as_json=as_json, empty=empty)


def add(
    connector: Annotated[str, typer.Argument(metavar="CONNECTOR", help="Whose protocol it speaks: stripe or adyen.")],
    name: Annotated[
        str | None, typer.Option("--name", help="What you call it; the connector's name without it.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the provider account.")
    ] = None,
    credentials: Annotated[
        list[str] | None, typer.Option("--credential", metavar="NAME=@VARIABLE", help="A secret, from a variable.")
    ] = None,
    position: Annotated[
        int | None, typer.Option("--position", min=1, help="Place in the order; last without it.")
    ] = None,
    live: LiveOption = False,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a gateway. Settings and credentials are checked against the connector's manifest, then sealed."""
    wanted, clear = pairs("--set", settings), secrets(credentials)
    if connector not in known_gateways():
        choices = ", ".join(known_gateways())
        raise RefusedError("CONNECTOR", f"{connector!r} is unknown", f"choose one of {choices}", ExitCode.USAGE)

    async def work(rooms: bootstrap.Rooms) -> dict[str, Any]:
        scope = await _scope(rooms, account, live=live)
        actor = await the_actor(rooms.foundation.database, scope.account_id)
        made = await rooms.routing.create_gateway(
            scope,
            name=name or connector,
            connector=connector,
            settings=wanted,
            credentials=clear,
            position=position,
            actor=actor.name,
        )
        gateway = done(made, "gateway")
        await rooms.foundation.table.refresh(force=True)
        return _row(gateway, rooms.foundation.table.gateway(scope, gateway.id))

    row = with_rooms(work)
    if as_json:
        print_json(row)
    else:
        say(f"added {row['id']} ({row['name']}); every process uses it within a second")


def show(
    gateway_id: GatewayId, live: LiveOption = False, account: AccountOption = None, as_json: JsonOption = False
) -> None:
    """Show a gateway: settings, what its connector can do, which credentials are there (never their values)."""

    async def work(rooms: bootstrap.Rooms) -> dict[str, Any]:
        gateway = await _find(rooms, await _scope(rooms, account, live=live), gateway_id)
        ready = _ready(rooms, gateway)
        return {
            **_row(gateway, ready),
            "settings": ready.config.settings,
            "credentials": sorted(ready.config.credentials),
            "operations": sorted(ready.route.operations),
            "networks": sorted(ready.route.networks),
            "fee": f"{gateway.fee_basis_points / 100:g} % + {gateway.fee_fixed_minor}",
            "webhook_path": f"/gateways/{gateway.account_id}/{gateway.id}/webhooks",
            "documentation": ready.loaded.manifest.documentation,
        }

    facts = with_rooms(work)
    if as_json:
        print_json(facts)
        return
    rows = [{"fact": fact.replace("_", " "), "value": _text(value)} for fact, value in facts.items()]
    print_rows(rows, ("fact", "value"), as_json=False, empty="")


def enable(gateway_id: GatewayId, live: LiveOption = False, account: AccountOption = None) -> None:
    """Let payments go through a gateway again."""
    _switch(gateway_id, account, live=live, enabled=True)


def disable(gateway_id: GatewayId, live: LiveOption = False, account: AccountOption = None) -> None:
    """Send no new payments through a gateway; what it began is still captured and refunded there."""
    _switch(gateway_id, account, live=live, enabled=False)


def check(
    gateway_id: GatewayId, live: LiveOption = False, account: AccountOption = None, as_json: JsonOption = False
) -> None:
    """Check a gateway's configuration and whether its host can be reached. No money moves."""

    async def work(rooms: bootstrap.Rooms) -> dict[str, Any]:
        gateway = await _find(rooms, await _scope(rooms, account, live=live), gateway_id)
        ready = _ready(rooms, gateway)
        return {"gateway": gateway.id, "configuration": "right", **await reach(ready)}

    facts = with_rooms(work)
    if as_json:
        print_json(facts)
    elif facts["reached"]:
        say(f"{facts['gateway']}: configuration right, {facts['address']} reached in {facts['took_ms']} ms")
    if not facts["reached"]:
        remedy = "check network, firewall and the gateway's base_url"
        raise RefusedError(str(facts["address"]), str(facts["problem"]), remedy, ExitCode.UNREACHABLE)


async def reach(ready: ReadyGateway) -> dict[str, Any]:
    """Connect to the gateway's host, TLS included, and say how that went."""
    address = _address(ready)
    parts = urlsplit(address)
    secure = parts.scheme == "https"
    started_at = time.monotonic()
    try:
        async with asyncio.timeout(_CONNECT_WITHIN_S):
            context = ssl.create_default_context() if secure else None
            port = parts.port or (443 if secure else 80)
            _, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
            writer.close()
    except OSError as error:  # a timeout is one too
        number = error.errno or 0
        reason = os.strerror(number).lower() if number > 0 else type(error).__name__
        return {"address": address, "reached": False, "took_ms": None, "problem": f"cannot be reached ({reason})"}
    return {
        "address": address,
        "reached": True,
        "took_ms": int((time.monotonic() - started_at) * 1000),
        "problem": None,
    }


def _switch(gateway_id: str, account: str | None, *, live: bool, enabled: bool) -> None:
    async def work(rooms: bootstrap.Rooms) -> Gateway:
        scope = await _scope(rooms, account, live=live)
        gateway = await _find(rooms, scope, gateway_id)
        actor = await the_actor(rooms.foundation.database, scope.account_id)
        changed = await rooms.routing.update_gateway(scope, gateway.id, actor=actor.name, enabled=enabled)
        return done(changed, "ID")

    gateway = with_rooms(work)
    say(f"{gateway.id} ({gateway.name}) is {'enabled' if gateway.enabled else 'disabled'}, everywhere within a second")


async def _scope(rooms: bootstrap.Rooms, account: str | None, *, live: bool) -> Scope:
    owner = await the_account(rooms.foundation.database, account)
    return Scope(owner.account_id, live)


async def _find(rooms: bootstrap.Rooms, scope: Scope, id_or_name: str) -> Gateway:
    found = [each for each in await rooms.routing.list_gateways(scope) if id_or_name in (each.id, each.name)]
    if not found:
        raise RefusedError("ID", f"there is no gateway {id_or_name}", "see `interlock gateways list`")
    if len(found) > 1:
        raise RefusedError("ID", f"{len(found)} gateways are called {id_or_name}", "give the id, gw_…", ExitCode.USAGE)
    return found[0]


def _ready(rooms: bootstrap.Rooms, gateway: Gateway) -> ReadyGateway:
    """Return the gateway as it runs, or refuse with the reason why it does not."""
    table = rooms.foundation.table
    ready = table.gateway(gateway.scope, gateway.id)
    if ready is None:
        said = next((each for each in table.complaints() if gateway.id in each), "no release serves it")
        raise RefusedError(gateway.id, said, "see `interlock release list`", ExitCode.CONFIGURATION)
    return ready


def _address(ready: ReadyGateway) -> str:
    return base_url(ready.loaded.manifest, ready.config.settings, livemode=ready.config.livemode)


def _row(gateway: Gateway, ready: ReadyGateway | None) -> dict[str, Any]:
    return {
        "id": gateway.id,
        "name": gateway.name,
        "connector": gateway.connector,
        "mode": "live" if gateway.livemode else "test",
        "enabled": gateway.enabled,
        "position": gateway.position,
        "release": None if ready is None else ready.release.id,
        "address": None if ready is None else _address(ready),
        "created_at": time_text(gateway.created_at_ms),
    }


def _text(value: object) -> object:
    if isinstance(value, dict):
        return " ".join(f"{name}={each}" for name, each in value.items())
    return ", ".join(str(each) for each in value) if isinstance(value, list) else value
