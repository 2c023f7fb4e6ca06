"""Schemathesis sends what our own OpenAPI document allows and what it does not: never a server error.

It runs as its own program, through the watching proxy, so that every answer is held against Stripe's document as well,
and half of its requests name objects that exist. A longer run by hand: ``INTERLOCK_FUZZ_S=600 pytest`` this file.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.official_clients import BACK, Pay, connect
from tests.support.running_product import Product
from tests.support.watching_proxy import WatchingProxy

SEED = 20_261_123
MOST_S = int(os.environ.get("INTERLOCK_FUZZ_S", "45"))  # a slow machine sends fewer; how many is enough stands below
ENOUGH, RUNS = 300, 4
EXAMPLES = 8 if MOST_S < 100 else 500
ROOT = Path(__file__).parents[2]


def existing(v1: Any, pay: Pay) -> dict[str, list[str]]:
    """Make objects in many states and return their ids by the names the hooks look them up with."""
    customers = [v1.customers.create({"name": f"Fuzz {number}"}).id for number in range(4)]
    paid = [pay() for _ in range(4)] + [pay(capture_method="manual") for _ in range(6)]
    open_ = [v1.payment_intents.create({"amount": 700, "currency": "usd"}) for _ in range(8)]
    challenged = [pay("pm_card_authenticationRequired") for _ in range(2)]
    charges = [one.latest_charge for one in paid]
    disputed = [pay("pm_card_createDispute").id for _ in range(2)]
    disputes = [one.id for intent in disputed for one in v1.disputes.list({"payment_intent": intent}).data]
    setup = {"payment_method": "pm_card_visa", "confirm": True, "return_url": BACK}
    done = v1.setup_intents.create({**setup, "customer": customers[0]})
    methods = [v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}}).id for _ in range(4)]
    product = v1.products.create({"name": "Thing"}).id
    price = v1.prices.create({"product": product, "unit_amount": 500, "currency": "usd"}).id
    page = {"mode": "payment", "success_url": BACK, "line_items": [{"price": price, "quantity": 1}]}
    found = {
        "payment_intent": [one.id for one in (*paid, *open_, *challenged)],
        "customer": customers,
        "payment_method": [*methods, done.payment_method, "pm_card_visa", "pm_card_chargeDeclined"],
        "setup_intent": [done.id, *(v1.setup_intents.create({}).id for _ in range(4))],
        "charge": charges,
        "refund": [v1.refunds.create({"charge": one, "amount": 100}).id for one in charges[:3]],
        "dispute": disputes,
        "session": [v1.checkout.sessions.create(page).id for _ in range(3)],
        "product": [product],
        "price": [price],
        "confirmation_token": [v1.test_helpers.confirmation_tokens.create({"payment_method": "pm_card_visa"}).id],
        "source": [v1.customers.payment_sources.create(customers[1], {"source": "tok_visa"}).id, "tok_visa"],
        "event": [one.id for one in v1.events.list({"limit": 3}).data],
        "balance_transaction": [one.id for one in v1.balance_transactions.list({"limit": 3}).data],
        "mandate": [done.mandate],
    }
    fields = {"currency": ["usd", "eur", "jpy"], "amount": ["100", "2000"], "confirm": ["true"], "return_url": [BACK]}
    pages = {"payment_pages": found["session"]}
    return {**found, **{f"{name}s": ids for name, ids in found.items()}, **fields, **pages}


@pytest.mark.timeout(RUNS * (2 * MOST_S + 60))
def test_nothing_that_is_sent_makes_a_server_error(
    product: Product, proxy: WatchingProxy, pay: Pay, tmp_path: Path
) -> None:
    ids = existing(connect(product.secret_key, proxy.url).v1, pay)
    before = proxy.answered
    # A machine that is busy with other things sends few in one run's time: it gets more runs.
    for seed in range(SEED, SEED + RUNS):
        done = fuzz(product, proxy, ids, tmp_path, seed)
        assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-1_000:]
        if proxy.answered - before > ENOUGH:
            return
    pytest.fail(f"{proxy.answered - before} requests in {RUNS} runs of {MOST_S} s say nothing")


def fuzz(
    product: Product, proxy: WatchingProxy, ids: dict[str, list[str]], folder: Path, seed: int
) -> subprocess.CompletedProcess[str]:
    """Let Schemathesis send for as long as it may."""
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")), "run", f"{product.api_url}/openapi.json",
            "--url", proxy.url,
            "--header", f"Authorization: Bearer {product.secret_key}",
            "--checks", "not_a_server_error", "--phases", "fuzzing,coverage", "--max-time", str(MOST_S),
            "--max-examples", str(EXAMPLES), "--seed", str(seed), "--generation-database", "none",
            "--continue-on-failure", "--workers", "2", "--request-timeout", "20", "--no-color",
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "SCHEMATHESIS_HOOKS": "tests.support.schemathesis_hooks",
            "SHOP_IDS": json.dumps(ids),
        },
        capture_output=True,
        text=True,
        timeout=2 * MOST_S + 60,
        check=False,
    )  # fmt: skip
