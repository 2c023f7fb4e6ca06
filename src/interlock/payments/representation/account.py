"""The public shape of an account: the merchant's own, which many clients ask for first."""

from typing import Any

from interlock.payments.access.types import Account

_NOTHING_DUE: dict[str, Any] = {
    "alternatives": [],
    "current_deadline": None,
    "currently_due": [],
    "disabled_reason": None,
    "errors": [],
    "eventually_due": [],
    "past_due": [],
    "pending_verification": [],
}
_NO_ADDRESS: dict[str, Any] = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def account(value: Account) -> dict[str, Any]:
    """Return the account as the API shows it."""
    return {
        "id": value.id,
        "object": "account",
        "business_profile": _business_profile(value),
        "business_type": None,
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": value.country,
        "created": value.created_at_ms // 1000,
        "default_currency": value.default_currency,
        "details_submitted": True,
        "email": value.email,
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/accounts/{value.id}/external_accounts",
        },
        "future_requirements": _NOTHING_DUE,
        "metadata": {},
        "payouts_enabled": True,
        "requirements": _NOTHING_DUE,
        "settings": _settings(value),
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "standard",
    }


def _business_profile(value: Account) -> dict[str, Any]:
    return {
        "annual_revenue": {"amount": None, "currency": None, "fiscal_year_end": None},
        "estimated_worker_count": None,
        "mcc": None,
        "minority_owned_business_designation": None,
        "name": value.name,
        "product_description": None,
        "support_address": _NO_ADDRESS,
        "support_email": None,
        "support_phone": None,
        "support_url": None,
        "url": None,
    }


def _settings(value: Account) -> dict[str, Any]:
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": value.name, "timezone": "Etc/UTC"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": None},
        "payments": {
            "statement_descriptor": None,
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 2, "interval": "daily"},
            "statement_descriptor": None,
        },
        "sepa_debit_payments": {},
    }
