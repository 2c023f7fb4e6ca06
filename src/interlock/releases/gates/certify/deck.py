"""The cards the gate pays with: the simulated gateways' test cards by what they do, and any number of plain ones.

A plain card has issuer digits of its own, so that a fault can be aimed at one case's payments among all others.
"""

from collections.abc import Mapping
from itertools import count
from types import MappingProxyType

APPROVED: Mapping[str, str] = MappingProxyType(
    {
        "visa": "4242424242424242",
        "mastercard": "5555555555554444",
        "amex": "378282246310005",
        "discover": "6011111111111117",
        "diners": "3056930009020004",
        "jcb": "3566002020360505",
        "unionpay": "6200000000000005",
    }
)
"""By network, as manifests call them."""

DECLINED: Mapping[str, str] = MappingProxyType(
    {
        "generic": "4000000000000002",
        "insufficient_funds": "4000000000009995",
        "lost": "4000000000009987",
        "stolen": "4000000000009979",
        "expired": "4000000000000069",
        "incorrect_cvc": "4000000000000127",
        "processing_error": "4000000000000119",
        "velocity": "4000000000006975",
        "customer_fail": "4000000000000341",
        "blocked": "4100000000000019",
    }
)
CHALLENGED = "4000000000003220"
CHALLENGED_ON_REQUEST = "4000000000003055"
CHALLENGED_ON_SESSION = "4000003800000446"
CHALLENGED_THEN_DECLINED = "4000008400001629"
CHALLENGED_UNLESS_SET_UP = "4000002500003155"
DISPUTED = "4000000000000259"
DISPUTED_INQUIRY = "4000000000001976"
REFUND_PENDING = "4000000000007726"
REFUND_FAILS = "4000000000005126"
TESTED: frozenset[str] = frozenset(
    {
        *APPROVED.values(),
        *DECLINED.values(),
        CHALLENGED,
        CHALLENGED_ON_REQUEST,
        CHALLENGED_ON_SESSION,
        CHALLENGED_THEN_DECLINED,
        CHALLENGED_UNLESS_SET_UP,
        DISPUTED,
        DISPUTED_INQUIRY,
        REFUND_PENDING,
        REFUND_FAILS,
    }
)

PAID_ACCOUNT = "DE89370400440532013000"
SENT_BACK_ACCOUNTS: Mapping[str, str] = MappingProxyType(
    {
        "could not process": "DE62370400440532013001",
        "insufficient funds": "DE65370400440002222227",
        "over the limit": "DE65370400440000343434",
    }
)
DISPUTED_ACCOUNT = "DE35370400440532013002"
ACCOUNTS = frozenset({PAID_ACCOUNT, DISPUTED_ACCOUNT, *SENT_BACK_ACCOUNTS.values()})

ISSUER_DIGITS = 6
_FIRST_ISSUER = 431_000
_ISSUERS = 40_000


class Deck:
    """Deals plain cards, and remembers every number it has dealt."""

    def __init__(self) -> None:
        """Start with the first issuer."""
        self._issuers = count(_FIRST_ISSUER)
        self.dealt: set[str] = set()

    def plain(self) -> str:
        """Return a new number of an issuer of its own that every simulated gateway approves."""
        issuer = next(self._issuers)
        if issuer >= _FIRST_ISSUER + _ISSUERS:
            raise OverflowError("the deck has no issuer left")
        digits = f"{issuer}{issuer * 7919 % 10**9:09d}"
        number = digits + _check_digit(digits)
        self.dealt.add(number)
        return number


def _check_digit(digits: str) -> str:
    """Return the Luhn digit that follows ``digits``."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return str(-total % 10)
