"""The page a shopper sees when a test card asks for authentication: two buttons and no script."""

from html import escape
from urllib.parse import urlencode

from interlock.sandbox.http import Reply

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>3D Secure test page</title><style>
:root {{ color-scheme: light dark }}
body {{ font: 17px/1.5 system-ui, sans-serif; max-width: 30rem; margin: 15vh auto 0; padding: 0 1.5rem }}
body {{ text-align: center }}
h1 {{ font-size: 1.3rem }} form {{ display: inline-block; margin: .5rem }}
button {{ font: inherit; padding: .5rem 1.2rem; cursor: pointer }} #complete {{ font-weight: 600 }}
</style></head>
<body><h1>3D Secure test page</h1>
<p><strong>{amount} {currency}</strong> at the {provider} sandbox. No real bank is asked.</p>
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
