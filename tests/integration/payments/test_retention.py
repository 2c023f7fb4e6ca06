"""What is kept for a time is forgotten in time, in bounded batches, and nothing else is."""

from tests.support.payment_house import House
from tests.support.sandboxes import Gateway

from interlock.payments.attempts.service import EXCHANGES_KEPT_DAYS
from interlock.payments.events.service import KEPT_DAYS

DAY_MS = 86_400_000


async def test_events_and_exchanges_are_forgotten_after_their_time_and_in_batches(
    house: House, stripe_gateway: Gateway
) -> None:
    stripe_gateway.fault("refuse", status=400)
    intent = await house.paid()
    refused = (await house.attempts(intent))[0]
    assert await house.payments.attempts.exchanges(house.scope, refused.id)
    account, now_ms = house.scope.account_id, house.clock.now_ms()
    assert await house.payments.events.trim(account, now_ms, 100) == 0
    assert await house.payments.attempts.trim_exchanges(account, now_ms, 100) == 0
    assert await house.payments.events.trim(account, now_ms + (KEPT_DAYS + 1) * DAY_MS, 1) == 1
    assert await house.payments.events.trim(account, now_ms + (KEPT_DAYS + 1) * DAY_MS, 100) == 1
    later_ms = now_ms + (EXCHANGES_KEPT_DAYS + 1) * DAY_MS
    assert await house.payments.attempts.trim_exchanges(account, later_ms, 100) >= 1
    assert await house.payments.attempts.exchanges(house.scope, refused.id) == []
    assert (await house.intent(intent.id)).status == "succeeded"
