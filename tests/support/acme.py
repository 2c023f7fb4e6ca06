"""A small honest connector of a provider that the product does not know, and the table an operator writes for it."""

from interlock.gateways.package import Package

MANIFEST = """
name = "acme"
title = "Acme Pay"
contract_version = 1
api_version = "3"
documentation = "https://docs.acme.example/api"

[hosts]
live.base_url = "https://pay.acme.example/v3"
test.base_url = "https://pay-test.acme.example/v3"

[auth]
scheme = "bearer"
header = "authorization"
credential = "token"

[credentials.token]
title = "access token"
live_prefixes = ["acl_"]
test_prefixes = ["act_"]

[credentials.hook_key]
title = "webhook key"
required = false

[capabilities]
operations = ["sale", "refund", "inquire"]
networks = ["visa", "mastercard"]
partial_refund = true
inquiry = "retrieve"

[timeouts]
resolve_ms = 2000
connect_ms = 2000
tls_ms = 2000
write_ms = 2000
read_ms = 20000
total_ms = 40000

[idempotency]
header = "request-key"
retention_ms = 43200000

[codes.statuses.payment]
paid = "approved"
failed = "declined"
open = "pending"

[codes.declines]
no_money = "insufficient_funds"

[webhook]
scheme = "stripe_v1"
credential = "hook_key"
signature_header = "acme-signature"
tolerance_ms = 300000
subscriptions = ["payment.paid", "payment.failed"]

[echo.sale]
amount = "/amount"
currency = "/currency"

[echo.refund]
amount = "/amount"
currency = "/currency"

[sent.sale]
path = "/payments"
format = "json"
amount = "/amount"
currency = "/currency"

[sent.refund]
path = "/payments/*/refunds"
format = "json"
amount = "/amount"
"""

CONNECTOR = '''
"""Acme's connector."""

import hmac
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from interlock.base.money import from_provider, to_provider
from interlock.gateways.contract import (
    UNREADABLE,
    Card,
    ConnectorConfig,
    FollowOnRequest,
    HttpRequest,
    HttpResponse,
    InquireRequest,
    Notification,
    NotificationKind,
    PaymentRequest,
    SignatureInvalid,
    Step,
    Tables,
)
from interlock.gateways.outcomes import Outcome, Result, not_sent, unknown

_EVENTS = {"payment.paid": NotificationKind.PAYMENT, "payment.failed": NotificationKind.PAYMENT}


class Payment(msgspec.Struct, frozen=True):
    """A payment."""

    id: str
    status: str
    amount: int
    currency: str
    reason: str = ""


class Event(msgspec.Struct, frozen=True):
    """A notification."""

    id: str
    kind: str
    at_ms: int
    payment: Payment


class AcmeConnector:
    """Acme's payments."""

    def __init__(self, tables: Tables) -> None:
        """Keep the tables."""
        self._tables = tables

    def sale(self, config: ConnectorConfig, request: PaymentRequest) -> Step:
        """Take money."""
        if not isinstance(request.instrument, Card):
            return not_sent("method_not_supported")
        amount = to_provider(request.amount, self._tables.currency_exponents)
        if amount is None:
            return not_sent("amount_not_expressible")
        body = msgspec.json.encode({"amount": amount, "currency": request.amount.currency})
        response = yield self._post(config, "/payments", request.idempotency_key, body)
        return self._read(response)

    def refund(self, config: ConnectorConfig, request: FollowOnRequest) -> Step:
        """Give money back."""
        amount = to_provider(request.amount, self._tables.currency_exponents)
        if amount is None:
            return not_sent("amount_not_expressible")
        path = f"/payments/{quote(request.gateway_reference, safe='')}/refunds"
        response = yield self._post(config, path, request.idempotency_key, msgspec.json.encode({"amount": amount}))
        return self._read(response)

    def inquire(self, config: ConnectorConfig, request: InquireRequest) -> Step:
        """Look at it."""
        if request.gateway_reference is None:
            return unknown("no_reference")
        path = "/payments/" + quote(request.gateway_reference, safe="")
        headers = {"authorization": f"Bearer {config.credentials['token']}"}
        response = yield HttpRequest(method="GET", path=path, headers=headers)
        return self._read(response)

    def parse_notification(
        self, config: ConnectorConfig, headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> list[Notification] | SignatureInvalid:
        """Verify and read."""
        key = config.credentials.get("hook_key")
        if not key:
            return SignatureInvalid("no key")
        stamp, _, given = headers.get("acme-signature", "").partition(".")
        expected = hmac.new(key.encode(), stamp.encode() + body, "sha256").hexdigest()
        if not hmac.compare_digest(expected, given):
            return SignatureInvalid("no match")
        if not stamp.isdigit() or abs(now_ms - int(stamp)) > self._tables.webhook_tolerance_ms:
            return SignatureInvalid("too old")
        try:
            event = msgspec.json.decode(body, type=Event)
        except UNREADABLE:
            return SignatureInvalid("unreadable")
        kind = _EVENTS.get(event.kind, NotificationKind.IGNORED)
        return [Notification(kind=kind, notification_id=event.id, occurred_at_ms=event.at_ms)]

    def _post(self, config: ConnectorConfig, path: str, key: str, body: bytes) -> HttpRequest:
        headers = {"authorization": f"Bearer {config.credentials['token']}", "request-key": key}
        return HttpRequest(method="POST", path=path, headers=headers, body=body)

    def _read(self, response: HttpResponse) -> Result:
        try:
            payment = msgspec.json.decode(response.body, type=Payment)
        except UNREADABLE:
            return unknown("unreadable", f"HTTP {response.status}")
        outcome = self._tables.statuses["payment"].get(payment.status, Outcome.UNKNOWN)
        return Result(
            outcome=outcome,
            gateway_reference=payment.id,
            echo=from_provider(payment.amount, payment.currency, self._tables.currency_exponents),
            decline_code=self._tables.declines.get(payment.reason),
        )
'''

