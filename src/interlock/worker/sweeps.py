"""Sweeps over all accounts, made of other rooms' use cases for one account. Used by the worker's entry point."""

from collections.abc import Awaitable, Callable

from interlock.base.context import Scope
from interlock.ledger.service import Ledger
from interlock.payments.access.service import AccessService
from interlock.payments.attempts.service import Attempts
from interlock.payments.events.service import Events
from interlock.payments.idempotency.service import Idempotency

_KEYS_AT_ONCE = 5_000
_ROWS_AT_ONCE = 1_000


def forget_old_keys(access: AccessService, idempotency: Idempotency, kept_ms: int) -> Callable[[int], Awaitable[int]]:
    """Return the sweep that removes idempotency keys older than ``kept_ms``, a bounded number per account and pass."""

    async def sweep(now_ms: int) -> int:
        gone = 0
        for account in await access.list_accounts():
            tag = await idempotency.forget(account.account_id, now_ms - kept_ms, _KEYS_AT_ONCE)
            gone += int(tag.rpartition(" ")[2])
        return gone

    return sweep


def forget_old_evidence(access: AccessService, events: Events, attempts: Attempts) -> Callable[[int], Awaitable[int]]:
    """Return the sweep that removes events and kept exchanges when their time is over, a bounded number per pass."""

    async def sweep(now_ms: int) -> int:
        gone = 0
        for account in await access.list_accounts():
            gone += await events.trim(account.account_id, now_ms, _ROWS_AT_ONCE)
            gone += await attempts.trim_exchanges(account.account_id, now_ms, _ROWS_AT_ONCE)
        return gone

    return sweep


def advance_ledger(access: AccessService, ledger: Ledger) -> Callable[[int], Awaitable[int]]:
    """Return the sweep that sums up every account's balance, so that reading it stays cheap."""

    async def sweep(_now_ms: int) -> int:
        batches = 0
        for account in await access.list_accounts():
            for livemode in (False, True):
                # The last batch is always a partial one: it is no sign of more to do.
                batches += await ledger.advance_snapshots(Scope(account.account_id, livemode)) - 1
        return batches

    return sweep
