"""The public shape of checkout sessions, their line items, products and prices."""

from typing import Any

from interlock.payments.checkout.types import (
    CheckoutSession,
    LineItem,
    PaymentPage,
    Price,
    Product,
    SessionStatus,
)
from interlock.payments.intents.types import Intent
from interlock.payments.representation.addresses import full_address, shipping
from interlock.payments.representation.amounts import front_amount
from interlock.payments.representation.payment_intent import payment_intent
from interlock.payments.representation.setup_intent import setup_intent

_FIELD_KINDS = frozenset({"dropdown", "numeric", "text"})
_TEXTS = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
# Shown as given, null where nothing was.
_AS_GIVEN = (
    "allow_promotion_codes",
    "billing_address_collection",
    "cancel_url",
    "consent",
    "currency_conversion",
    "discounts",
    "integration_identifier",
    "invoice",
    "locale",
    "managed_payments",
    "origin_context",
    "payment_link",
    "payment_method_configuration_details",
    "permissions",
    "recovered_from",
    "shipping_address_collection",
    "shipping_cost",
    "submit_type",
    "subscription",
    "success_url",
    "wallet_options",
)


def checkout_session(value: CheckoutSession, page_base_url: str) -> dict[str, Any]:
    """Return the session as the API shows it, unexpanded.

    Args:
        value: the session.
        page_base_url: where the hosted page is served; ``url`` is this, a slash and the session's id.

    """
    more = value.details.get
    ui_mode = more("ui_mode") or "hosted_page"
    is_open = value.status is SessionStatus.OPEN
    shown: dict[str, Any] = {key: more(key) for key in _AS_GIVEN}
    shown.update(_money(value))
    shown.update(
        {
            "id": value.id,
            "object": "checkout.session",
            "adaptive_pricing": {"enabled": False},
            "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
            "client_reference_id": value.client_reference_id,
            "client_secret": value.client_secret if is_open else None,
            "after_expiration": _after_expiration(more("after_expiration")),
            "collected_information": _collected(value),
            "consent_collection": _consent_collection(more("consent_collection")),
            "created": value.created_at_ms // 1000,
            "custom_fields": [_custom_field(field) for field in more("custom_fields") or ()],
            "custom_text": {key: (more("custom_text") or {}).get(key) for key in _TEXTS},
            "customer": value.customer_id,
            "customer_account": None,
            "customer_creation": _customer_creation(value),
            "customer_details": _customer_details(value),
            "customer_email": value.customer_email,
            "expires_at": value.expires_at_ms // 1000,
            "invoice_creation": _invoice_creation() if value.mode == "payment" else None,
            "livemode": value.livemode,
            "metadata": value.metadata,
            "mode": value.mode,
            "payment_intent": value.payment_intent_id,
            "payment_method_collection": more("payment_method_collection") or "if_required",
            "payment_method_options": more("payment_method_options")
            or {"card": {"request_three_d_secure": "automatic"}},
            "payment_method_types": more("payment_method_types") or ["card"],
            "payment_status": value.payment_status,
            "phone_number_collection": {"enabled": bool((more("phone_number_collection") or {}).get("enabled"))},
            "saved_payment_method_options": _saved_methods(value),
            "setup_intent": value.setup_intent_id,
            "shipping_options": more("shipping_options") or [],
            "status": value.status,
            "ui_mode": ui_mode,
            "url": f"{page_base_url}/{value.id}" if is_open and ui_mode == "hosted_page" else None,
        }
    )
    if more("return_url"):
        shown["return_url"] = more("return_url")
    return shown


def payment_page(value: PaymentPage, page_base_url: str) -> dict[str, Any]:
    """Return the session with its intent expanded, which is all that a page needs (``next_action`` among it)."""
    shown = checkout_session(value.session, page_base_url)
    if isinstance(value.intent, Intent):
        shown["payment_intent"] = payment_intent(value.intent)
    elif value.intent is not None:
        shown["setup_intent"] = setup_intent(value.intent)
    return shown


def _money(value: CheckoutSession) -> dict[str, Any]:
    if value.currency is None or value.amount_total_minor is None or value.amount_subtotal_minor is None:
        return {"amount_subtotal": None, "amount_total": None, "currency": value.currency, "total_details": None}
    return {
        "amount_subtotal": front_amount(value.amount_subtotal_minor, value.currency),
        "amount_total": front_amount(value.amount_total_minor, value.currency),
        "currency": value.currency,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
    }


def _customer_creation(value: CheckoutSession) -> str | None:
    given: str | None = value.details.get("customer_creation")
    if given is not None or value.mode != "payment" or value.customer_id is not None:
        return given
    return "if_required"


def _customer_details(value: CheckoutSession) -> dict[str, Any] | None:
    given = value.details.get("customer_details")
    if not given and value.customer_email is None:
        return None
    get = (given or {}).get
    return {
        "address": full_address(get("address")) if given else None,
        "business_name": None,
        "email": get("email") or value.customer_email,
        "individual_name": None,
        "name": get("name"),
        "phone": get("phone"),
        "tax_exempt": "none",
        "tax_ids": [] if given else None,
    }


def _collected(value: CheckoutSession) -> dict[str, Any] | None:
    given = value.details.get("collected_information")
    if not given:
        return None
    details = shipping(given.get("shipping_details"))
    if details is not None:
        details = {"address": details["address"], "name": details["name"] or ""}
    return {"business_name": None, "individual_name": None, "shipping_details": details}


