"""One running product for all acceptance tests of a session, a proxy that watches its answers, and official clients."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe
from tests.support.node_packages import StripeCli
from tests.support.official_clients import BACK, Pay, connect
from tests.support.running_product import Product
from tests.support.stripe_shapes import specs_folder
from tests.support.watching_proxy import WatchingProxy


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Return the running product; simulated gateways check what they are sent where the published documents are."""
    folder = tmp_path_factory.mktemp("product")
    specs = specs_folder()
    if specs is not None:
        (folder / "shared").symlink_to(specs.parent)
    running = Product(folder).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def _proxy(product: Product) -> Iterator[WatchingProxy]:
    proxy = WatchingProxy(product.api_url).start()
    yield proxy
    proxy.stop()


@pytest.fixture
def proxy(_proxy: WatchingProxy) -> Iterator[WatchingProxy]:
    """Return the watching proxy; the test fails when an answer in it breaks the published documents."""
    _proxy.take_complaints()
    yield _proxy
    complaints = _proxy.take_complaints()
    assert not complaints, "answers that break the published documents:\n" + "\n".join(complaints[:20])


@pytest.fixture
def client(product: Product, proxy: WatchingProxy) -> stripe.StripeClient:
    """Return the official client with the secret key of test mode; it does not retry, so that nothing is hidden."""
    return connect(product.secret_key, proxy.url)


@pytest.fixture
def browser(product: Product, proxy: WatchingProxy) -> stripe.StripeClient:
    """Return the official client with the publishable key."""
    return connect(product.publishable_key, proxy.url)


@pytest.fixture
def pay(client: stripe.StripeClient) -> Pay:
    """Return a function that creates and confirms an intent; parameters may be added or overwritten."""

    def create(method: str | None = "pm_card_visa", /, **more: Any) -> stripe.PaymentIntent:
        form: Any = {"amount": 2000, "currency": "usd", "confirm": True, "return_url": BACK, **more}
        if method is not None:
            form["payment_method"] = method
        return client.v1.payment_intents.create(form)

    return create


@pytest.fixture
def cli(product: Product, proxy: WatchingProxy, tmp_path: Path) -> StripeCli:
    """Return the official CLI."""
    return StripeCli(tmp_path, proxy.url, product.secret_key)
