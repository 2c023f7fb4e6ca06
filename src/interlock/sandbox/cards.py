"""The test cards both simulated gateways know, and what each of them does.

The numbers and meanings are those of Stripe's testing page; the Adyen sandbox gives each the equivalent meaning, so
that a simulated shopper can use one set of cards whatever gateway is behind the checkout. Pure data and lookups.
"""

from typing import Literal

import msgspec

Check = Literal["pass", "fail", "unavailable"]
ThreeDSecure = Literal[
    "", "required", "unless_set_up", "already_set_up", "supported", "lookup_error", "supported_error"
]


class TestCard(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a test card number does.

    ``code`` and ``decline_code`` are Stripe's words for the refusal (empty: approved). ``attaches`` is False when
    saving the card is refused as well. ``three_d_secure`` says when the shopper must authenticate.
    """

    name: str
    number: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    code: str = ""
    decline_code: str = ""
    attaches: bool = True
    cvc_check: Check = "pass"
    line1_check: Check = "pass"
    postal_code_check: Check = "pass"
    three_d_secure: ThreeDSecure = ""
    risk_level: Literal["normal", "elevated", "highest"] = "normal"
    blocked: bool = False
    dispute: Literal["", "fraudulent", "product_not_received", "inquiry", "warning", "several"] = ""
    refund: Literal["", "pending", "fails"] = ""
    available_at_once: bool = False


def _card(name: str, number: str, **facts: object) -> TestCard:
    return msgspec.convert({"name": name, "number": number, **facts}, TestCard)


def _declines(name: str, number: str, code: str, decline_code: str = "") -> TestCard:
    return _card(name, number, code=code, decline_code=decline_code or code, attaches=False)


_SUCCESS = (
    _card("visa", "4242424242424242"),
    _card("visa_debit", "4000056655665556", funding="debit"),
    _card("mastercard", "5555555555554444", brand="mastercard"),
    _card("mastercard_2series", "2223003122003222", brand="mastercard"),
    _card("mastercard_debit", "5200828282828210", brand="mastercard", funding="debit"),
    _card("mastercard_prepaid", "5105105105105100", brand="mastercard", funding="prepaid"),
    _card("amex", "378282246310005", brand="amex"),
    _card("amex_2", "371449635398431", brand="amex"),
    _card("discover", "6011111111111117", brand="discover"),
    _card("discover_2", "6011000990139424", brand="discover"),
    _card("discover_debit", "6011981111111113", brand="discover", funding="debit"),
    _card("diners", "3056930009020004", brand="diners"),
    _card("diners_14digits", "36227206271667", brand="diners"),
    _card("jcb", "3566002020360505", brand="jcb", country="JP"),
    _card("unionpay", "6200000000000005", brand="unionpay", country="CN"),
    _card("unionpay_debit", "6200000000000047", brand="unionpay", country="CN", funding="debit"),
    _card("unionpay_19digits", "6205500000000000004", brand="unionpay", country="CN"),
    _card("bccard", "6555900000604105", brand="discover", country="KR"),
)

_COUNTRIES = tuple(
    _card(f"visa_{country.lower()}", number, country=country)
    for country, number in (
        ("AR", "4000000320000021"), ("BR", "4000000760000002"), ("CA", "4000001240000000"),
        ("CL", "4000001520000001"), ("CO", "4000001700000003"), ("MX", "4000004840008001"),
        ("AT", "4000000400000008"), ("BE", "4000000560000004"), ("CH", "4000007560000009"),
        ("DE", "4000002760000016"), ("DK", "4000002080000001"), ("ES", "4000007240000007"),
        ("FR", "4000002500000003"), ("GB", "4000008260000000"), ("IE", "4000003720000005"),
        ("IT", "4000003800000008"), ("NL", "4000005280000002"), ("NO", "4000005780000007"),
        ("PL", "4000006160000005"), ("PT", "4000006200000007"), ("SE", "4000007520000008"),
        ("AU", "4000000360000006"), ("HK", "4000003440000004"), ("IN", "4000003560000008"),
        ("JP", "4000003920000003"), ("NZ", "4000005540000008"), ("SG", "4000007020000003"),
    )
)  # fmt: skip

_DECLINES = (
    _declines("chargeDeclined", "4000000000000002", "card_declined", "generic_decline"),
    _declines("chargeDeclinedInsufficientFunds", "4000000000009995", "card_declined", "insufficient_funds"),
    _declines("chargeDeclinedLostCard", "4000000000009987", "card_declined", "lost_card"),
    _declines("chargeDeclinedStolenCard", "4000000000009979", "card_declined", "stolen_card"),
    _declines("chargeDeclinedExpiredCard", "4000000000000069", "expired_card"),
    _declines("chargeDeclinedIncorrectCvc", "4000000000000127", "incorrect_cvc"),
    _declines("chargeDeclinedProcessingError", "4000000000000119", "processing_error"),
    _declines("chargeDeclinedVelocityLimitExceeded", "4000000000006975", "card_declined", "card_velocity_exceeded"),
    _card("chargeCustomerFail", "4000000000000341", code="card_declined", decline_code="generic_decline"),
)

_CHECKS = (
    _card("radarBlock", "4100000000000019", code="card_declined", decline_code="fraudulent", blocked=True,
          risk_level="highest"),
    _card("riskLevelHighest", "4000000000004954", risk_level="highest"),
    _card("riskLevelElevated", "4000000000009235", risk_level="elevated"),
    _card("cvcCheckFail", "4000000000000101", cvc_check="fail"),
    _card("avsZipFail", "4000000000000036", postal_code_check="fail"),
    _card("avsFail", "4000000000000010", line1_check="fail", postal_code_check="fail"),
    _card("avsLine1Fail", "4000000000000028", line1_check="fail"),
    _card("avsUnchecked", "4000000000000044", line1_check="unavailable", postal_code_check="unavailable"),
)  # fmt: skip

_THREE_D_SECURE = (
    _card("authenticationRequiredOnSetup", "4000002500003155", country="FR", three_d_secure="unless_set_up"),
    _card("authenticationRequired", "4000002760003184", country="DE", three_d_secure="required"),
    _card("authenticationRequiredSetupForOffSession", "4000003800000446", country="IT",
          three_d_secure="already_set_up"),
    _card("authenticationRequiredChargeDeclinedInsufficientFunds", "4000008260003178", country="GB",
          three_d_secure="unless_set_up", code="card_declined", decline_code="insufficient_funds"),
    _card("threeDSecure2Required", "4000000000003220", three_d_secure="required"),
    _card("threeDSecureRequired", "4000000000003063", three_d_secure="required"),
    _card("threeDSecureRequiredChargeDeclined", "4000008400001629", three_d_secure="required",
          code="card_declined", decline_code="generic_decline"),
    _card("threeDSecureRequiredProcessingError", "4000008400001280", three_d_secure="lookup_error",
          code="card_declined", decline_code="processing_error"),
    _card("threeDSecureOptional", "4000000000003055", three_d_secure="supported"),
    _card("threeDSecureOptionalProcessingError", "4000000000003097", three_d_secure="supported_error"),
)  # fmt: skip

_AFTERWARDS = (
    _card("createDispute", "4000000000000259", dispute="fraudulent"),
    _card("createDisputeProductNotReceived", "4000000000002685", dispute="product_not_received"),
    _card("createDisputeInquiry", "4000000000001976", dispute="inquiry"),
    _card("createIssuerFraudRecord", "4000000000005423", dispute="warning"),
    _card("createMultipleDisputes", "4000000404000079", dispute="several"),
    _card("pendingRefund", "4000000000007726", refund="pending"),
    _card("refundFail", "4000000000005126", refund="fails"),
    _card("bypassPending", "4000000000000077", available_at_once=True),
)

TEST_CARDS = _SUCCESS + _COUNTRIES + _DECLINES + _CHECKS + _THREE_D_SECURE + _AFTERWARDS

_BY_NUMBER = {card.number: card for card in TEST_CARDS}
_BY_NAME = {card.name: card for card in TEST_CARDS}
_BY_NAME["visa_chargeDeclined"] = _BY_NAME["chargeDeclined"]
_BY_NAME["threeDSecureNotSupported"] = _BY_NAME["amex"]

_UNKNOWN = TestCard(name="", number="")

_BRANDS = (
    ("34", "amex"), ("37", "amex"), ("300", "diners"), ("305", "diners"), ("36", "diners"), ("38", "diners"),
    ("6011", "discover"), ("65", "discover"), ("62", "unionpay"), ("81", "unionpay"), ("35", "jcb"),
    ("4", "visa"), ("5", "mastercard"), ("2", "mastercard"),
)  # fmt: skip


def by_number(number: str) -> TestCard:
    """Return what ``number`` does; a number that is no test card is approved, its brand read from its digits."""
    known = _BY_NUMBER.get(number)
    if known is not None:
        return known
    brand = next((brand for prefix, brand in _BRANDS if number.startswith(prefix)), "unknown")
    return TestCard(name="", number="", brand=brand)


def is_test(number: str) -> bool:
    """Return True for the numbers of this table."""
    return number in _BY_NUMBER


def by_name(name: str) -> TestCard | None:
    """Return the card with this ``name`` (what follows ``pm_card_`` or ``tok_``), or None."""
    return _BY_NAME.get(name)


def behaviour(name: str) -> TestCard:
    """Return the behaviour stored with a payment under ``name``; plain approval for the empty name."""
    return _BY_NAME.get(name, _UNKNOWN)


def passes_luhn(number: str) -> bool:
    """Return True when the check digit of ``number`` is right."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = ord(digit) - 48
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0
