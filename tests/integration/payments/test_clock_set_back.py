"""Payments while the machine's clock is set back: what is booked counts."""

from tests.support.payment_house import House

from interlock.ledger.service import Ledger

MINUTE_MS = 60_000


async def test_a_payment_after_the_clock_was_set_back_is_in_the_balance(house: House) -> None:
    ledger = Ledger(house.database, house.clock)
    house.clock.ahead_ms = 10 * MINUTE_MS
    await house.paid(amount_minor=1000)
    house.clock.ahead_ms += 61_000
    await ledger.advance_snapshots(house.scope)
    await house.payments.work.posting_times.refresh()
    house.clock.ahead_ms -= 2 * MINUTE_MS
    await house.paid(amount_minor=500)
    house.clock.ahead_ms += 10 * MINUTE_MS
    await ledger.advance_snapshots(house.scope)
    balances = await ledger.balance(house.scope)
    assert sum(each.available_minor + each.pending_minor for each in balances) == 1500
    assert await ledger.check(house.scope) == []
