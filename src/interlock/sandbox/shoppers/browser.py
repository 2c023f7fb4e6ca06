"""The shopper's browser at a challenge (3DS): follows the redirects, presses the button it was told to press.

Called by the buyer. Reloads pages that do not come; stops where the shop's own page would begin.
"""

import re
from html import unescape
from urllib.parse import urlsplit

from interlock.sandbox.shoppers.client import Client, Patience, Reply, form
from interlock.sandbox.shoppers.forms import RETURN_URL

_HOPS = 8
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL | re.IGNORECASE)
_INPUT = re.compile(r"<input\b([^>]*)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"(\w+)=[\"']([^\"']*)[\"']")
_SHOP = urlsplit(RETURN_URL).netloc


async def authenticate(client: Client, url: str, outcome: str, patience: Patience) -> str:
    """Go through the challenge at ``url`` and return where it ended: ``shop``, ``lost`` (no such page) or ``stuck``.

    Args:
        client: to load pages with.
        url: of ``next_action``.
        outcome: ``succeed`` or ``fail``, the button to press.
        patience: for each page.

    """
    method, body = "GET", None
    for _ in range(_HOPS):
        reply = await client.page(method, url, body, patience)
        if not reply.answered:
            return "stuck"
        following = _next(reply, url, outcome)
        if following is None:
            return "lost"
        method, url, body = following
        if urlsplit(url).netloc == _SHOP:
            return "shop"
    return "stuck"


def _next(reply: Reply, url: str, outcome: str) -> tuple[str, str, bytes | None] | None:
    if reply.location is not None and 300 <= reply.status < 400:
        return "GET", reply.location, None
    if not reply.ok:
        return None
    return submitted(reply.text, url, outcome)


def submitted(page: str, url: str, outcome: str) -> tuple[str, str, bytes | None] | None:
    """Return the request that submitting the right form of ``page`` makes, None when there is no form.

    Args:
        page: the HTML.
        url: where the page came from.
        outcome: of several forms the one with this ``outcome`` is taken.

    """
    chosen: tuple[dict[str, str], dict[str, str]] | None = None
    for head, inside in _FORM.findall(page):
        fields = {}
        for found in _INPUT.findall(inside):
            attributes = _attributes(found)
            if "name" in attributes:
                fields[attributes["name"]] = attributes.get("value", "")
        if chosen is None or fields.get("outcome") == outcome:
            chosen = (_attributes(head), fields)
    if chosen is None:
        return None
    attributes, fields = chosen
    action = attributes.get("action") or url
    if action.startswith("/"):
        parts = urlsplit(url)
        action = f"{parts.scheme}://{parts.netloc}{action}"
    encoded = form(fields.items())
    if attributes.get("method", "get").lower() == "post":
        return "POST", action, encoded
    return "GET", f"{action}{'&' if '?' in action else '?'}{encoded.decode()}", None


def _attributes(text: str) -> dict[str, str]:
    return {name.lower(): unescape(value) for name, value in _ATTRIBUTE.findall(text)}
