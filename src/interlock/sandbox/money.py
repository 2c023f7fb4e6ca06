"""What each provider means by "minor units", and the same amount in major units for the settlement file.

Deliberately its own table, not the connectors' one: the books must be able to contradict a wrong connector.
"""

from interlock.base.money import iso_exponent

_DEFAULT_EXPONENT = 2


def exponent(currency: str, exceptions: dict[str, int]) -> int:
    """Return how many decimals the provider gives ``currency`` (lower case)."""
    special = exceptions.get(currency)
    if special is not None:
        return special
    known = iso_exponent(currency)
    return _DEFAULT_EXPONENT if known is None else known


def major(amount: int, decimals: int) -> str:
    """Return ``amount`` as a decimal text in major units: ``major(1099, 2)`` is ``"10.99"``."""
    if not decimals:
        return str(amount)
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), 10**decimals)
    return f"{sign}{whole}.{rest:0{decimals}d}"
