"""Adyen's tables from its documentation: currencies, brands, refusal reasons, test values, test cards of its own."""

import msgspec

EXPONENTS = {"clp": 2, "cve": 0, "idr": 0, "isk": 2}
BRANDS = {"mastercard": "mc", "unionpay": "cup", "unknown": "card"}


class Refusal(msgspec.Struct, frozen=True):
    """A refusal reason: its code, its words, the result code it comes with, the holder name that asks for it."""

    code: int
    reason: str
    holder_name: str
    result: str = "Refused"


REFUSALS = {
    refusal.code: refusal
    for refusal in (
        Refusal(0, "Unknown", "UNKNOWN", "Error"),
        Refusal(2, "Refused", "DECLINED"),
        Refusal(3, "Referral", "REFERRAL"),
        Refusal(4, "Acquirer Error", "ERROR", "Error"),
        Refusal(5, "Blocked Card", "BLOCK_CARD"),
        Refusal(6, "Expired Card", "CARD_EXPIRED"),
        Refusal(7, "Invalid Amount", "INVALID_AMOUNT"),
        Refusal(8, "Invalid Card Number", "INVALID_CARD"),
        Refusal(9, "Issuer Unavailable", "ISSUER_UNAVAILABLE"),
        Refusal(10, "Not supported", "NOT_SUPPORTED"),
        Refusal(11, "3D Not Authenticated", "NOT_3D_AUTHENTICATED"),
        Refusal(12, "Not enough balance", "NOT_ENOUGH_BALANCE"),
        Refusal(14, "Acquirer Fraud", "ACQUIRER_FRAUD"),
        Refusal(15, "Cancelled", "CANCELLED", "Cancelled"),
        Refusal(16, "Shopper Cancelled", "SHOPPER_CANCELLED", "Cancelled"),
        Refusal(17, "Invalid Pin", "INVALID_PIN"),
        Refusal(18, "Pin tries exceeded", "PIN_TRIES_EXCEEDED"),
        Refusal(19, "Pin validation not possible", "PIN_VALIDATION_NOT_POSSIBLE"),
        Refusal(20, "FRAUD", "FRAUD"),
        Refusal(21, "Not Submitted", "NOT_SUBMITTED"),
        Refusal(22, "FRAUD-CANCELLED", "FRAUD_CANCELLED", "Cancelled"),
        Refusal(23, "Transaction Not Permitted", "TRANSACTION_NOT_PERMITTED"),
        Refusal(24, "CVC Declined", "CVC_DECLINED"),
        Refusal(25, "Restricted Card", "RESTRICTED_CARD"),
        Refusal(26, "Revocation Of Auth", "REVOCATION_OF_AUTH"),
        Refusal(27, "Declined Non Generic", "DECLINED_NON_GENERIC"),
        Refusal(28, "Withdrawal amount exceeded", "WITHDRAWAL_AMOUNT_EXCEEDED"),
        Refusal(29, "Withdrawal count exceeded", "WITHDRAWAL_COUNT_EXCEEDED"),
        Refusal(31, "Issuer Suspected Fraud", "ISSUER_SUSPECTED_FRAUD"),
        Refusal(32, "AVS Declined", "AVS_DECLINED"),
        Refusal(33, "Card requires online pin", "PIN_REQUIRED"),
        Refusal(34, "No checking account available on Card", "NO_CHECKING_ACCOUNT_AVAILABLE_ON_CARD"),
        Refusal(35, "No savings account available on Card", "NO_SAVINGS_ACCOUNT_AVAILABLE_ON_CARD"),
        Refusal(36, "Mobile pin required", "MOBILE_PIN_REQUIRED"),
        Refusal(37, "Contactless fallback", "CONTACTLESS_FALLBACK"),
        Refusal(38, "Authentication required", "AUTHENTICATION_REQUIRED"),
        Refusal(39, "RReq not received from DS", "RREQ_NOT_RECEIVED_FROM_DS"),
        Refusal(42, "3DS Authentication Error", "3DS_AUTHENTICATION_ERROR"),
        Refusal(46, "Transaction blocked by Adyen to prevent excessive retry fees",
                "TRANSACTION_BLOCKED_BY_ADYEN_TO_PREVENT_EXCESSIVE_RETRY_FEES"),
    )
}  # fmt: skip

_BY_HOLDER_NAME = {refusal.holder_name: refusal.code for refusal in REFUSALS.values()}

# What the test cards both sandboxes know mean in Adyen's words.
BY_DECLINE_CODE = {
    "generic_decline": 2,
    "card_declined": 2,
    "insufficient_funds": 12,
    "lost_card": 5,
    "stolen_card": 5,
    "expired_card": 6,
    "incorrect_cvc": 24,
    "processing_error": 4,
    "card_velocity_exceeded": 29,
    "fraudulent": 20,
    "authentication_required": 38,
    "do_not_honor": 2,
    "incorrect_number": 8,
    "issuer_not_available": 9,
    "transaction_not_allowed": 23,
    "restricted_card": 25,
    "pickup_card": 5,
    "call_issuer": 3,
    "invalid_amount": 7,
}

# Adyen's own test numbers: they want security code 737 (7373 for American Express); anything else is "CVC Declined".
STRICT_CVC = {
    "4111111111111111": "737", "4988438843884305": "737", "4166676667666746": "737", "4646464646464644": "737",
    "4000180000000002": "737", "5555444433331111": "737", "2222400070000005": "737", "5136333333333335": "737",
    "5585558555855583": "737", "2222410740360010": "737", "370000000000002": "7373", "3700000000000002": "7373",
    "6011601160116611": "737", "36006666333344": "737", "3569990010095841": "737",
}  # fmt: skip


def refusal_for_holder(name: str) -> int | None:
    """Return the refusal code a test holder name such as ``DECLINED`` or ``DECLINED : 06 : ERROR`` asks for."""
    return _BY_HOLDER_NAME.get(name.partition(":")[0].strip().upper())


def brand(name: str) -> str:
    """Return Adyen's word for a card brand."""
    return BRANDS.get(name, name)
