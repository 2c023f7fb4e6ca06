"""Parameters of disputes."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from interlock.api.parameters.base import DatedPage, Expandable, Hash, Metadata, Parameters, Text, Token

LongText = Annotated[str, Meta(max_length=20_000)]


class Evidence(Parameters, frozen=True, kw_only=True):
    """What the shop says for itself."""

    access_activity_log: LongText | UnsetType | None = UNSET
    billing_address: Text | UnsetType | None = UNSET
    cancellation_policy: Token | UnsetType | None = UNSET
    cancellation_policy_disclosure: LongText | UnsetType | None = UNSET
    cancellation_rebuttal: LongText | UnsetType | None = UNSET
    customer_communication: Token | UnsetType | None = UNSET
    customer_email_address: Text | UnsetType | None = UNSET
    customer_name: Text | UnsetType | None = UNSET
    customer_purchase_ip: Text | UnsetType | None = UNSET
    customer_signature: Token | UnsetType | None = UNSET
    duplicate_charge_documentation: Token | UnsetType | None = UNSET
    duplicate_charge_explanation: LongText | UnsetType | None = UNSET
    duplicate_charge_id: Text | UnsetType | None = UNSET
    enhanced_evidence: Hash | UnsetType | None = UNSET
    product_description: LongText | UnsetType | None = UNSET
    receipt: Token | UnsetType | None = UNSET
    refund_policy: Token | UnsetType | None = UNSET
    refund_policy_disclosure: LongText | UnsetType | None = UNSET
    refund_refusal_explanation: LongText | UnsetType | None = UNSET
    service_date: Text | UnsetType | None = UNSET
    service_documentation: Token | UnsetType | None = UNSET
    shipping_address: Text | UnsetType | None = UNSET
    shipping_carrier: Text | UnsetType | None = UNSET
    shipping_date: Text | UnsetType | None = UNSET
    shipping_documentation: Token | UnsetType | None = UNSET
    shipping_tracking_number: Text | UnsetType | None = UNSET
    uncategorized_file: Token | UnsetType | None = UNSET
    uncategorized_text: LongText | UnsetType | None = UNSET


class UpdateDispute(Expandable, frozen=True, kw_only=True):
    """POST /v1/disputes/{dispute}."""

    evidence: Evidence | UnsetType = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    submit: bool = True


class ListDisputes(DatedPage, frozen=True, kw_only=True):
    """GET /v1/disputes."""

    charge: Token | UnsetType = UNSET
    payment_intent: Token | UnsetType = UNSET
