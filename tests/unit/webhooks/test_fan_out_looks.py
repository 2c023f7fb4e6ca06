"""How often a pass asks the database which accounts have events waiting."""

from typing import Any, cast

from interlock.base.clock import SystemClock
from interlock.webhooks.outbound.fan_out import FanOut


class _Store:
    """Accounts with rows that stay, because another worker holds their leases."""

    def __init__(self, accounts: list[str]) -> None:
        self.accounts = accounts
        self.asked = 0

    async def next_outbox_account(self, after: str) -> str | None:
        self.asked += 1
        return next((account for account in self.accounts if account > after), None)


class _NobodysLeases:
    async def take(self, _account_id: str) -> bool:
        return False


async def test_a_pass_asks_for_each_account_that_another_worker_holds_twice_at_most() -> None:
    accounts = ["acct_a", "acct_b", "acct_c"]
    store = _Store(accounts)
    fan_out = FanOut(cast("Any", store), cast("Any", _NobodysLeases()), SystemClock(), lambda _account, _endpoint: None)
    for _ in range(3):
        store.asked = 0
        assert await fan_out.run_once() == 0
        assert store.asked <= 2 * len(accounts) + 2
