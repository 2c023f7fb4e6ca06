"""Lease rows: who may do a piece of background work now (design 7.4). Called by ``webhooks`` and ``worker``.

A lease is taken with one statement and runs out by itself, so that the work of a killed process is taken over within
its time to live. The token grows with every change of owner; whoever writes under a lease also guards each row, since a
process may be stopped between its last look at the lease and its write.

Expiry in the row is wall-clock time of the taker: clocks of several machines must agree within about a second, which is
why the holder itself stops ``_MARGIN_MS`` early, by its own monotonic clock. A clock that is set back does not keep the
work of a killed process for the length of the step: a row that stands unchanged for a whole time to live, by the
monotonic clock of whoever wants the lease, is as good as expired. Its holder has not renewed it since, and stopped
``_MARGIN_MS`` before; no wall clock is needed to know that, and two never hold a lease however far clocks are set back.
The wait is at most a time to live and the pause between two looks (an eighth of it).
"""

import time
from collections.abc import Callable

import msgspec

from interlock.base.clock import Clock
from interlock.storage.database import Database

WHOLE_INSTALLATION = "*"
"""Stands for the account in leases of work that belongs to no account."""

DEFAULT_TTL_MS = 6_000
_MARGIN_MS = 1_500

_TAKE = """
INSERT INTO leases AS l (account_id, name, owner, token, until_ms) VALUES ($1, $2, $3, 1, $4)
ON CONFLICT (account_id, name) DO UPDATE
SET owner = $3, until_ms = $4, token = CASE WHEN l.owner = $3 THEN l.token ELSE l.token + 1 END
WHERE l.owner = $3 OR l.until_ms <= $5 OR (l.token = $6 AND l.until_ms = $7)
RETURNING token
"""
_LOOK = "SELECT token, until_ms FROM leases WHERE account_id = $1 AND name = $2"
_RENEW = """
UPDATE leases SET until_ms = $5 WHERE account_id = $1 AND name = $2 AND owner = $3 AND token = $4
RETURNING token
"""
_RELEASE = "UPDATE leases SET until_ms = 0 WHERE account_id = $1 AND name = $2 AND owner = $3 AND token = $4"


class Held(msgspec.Struct):
    """A lease this process holds; times are monotonic milliseconds."""

    token: int
    until_ms: float
    used_ms: float


class Seen(msgspec.Struct):
    """Another's lease as its row stands, and since when it is known to stand so, in monotonic milliseconds."""

    token: int
    until_ms: int
    since_ms: float


class Leases:
    """The leases of one name (``webhooks``, ``sweeps``) that this process holds, one for each account."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        name: str,
        owner: str,
        ttl_ms: int = DEFAULT_TTL_MS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Hold nothing yet.

        Args:
            database: where the rows are.
            clock: wall-clock time of the expiry in the row.
            name: the kind of work.
            owner: unique to this start of this process.
            ttl_ms: how long a killed holder blocks others.
            monotonic: seconds that never jump, for the holder's own view.

        """
        self._database = database
        self._clock = clock
        self._name = name
        self._owner = owner
        self._ttl_ms = ttl_ms
        self._monotonic = monotonic
        self._held: dict[str, Held] = {}
        self._refused: dict[str, float] = {}
        self._seen: dict[str, Seen] = {}

    @property
    def owner(self) -> str:
        """Return the name under which this process holds leases."""
        return self._owner

    def _now(self) -> float:
        return self._monotonic() * 1000

    def holds(self, account_id: str) -> bool:
        """Return True while this process may work for the account; asks nobody."""
        held = self._held.get(account_id)
        return held is not None and self._now() < held.until_ms - _MARGIN_MS

    async def take(self, account_id: str) -> bool:
        """Return True when this process holds the account's lease, taking it if it is free."""
        now = self._now()
        if self.holds(account_id):
            self._held[account_id].used_ms = now
            return True
        if self._refused.get(account_id, 0.0) > now:
            return False
        wall_ms = self._clock.now_ms()
        until_ms = wall_ms + self._ttl_ms
        seen = self._seen.get(account_id)
        stale = (None, None) if seen is None or now - seen.since_ms < self._ttl_ms else (seen.token, seen.until_ms)
        token = await self._database.fetchval(_TAKE, account_id, self._name, self._owner, until_ms, wall_ms, *stale)
        if token is None:
            await self._look(account_id)
            # Somebody else works for this account: ask again a few times before its lease could run out.
            self._refused[account_id] = now + self._ttl_ms / 8
            self._held.pop(account_id, None)
            return False
        self._refused.pop(account_id, None)
        self._seen.pop(account_id, None)
        self._held[account_id] = Held(token=token, until_ms=now + self._ttl_ms, used_ms=now)
        return True

    async def _look(self, account_id: str) -> None:
        """Remember the lease of another as it stands now, and since when it has."""
        row = await self._database.fetchrow(_LOOK, account_id, self._name)
        if row is None:
            return
        seen = self._seen.get(account_id)
        if seen is None or (seen.token, seen.until_ms) != (row["token"], row["until_ms"]):
            # The time after the look: the holder may have written until then.
            self._seen[account_id] = Seen(token=row["token"], until_ms=row["until_ms"], since_ms=self._now())

    def keep(self, account_id: str) -> None:
        """Say that the lease is still of use, so that :meth:`renew` does not give it back."""
        held = self._held.get(account_id)
        if held is not None:
            held.used_ms = self._now()

    async def renew(self) -> None:
        """Prolong the leases in use and give back those not used for a while; call every third of the time to live."""
        for account_id, held in list(self._held.items()):
            if self._now() - held.used_ms > 2 * self._ttl_ms:
                await self.release(account_id)
                continue
            now = self._now()
            until_ms = self._clock.now_ms() + self._ttl_ms
            token = await self._database.fetchval(_RENEW, account_id, self._name, self._owner, held.token, until_ms)
            if token is None:
                self._held.pop(account_id, None)
            else:
                held.until_ms = now + self._ttl_ms

    async def release(self, account_id: str) -> None:
        """Give one lease back, so that another process can go on at once."""
        held = self._held.pop(account_id, None)
        if held is not None:
            await self._database.execute(_RELEASE, account_id, self._name, self._owner, held.token)

    async def release_all(self) -> None:
        """Give every lease back; called at the end of the process."""
        for account_id in list(self._held):
            await self.release(account_id)
