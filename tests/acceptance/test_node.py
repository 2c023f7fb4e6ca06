"""The unmodified official SDK for Node against the running product; the assertions stand in ``node/*.test.cjs``."""

from tests.support.node_packages import run_node
from tests.support.running_product import Product
from tests.support.watching_proxy import WatchingProxy


def test_the_shop_in_node(product: Product, proxy: WatchingProxy) -> None:
    printed = run_node(
        "shop.test.cjs",
        SHOP_API_URL=proxy.url,
        SHOP_SECRET_KEY=product.secret_key,
        SHOP_PUBLISHABLE_KEY=product.publishable_key,
    )
    assert "fail 0" in printed
