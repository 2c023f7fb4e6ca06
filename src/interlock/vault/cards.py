"""What a card number tells by itself: network, lengths, security code, and what is documented of test numbers. Pure.

Called by ``vault.service`` and ``payments.instruments``. Ranges are those the networks publish; a network that we do
not know is ``unknown``, never a refusal: the gateway decides.
"""

from interlock.base.card_numbers import passes_luhn
from interlock.vault.test_cards import TEST_CARDS_BY_NUMBER
from interlock.vault.types import CardTraits

UNKNOWN = "unknown"
_BIN_DIGITS = 6
_SHORTEST, _LONGEST = 12, 19

# First six digits (from, to), brand, lengths. The first range that fits wins: narrow before wide.
_RANGES: tuple[tuple[int, int, str, frozenset[int]], ...] = (
    (222100, 272099, "mastercard", frozenset({16})),
    (300000, 305999, "diners", frozenset(range(14, 20))),
    (309500, 309599, "diners", frozenset(range(14, 20))),
    (340000, 349999, "amex", frozenset({15})),
    (352800, 358999, "jcb", frozenset(range(16, 20))),
    (360000, 369999, "diners", frozenset(range(14, 20))),
    (370000, 379999, "amex", frozenset({15})),
    (380000, 399999, "diners", frozenset(range(14, 20))),
    (400000, 499999, "visa", frozenset({13, 16, 19})),
    (501800, 501899, "mastercard", frozenset(range(12, 20))),
    (502000, 502099, "mastercard", frozenset(range(12, 20))),
    (503800, 503899, "mastercard", frozenset(range(12, 20))),
    (510000, 559999, "mastercard", frozenset({16})),
    (589300, 589399, "mastercard", frozenset(range(12, 20))),
    (601100, 601199, "discover", frozenset(range(16, 20))),
    (620000, 629999, "unionpay", frozenset(range(16, 20))),
    (630400, 630499, "mastercard", frozenset(range(12, 20))),
    (644000, 659999, "discover", frozenset(range(16, 20))),
    (675900, 675999, "mastercard", frozenset(range(12, 20))),
    (676100, 676399, "mastercard", frozenset(range(12, 20))),
    (810000, 817199, "unionpay", frozenset(range(16, 20))),
)
_ANY_LENGTH = frozenset(range(_SHORTEST, _LONGEST + 1))


def _range_of(number: str) -> tuple[str, frozenset[int]]:
    head = int(number[:_BIN_DIGITS].ljust(_BIN_DIGITS, "0"))
    for first, last, brand, lengths in _RANGES:
        if first <= head <= last:
            return brand, lengths
    return UNKNOWN, _ANY_LENGTH


def brand_of(number: str) -> str:
    """Return the network's name in Stripe's words (``visa``, ``amex`` …) or ``unknown``; ``number`` is digits."""
    return _range_of(number)[0] if number else UNKNOWN


def lengths_of(number: str) -> frozenset[int]:
    """Return the lengths that the number's network issues."""
    return _range_of(number)[1] if number else _ANY_LENGTH


def is_valid_number(number: str) -> bool:
    """Return True for ASCII digits of a length its network issues that pass Luhn."""
    return number.isascii() and number.isdigit() and len(number) in lengths_of(number) and passes_luhn(number)


def code_lengths(brand: str) -> frozenset[int]:
    """Return how many digits a security code of ``brand`` may have."""
    if brand == "amex":
        return frozenset({4})
    return frozenset({3, 4}) if brand == UNKNOWN else frozenset({3})


def is_valid_code(code: str, brand: str) -> bool:
    """Return True for digits of a length that ``brand`` prints."""
    return code.isascii() and code.isdigit() and len(code) in code_lengths(brand)


def traits_of(number: str, *, livemode: bool) -> CardTraits:
    """Return what is known of a card number.

    Test mode knows the documented test numbers and takes every other for a US credit card; live mode claims no
    country or funding, because a number alone does not tell them.
    """
    brand = brand_of(number)
    known = None if livemode else TEST_CARDS_BY_NUMBER.get(number)
    fallback = ("unknown", None) if livemode else ("credit", "US")
    return CardTraits(
        brand=brand,
        bin=number[:_BIN_DIGITS],
        last4=number[-4:],
        funding=known.funding if known else fallback[0],
        country=known.country if known else fallback[1],
        networks=(known.networks or (brand,)) if known else (brand,),
        three_d_secure_supported=known.three_d_secure_supported if known else True,
    )
