"""The two pages of a shopper's challenge (3DS): ``/payments/redirect/…`` leads out to the bank, ``/payments/return/…``
takes the shopper back and on to the shop.

A small ASGI application of its own, put before the API's by :func:`with_challenges`: no API key; the token in the path
is the authentication.
"""

import html
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from interlock.api import forms
from interlock.api.limits import Disconnected, Limits, read_body
from interlock.base.problems import Problem
from interlock.base.redaction import exception_text
from interlock.payments.intents.challenges import Challenges, Redirect

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
ASGIApp = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

PREFIX = "/payments/"
_PATH = re.compile(r"/payments/(redirect|return)/([A-Za-z0-9_]{1,64})/([A-Za-z0-9_]{1,64})/([A-Za-z0-9_]{1,64})/?")
_LIMITS = Limits(body_bytes=256 << 10)
_log = logging.getLogger("interlock.api")

_FRAME = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="robots" content="noindex">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
    "<style>:root{{color-scheme:light dark}}body{{font:17px/1.5 system-ui,sans-serif;max-width:30rem;"
    "margin:18vh auto 0;padding:0 1.5rem;text-align:center}}h1{{font-size:1.3rem}}"
    "button{{font:inherit;padding:.5rem 1.2rem}}</style>"
    "</head><body><h1>{title}</h1>{body}</body></html>"
)
_FORM = (
    "<p>Your bank asks you to confirm this payment. One moment, please.</p>"
    '<form method="post" action="{url}">{fields}<noscript><button>Continue to your bank</button></noscript></form>'
    "<script>document.forms[0].submit()</script>"
)
_FIELD = '<input type="hidden" name="{name}" value="{value}">'


class ChallengePages:
    """The ASGI application for paths below ``/payments/``."""

    def __init__(self, challenges: Challenges) -> None:
        """Answer through ``challenges``."""
        self._challenges = challenges

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        found = _PATH.fullmatch(scope["path"])
        method = scope["method"]
        if found is None or method not in {"GET", "POST"}:
            await _page(send, 404, "There is nothing here.")
            return
        page, account_id, attempt_id, token = found.groups()
        try:
            if page == "redirect":
                way = await self._challenges.redirect(account_id, attempt_id, token)
            else:
                parameters = await _parameters(scope, receive)
                if isinstance(parameters, Problem):
                    await _page(send, parameters.status, parameters.message)
                    return
                way = await self._challenges.returned(account_id, attempt_id, token, parameters)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - the last line: the shopper must not see a broken connection
            _log.error("challenge page of %s failed: %s", attempt_id, exception_text(error))
            await _page(send, 500, "Something went wrong. Reload this page to go on.")
            return
        if isinstance(way, Problem):
            await _page(send, 404, "This link is not valid any more.")
        else:
            await _lead(send, way)


async def _parameters(scope: dict[str, Any], receive: Receive) -> dict[str, str] | Problem:
    """Return the query and form fields of the return, flat."""
    raw: bytes = scope["query_string"]
    if scope["method"] == "POST":
        body = await read_body(receive, _LIMITS, None)
        if isinstance(body, Problem):
            return body
        raw = raw + b"&" + body if raw else body
    form = forms.parse(raw)
    if isinstance(form, Problem):
        return form
    return {name: value for name, value in form.values.items() if isinstance(value, str)}


async def _lead(send: Send, way: Redirect) -> None:
    if way.url == "about:blank":
        await _page(send, 200, "You can close this page and go back to the shop.")
    elif way.method == "GET":
        headers = [(b"location", way.url.encode()), (b"content-length", b"0"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
    else:
        fields = "".join(
            _FIELD.format(name=html.escape(name), value=html.escape(value)) for name, value in way.data.items()
        )
        await _send_html(send, 200, "Continue to your bank", _FORM.format(url=html.escape(way.url), fields=fields))


async def _page(send: Send, status: int, text: str) -> None:
    await _send_html(send, status, "Payment", f"<p>{html.escape(text)}</p>")


async def _send_html(send: Send, status: int, title: str, body: str) -> None:
    page = _FRAME.format(title=html.escape(title), body=body).encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(page)).encode()),
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": page})


def with_challenges(application: ASGIApp, challenges: Challenges) -> ASGIApp:
    """Return ``application`` with the challenge pages served beside it."""
    pages = ChallengePages(challenges)

    async def serve(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await pages(scope, receive, send)
        else:
            await application(scope, receive, send)

    return serve
