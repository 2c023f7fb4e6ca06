"""``interlock gateways doc``: the handbook of an integration, made from what the integration says of itself, and of a
gateway that runs it, from what the database knows.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from interlock.base.context import Scope
from interlock.base.errors import InterlockError
from interlock.base.problems import Problem
from interlock.base.settings import load_settings
from interlock.bootstrap import Rooms, known_database_url
from interlock.cli.output import ExitCode, RefusedError, complain, say
from interlock.cli.session import AccountOption, LiveOption, done, the_account, with_rooms
from interlock.gateways.loader import known_gateways, load
from interlock.releases.handbook.gathering import gather
from interlock.releases.handbook.rendering import render_handbook
from interlock.releases.handbook.types import Handbook, HandbookFacts

EXAMPLES = """Examples:

  interlock gateways doc stripe | less                  the gateway called so, with its history

  interlock gateways doc stripe --live -o stripe.html   the one of live mode, as one HTML file

  interlock gateways doc adyen --connector              as it came with this version
"""
_HTML_ENDINGS = frozenset({".html", ".htm"})

Name = Annotated[str, typer.Argument(metavar="NAME", help="A gateway's name or id, or a connector: stripe or adyen.")]
OnlyConnector = Annotated[
    bool, typer.Option("--connector", help="The connector of that name, whatever gateways there are.")
]
AsHtml = Annotated[
    bool, typer.Option("--html", help="One HTML file instead of Markdown; a FILE that ends in .html says so too.")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here instead of printing.", dir_okay=False)
]


def doc(
    context: typer.Context,
    name: Name,
    connector: OnlyConnector = False,
    html: AsHtml = False,
    output: Output = None,
    live: LiveOption = False,
    account: AccountOption = None,
) -> None:
    """Print the handbook of an integration: settings, keys, codes, limits, webhooks, what to do when it fails.

    Of a gateway that is configured it also holds what its gates found, what its canary saw, and its releases so far.
    """
    commands = commands_of(context)
    facts = None if connector else _configured(name, account, commands, live=live)
    if facts is None:
        if name not in known_gateways():
            remedy = f"choose a gateway, or one of {', '.join(known_gateways())}"
            raise RefusedError("NAME", f"{name!r} is unknown", remedy, ExitCode.USAGE)
        loaded = load(name)
        facts = HandbookFacts(manifest=loaded.manifest, package_id=loaded.release_id, commands=commands)
    give(render_handbook(facts), output, html=html)


def _configured(name: str, account: str | None, commands: dict[str, str], *, live: bool) -> HandbookFacts | None:
    """Return the facts of the gateway called ``name``, None where there is none, or no database to ask.

    Raises:
        InterlockError: the database cannot be asked, and there is no connector of that name either.

    """
    settings = load_settings()
    if known_database_url(settings) is None:
        return None

    async def work(rooms: Rooms) -> HandbookFacts | None:
        owner = await the_account(rooms.foundation.database, account)
        store = rooms.proposals.store
        gateway = await store.gateway(Scope(owner.account_id, live), name)
        if isinstance(gateway, Problem):
            return None
        return done(await gather(store, gateway, public_url=settings.base_url(), commands=commands), name)

    try:
        return with_rooms(work)
    except InterlockError as error:
        if name not in known_gateways():
            raise
        complain(f"{error}; this is the page of the connector alone")
        return None


def give(handbook: Handbook, output: Path | None, *, html: bool) -> None:
    """Print the page, or write it to ``output``.

    Args:
        handbook: the page.
        output: a file, replaced where it exists; None prints.
        html: True for HTML; a file that ends so is HTML as well.

    Raises:
        RefusedError: the file cannot be written.

    """
    wants_html = html or (output is not None and output.suffix.lower() in _HTML_ENDINGS)
    text = handbook.html if wants_html else handbook.markdown
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        problem = f"{output} cannot be written ({error.strerror})"
        raise RefusedError("--output", problem, "name a file in a folder that exists") from None
    say(f"wrote {output}")


def commands_of(context: typer.Context) -> dict[str, str]:
    """Return every command of the running program, each with the first sentence of its help."""
    return dict(_walk(context.find_root().command, ""))


def _walk(command: Any, path: str) -> Iterator[tuple[str, str]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        paragraph = " ".join((command.help or "").split("\n\n")[0].split())
        yield path, f"{paragraph.partition('. ')[0].rstrip('.')}."
        return
    for name, each in inner.items():
        yield from _walk(each, f"{path} {name}".strip())
