"""From a setup intent to what a connector builds from. Pure; see ``attempts.requests`` for why that matters."""

from interlock.base.money import Money
from interlock.gateways.contract import Initiator, Instrument, PaymentRequest, StoredCredential
from interlock.payments.attempts.requests import shopper
from interlock.payments.attempts.types import Attempt
from interlock.payments.instruments.types import PaymentMethod
from interlock.payments.setup.types import SetupIntent


def verification_request(
    intent: SetupIntent, attempt: Attempt, method: PaymentMethod, instrument: Instrument, return_url: str
) -> PaymentRequest:
    """Return the request that verifies and stores a card.

    Args:
        intent: what the card is stored for.
        attempt: durable; its id is the reference and its key the outbound idempotency key.
        method: what is stored of the card.
        instrument: the card in clear.
        return_url: where the gateway sends the shopper after a challenge (our own page).

    """
    return PaymentRequest(
        reference=attempt.id,
        idempotency_key=attempt.outbound_key,
        amount=Money(0, attempt.currency),
        instrument=instrument,
        return_url=return_url,
        description=intent.details.get("description"),
        stored_credential=StoredCredential(initiator=Initiator.CUSTOMER, store=True, reason="unscheduled"),
        shopper=shopper(attempt, method, intent.customer_id, None),
    )
