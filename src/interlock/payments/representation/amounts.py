"""Amounts as the front API counts them: ISO minor units but for the currencies where Stripe's API differs.

The API uses :func:`from_front` on the way in, renderers :func:`front_amount` on the way out. Source of the table:
Stripe's documentation of zero-decimal currencies and of the special cases ISK, UGX.
"""

from collections.abc import Mapping
from types import MappingProxyType

from interlock.base.money import Money, from_provider, iso_exponent, rescale

FRONT_EXPONENTS: Mapping[str, int] = MappingProxyType({"isk": 2, "ugx": 2, "mga": 0})
"""Currency → decimals in our front API where they are not ISO 4217's."""


def front_amount(amount_minor: int, currency: str) -> int:
    """Return ``amount_minor`` (ISO minor units) as the front API shows it; a lost fraction is floored.

    Flooring can only happen for amounts that did not come in through the front API.
    """
    front = FRONT_EXPONENTS.get(currency)
    if front is None:
        return amount_minor
    iso = iso_exponent(currency) or 0
    scaled = rescale(amount_minor, iso, front)
    return amount_minor // 10 ** (iso - front) if scaled is None else scaled


def from_front(amount: int, currency: str) -> Money | None:
    """Return the money that ``amount`` of the front API means, or None when it is no whole ISO minor amount."""
    lower = currency.lower()
    if lower not in FRONT_EXPONENTS:
        return None if iso_exponent(lower) is None else Money(amount, lower)
    return from_provider(amount, lower, FRONT_EXPONENTS)
