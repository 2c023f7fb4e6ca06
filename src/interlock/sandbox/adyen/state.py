"""What the simulated Adyen remembers of payments, modifications and stored cards."""

import msgspec


class CardFacts(msgspec.Struct, array_like=True, gc=False):
    """A card without its number: what responses and notifications show, and the test card's name."""

    name: str
    brand: str
    funding: str
    country: str
    bin: str
    last4: str
    expiry: str
    holder_name: str
    cvc: str


class Payment(msgspec.Struct, array_like=True, gc=False):
    """A payment. ``state`` is redirected, pending, authorised, refused or cancelled."""

    psp: str
    created_ms: int
    reference: str
    amount: int
    currency: str
    card: CardFacts
    state: str
    manual_capture: bool
    idempotency_key: str = ""
    metadata: dict[str, str] = {}
    return_url: str = ""
    refusal: int = 0
    captured: int = 0
    refunded: int = 0
    reversed: int = 0
    merchant_initiated: bool = False
    shopper_reference: str = ""
    store_card: bool = False
    recurring_model: str = ""
    stored_id: str = ""
    authenticated: bool = False
    requested: str = ""
    disputes: int = 0


class Modification(msgspec.Struct, array_like=True, gc=False):
    """A capture, cancel, refund, reversal, amount update or technical cancel that was received."""

    psp: str
    kind: str
    payment: str
    amount: int
    currency: str
    reference: str
    idempotency_key: str = ""
    capture: str = ""


class StoredCard(msgspec.Struct, array_like=True, gc=False):
    """A tokenised card."""

    id: str
    shopper_reference: str
    card: CardFacts
    network_reference: str
    set_up: bool = True
