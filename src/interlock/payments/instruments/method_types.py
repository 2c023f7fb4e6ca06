"""Which types of payment method exist, and which of them this switch can charge. Pure."""

from typing import Any

from interlock.base.problems import Problem, invalid

CHARGEABLE = frozenset({"card", "customer_balance", "sepa_debit"})
DELAYED = frozenset({"sepa_debit"})
"""Types whose money is only known to have come days later: their charge is pending until then."""

KNOWN = frozenset(
    {
        "acss_debit",
        "affirm",
        "afterpay_clearpay",
        "alipay",
        "alma",
        "amazon_pay",
        "au_becs_debit",
        "bacs_debit",
        "bancontact",
        "billie",
        "bizum",
        "blik",
        "boleto",
        "card",
        "cashapp",
        "crypto",
        "custom",
        "customer_balance",
        "eps",
        "fpx",
        "giropay",
        "grabpay",
        "ideal",
        "interac_present",
        "kakao_pay",
        "klarna",
        "konbini",
        "kr_card",
        "link",
        "mb_way",
        "mobilepay",
        "multibanco",
        "naver_pay",
        "nz_bank_account",
        "oxxo",
        "p24",
        "pay_by_bank",
        "payco",
        "paynow",
        "paypal",
        "payto",
        "pix",
        "promptpay",
        "revolut_pay",
        "samsung_pay",
        "satispay",
        "scalapay",
        "sepa_debit",
        "sofort",
        "sunbit",
        "swish",
        "twint",
        "upi",
        "us_bank_account",
        "wechat_pay",
        "zip",
    }
)


def check_type(kind: str, param: str = "type") -> Problem | None:
    """Return why a payment method of ``kind`` cannot be made, or None: unknown, or known but not offered here."""
    if kind in CHARGEABLE:
        return None
    if kind in KNOWN:
        return invalid(
            f'The payment method type "{kind}" is not activated: no gateway of this switch takes it. '
            f"Payment methods of type {', '.join(sorted(CHARGEABLE))} can be used.",
            code="payment_method_unactivated",
            param=param,
        )
    return invalid(f"Invalid {param}: must be one of {', '.join(sorted(KNOWN))}", param=param)


def with_type(details: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return an intent's ``details`` with ``kind`` among the types it shows, unless the shop listed them itself."""
    known = details.get("automatic_types") or []
    if kind == "card" or kind in known or details.get("payment_method_types"):
        return details
    return {**details, "automatic_types": [*known, kind]}
