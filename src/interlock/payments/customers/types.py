"""Values, table and commands of customers."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from interlock.payments.instruments.types import CardData, PaymentMethod
from interlock.storage.tables import Table


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer.

    ``details`` holds what is only stored and shown: address, shipping, balance, preferred_locales, tax_exempt,
    invoice_prefix, next_invoice_sequence, invoice_settings (without the default payment method), business_name,
    individual_name. A deleted customer keeps its id and nothing of the person.
    """

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    deleted: bool = False
    email: str | None = None
    name: str | None = None
    phone: str | None = None
    description: str | None = None
    default_source: str | None = None
    default_payment_method: str | None = None
    metadata: dict[str, str] = {}
    details: dict[str, Any] = {}


CUSTOMERS = Table(Customer, "customers")


class CreateCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """A new customer. ``payment_method`` and ``source`` are attached at once; ``source`` becomes the default."""

    email: str | None = None
    name: str | None = None
    phone: str | None = None
    description: str | None = None
    payment_method: str | None = None
    source: str | CardData | None = None
    default_payment_method: str | None = None
    metadata: dict[str, str] | None = None
    details: dict[str, Any] = {}


class UpdateCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """Changes; UNSET fields stay, None unsets. In ``details`` an absent key stays and a None value unsets."""

    email: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    phone: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    source: str | CardData | None = None
    default_source: str | UnsetType = UNSET
    default_payment_method: str | UnsetType | None = UNSET
    metadata: dict[str, str] | UnsetType | None = UNSET
    details: dict[str, Any] = {}


class CardSource(msgspec.Struct, frozen=True):
    """A stored card, to be shown in the legacy shape."""

    payment_method: PaymentMethod


class DeletedSource(msgspec.Struct, frozen=True):
    """What is shown of a source that was just removed."""

    id: str
