"""A few synthetic cases of Adyen's connector, signed webhooks among them, as the contract gate would give them."""

import base64
import hmac
from typing import Any

import msgspec
from tests.support.gateways import payment

from interlock.gateways.contract import ConnectorConfig, HttpResponse, Operation
from interlock.gateways.loader import LoadedConnector
from interlock.gateways.manifest import Manifest
from interlock.releases.gates.observation import Trace, drive, hear

NOW_MS = 1_790_000_000_000
_SIGNED = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")


def observe(loaded: LoadedConnector, config: ConnectorConfig, _manifest: Manifest) -> list[Trace]:
    """Return what a connector does with one sale and two webhooks."""
    answer = HttpResponse(status=200, body=b'{"resultCode":"Authorised","pspReference":"X1"}')
    sale = drive(loaded, config, Operation.SALE, payment(), lambda _request, _number: answer, "sale usd visa")
    codes = ("AUTHORISATION", "CHARGEBACK")
    return [sale, *(hear(loaded, config, {}, _webhook(code, config), NOW_MS, code.lower()) for code in codes)]


def _webhook(code: str, config: ConnectorConfig) -> bytes:
    item: dict[str, Any] = {
        "pspReference": "X1",
        "originalReference": "X0",
        "merchantAccountCode": config.settings["merchant_account"],
        "merchantReference": "at_1",
        "amount": {"value": 1099, "currency": "USD"},
        "eventCode": code,
        "eventDate": "2026-09-01T01:00:00+01:00",
        "success": "true",
    }
    signed = ":".join([*(item[name] for name in _SIGNED), "1099", "USD", code, "true"])
    digest = hmac.digest(bytes.fromhex(config.credentials["hmac_key"]), signed.encode(), "sha256")
    item["additionalData"] = {"hmacSignature": base64.b64encode(digest).decode()}
    return msgspec.json.encode({"live": "false", "notificationItems": [{"NotificationRequestItem": item}]})
