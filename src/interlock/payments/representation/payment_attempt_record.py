"""The public shape of an attempt: Stripe's own object for payments taken at another processor.

Where Stripe's object has no place for a fact of ours (gateway, release, outcome, times), it stands under the extra key
``interlock``, which typed SDKs expose as an ordinary attribute.
"""

from typing import Any

from interlock.payments.attempts.types import Attempt
from interlock.payments.representation.amounts import front_amount

_NO_ADDRESS: dict[str, Any] = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def payment_attempt_record(attempt: Attempt) -> dict[str, Any]:
    """Return the attempt as the API shows it."""
    amount = front_amount(attempt.amount_minor, attempt.currency)

    def money(applies: bool) -> dict[str, Any]:  # noqa: FBT001 - a local shorthand for eight equal fields
        return {"currency": attempt.currency, "value": amount if applies else 0}

    approved = attempt.state == "approved"
    failed = attempt.state in {"declined", "refused", "not_sent"}
    return {
        "id": attempt.id,
        "object": "payment_attempt_record",
        "amount": money(applies=True),
        "amount_authorized": money(applies=approved and attempt.operation in {"authorise", "sale", "increment"}),
        "amount_canceled": money(applies=approved and attempt.operation == "void"),
        "amount_failed": money(applies=failed),
        "amount_guaranteed": money(applies=approved and attempt.operation in {"sale", "capture"}),
        "amount_refunded": money(applies=approved and attempt.operation == "refund"),
        "amount_requested": money(applies=True),
        "application": None,
        "created": attempt.created_at_ms // 1000,
        "customer_details": {"customer": None, "email": None, "name": None, "phone": None},
        "customer_presence": None,
        "description": None,
        "livemode": attempt.livemode,
        "metadata": {},
        "payment_method_details": {
            "billing_details": {"address": _NO_ADDRESS, "email": None, "name": None, "phone": None},
            "payment_method": attempt.payment_method_id,
            "type": (attempt.detail.get("terms") or {}).get("method", "card"),
        },
        "payment_record": attempt.intent_id,
        "processor_details": {
            "custom": {"payment_reference": attempt.gateway_reference or attempt.id},
            "type": "custom",
        },
        "reported_by": "self",
        "shipping_details": {"address": _NO_ADDRESS, "name": None, "phone": None},
        "interlock": _own_facts(attempt),
    }


def _own_facts(attempt: Attempt) -> dict[str, Any]:
    return {
        "operation": attempt.operation,
        "outcome": attempt.state,
        "gateway": attempt.gateway_id,
        "connector": attempt.connector,
        "release": attempt.release_id,
        "arm": attempt.arm,
        "share": attempt.share_ppm / 1_000_000,
        "sequence": attempt.sequence,
        "phase": attempt.phase,
        "http_status": attempt.http_status,
        "code": attempt.code,
        "message": attempt.message,
        "decline_code": attempt.decline_code,
        "gateway_reference": attempt.gateway_reference,
        "begun_at_ms": attempt.created_at_ms,
        "settled_at_ms": attempt.settled_at_ms,
        "latency_ms": attempt.latency_ms,
        "inquiries": attempt.inquiries,
        "echo_mismatch": attempt.echo_mismatch,
    }
