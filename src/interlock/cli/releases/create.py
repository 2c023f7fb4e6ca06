"""``interlock release create``: proposes a release; nothing of it takes money yet."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from interlock.bootstrap import Rooms
from interlock.cli.output import JsonOption, print_json, say
from interlock.cli.releases.common import acting, decided, say_next, stands, the_gateway, the_scope
from interlock.cli.releases.reports import SpecsOption, folder_of_specs
from interlock.cli.releases.source import CredentialOption, ExpiresOption, SetOption, Source, read_source
from interlock.cli.session import AccountOption, LiveOption, with_rooms
from interlock.releases.gates.running import specification_hash
from interlock.releases.proposals import Proposal
from interlock.releases.standing import standing_view
from interlock.releases.types import Standing

EXAMPLES = """Examples:

  interlock release create gateways/stripe --gateway stripe --note "statement descriptor of the new shop"

  interlock release create --gateway stripe --credential secret_key=@NEW_KEY --note "key rotation"

  interlock release create --gateway adyen --set merchant_account=Bakery_2 --expires api_key=2027-01-31 \\

      --credential api_key=@ADYEN_KEY --note "second merchant account"

A release is the connector's code, settings and secrets together, named by their hash and never edited. What is not
given stays as it serves now. A folder may hold a release.toml with the tables settings, credentials (names of
variables: api_key = "@ADYEN_KEY") and expires. A live release takes an operator's token (`interlock operators add`).
"""


def create(
    gateway: Annotated[str, typer.Option("--gateway", metavar="NAME", help="The gateway's name or id.")],
    note: Annotated[str, typer.Option("--note", help="What it is for: everybody who approves it reads this.")],
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="The folder with manifest.toml and the code; the one that serves without."),
    ] = None,
    settings: SetOption = None,
    credentials: CredentialOption = None,
    expires: ExpiresOption = None,
    specs: SpecsOption = None,
    live: LiveOption = False,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose a release for a gateway. It takes no money before its gates, an approval and a canary."""
    source = read_source(folder, settings, credentials, expires)
    documents = folder_of_specs(specs)

    async def work(rooms: Rooms) -> Standing:
        return await _propose(rooms, account, gateway, note, source, documents, live=live)

    found = with_rooms(work, doing="looking at the package")
    if as_json:
        print_json(standing_view(found))
        return
    release = found.release
    say(f"{release.id} is {release.state.value} for {gateway}, beside {found.pointer.stable_release_id} that serves")
    say_next(found)


async def _propose(
    rooms: Rooms,
    account: str | None,
    gateway_name: str,
    note: str,
    source: Source,
    documents: Path | None,
    *,
    live: bool,
) -> Standing:
    scope = await the_scope(rooms, account, live=live)
    gateway = await the_gateway(rooms, scope, gateway_name)
    actor = await acting(rooms, scope)
    known = documents or rooms.foundation.settings.specs
    proposal = Proposal(
        package=source.package,
        settings=source.settings,
        credentials=source.credentials,
        expiries_ms=source.expiries_ms,
        note=note,
        specification_hash=await asyncio.to_thread(specification_hash, known, gateway.connector),
    )
    made: Any = await rooms.proposals.propose(scope, gateway.id, proposal, actor)
    return await stands(rooms, decided(made, "release"))


def register(group: typer.Typer) -> None:
    """Add the verb to ``group``."""
    group.command("create", epilog=EXAMPLES)(create)
