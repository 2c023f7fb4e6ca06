"""Puts the sections together: the page as Markdown, and the same page as HTML. Called by the command line."""

from collections.abc import Callable

from interlock.releases.handbook import codes, integration, money, record, repetition, runbook
from interlock.releases.handbook.markup import code, prose
from interlock.releases.handbook.page import html_page
from interlock.releases.handbook.types import Handbook, HandbookFacts

_SECTIONS: tuple[tuple[str, Callable[[HandbookFacts], list[str]]], ...] = (
    ("At a glance", integration.at_a_glance),
    ("When something is wrong", runbook.runbook),
    ("What it can do", integration.capabilities),
    ("Settings", integration.settings),
    ("Credentials", integration.credentials),
    ("Notifications", repetition.notifications),
    ("Outcomes", codes.outcomes),
    ("Declines", codes.declines),
    ("Error codes", codes.error_codes),
    ("Charged once", repetition.certainty),
    ("Timeouts and limits", integration.limits),
    ("Currencies", money.currencies),
    ("How money is verified", money.verification),
    ("Announced changes", integration.announced),
    ("Evidence of the gates", record.evidence),
    ("Canary", record.canary),
    ("History", record.history),
)


def render_handbook(facts: HandbookFacts) -> Handbook:
    """Return the page about an integration; the same facts give the same bytes.

    Args:
        facts: the manifest, and whatever else is known of the release.

    """
    title = integration.title(facts)
    blocks = [f"# {prose(title)}"]
    for heading, section in _SECTIONS:
        body = section(facts)
        if body:
            blocks += [f"## {heading}", *body]
    blocks.append(_colophon(facts))
    markdown = "\n\n".join(blocks) + "\n"
    return Handbook(markdown=markdown, html=html_page(title, markdown))


def _colophon(facts: HandbookFacts) -> str:
    sources = ["the manifest"]
    if facts.evidence:
        sources.append("the gates' reports")
    if facts.history or facts.canary:
        sources.append("the release's history")
    said = sources[0] if len(sources) == 1 else f"{', '.join(sources[:-1])} and {sources[-1]}"
    return f"*Made from {said} of package* {code(facts.package_id)}*; nothing here is written by hand.*"
