"""Parameters of events, webhook endpoints, balance transactions and attempt records."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from interlock.api.parameters.base import (
    CONNECT,
    Currency,
    DatedPage,
    Expandable,
    Metadata,
    Page,
    Text,
    Token,
    WebUrl,
    refuse,
)

EventNames = Annotated[list[Token], Meta(max_length=300)]


class ListEvents(DatedPage, frozen=True, kw_only=True):
    """GET /v1/events."""

    delivery_success: bool | UnsetType = UNSET
    type: Token | UnsetType = UNSET
    types: Annotated[list[Token], Meta(min_length=1, max_length=20)] | UnsetType = UNSET


class ResendEvent(Expandable, frozen=True, kw_only=True):
    """POST /v1/events/{id}/retry: what the official CLI sends for ``stripe events resend``."""

    REFUSED = refuse(CONNECT, "account")

    webhook_endpoint: Token | UnsetType = UNSET
    for_stripecli: bool | UnsetType = UNSET


class CreateWebhookEndpoint(Expandable, frozen=True, kw_only=True):
    """POST /v1/webhook_endpoints."""

    REFUSED = refuse(CONNECT, "connect")

    url: WebUrl
    enabled_events: EventNames
    api_version: Token | UnsetType | None = UNSET
    description: Text | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class UpdateWebhookEndpoint(Expandable, frozen=True, kw_only=True):
    """POST /v1/webhook_endpoints/{webhook_endpoint}."""

    url: WebUrl | UnsetType = UNSET
    enabled_events: EventNames | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class ListWebhookEndpoints(Page, frozen=True, kw_only=True):
    """GET /v1/webhook_endpoints."""


class ListAccounts(DatedPage, frozen=True, kw_only=True):
    """GET /v1/accounts."""


class ListBalanceTransactions(DatedPage, frozen=True, kw_only=True):
    """GET /v1/balance_transactions."""

    currency: Currency | UnsetType = UNSET
    payout: Token | UnsetType = UNSET
    source: Token | UnsetType = UNSET
    type: Token | UnsetType = UNSET


class ListAttemptRecords(Page, frozen=True, kw_only=True):
    """GET /v1/payment_attempt_records; ``payment_intent`` is Interlock's own way to ask for one intent's attempts."""

    payment_record: Token | UnsetType = UNSET
    payment_intent: Token | UnsetType = UNSET
