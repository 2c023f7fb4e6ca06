"""The parts of Stripe's objects that this connector reads, typed: an answer of another shape does not decode.

Used by the Stripe connector only. Everything is optional that Stripe may leave out; ``object`` and ``id`` are not.
"""

from typing import Annotated, Any

import msgspec

Id = Annotated[str, msgspec.Meta(min_length=1)]


class Checks(msgspec.Struct, frozen=True):
    """What the issuer said of CVC and address."""

    cvc_check: str | None = None
    address_postal_code_check: str | None = None
    address_line1_check: str | None = None


class ThreeDSecure(msgspec.Struct, frozen=True):
    """How the shopper was authenticated."""

    result: str | None = None
    version: str | None = None
    electronic_commerce_indicator: str | None = None
    authentication_flow: str | None = None
    transaction_id: str | None = None


class CardDetails(msgspec.Struct, frozen=True):
    """Card facts on a charge."""

    checks: Checks | None = None
    three_d_secure: ThreeDSecure | None = None
    network_transaction_id: str | None = None
    authorization_code: str | None = None


class MethodDetails(msgspec.Struct, frozen=True):
    """A charge's payment method facts."""

    card: CardDetails | None = None


class ChargeOutcome(msgspec.Struct, frozen=True):
    """Why a charge went as it went."""

    advice_code: str | None = None
    network_decline_code: str | None = None
    reason: str | None = None


class Charge(msgspec.Struct, frozen=True):
    """A charge, expanded or in an event."""

    id: str
    object: str = "charge"
    amount: int | None = None
    amount_captured: int | None = None
    amount_refunded: int | None = None
    currency: str | None = None
    status: str | None = None
    captured: bool | None = None
    payment_intent: str | None = None
    metadata: dict[str, str] = {}
    outcome: ChargeOutcome | None = None
    payment_method_details: MethodDetails | None = None
    failure_code: str | None = None
    failure_message: str | None = None


class Redirect(msgspec.Struct, frozen=True):
    """Where the shopper must go."""

    url: str


class TransferInstructions(msgspec.Struct, frozen=True):
    """Where the shopper sends the money."""

    type: str
    amount_remaining: int | None = None
    currency: str | None = None
    financial_addresses: tuple[dict[str, Any], ...] = ()
    hosted_instructions_url: str | None = None
    reference: str | None = None


class NextAction(msgspec.Struct, frozen=True):
    """What the shopper must do."""

    type: str
    redirect_to_url: Redirect | None = None
    display_bank_transfer_instructions: TransferInstructions | None = None


class Failure(msgspec.Struct, frozen=True):
    """An error object, at the top of an answer or kept on an intent."""

    type: str
    code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    message: str | None = None
    param: str | None = None
    charge: str | None = None
    payment_intent: "Intent | None" = None
    setup_intent: "Setup | None" = None


class Intent(msgspec.Struct, frozen=True):
    """A PaymentIntent."""

    id: Id
    status: str
    amount: int
    currency: str
    object: str = ""
    amount_received: int = 0
    amount_capturable: int = 0
    livemode: bool | None = None
    metadata: dict[str, str] = {}
    next_action: NextAction | None = None
    last_payment_error: Failure | None = None
    latest_charge: Charge | str | None = None
    customer: str | None = None
    payment_method: str | None = None
    cancellation_reason: str | None = None


class PaymentMethod(msgspec.Struct, frozen=True):
    """A stored payment method, expanded."""

    id: str
    card: CardDetails | None = None


class Setup(msgspec.Struct, frozen=True):
    """A SetupIntent."""

    id: Id
    status: str
    object: str = ""
    livemode: bool | None = None
    metadata: dict[str, str] = {}
    next_action: NextAction | None = None
    last_setup_error: Failure | None = None
    customer: str | None = None
    payment_method: PaymentMethod | str | None = None


class Customer(msgspec.Struct, frozen=True):
    """A customer."""

    id: Id
    object: str = ""


class Refund(msgspec.Struct, frozen=True):
    """A refund."""

    id: Id
    amount: int
    currency: str
    status: str | None
    object: str = ""
    metadata: dict[str, str] = {}
    payment_intent: str | None = None
    charge: str | None = None
    failure_reason: str | None = None


class Funding(msgspec.Struct, frozen=True):
    """Money that arrived on a customer's account."""

    id: Id
    net_amount: int
    currency: str
    object: str = ""


class EvidenceDetails(msgspec.Struct, frozen=True):
    """Until when evidence may be given."""

    due_by: int | None = None


class Dispute(msgspec.Struct, frozen=True):
    """A dispute."""

    id: str
    amount: int
    currency: str
    status: str
    reason: str | None = None
    payment_intent: str | None = None
    charge: str | None = None
    evidence_details: EvidenceDetails | None = None


class EventData(msgspec.Struct, frozen=True):
    """The object an event is about, not yet decoded."""

    object: msgspec.Raw


class Event(msgspec.Struct, frozen=True):
    """A webhook's envelope."""

    id: str
    type: str
    created: int
    data: EventData
    livemode: bool | None = None


class ErrorAnswer(msgspec.Struct, frozen=True):
    """What Stripe answers with a 4xx or 5xx status."""

    error: Failure


class IntentPage(msgspec.Struct, frozen=True):
    """A list or search result of intents."""

    data: list[Intent]
    has_more: bool = False


class SetupPage(msgspec.Struct, frozen=True):
    """A list of setup intents."""

    data: list[Setup]
    has_more: bool = False


class RefundPage(msgspec.Struct, frozen=True):
    """A list of refunds."""

    data: list[Refund]
    has_more: bool = False


INTENT = msgspec.json.Decoder(Intent)
SETUP = msgspec.json.Decoder(Setup)
FUNDING = msgspec.json.Decoder(Funding)
REFUND = msgspec.json.Decoder(Refund)
CHARGE = msgspec.json.Decoder(Charge)
DISPUTE = msgspec.json.Decoder(Dispute)
EVENT = msgspec.json.Decoder(Event)
CUSTOMER = msgspec.json.Decoder(Customer)
ERROR = msgspec.json.Decoder(ErrorAnswer)
INTENTS = msgspec.json.Decoder(IntentPage)
SETUPS = msgspec.json.Decoder(SetupPage)
REFUNDS = msgspec.json.Decoder(RefundPage)