def _after_expiration(given: dict[str, Any] | None) -> dict[str, Any] | None:
    recovery = (given or {}).get("recovery")
    if not isinstance(recovery, dict):
        return None if given is None else {"recovery": None}
    return {
        "recovery": {
            "allow_promotion_codes": _is_true(recovery.get("allow_promotion_codes")),
            "enabled": _is_true(recovery.get("enabled")),
            "expires_at": None,
            "url": None,
        }
    }


def _consent_collection(given: dict[str, Any] | None) -> dict[str, Any] | None:
    if given is None:
        return None
    return {key: given.get(key) for key in ("payment_method_reuse_agreement", "promotions", "terms_of_service")}


def _custom_field(given: dict[str, Any]) -> dict[str, Any]:
    """Return a field of the shop's own as shown: what it asks for, and no answer yet."""
    kind = str(given.get("type"))
    kind = kind if kind in _FIELD_KINDS else "text"
    asked = given.get(kind) if isinstance(given.get(kind), dict) else {}
    label = given.get("label") if isinstance(given.get("label"), dict) else {}
    shown: dict[str, Any] = {
        "key": str(given.get("key") or ""),
        "label": {"custom": (label or {}).get("custom"), "type": "custom"},
        "optional": _is_true(given.get("optional")),
        "type": kind,
    }
    if kind == "dropdown":
        options = [option for option in (asked or {}).get("options") or () if isinstance(option, dict)]
        named = [{"label": str(each.get("label")), "value": str(each.get("value"))} for each in options]
        shown[kind] = {"default_value": None, "options": named, "value": None}
    else:
        shown[kind] = {"default_value": None, "maximum_length": None, "minimum_length": None, "value": None}
    return shown


def _is_true(given: object) -> bool:
    """Return True for a boolean given as JSON or as form text."""
    return given is True or given == "true"


def _saved_methods(value: CheckoutSession) -> dict[str, Any] | None:
    if value.customer_id is None:
        return None
    given = (value.details.get("saved_payment_method_options") or {}).get
    return {
        "allow_redisplay_filters": given("allow_redisplay_filters") or ["always"],
        "payment_method_remove": given("payment_method_remove") or "disabled",
        "payment_method_save": given("payment_method_save"),
    }


def _invoice_creation() -> dict[str, Any]:
    return {
        "enabled": False,
        "invoice_data": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": None,
            "metadata": {},
            "rendering_options": None,
        },
    }


def line_item(value: LineItem, session: CheckoutSession) -> dict[str, Any]:
    """Return one line item of ``session`` as the API shows it."""
    amount = front_amount(value.amount_minor, value.currency)
    sold_as = Price(
        account_id=session.account_id,
        id=value.price_id,
        livemode=session.livemode,
        version=1,
        created_at_ms=session.created_at_ms,
        product_id=value.product_id,
        currency=value.currency,
        unit_amount_minor=value.unit_amount_minor,
        active=not value.product_data,
    )
    return {
        "id": value.id,
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": value.currency,
        "description": value.description,
        "metadata": {},
        "price": price(sold_as),
        "quantity": value.quantity,
    }


def line_items(session: CheckoutSession, start: int = 0, limit: int = 10) -> dict[str, Any]:
    """Return a page of the session's line items as a list object, beginning at index ``start``."""
    return {
        "object": "list",
        "data": [line_item(item, session) for item in session.line_items[start : start + limit]],
        "has_more": len(session.line_items) > start + limit,
        "url": f"/v1/checkout/sessions/{session.id}/line_items",
    }


def price(value: Price) -> dict[str, Any]:
    """Return the price as the API shows it, unexpanded."""
    amount = front_amount(value.unit_amount_minor, value.currency)
    return {
        "id": value.id,
        "object": "price",
        "active": value.active,
        "billing_scheme": "per_unit",
        "created": value.created_at_ms // 1000,
        "currency": value.currency,
        "custom_unit_amount": None,
        "livemode": value.livemode,
        "lookup_key": value.lookup_key,
        "metadata": value.metadata,
        "nickname": value.nickname,
        "product": value.product_id,
        "recurring": None,
        "tax_behavior": value.tax_behavior,
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }


def product(value: Product) -> dict[str, Any]:
    """Return the product as the API shows it, unexpanded."""
    more = value.details.get
    return {
        "id": value.id,
        "object": "product",
        "active": value.active,
        "created": value.created_at_ms // 1000,
        "default_price": value.default_price,
        "description": more("description"),
        "images": more("images") or [],
        "livemode": value.livemode,
        "marketing_features": more("marketing_features") or [],
        "metadata": value.metadata,
        "name": value.name,
        "package_dimensions": more("package_dimensions"),
        "shippable": more("shippable"),
        "statement_descriptor": more("statement_descriptor"),
        "tax_code": more("tax_code"),
        "type": "service",
        "unit_label": more("unit_label"),
        "updated": value.updated_at_ms // 1000,
        "url": more("url"),
    }


def deleted_product(product_id: str) -> dict[str, Any]:
    """Return what is shown of a product that was just deleted."""
    return {"id": product_id, "object": "product", "deleted": True}
