"""Values and table of inbound notifications."""

import hashlib
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from interlock.base.context import Scope
from interlock.gateways.contract import Notification
from interlock.payments.recovery.notifications import Verdict
from interlock.routing.types import ReadyGateway
from interlock.storage.tables import Table


class NotificationState(StrEnum):
    """What became of a stored notification; ``failed`` was tried for a week and wants a person."""

    WAITING = "waiting"
    APPLIED = "applied"
    IGNORED = "ignored"
    FAILED = "failed"


class GatewayNotification(msgspec.Struct, frozen=True, kw_only=True):
    """One verified fact, stored before the gateway got its answer. ``note`` says why it waits or was ignored."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    gateway_id: str
    notification_id: str
    notification: Notification
    state: NotificationState
    attempts: int
    next_attempt_at_ms: int | None
    note: str | None = None

    @property
    def scope(self) -> Scope:
        """Return account and mode."""
        return Scope(self.account_id, self.livemode)


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in the request is durable. ``body`` is what the gateway wants to read in a 200."""

    body: str
    stored: int
    repeated: int


class Gateways(Protocol):
    """What is asked of the routing table."""

    def find(self, account_id: str, gateway_id: str) -> list[ReadyGateway]:
        """Return what a gateway runs, stable first; empty when there is no such gateway."""

    def has_others(self, scope: Scope, gateway_id: str) -> bool:
        """Return True when payments may have been begun by a release that stable is not proven to take over."""

    def takes_over(self, scope: Scope, gateway_id: str, release_id: str) -> bool:
        """Return True when stable finishes what this release began."""

    async def exactly(self, scope: Scope, gateway_id: str, release_id: str) -> ReadyGateway | None:
        """Return this very release, ready to run."""


"""Returns the gateway (account id, gateway id) of either mode, or None: ``RoutingTable.find``."""

ApplyNotification = Callable[[Scope, str, Notification], Awaitable[Verdict]]
"""``payments.recovery.notifications.Notifications.apply``: applies a fact of (scope, gateway id) where it still may."""


def notification_row_id(gateway_id: str, notification_id: str) -> str:
    """Return the row's id: the same for every repetition of the same notification."""
    digest = hashlib.sha256(f"{gateway_id}\n{notification_id}".encode()).hexdigest()
    return f"gn_{digest[:40]}"


GATEWAY_NOTIFICATIONS = Table(GatewayNotification, "gateway_notifications")
