"""``interlock gateways doc``: the handbook of an integration, made from what the integration says of itself."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from interlock.cli.output import ExitCode, RefusedError, say
from interlock.gateways.loader import known_gateways, load
from interlock.releases.handbook.rendering import render_handbook
from interlock.releases.handbook.types import Handbook, HandbookFacts

EXAMPLES = """Examples:

  interlock gateways doc stripe | less

  interlock gateways doc adyen --output adyen.html
"""
_HTML_ENDINGS = frozenset({".html", ".htm"})

Connector = Annotated[str, typer.Argument(metavar="NAME", help="A connector: stripe or adyen.")]
AsHtml = Annotated[
    bool, typer.Option("--html", help="One HTML file instead of Markdown; a FILE that ends in .html says so too.")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write here instead of printing.", dir_okay=False)
]


def doc(context: typer.Context, name: Connector, html: AsHtml = False, output: Output = None) -> None:
    """Print the handbook of an integration: settings, keys, codes, limits, webhooks, what to do when it fails."""
    if name not in known_gateways():
        choices = ", ".join(known_gateways())
        raise RefusedError("NAME", f"{name!r} is unknown", f"choose one of {choices}", ExitCode.USAGE)
    loaded = load(name)
    facts = HandbookFacts(manifest=loaded.manifest, package_id=loaded.release_id, commands=commands_of(context))
    give(render_handbook(facts), output, html=html)


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
