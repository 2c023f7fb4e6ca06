"""Words that acceptance tests share: official clients, the shop's address, how to pay and to authenticate."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
import stripe
from tests.support.running_product import location

BACK = "https://shop.test/back"
Pay = Callable[..., stripe.PaymentIntent]
T = TypeVar("T")


def connect(key: str, url: str, **options: Any) -> stripe.StripeClient:
    """Return an official client; it does not retry unless told to, so that nothing is hidden."""
    return stripe.StripeClient(key, base_addresses={"api": url}, **{"max_network_retries": 0, **options})


def challenge_url(intent: Any) -> str:
    """Return where the shopper is sent to authenticate."""
    assert intent.next_action is not None, intent
    assert intent.next_action.type == "redirect_to_url"
    assert intent.next_action.redirect_to_url.return_url.startswith(BACK)
    return str(intent.next_action.redirect_to_url.url)


def authenticate(intent: Any, outcome: str) -> str:
    """Do what the shopper's browser does and return the shop's address it ends at; ``outcome``: succeed or fail."""
    page = challenge_url(intent)
    if "/payments/redirect/" in page:
        page = location(page)
    if page.startswith(BACK):  # nothing to authenticate any more
        return page
    back = location(f"{page}{'&' if '?' in page else '?'}outcome={outcome}")
    return back if back.startswith(BACK) else location(back)


def refused(kind: type[stripe.StripeError], call: Callable[[], object]) -> Any:
    """Return the error of ``kind`` that ``call`` raises."""
    with pytest.raises(kind) as caught:
        call()
    return caught.value


def eventually(look: Callable[[], T | None], within_s: float = 30.0) -> T:
    """Return what ``look`` finds, once it does."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "not found in time"
        time.sleep(0.05)
