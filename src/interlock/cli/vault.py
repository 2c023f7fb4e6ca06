"""``interlock vault``: which master keys are in use, and the change from one to the next."""

from typing import Any

import typer

from interlock.bootstrap import Rooms
from interlock.cli.output import JsonOption, RefusedError, print_rows, say
from interlock.cli.session import with_rooms
from interlock.payments.files.service import rewrap_files
from interlock.webhooks.outbound.secrets import rewrap_secrets


def register(app: typer.Typer) -> None:
    """Add the verb to ``app``."""
    group = typer.Typer(help="The vault's master keys. Card numbers are never shown by any command.")
    group.command("status", epilog="Example:  interlock vault status --json")(status)
    group.command("rewrap", epilog="Put the new key in front of INTERLOCK_VAULT_KEYS and restart first.")(rewrap)
    app.add_typer(group, name="vault")


def status(as_json: JsonOption = False) -> None:
    """List the master keys and how many cards and gateways each protects. A key that protects nothing may go."""

    async def work(rooms: Rooms) -> list[dict[str, Any]]:
        envelope = rooms.foundation.vault.envelope
        cards, gateways = await rooms.foundation.vault.keys_in_use(), await rooms.routing.keys_in_use()
        return [
            {
                "key": key_id,
                "seals_new": key_id == envelope.current_key_id,
                "there": key_id in envelope.key_ids,
                "cards": cards.get(key_id, 0),
                "gateways": gateways.get(key_id, 0),
            }
            for key_id in sorted({*envelope.key_ids, *cards, *gateways})
        ]

    rows = with_rooms(work)
    print_rows(rows, ("key", "seals_new", "there", "cards", "gateways"), as_json=as_json, empty="no keys")


def rewrap() -> None:
    """Wrap everything by the newest master key. Payments go on meanwhile; safe to interrupt and to repeat."""

    async def work(rooms: Rooms) -> tuple[int, bool, int, int, int]:
        progress = await rooms.foundation.vault.rewrap()
        gateways = await rooms.routing.rewrap()
        endpoints = await rewrap_secrets(rooms.foundation.database, rooms.seal)
        files = await rewrap_files(rooms.foundation.database, rooms.foundation.vault.envelope)
        return progress.rewrapped, progress.finished, gateways, endpoints, files

    cards, finished, gateways, endpoints, files = with_rooms(work)
    say(f"wrapped anew: {cards} cards, {gateways} gateways, {endpoints} webhook endpoints, {files} files")
    if not finished:
        raise RefusedError("vault", "some cards changed meanwhile", "run `interlock vault rewrap` again")
