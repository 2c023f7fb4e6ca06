"""What gateways do and say by themselves, for tests of the money paths: faults, notifications, their books."""

import asyncio
from typing import Any

from tests.support.payment_house import House
from tests.support.sandboxes import Gateway

from interlock.gateways.contract import Notification, NotificationKind
from interlock.gateways.outcomes import Outcome, Result
from interlock.ledger.service import Ledger
from interlock.payments.attempts.types import Attempt
from interlock.payments.recovery.notifications import Verdict

HOUR_MS = 3_700_000


async def fault(gateway: Gateway, kind: str, **parameters: Any) -> None:
    """Add a fault to a simulated gateway."""
    await asyncio.to_thread(gateway.fault, kind, **parameters)


async def clear(gateway: Gateway) -> None:
    """Remove every fault."""
    await asyncio.to_thread(gateway.clear_faults)


async def notify(house: House, gateway: str, kind: NotificationKind, **facts: Any) -> Verdict:
    """Let a gateway tell something; return what became of it."""
    given = {"notification_id": "n_1", "occurred_at_ms": house.clock.now_ms(), **facts}
    said = Notification(kind=kind, **given)
    return await house.payments.notifications.apply(house.scope, house.gateways[gateway].id, said)


async def told_approved(house: House, attempt: Attempt, gateway: str = "stripe") -> Verdict:
    """Let the gateway tell that a payment or verification was approved."""
    result = Result(outcome=Outcome.APPROVED, gateway_reference=attempt.gateway_reference)
    return await notify(house, gateway, NotificationKind.PAYMENT, reference=attempt.id, result=result)


async def balance(house: House) -> int:
    """Return the merchant's money, in all currencies."""
    shown = await Ledger(house.database, house.clock).balance(house.scope)
    return sum(one.available_minor + one.pending_minor for one in shown)


def moved(gateway: Gateway, *references: str) -> list[str]:
    """Return which captures and refunds a gateway's books have under our references, in order."""
    entries = [entry for entry in gateway.books() if entry["reference"] in references]
    return [entry["kind"] for entry in entries if entry["kind"] in {"capture", "refund"}]
