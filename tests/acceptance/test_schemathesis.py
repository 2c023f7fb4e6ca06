"""Schemathesis sends what our own OpenAPI document allows and what it does not: never a server error.

It runs as its own program, through the watching proxy, so that every answer is held against Stripe's document as well.
A longer run by hand: ``schemathesis run URL/openapi.json -H "Authorization: Bearer KEY" -n 500``.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.running_product import Product
from tests.support.watching_proxy import WatchingProxy

EXAMPLES = 6
SEED = 20_261_123
MOST_S = 60  # a slow machine sends fewer; how much is enough is asserted below


@pytest.mark.timeout(5 * MOST_S)
def test_nothing_that_is_sent_makes_a_server_error(product: Product, proxy: WatchingProxy, tmp_path: Path) -> None:
    before = proxy.answered
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")), "run", f"{product.api_url}/openapi.json",
            "--url", proxy.url,
            "--header", f"Authorization: Bearer {product.secret_key}",
            "--checks", "not_a_server_error", "--phases", "coverage,fuzzing",
            "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--generation-database", "none",
            "--continue-on-failure", "--workers", "2", "--request-timeout", "20", "--no-color",
            "--max-time", str(MOST_S),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=4 * MOST_S,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-1_000:]
    assert proxy.answered - before > 400
