"""The main job: shoppers in Python and Node pay through two gateways, one of which is killed half-way; nothing is lost.

Every payment has an amount of its own, so that what shoppers were told, our books and both gateways' books can be
compared payment by payment.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import stripe
from tests.support.node_packages import node_modules, run_node
from tests.support.official_clients import BACK, connect, eventually
from tests.support.running_product import Product, fetch

PYTHON_PAYMENTS, NODE_PAYMENTS = 120, 160
PYTHON_FIRST, NODE_FIRST = 10_000, 20_000
DEAD_FOR_S = 7.0


@pytest.fixture
def own_product(tmp_path: Path) -> Iterator[Product]:
    """Return a product that this test alone uses."""
    running = Product(tmp_path).start()
    yield running
    running.stop()


def keep_dead(product: Product, begun: threading.Event, killed: Counter[str]) -> None:
    """Kill the simulated Stripe with SIGKILL, again as soon as it is back, for a few seconds."""
    begun.wait(60)
    until = time.monotonic() + DEAD_FOR_S
    while time.monotonic() < until:
        try:
            product.child("interlock.sandbox", "stripe").kill()
            killed["times"] += 1
        except (StopIteration, psutil.NoSuchProcess):
            pass
        time.sleep(0.02)


def python_crowd(product: Product, begun: threading.Event) -> dict[int, str]:
    client: Any = connect(product.secret_key, product.api_url, max_network_retries=6)
    told: dict[int, str] = {}

    def buy(number: int) -> None:
        amount = PYTHON_FIRST + number
        form = {
            "amount": amount, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa", "return_url": BACK,
            "metadata": {"order": str(amount)},
        }  # fmt: skip
        try:
            told[amount] = client.v1.payment_intents.create(form).status
        except stripe.StripeError as error:
            told[amount] = f"{error.http_status} {error.code}"
        if number == PYTHON_PAYMENTS // 3:
            begun.set()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(buy, range(PYTHON_PAYMENTS)))
    return told


def node_crowd(product: Product, folder: Path) -> dict[int, str]:
    file = folder / "told.json"
    run_node(
        "crowd.test.cjs",
        SHOP_API_URL=product.api_url,
        SHOP_SECRET_KEY=product.secret_key,
        SHOP_PUBLISHABLE_KEY=product.publishable_key,
        SHOP_PAYMENTS=str(NODE_PAYMENTS),
        SHOP_FIRST_AMOUNT=str(NODE_FIRST),
        SHOP_TOLD=str(file),
    )
    return dict(json.loads(file.read_text()))


def settled(client: Any) -> list[Any] | None:
    """Return every payment once none is still being worked on."""
    intents = list(client.v1.payment_intents.list({"limit": 100}).auto_paging_iter())
    return None if any(one.status == "processing" for one in intents) else intents


def is_back(product: Product) -> bool:
    try:
        return fetch("GET", f"{product.gateway_url('stripe')}/_sandbox/health")[0] == 200
    except OSError:
        return False


def gateway_books(product: Product) -> tuple[list[int], dict[str, int]]:
    """Return what shoppers' cards were charged in the end, by both gateways together, and how much by each."""
    kept: list[int] = []
    shares: dict[str, int] = {}
    for name in ("stripe", "adyen"):
        _, body = fetch("GET", f"{product.gateway_url(name)}/_sandbox/books")
        net: Counter[str] = Counter()
        for entry in json.loads(body)["entries"]:
            if entry["status"] == "approved" and entry["kind"] in {"capture", "refund"}:
                net[entry["payment_id"]] += entry["amount_minor"] * (1 if entry["kind"] == "capture" else -1)
        charged = [amount for amount in net.values() if amount]
        kept += charged
        shares[name] = len(charged)
    return sorted(kept), shares


def test_shoppers_pay_while_a_gateway_is_dead_and_nothing_is_lost_or_taken_twice(
    own_product: Product, tmp_path: Path
) -> None:
    node_modules()
    begun, killed = threading.Event(), Counter[str]()
    with ThreadPoolExecutor(3) as threads:
        executioner = threads.submit(keep_dead, own_product, begun, killed)
        node = threads.submit(node_crowd, own_product, tmp_path)
        told = python_crowd(own_product, begun)
        told |= node.result()
        executioner.result()

    eventually(lambda: is_back(own_product), within_s=30)
    client: Any = connect(own_product.secret_key, own_product.api_url, max_network_retries=3)
    intents = eventually(lambda: settled(client), within_s=60)
    paid = sorted(one.amount_received for one in intents if one.status == "succeeded")
    assert killed["times"] >= 1
    assert len(told) == PYTHON_PAYMENTS + NODE_PAYMENTS
    # Shoppers noticed nothing but latency; a payment in doubt is told as processing and settles afterwards.
    assert set(told.values()) <= {"succeeded", "processing"}, Counter(told.values())
    assert paid == sorted(told)
    # The gateways' books are the judge: the same payments, each once, through both gateways.
    charged, shares = eventually(lambda: books if (books := gateway_books(own_product))[0] == paid else None)
    assert charged == paid
    assert min(shares.values()) > 0, shares
    entries = client.v1.balance_transactions.list({"type": "charge", "limit": 100}).auto_paging_iter()
    assert sorted(one.amount for one in entries) == paid
    balance = client.v1.balance.retrieve()
    net = sum(one.amount for one in (*balance.pending, *balance.available))
    fees = sum(one.fee for one in client.v1.balance_transactions.list({"limit": 100}).auto_paging_iter())
    assert net == sum(paid) - fees
