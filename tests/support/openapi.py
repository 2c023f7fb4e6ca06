"""The published documents for tests; what checks requests against them is the gate ``contract``'s own code."""

from functools import cache
from pathlib import Path

from interlock.releases.gates.contract.openapi import RequestChecker, document

STRIPE = "stripe_openapi_2026-05-27.json"
ADYEN = "adyen_checkout_v72.json"
ADYEN_WEBHOOKS = "adyen_webhooks_v1.json"

__all__ = ["ADYEN", "ADYEN_WEBHOOKS", "STRIPE", "checker", "document", "enum_of"]


@cache
def checker(path: Path) -> RequestChecker:
    """Return what checks requests against the document ``path``."""
    stripe = path.name == STRIPE
    return RequestChecker(path, closed=stripe, raw_cards=stripe)


def enum_of(path: Path, *keys: str) -> list[str]:
    """Return the enum found by following ``keys`` through the document."""
    node = document(path)
    for key in keys:
        node = node[key]
    return list(node["enum"])
