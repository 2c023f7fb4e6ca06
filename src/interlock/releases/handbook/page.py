"""The page as one HTML file: Markdown turned into elements, a table of contents, and a style that needs nothing else.

No script, no address is loaded, and a policy in the page itself forbids both. Raw HTML in the Markdown stays text.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from itertools import pairwise, zip_longest
from string import Template

from markdown_it import MarkdownIt
from markdown_it.token import Token

from interlock.gateways.outcomes import Outcome
from interlock.releases.gates.types import Verdict

_MARKED = frozenset({outcome.value for outcome in Outcome} | {verdict.value for verdict in Verdict})
_STYLE = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
_TEMPLATE = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
_SMALL = 2
_NO_SLUG = re.compile(r"[^a-z0-9]+")


def html_page(title: str, markdown: str) -> str:
    """Return the whole page.

    Args:
        title: plain text.
        markdown: the page; its first heading is the title.

    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    contents = _name_headings(tokens)
    _mark(tokens)
    body = parser.renderer.render(_in_frames(tokens), parser.options, {})
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    return _TEMPLATE.substitute(
        title=escape(title), style=_STYLE, style_hash=digest, contents=_contents(contents), body=body
    )


def _name_headings(tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """Give every heading an id; return id and text of those that the table of contents lists."""
    names: set[str] = set()
    listed = []
    for token, inline in pairwise(tokens):
        if token.type != "heading_open":
            continue
        text = "".join(child.content for child in inline.children or ())
        base = _NO_SLUG.sub("-", text.lower()).strip("-") or "section"
        name, number = base, 1
        while name in names:
            number += 1
            name = f"{base}-{number}"
        names.add(name)
        token.attrSet("id", name)
        if token.tag == "h2":
            listed.append((name, text))
    return listed


def _mark(tokens: Sequence[Token]) -> None:
    """Let the style colour outcomes and verdicts: strong text that is exactly one of their words."""
    for token in tokens:
        children = token.children or []
        for opening, text in pairwise(children):
            if opening.type == "strong_open" and text.content in _MARKED:
                opening.attrSet("class", f"mark {text.content}")
            if opening.type == "link_open":
                opening.attrSet("rel", "noreferrer")


def _in_frames(tokens: Sequence[Token]) -> list[Token]:
    """Return the tokens with every table in a frame; on a narrow screen the style makes a card of each row, for which
    every cell is given the name of its column."""
    framed: list[Token] = []
    columns: list[str] = []
    frame, cell = Token("frame_open", "div", 1, block=True), 0
    for token, inner in zip_longest(tokens, tokens[1:]):
        match token.type:
            case "table_open":
                frame, columns = Token("frame_open", "div", 1, block=True), []
                framed.append(frame)
            case "thead_close":
                frame.attrSet("class", "frame" if len(columns) <= _SMALL else "frame cards")
            case "th_open":
                columns.append("".join(child.content for child in inner.children or ()))
            case "tr_open":
                cell = 0
            case "td_open":
                token.attrSet("data-column", columns[cell])
                cell += 1
        framed.append(token)
        if token.type == "table_close":
            framed.append(Token("frame_close", "div", -1, block=True))
    return framed


def _contents(headings: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f'<li><a href="#{name}">{escape(text)}</a></li>' for name, text in headings)