TABLE = """
name = "acme"
title = "Acme Pay"

[sources]
hosts = "docs.acme.example/hosts"

[hosts]
live = ["https://pay.acme.example/v{api_version}"]
test = ["https://pay-test.acme.example/v{api_version}"]

[versions]
known = ["3"]

[auth]
scheme = "bearer"
header = "authorization"
credential = "token"

[credentials.token]
live_prefixes = ["acl_"]
test_prefixes = ["act_"]

[credentials.hook_key]
required = false

[capabilities]
operations = ["sale", "refund", "inquire"]
needed_operations = ["sale", "refund", "inquire"]
networks = ["visa", "mastercard"]
methods = ["card"]
can = ["partial_refund"]
inquiry = ["retrieve"]

[timeouts]
resolve_ms = [500, 5000]
connect_ms = [500, 5000]
tls_ms = [500, 5000]
write_ms = [500, 5000]
read_ms = [10000, 60000]
total_ms = [15000, 60000]

[limits]
requests = [1, 10]
request_bytes = [16384, 1048576]
response_bytes = [65536, 8388608]

[idempotency]
header = "request-key"
documented_ms = 86400000
retention_ms = [3600000, 82800000]
key_max_length = [32, 64]

[inquiry]
consistency_delay_ms = [0, 600000]

[statuses.payment]
paid = ["approved"]
failed = ["declined"]
open = ["pending"]

[declines]
no_money = ["insufficient_funds"]

[webhook]
scheme = "stripe_v1"
credential = "hook_key"
signature_header = "acme-signature"
tolerance_ms = [60000, 600000]
subscriptions.sale = ["payment.paid", "payment.failed"]

[notifications]
"payment.paid" = ["payment"]
"payment.failed" = ["payment"]

[echo.sale]
amount = "/amount"
currency = "/currency"

[echo.refund]
amount = "/amount"
currency = "/currency"

[sent.sale]
path = "/payments"
format = "json"
amount = "/amount"
currency = "/currency"

[sent.refund]
path = "/payments/*/refunds"
format = "json"
amount = "/amount"
"""


def package(connector: str = CONNECTOR, manifest: str = MANIFEST) -> Package:
    """Return the package, with another connector or manifest where one is given."""
    init = '"""Acme."""\n\nfrom .connector import AcmeConnector\n\nCONNECTOR = AcmeConnector\n'
    files = {"__init__.py": init, "connector.py": connector, "manifest.toml": manifest}
    return Package({name: text.encode() for name, text in files.items()})
