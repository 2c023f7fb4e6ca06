"""Money: integer minor units with an ISO 4217 currency, and how many decimals each party means by "minor".

Interlock stores ISO 4217 minor units. Providers disagree with ISO for a few currencies, so every boundary
(our own front API included) rescales through its own exponent table (design 7.8); a rescaling that would lose
a fraction is refused, never rounded.
"""

from collections.abc import Mapping
from functools import cache

import iso4217
import msgspec


class Money(msgspec.Struct, frozen=True):
    """An amount in ISO minor units and its currency in lower case (``Money(1099, "usd")``)."""

    amount_minor: int
    currency: str


@cache
def iso_exponent(currency: str) -> int | None:
    """Return the ISO 4217 number of decimals of ``currency`` (any case), or None when ISO does not know it."""
    try:
        exponent = iso4217.Currency(currency.upper()).exponent
    except ValueError:
        return None
    return None if exponent is None else int(exponent)


def rescale(amount: int, from_exponent: int, to_exponent: int) -> int | None:
    """Return ``amount`` expressed with ``to_exponent`` decimals, or None when a fraction would be lost."""
    if to_exponent >= from_exponent:
        return int(amount * 10 ** (to_exponent - from_exponent))
    quotient, rest = divmod(amount, 10 ** (from_exponent - to_exponent))
    return None if rest else quotient


def to_provider(money: Money, exceptions: Mapping[str, int]) -> int | None:
    """Return the provider's integer for ``money``, or None when it cannot be expressed.

    Args:
        money: the amount in ISO minor units.
        exceptions: currency (lower case) → decimals, where the provider differs from ISO.

    """
    exponent = iso_exponent(money.currency)
    if exponent is None:
        return None
    return rescale(money.amount_minor, exponent, exceptions.get(money.currency, exponent))


def from_provider(amount: int, currency: str, exceptions: Mapping[str, int]) -> Money | None:
    """Return the money a provider's integer means, or None when it is no whole ISO minor amount."""
    lower = currency.lower()
    exponent = iso_exponent(lower)
    if exponent is None:
        return None
    scaled = rescale(amount, exceptions.get(lower, exponent), exponent)
    return None if scaled is None else Money(scaled, lower)
