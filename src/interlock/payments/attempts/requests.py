"""From our values to what a connector builds from. Pure.

The same functions build the first request and, for an inquiry that sends it again, the second: they depend on nothing
but what is stored (and the card), so both are the same request.
"""

from typing import Any

from interlock.base.money import Money
from interlock.gateways.contract import (
    CompleteRequest,
    FollowOnRequest,
    Initiator,
    Instrument,
    Operation,
    PaymentRequest,
    Shopper,
    StoredCredential,
)
from interlock.payments.attempts.types import Attempt
from interlock.payments.instruments.types import PaymentMethod
from interlock.payments.intents.types import MANUAL, Intent


def payment_request(
    attempt: Attempt, intent: Intent, payment_method: PaymentMethod, instrument: Instrument, return_url: str
) -> PaymentRequest:
    """Return the request that authorises or sells.

    Args:
        attempt: durable; its id is the reference and its key the outbound idempotency key.
        intent: what is paid for.
        payment_method: what is stored of it.
        instrument: the card or bank account in clear.
        return_url: where the gateway sends the shopper after a challenge (our own page).

    """
    details = intent.details.get
    options = (details("payment_method_options") or {}).get("card") or {}
    return PaymentRequest(
        reference=attempt.id,
        idempotency_key=attempt.outbound_key,
        amount=Money(attempt.amount_minor, attempt.currency),
        instrument=instrument,
        return_url=return_url,
        description=details("description"),
        statement_descriptor=details("statement_descriptor_suffix") or details("statement_descriptor"),
        stored_credential=stored_credential(attempt, payment_method, intent.setup_future_usage),
        shopper=shopper(attempt, payment_method, intent.customer_id, details("receipt_email")),
        three_d_secure=options.get("request_three_d_secure") or "automatic",
        incremental=options.get("request_incremental_authorization") == "if_available",
        waits_after_challenge=intent.confirmation_method == MANUAL,
    )


def stored_credential(
    attempt: Attempt, payment_method: PaymentMethod, setup_future_usage: str | None
) -> StoredCredential | None:
    """Return what the networks want to know of a stored card, or None for a plain one-time payment."""
    merchant = bool(attempt.detail.get("off_session"))
    store = setup_future_usage is not None
    reference = payment_method.credentials.get(attempt.gateway_id)
    if not merchant and not store and reference is None and payment_method.network_transaction_id is None:
        return None
    return StoredCredential(
        initiator=Initiator.MERCHANT if merchant else Initiator.CUSTOMER,
        store=store,
        reason="unscheduled" if merchant or setup_future_usage == "off_session" else None,
        network_transaction_id=payment_method.network_transaction_id,
        reference=reference,
    )


def shopper(
    attempt: Attempt, payment_method: PaymentMethod, customer_id: str | None, receipt_email: str | None
) -> Shopper:
    """Return what is known of the person who pays."""
    billing: dict[str, Any] = payment_method.billing_details
    if not billing and customer_id is None and receipt_email is None:
        return _NOBODY
    return Shopper(
        reference=customer_id,
        email=billing.get("email") or receipt_email,
        name=billing.get("name"),
        phone=billing.get("phone"),
        ip=attempt.detail.get("client_ip"),
        address=billing.get("address") or {},
    )


def complete_request(attempt: Attempt) -> CompleteRequest:
    """Return the request that finishes a challenge, from what the attempt stored."""
    challenge = attempt.detail.get("challenge") or {}
    return CompleteRequest(
        reference=attempt.id,
        idempotency_key=attempt.outbound_key,
        amount=Money(attempt.amount_minor, attempt.currency),
        gateway_reference=attempt.gateway_reference,
        continuation=challenge.get("continuation") or {},
        parameters=attempt.detail.get("returned") or {},
        capture=attempt.operation is Operation.SALE,
    )


def follow_on_request(attempt: Attempt) -> FollowOnRequest:
    """Return the request that captures, increments, voids or refunds, from what the attempt stored."""
    detail = attempt.detail.get
    return FollowOnRequest(
        reference=attempt.id,
        idempotency_key=attempt.outbound_key,
        amount=Money(attempt.amount_minor, attempt.currency),
        gateway_reference=detail("payment_reference") or "",
        final=attempt.detail.get("final") is not False,
        reason=detail("reason"),
        capture_reference=detail("capture_reference"),
        captured_before_minor=detail("captured_before_minor", 0),
        reverse=bool(detail("reverse")),
    )


_NOBODY = Shopper()
