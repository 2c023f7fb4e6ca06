"""``interlock gateways refuse``, ``accept`` and ``refusals``: what a gateway gets no payments of, without a deploy."""

from typing import Annotated, Any

import typer

from interlock import bootstrap
from interlock.base.context import Scope
from interlock.cli.acting import the_actor
from interlock.cli.output import ExitCode, JsonOption, RefusedError, print_json, print_rows, say, time_text
from interlock.cli.session import AccountOption, LiveOption, done, the_account, with_rooms
from interlock.releases.showing import visible
from interlock.releases.standing import refusal_view
from interlock.routing.types import EVERY_GATEWAY, Refusal

_HOUR_MS = 3_600_000
_COLUMNS = ("id", "gateway", "refuses", "until", "by", "reason", "created_at")
REFUSE_EXAMPLES = """Examples:

  interlock gateways refuse stripe --network amex --hours 2 --why "amex answers with errors, INC-42"

  interlock gateways refuse adyen --currency jpy --why "the acquirer sends yen times 100"

  interlock gateways refuse '*' --method sepa_debit --why "the scheme is down"      at every gateway

Payments that are all of what is named go to the next gateway, within a second. The whole gateway: `gateways disable`.
"""
ACCEPT_EXAMPLE = 'Example:  interlock gateways accept ref_0Rk2… --why "amex answers again"'

Hours = Annotated[
    float | None, typer.Option("--hours", min=0.001, max=8_760, help="When it ends by itself; never without it.")
]


def refuse(
    gateway: Annotated[str, typer.Argument(metavar="GATEWAY", help="The gateway's name or id; '*' for every one.")],
    why: Annotated[str, typer.Option("--why", help="The reason, for people and the journal.")],
    network: Annotated[str | None, typer.Option("--network", help="Of the card, such as amex.")] = None,
    method: Annotated[str | None, typer.Option("--method", help="Such as sepa_debit.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="Three letters, such as jpy.")] = None,
    hours: Hours = None,
    live: LiveOption = False,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send payments of a network, method or currency elsewhere, at once and without a release."""
    if (network, method, currency) == (None, None, None):
        remedy = "give --network, --method or --currency; `interlock gateways disable` is for all of it"
        raise RefusedError("GATEWAY", "a whole gateway is not refused", remedy, ExitCode.USAGE)

    async def work(rooms: bootstrap.Rooms) -> Refusal:
        scope = await _scope(rooms, account, live=live)
        actor = await the_actor(rooms.foundation.database, scope.account_id)
        made = await rooms.routing.refuse(
            scope,
            gateway_id=await _gateway_id(rooms, scope, gateway),
            network=None if network is None else network.lower(),
            method=None if method is None else method.lower(),
            currency=None if currency is None else currency.lower(),
            reason=why,
            actor=actor.name,
            expires_at_ms=None if hours is None else rooms.foundation.clock.now_ms() + round(hours * _HOUR_MS),
        )
        return done(made, "GATEWAY")

    refusal = with_rooms(work)
    if as_json:
        print_json(refusal_view(refusal))
        return
    until = "until it is lifted" if refusal.expires_at_ms is None else f"until {_time(refusal.expires_at_ms)} UTC"
    say(f"{gateway} gets no {_what(refusal)} payments, everywhere within a second, {until}")
    say(f"next: `interlock gateways accept {refusal.id}` lets them through again")


def accept(
    refusal_id: Annotated[str, typer.Argument(metavar="ID", help="ref_… of `interlock gateways refusals`.")],
    why: Annotated[str, typer.Option("--why", help="The reason, for the journal.")] = "",
    live: LiveOption = False,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lift a refuse switch."""

    async def work(rooms: bootstrap.Rooms) -> Refusal:
        scope = await _scope(rooms, account, live=live)
        actor = await the_actor(rooms.foundation.database, scope.account_id)
        return done(await rooms.routing.lift(scope, refusal_id, actor=actor.name, why=why), "ID")

    refusal = with_rooms(work)
    if as_json:
        print_json(refusal_view(refusal))
        return
    say(f"{_what(refusal)} payments go through {refusal.gateway_id} again, everywhere within a second")


def refusals(live: LiveOption = False, account: AccountOption = None, as_json: JsonOption = False) -> None:
    """List refuse switches, newest first; those that ended by time say so."""

    async def work(rooms: bootstrap.Rooms) -> tuple[list[Refusal], dict[str, str], int]:
        scope = await _scope(rooms, account, live=live)
        names = {one.id: one.name for one in await rooms.routing.list_gateways(scope)}
        return await rooms.routing.list_refusals(scope), names, rooms.foundation.clock.now_ms()

    found, names, now_ms = with_rooms(work)
    if as_json:
        print_json([refusal_view(one) for one in found])
        return
    empty = "nothing is refused; `interlock gateways refuse --help` shows how"
    print_rows([_row(one, names, now_ms) for one in found], _COLUMNS, as_json=False, empty=empty)


async def _scope(rooms: bootstrap.Rooms, account: str | None, *, live: bool) -> Scope:
    owner = await the_account(rooms.foundation.database, account)
    return Scope(owner.account_id, live)


async def _gateway_id(rooms: bootstrap.Rooms, scope: Scope, name: str) -> str:
    if name == EVERY_GATEWAY:
        return name
    return done(await rooms.proposals.store.gateway(scope, name), "GATEWAY").id


def _row(refusal: Refusal, names: dict[str, str], now_ms: int) -> dict[str, Any]:
    ends_at_ms = refusal.expires_at_ms
    until = "lifted" if ends_at_ms is None else f"{_time(ends_at_ms)}{' (over)' if ends_at_ms <= now_ms else ''}"
    return {
        "id": refusal.id,
        "gateway": names.get(refusal.gateway_id, refusal.gateway_id),
        "refuses": _what(refusal),
        "until": until,
        "by": visible(refusal.set_by),
        "reason": visible(refusal.reason),
        "created_at": _time(refusal.created_at_ms),
    }


def _what(refusal: Refusal) -> str:
    return " ".join(visible(each) for each in (refusal.network, refusal.method, refusal.currency) if each)


def _time(at_ms: int) -> str:
    return (time_text(at_ms) or "")[:19]
