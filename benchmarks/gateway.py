"""A gateway for benchmarks: answers Stripe's create-and-confirm at once or after a fixed time, with hardly any CPU.

``run`` starts it where `interlock up` would start the simulated gateways, because those keep books and validate every
request, which is work of a shop's gateway and not of ours: on two shared cores it would be measured as our slowness.
The product and the floor talk to the same process, so what it costs falls on both alike. It speaks just enough HTTP/1.1
for a client that sends one request after another on a kept connection. ``POST /_bench/latency/300`` makes it answer
300 ms after each request from then on.
"""

import argparse
import asyncio
import json
import re
import signal
from functools import partial
from typing import Any, cast

import uvloop

_AMOUNT = re.compile(rb"(?:^|&)amount=(\d+)")
_CURRENCY = re.compile(rb"(?:^|&)currency=([a-z]{3})")
_REFERENCE = re.compile(rb"metadata%5Binterlock_attempt%5D=([A-Za-z0-9_]+)")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LATENCY = re.compile(rb"POST /_bench/latency/(\d+) ")
_BACKLOG = 4_096
_CHECKS = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}
_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
_CARD = {
    "amount_authorized": "@amount@",
    "authorization_code": "831000",
    "brand": "visa",
    "checks": _CHECKS,
    "country": "US",
    "exp_month": 12,
    "exp_year": 2034,
    "extended_authorization": {"status": "disabled"},
    "fingerprint": "Xt5EWLLDS7FJjR1c",
    "funding": "credit",
    "incremental_authorization": {"status": "unavailable"},
    "installments": None,
    "last4": "4242",
    "mandate": None,
    "multicapture": {"status": "unavailable"},
    "network": "visa",
    "network_token": {"used": False},
    "network_transaction_id": "770102038510115",
    "overcapture": {"maximum_amount_capturable": "@amount@", "status": "unavailable"},
    "regulated_status": "unregulated",
    "three_d_secure": None,
    "wallet": None,
}
_CHARGE = {
    "id": "ch_@id@",
    "object": "charge",
    "amount": "@amount@",
    "amount_captured": "@amount@",
    "amount_refunded": 0,
    "application": None,
    "application_fee": None,
    "application_fee_amount": None,
    "balance_transaction": "txn_@id@",
    "billing_details": {"address": _ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None},
    "calculated_statement_descriptor": "SHOP.EXAMPLE",
    "captured": True,
    "created": 1790000000,
    "currency": "@currency@",
    "customer": None,
    "description": None,
    "destination": None,
    "dispute": None,
    "disputed": False,
    "failure_balance_transaction": None,
    "failure_code": None,
    "failure_message": None,
    "fraud_details": {},
    "livemode": False,
    "metadata": {"interlock_attempt": "@reference@"},
    "on_behalf_of": None,
    "order": None,
    "outcome": {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "risk_level": "normal",
        "risk_score": 14,
        "seller_message": "Payment complete.",
        "type": "authorized",
    },
    "paid": True,
    "payment_intent": "pi_@id@",
    "payment_method": "pm_@id@",
    "payment_method_details": {"card": _CARD, "type": "card"},
    "radar_options": {},
    "receipt_email": None,
    "receipt_number": None,
    "receipt_url": "https://pay.example/receipts/payment/CAcaFwoVYWNjdF8xTTJKVGtMa2RJd0h1N2l4@id@",
    "refunded": False,
    "review": None,
    "shipping": None,
    "source": None,
    "source_transfer": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "status": "succeeded",
    "transfer_data": None,
    "transfer_group": None,
}
_INTENT = {
    "id": "pi_@id@",
    "object": "payment_intent",
    "amount": "@amount@",
    "amount_capturable": 0,
    "amount_details": {"tip": {}},
    "amount_received": "@amount@",
    "application": None,
    "application_fee_amount": None,
    "automatic_payment_methods": None,
    "canceled_at": None,
    "cancellation_reason": None,
    "capture_method": "automatic",
    "client_secret": "pi_@id@_secret_YrKJUKribcBjcG8HVhfZluoGH",
    "confirmation_method": "automatic",
    "created": 1790000000,
    "currency": "@currency@",
    "customer": None,
    "description": None,
    "excluded_payment_method_types": None,
    "last_payment_error": None,
    "latest_charge": _CHARGE,
    "livemode": False,
    "metadata": {"interlock_attempt": "@reference@"},
    "next_action": None,
    "on_behalf_of": None,
    "payment_method": "pm_@id@",
    "payment_method_configuration_details": None,
    "payment_method_options": {
        "card": {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
    },
    "payment_method_types": ["card"],
    "processing": None,
    "receipt_email": None,
    "review": None,
    "setup_future_usage": None,
    "shipping": None,
    "source": None,
    "statement_descriptor": None,
    "statement_descriptor_suffix": None,
    "status": "succeeded",
    "transfer_data": None,
    "transfer_group": None,
}


def template() -> list[bytes]:
    """Return the answer's body cut at its variable places: even positions are text, odd ones name what goes there."""
    text = json.dumps(_INTENT, separators=(",", ":"))
    return [part.encode() for part in text.replace('"@amount@"', "@amount@").split("@")]


class Answers:
    """Makes the answer to each request."""

    def __init__(self) -> None:
        """Prepare the parts that never change."""
        self.latency_s = 0.0
        self._parts = template()
        self._variable = [(at, part.decode()) for at, part in enumerate(self._parts) if at % 2]
        self.made = 0

    def to(self, head: bytes, body: bytes) -> bytes:
        """Return the complete HTTP answer."""
        if not head.startswith(b"POST /v1/payment_intents "):
            latency = _LATENCY.match(head)
            if latency is not None:
                self.latency_s = int(latency[1]) / 1000
            return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
        amount, currency, reference = _AMOUNT.search(body), _CURRENCY.search(body), _REFERENCE.search(body)
        if amount is None or currency is None or reference is None:
            return b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
        self.made += 1
        values = {
            "amount": amount[1],
            "currency": currency[1],
            "reference": reference[1],
            "id": b"3Bench%016d" % self.made,
        }
        parts = self._parts
        for at, name in self._variable:
            parts[at] = values[name]
        shown = b"".join(parts)
        return (
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nrequest-id: req_%016d\r\n"
            b"stripe-version: 2026-05-27.dahlia\r\ncontent-length: %d\r\n\r\n" % (self.made, len(shown))
        ) + shown


class Connection(asyncio.Protocol):
    """One client connection."""

    def __init__(self, answers: Answers, loop: asyncio.AbstractEventLoop) -> None:
        """Answer with ``answers``."""
        self._answers = answers
        self._loop = loop
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        buffer = self._buffer + data if self._buffer else data
        while buffer:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                break
            head = buffer[:end]
            length = _LENGTH.search(head)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(buffer) < size:
                break
            self._send(self._answers.to(head, buffer[end + 4 : size]))
            buffer = buffer[size:]
        self._buffer = buffer

    def _send(self, answer: bytes) -> None:
        if self._answers.latency_s:
            self._loop.call_later(self._answers.latency_s, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def serve(port: int) -> None:
    """Serve on ``port`` until SIGTERM."""
    loop = asyncio.get_running_loop()
    made: Any = partial(Connection, Answers(), loop)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(made, "127.0.0.1", port, backlog=_BACKLOG)
    await stop.wait()
    server.close()


def main() -> None:
    """Run the gateway as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
