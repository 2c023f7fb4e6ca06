"""Simulated gateways as processes of their own, and a plain HTTP client to talk to them. Any test may start one."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

START_S = 20.0
TIMEOUT_S = 10.0
STRIPE_KEY = "sk_test_sandbox_tests"
ADYEN_HEADERS = {"x-api-key": "sandbox-tests", "content-type": "application/json"}


class Answer(msgspec.Struct):
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the decoded body."""
        return msgspec.json.decode(self.body)


def fetch(
    method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_S
) -> Answer:
    """Send one request on a connection of its own and read the whole answer."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, dict(headers or {}))
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())
    finally:
        connection.close()


class Gateway:
    """One running simulated gateway."""

    def __init__(self, provider: str, folder: Path, *options: str) -> None:
        """Remember how to start it; ``folder`` holds its data and port file."""
        self.provider = provider
        self.folder = folder
        self.options = options
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the base URL."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process and wait until it listens."""
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "interlock.sandbox", self.provider, "--port-file", str(port_file)]
        command += ["--data-dir", str(self.folder / "data"), "--port", str(self.port), *self.options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=dict(os.environ))
        deadline = time.monotonic() + START_S
        while not port_file.exists():
            assert self._process.poll() is None, f"the {self.provider} sandbox ended at once"
            assert time.monotonic() < deadline, f"the {self.provider} sandbox did not start in {START_S} s"
            time.sleep(0.01)
        self.port = int(port_file.read_text())

    def kill(self) -> None:
        """End it with -9, as an operator or a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it politely."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None

    # -- control API -----------------------------------------------------------------------------------------------

    def control(self, method: str, path: str, value: object = None) -> Any:
        """Call the control API and return the decoded answer."""
        body = b"" if value is None else msgspec.json.encode(value)
        return fetch(method, f"{self.url}/_sandbox/{path}", body).json()

    def fault(self, kind: str, **parameters: object) -> str:
        """Add a fault and return its id."""
        return str(self.control("POST", "faults", {"kind": kind, **parameters})["id"])

    def clear_faults(self) -> None:
        """Remove every fault."""
        self.control("DELETE", "faults")

    def books(self, **filters: str) -> list[dict[str, Any]]:
        """Return the books' entries that match."""
        entries: list[dict[str, Any]] = self.control("GET", f"books?{urlencode(filters)}")["entries"]
        return entries

    # -- provider APIs ---------------------------------------------------------------------------------------------

    def stripe(self, method: str, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Answer:
        """Call the Stripe API with flat form parameters such as ``{"card[number]": "…"}``."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent.setdefault("authorization", f"Bearer {STRIPE_KEY}")
        encoded = urlencode(form or {})
        if method == "GET":
            return fetch(method, f"{self.url}{path}?{encoded}", b"", sent)
        sent["content-type"] = "application/x-www-form-urlencoded"
        return fetch(method, self.url + path, encoded.encode(), sent)

    def adyen(self, path: str, value: object, **headers: str) -> Answer:
        """POST to the Adyen API."""
        sent = {**ADYEN_HEADERS, **{name.replace("_", "-"): text for name, text in headers.items()}}
        return fetch("POST", f"{self.url}/v72{path}", msgspec.json.encode(value), sent)


@contextmanager
def running(provider: str, folder: Path, *options: str) -> Iterator[Gateway]:
    """Run a simulated gateway for the time of a ``with`` block."""
    gateway = Gateway(provider, folder, *options)
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.kill()


def stripe_sale(number: str = "4242424242424242", **more: str) -> dict[str, str]:
    """Return the parameters of a sale of 10.99 USD with a raw card."""
    return {
        "amount": "1099",
        "currency": "usd",
        "confirm": "true",
        "payment_method_types[]": "card",
        "return_url": "http://shop.test/back",
        "payment_method_data[type]": "card",
        "payment_method_data[card][number]": number,
        "payment_method_data[card][exp_month]": "12",
        "payment_method_data[card][exp_year]": "2034",
        "payment_method_data[card][cvc]": "123",
        **more,
    }


def adyen_sale(number: str = "4242424242424242", **more: Any) -> dict[str, Any]:
    """Return the body of a sale of 10.99 USD with a raw card; ``card_…`` keys change the card."""
    card = {name.removeprefix("card_"): value for name, value in more.items() if name.startswith("card_")}
    rest = {name: value for name, value in more.items() if not name.startswith("card_")}
    return {
        "merchantAccount": "InterlockSandbox",
        "amount": {"value": 1099, "currency": "USD"},
        "reference": "at_1",
        "returnUrl": "http://shop.test/back",
        "shopperInteraction": "Ecommerce",
        "paymentMethod": {
            "type": "scheme",
            "number": number,
            "expiryMonth": "12",
            "expiryYear": "2034",
            "cvc": "123",
            "holderName": "Ada Lovelace",
            **card,
        },
        **rest,
    }


def wait_until(condition: Any, timeout_s: float = 5.0) -> None:
    """Wait until ``condition()`` is true; fail when it does not come about."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)
