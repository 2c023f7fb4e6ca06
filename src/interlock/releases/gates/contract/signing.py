"""The gate's own signatures of webhooks, written from the providers' documentation; it shares no code with connectors.

``stripe_v1`` (docs.stripe.com/webhooks/signature): a header ``t=<seconds>,v1=<hex>``, HMAC-SHA256 of ``t.body``.
``adyen_hmac`` (docs.adyen.com/development-resources/webhooks/verify-hmac-signatures): in each item
``additionalData.hmacSignature``, base64 of HMAC-SHA256 under the hex key over the signed fields, joined by colons.
"""

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

HEADER, INSIDE = "stripe_v1", "adyen_hmac"


class Forgery(msgspec.Struct, frozen=True):
    """A way to sign wrongly: its name, and what stands where the signature belongs (None: nothing does)."""

    title: str
    signature: Any


def header_signature(secret: str, body: bytes, at_s: int, algorithm: str = "sha256") -> str:
    """Return the hex signature of ``body`` at ``at_s``, as it stands in a header."""
    return hmac.new(secret.encode(), f"{at_s}.".encode() + body, algorithm).hexdigest()


def header_of(secrets: Sequence[str], body: bytes, at_s: int) -> str:
    """Return the whole signature header, with one signature for each secret."""
    return ",".join([f"t={at_s}", *(f"v1={header_signature(secret, body, at_s)}" for secret in secrets)])


def item_signature(key: str, item: Mapping[str, Any], fields: Sequence[str], algorithm: str = "sha256") -> str:
    """Return the signature of one item under the hex key ``key``."""
    values = [field_text(item, field).replace("\\", "\\\\").replace(":", "\\:") for field in fields]
    return base64.b64encode(hmac.new(bytes.fromhex(key), ":".join(values).encode(), algorithm).digest()).decode()


def field_text(item: Mapping[str, Any], pointer: str) -> str:
    """Return the text of the field at ``pointer``, empty where there is none."""
    value: Any = item
    for part in pointer[1:].split("/"):
        value = value.get(part) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)


def with_signature(item: Mapping[str, Any], signature: Any) -> dict[str, Any]:
    """Return ``item`` with ``signature`` where one belongs; None takes it away."""
    known = item.get("additionalData")
    data = dict(known) if isinstance(known, Mapping) else {}
    data.pop("hmacSignature", None)
    if signature is not None:
        data["hmacSignature"] = signature
    return {**item, "additionalData": data}


def forged_headers(secret: str, body: bytes, at_s: int, others: Mapping[str, str]) -> list[Forgery]:
    """Return headers that prove nothing, ``others`` being secrets by name that are not this endpoint's."""
    right = header_signature(secret, body, at_s)
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    plain = hmac.new(secret.encode(), body, "sha256")
    stamped = hmac.new(secret.encode(), f"{at_s}.".encode() + body, "sha256")
    texts = {
        "no header": None,
        "an empty header": "",
        "a header of commas": ",,,,",
        "a header of something else": "Bearer x",
        "only a time": f"t={at_s}",
        "only a signature": f"v1={right}",
        "an empty signature": f"t={at_s},v1=",
        "a signature cut in half": f"t={at_s},v1={right[:32]}",
        "a signature cut by one": f"t={at_s},v1={right[:-1]}",
        "one letter of a signature": f"t={at_s},v1={right[:1]}",
        "a signature that goes on": f"t={at_s},v1={right}0",
        "a signature with one letter changed": f"t={at_s},v1={wrong}",
        "a signature under the test scheme v0": f"t={at_s},v0={right}",
        "a signature of the body alone": f"t={at_s},v1={plain.hexdigest()}",
        "a signature in base64": f"t={at_s},v1={base64.b64encode(stamped.digest()).decode()}",
        "a signature of letters beyond ASCII": f"t={at_s},v1=é{right[1:]}",
        "no time": f"t=,v1={right}",
        "a time that is no number": f"t=now,v1={right}",
        "a time without end": f"t={'9' * 400},v1={right}",
        "another time than was signed": f"t={at_s + 1},v1={right}",
        "the signature in place of the time": f"t={right},v1={at_s}",
        "a header without end": f"t={at_s}," + "v1=00," * 20_000,
    }
    for algorithm in ("sha1", "md5", "sha512"):
        texts[f"{algorithm} in place of SHA-256"] = f"t={at_s},v1={header_signature(secret, body, at_s, algorithm)}"
    for name, other in others.items():
        texts[f"signed with {name}"] = header_of([other], body, at_s)
    return [Forgery(title, value) for title, value in texts.items()]


def genuine_headers(secret: str, body: bytes, at_s: int, other: str) -> dict[str, str]:
    """Return headers that must be believed though they hold more than one signature, ``other`` being another secret."""
    right, wrong = (f"v1={header_signature(each, body, at_s)}" for each in (secret, other))
    return {
        "genuine, behind the signature of another secret": f"t={at_s},{wrong},{right}",
        "genuine, before the signature of another secret": f"t={at_s},{right},{wrong}",
        "genuine, beside the test scheme v0": f"t={at_s},v0={'0' * 64},{right}",
        "genuine, before a scheme of next year": f"t={at_s},{right},v9=next-year",
    }


def forged_items(key: str, item: Mapping[str, Any], fields: Sequence[str], others: Mapping[str, str]) -> list[Forgery]:
    """Return values that prove nothing where an item's signature belongs, ``others`` being keys of somebody else."""
    right = item_signature(key, item, fields)
    raw = base64.b64decode(right)
    as_text = hmac.new(key.encode(), b":".join(field_text(item, field).encode() for field in fields), "sha256")
    values: dict[str, Any] = {
        "no signature": None,
        "an empty signature": "",
        "a signature cut in half": right[:20],
        "a signature cut by one": right[:-1],
        "one letter of a signature": right[:1],
        "a signature with one letter changed": ("A" if right[0] != "A" else "B") + right[1:],
        "a signature that goes on": right + "AAAA",
        "a signature in hex": raw.hex(),
        "the key read as a text": base64.b64encode(as_text.digest()).decode(),
        "a signature of fields in another order": item_signature(key, item, list(reversed(fields))),
        "a signature of fewer fields": item_signature(key, item, fields[:-1]),
        "a number": 7,
        "a list": [right],
        "true": True,
        "letters beyond ASCII": "é" * 44,
    }
    for algorithm in ("sha1", "md5", "sha512"):
        values[f"{algorithm} in place of SHA-256"] = item_signature(key, item, fields, algorithm)
    for name, other in others.items():
        values[f"signed with {name}"] = item_signature(other, item, fields)
    return [Forgery(title, value) for title, value in values.items()]
