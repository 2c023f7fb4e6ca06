"""Signing of standard notifications: HMAC-SHA256 over eight fields, Base64, inside the item's additionalData."""

import base64
import binascii
import hashlib
import hmac
from typing import Any

import msgspec


def signed_text(item: dict[str, Any]) -> str:
    """Return the text that is signed for ``item``."""
    amount = item["amount"]
    parts = (
        item["pspReference"],
        item.get("originalReference", ""),
        item["merchantAccountCode"],
        item["merchantReference"],
        str(amount["value"]),
        amount["currency"],
        item["eventCode"],
        item["success"],
    )
    return ":".join(parts)


def signature(item: dict[str, Any], hex_key: str) -> str:
    """Return the signature of ``item`` by a key in hexadecimal; another key text is used as it is."""
    try:
        key = binascii.unhexlify(hex_key)
    except (binascii.Error, ValueError):
        key = hex_key.encode()
    return base64.b64encode(hmac.new(key, signed_text(item).encode(), hashlib.sha256).digest()).decode()


def sign(body: bytes, secret: str, now_ms: int) -> tuple[dict[str, str], bytes]:
    """Return headers and body of one notification holding one item."""
    del now_ms
    item = msgspec.json.decode(body)
    if secret:
        item["additionalData"]["hmacSignature"] = signature(item, secret)
    if not item["additionalData"]:
        del item["additionalData"]
    wrapped = {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}
    return {"content-type": "application/json"}, msgspec.json.encode(wrapped)
