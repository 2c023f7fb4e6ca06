"""The public shape of a mandate."""

from typing import Any

from interlock.payments.instruments.types import Mandate
from interlock.payments.representation.amounts import front_amount


def mandate(value: Mandate) -> dict[str, Any]:
    """Return the mandate as the API shows it, unexpanded."""
    shown: dict[str, Any] = {
        "id": value.id,
        "object": "mandate",
        "customer_acceptance": _acceptance(value),
        "livemode": value.livemode,
        "payment_method": value.payment_method_id,
        "payment_method_details": {value.method_type: _details(value), "type": value.method_type},
        "status": value.status,
        "type": value.type,
    }
    if value.amount_minor is not None and value.currency is not None:
        amount = front_amount(value.amount_minor, value.currency)
        shown["single_use"] = {"amount": amount, "currency": value.currency}
    else:
        shown["multi_use"] = {}
    return shown


def _details(value: Mandate) -> dict[str, Any]:
    # The bank knows the mandate by the gateway's reference, ours finds it here. No page shows it: no address.
    return {} if value.method_type == "card" else {"reference": value.id.partition("_")[2], "url": ""}


def _acceptance(value: Mandate) -> dict[str, Any]:
    given = value.customer_acceptance
    kind = given.get("type") or "offline"
    accepted_at = given.get("accepted_at")
    shown = {"accepted_at": int(accepted_at) if accepted_at else value.created_at_ms // 1000, "type": kind}
    if kind == "online":
        online = given.get("online") or {}
        return {**shown, "online": {"ip_address": online.get("ip_address"), "user_agent": online.get("user_agent")}}
    return {**shown, "offline": {}}
