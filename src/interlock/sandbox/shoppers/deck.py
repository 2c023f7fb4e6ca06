"""The cards shoppers carry: documented test cards, by name and by number, and what should come of each. Pure data.

The weights are a plain shop's: nine in ten cards just pay.
"""

from typing import Literal

import msgspec

Asks = Literal["never", "always", "unless_set_up", "on_session"]


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A test card. Its repr hides the number.

    ``name`` is what follows ``pm_card_``, empty for cards that have none. ``asks`` says when the shopper must
    authenticate; ``pays`` is False for cards that are declined once that is done. ``disputed`` cards are charged back
    later; ``settles`` is False where a refund of it fails or is slow.
    """

    number: str
    name: str = ""
    brand: str = "visa"
    country: str = "US"
    weight: float = 1.0
    asks: Asks = "never"
    pays: bool = True
    disputed: bool = False
    settles: bool = True

    @property
    def cvc(self) -> str:
        """Return a security code of the length the brand has."""
        return "1234" if self.brand == "amex" else "123"

    def __repr__(self) -> str:
        """Return a text without the number."""
        return f"Card({self.name or self.brand}, …{self.number[-4:]})"

    __str__ = __repr__


_PLAIN = """
4242424242424242 visa visa US 14
4000056655665556 visa_debit visa US 6
5555555555554444 mastercard mastercard US 9
2223003122003222 - mastercard US 3
5200828282828210 mastercard_debit mastercard US 3
5105105105105100 mastercard_prepaid mastercard US 2
378282246310005 amex amex US 4
371449635398431 - amex US 2
6011111111111117 discover discover US 2
6011000990139424 - discover US 1
3056930009020004 diners diners US 1
36227206271667 - diners US 1
3566002020360505 jcb jcb JP 2
6200000000000005 unionpay unionpay CN 2
6200000000000047 - unionpay CN 1
6205500000000000004 - unionpay CN 1
4000001240000000 ca visa CA 2
4000004840008001 mx visa MX 1
4000000760000002 br visa BR 2
4000000400000008 at visa AT 1
4000000560000004 be visa BE 1
4000002760000016 de visa DE 3
4000002080000001 dk visa DK 1
4000007240000007 es visa ES 2
4000002500000003 fr visa FR 3
4000008260000000 gb visa GB 4
4000003720000005 ie visa IE 1
4000003800000008 it visa IT 2
4000005280000002 nl visa NL 2
4000005780000007 no visa NO 1
4000006160000005 pl visa PL 1
4000007520000008 se visa SE 1
4000007560000009 ch visa CH 1
4000000360000006 au visa AU 1
4000003440000004 hk visa HK 1
4000003560000008 in visa IN 1
4000003920000003 jp visa JP 1
4000005540000008 nz visa NZ 1
4000007020000003 sg visa SG 1
4000000000009235 riskLevelElevated visa US 0.5
4000000000000044 avsUnchecked visa US 0.5
4000000000000036 avsZipFail visa US 0.5
4000000000000101 cvcCheckFail visa US 0.5
4000000000000077 bypassPending visa US 0.5
"""
_DECLINED = """
4000000000000002 chargeDeclined visa US 1.5
4000000000009995 chargeDeclinedInsufficientFunds visa US 2.5
4000000000009987 chargeDeclinedLostCard visa US 0.3
4000000000009979 chargeDeclinedStolenCard visa US 0.3
4000000000000069 chargeDeclinedExpiredCard visa US 0.5
4000000000000127 chargeDeclinedIncorrectCvc visa US 0.5
4000000000000119 chargeDeclinedProcessingError visa US 0.4
4000000000006975 chargeDeclinedVelocityLimitExceeded visa US 0.3
4100000000000019 radarBlock visa US 0.4
"""
_DISPUTED = """
4000000000000259 createDispute visa US 0.6
4000000000002685 createDisputeProductNotReceived visa US 0.4
4000000000001976 createDisputeInquiry visa US 0.3
4000000000005423 createIssuerFraudRecord visa US 0.3
"""
_SLOW_REFUNDS = """
4000000000007726 pendingRefund visa US 0.6
4000000000005126 refundFail visa US 0.5
"""


def _read(table: str, **facts: object) -> list[Card]:
    cards = []
    for line in table.strip().splitlines():
        number, name, brand, country, weight = line.split()
        plain = {"number": number, "name": "" if name == "-" else name, "brand": brand, "country": country}
        cards.append(msgspec.convert({**plain, "weight": float(weight), **facts}, Card))
    return cards


_CHALLENGED = [
    Card(number="4000002500003155", name="authenticationRequiredOnSetup", country="FR", weight=2, asks="unless_set_up"),
    Card(number="4000002760003184", name="authenticationRequired", country="DE", weight=3, asks="always"),
    Card(number="4000003800000446", name="authenticationRequiredSetupForOffSession", country="IT", asks="on_session"),
    Card(number="4000000000003220", name="threeDSecure2Required", country="IE", weight=2, asks="always"),
    Card(number="4000000000003063", name="threeDSecureRequired", asks="always"),
    Card(number="4000000000003055", name="threeDSecureOptional"),
    Card(
        number="4000008260003178",
        name="authenticationRequiredChargeDeclinedInsufficientFunds",
        country="GB",
        weight=0.5,
        asks="unless_set_up",
        pays=False,
    ),
    Card(number="4000008400001629", name="threeDSecureRequiredChargeDeclined", weight=0.5, asks="always", pays=False),
]

DECK: tuple[Card, ...] = (
    *_read(_PLAIN),
    *_read(_DECLINED, pays=False),
    *_CHALLENGED,
    *_read(_DISPUTED, disputed=True),
    *_read(_SLOW_REFUNDS, settles=False),
)
BY_NUMBER = {card.number: card for card in DECK}
