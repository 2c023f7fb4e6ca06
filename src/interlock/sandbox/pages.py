"""The page a shopper sees when a test card asks for authentication: two buttons, no style sheet, no script."""

from html import escape
from urllib.parse import urlencode

from interlock.sandbox.http import Reply

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>3D Secure test page</title></head>
<body><h1>3D Secure test page</h1>
<p>{provider} sandbox, {amount} {currency}. No real bank is asked.</p>
<form method="get" action="{action}"><input type="hidden" name="outcome" value="succeed">
<button id="complete">Complete authentication</button></form>
<form method="get" action="{action}"><input type="hidden" name="outcome" value="fail">
<button id="fail">Fail authentication</button></form>
</body></html>"""


def challenge(provider: str, amount: str, currency: str, action: str) -> Reply:
    """Return the challenge page for one payment."""
    page = _PAGE.format(
        provider=escape(provider), amount=escape(amount), currency=escape(currency.upper()), action=escape(action)
    )
    return Reply(200, page.encode(), "text/html; charset=utf-8", {"cache-control": "no-store"})


def redirect(url: str) -> Reply:
    """Send the shopper back to the shop."""
    return Reply(303, b"", "", {"location": url})


def message(status: int, text: str) -> Reply:
    """Return a page with one sentence."""
    page = (
        f"<!DOCTYPE html><html lang='en'><head><title>Sandbox</title></head><body><p>{escape(text)}</p></body></html>"
    )
    return Reply(status, page.encode(), "text/html; charset=utf-8")


def with_query(url: str, **values: str) -> str:
    """Return ``url`` with ``values`` added to its query."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(values)}"
