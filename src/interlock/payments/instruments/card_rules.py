"""What makes a card acceptable before any gateway sees it. Pure.

The words and codes are Stripe's, because checkouts show them to shoppers.
"""

import datetime as dt

import msgspec

from interlock.base.problems import Problem, invalid
from interlock.payments.instruments.types import CardData
from interlock.vault.cards import is_valid_number

_YEARS_AHEAD = 50
_SEPARATORS = str.maketrans("", "", " -")


class CheckedCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card that passed the rules: digits only, four-digit year. Its repr hides everything."""

    number: str
    exp_month: int
    exp_year: int
    cvc: str | None

    def __repr__(self) -> str:
        """Return a text without card data."""
        return "CheckedCard(…)"

    __str__ = __repr__


def check_card(card: CardData, now_ms: int) -> CheckedCard | Problem:
    """Return the card in its plain form, or the first thing wrong with it (number, month, year, security code)."""
    for field in ("number", "exp_month", "exp_year"):
        if getattr(card, field) in {None, ""}:
            return _missing(field)
    number = (card.number or "").translate(_SEPARATORS)
    if not (number.isascii() and number.isdigit()):
        return card_problem("invalid_number", "The card number is not a valid credit card number.", "number")
    if not is_valid_number(number):
        return card_problem("incorrect_number", "Your card number is incorrect.", "number")
    month, year = card.exp_month or 0, full_year(card.exp_year or 0)
    problem = check_expiry(month, year, now_ms) or _check_cvc(card.cvc)
    return problem or CheckedCard(number=number, exp_month=month, exp_year=year, cvc=card.cvc or None)


def full_year(year: int) -> int:
    """Return a four-digit year; two digits are this century's."""
    return 2000 + year if 0 <= year < 100 else year


def check_expiry(month: int, year: int, now_ms: int) -> Problem | None:
    """Return what is wrong with an expiry date, or None; a card is good to the end of its month everywhere on earth."""
    if not 1 <= month <= 12:
        return card_problem("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")
    # Half a day of grace: somewhere it is still yesterday.
    today = dt.datetime.fromtimestamp(now_ms / 1000 - 43_200, tz=dt.UTC)
    if not today.year <= year <= today.year + _YEARS_AHEAD:
        return card_problem("invalid_expiry_year", "Your card's expiration year is invalid.", "exp_year")
    if year == today.year and month < today.month:
        return card_problem("invalid_expiry_month", "Your card's expiration month is invalid.", "exp_month")
    return None


def card_problem(code: str, message: str, param: str) -> Problem:
    """Return a ``card_error`` (402) of ``code`` about ``param``."""
    return Problem(status=402, type="card_error", code=code, message=message, param=param)


def _check_cvc(cvc: str | None) -> Problem | None:
    if cvc is None or (len(cvc) in {3, 4} and cvc.isascii() and cvc.isdigit()):
        return None
    return card_problem("invalid_cvc", "Your card's security code is invalid.", "cvc")


def _missing(field: str) -> Problem:
    return invalid(f"Missing required param: card[{field}].", code="parameter_missing", param=f"card[{field}]")
