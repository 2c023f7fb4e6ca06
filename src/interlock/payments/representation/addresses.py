"""Addresses and contact details with every key present; pure, used by the renderers of this package."""

from collections.abc import Mapping
from typing import Any

ADDRESS_KEYS = ("city", "country", "line1", "line2", "postal_code", "state")


def full_address(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return an address object with all six keys, null where nothing is known."""
    get = (given or {}).get
    return {key: get(key) or None for key in ADDRESS_KEYS}


def address_or_none(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the full address object, or None when there is none."""
    return full_address(given) if given else None


def shipping(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a shipping object (address, name, phone and what else was given), or None when there is none."""
    if not given:
        return None
    return {
        **given,
        "address": full_address(given.get("address")),
        "name": given.get("name"),
        "phone": given.get("phone"),
    }


def billing_details(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a billing_details object with every key."""
    get = (given or {}).get
    return {
        "address": full_address(get("address")),
        "email": get("email") or None,
        "name": get("name") or None,
        "phone": get("phone") or None,
        "tax_id": get("tax_id") or None,
    }
