"""Security codes (CVC) between the request that brings one and the first authorisation that uses it.

A CVC may not be stored after authorisation and is never stored at all here: it waits in this process's memory, for a
short time, in a bounded holder, and is gone once taken. This is best effort by design. When the confirm comes to
another process, too late, or after a restart, the card is authorised without its CVC.
"""

from collections import OrderedDict

from interlock.base.clock import Clock

CAPACITY = 10_000
KEPT_FOR_MS = 15 * 60 * 1000


class SecurityCodes:
    """The holder; one per process. Keys are (account id, id of payment method, card or token)."""

    def __init__(self, clock: Clock, capacity: int = CAPACITY, kept_for_ms: int = KEPT_FOR_MS) -> None:
        """Hold at most ``capacity`` codes, each for at most ``kept_for_ms``; the oldest make room."""
        self._clock = clock
        self._capacity = capacity
        self._kept_for_ms = kept_for_ms
        self._codes: OrderedDict[tuple[str, str], tuple[int, str]] = OrderedDict()

    def __repr__(self) -> str:
        """Return a text without codes."""
        return f"SecurityCodes({len(self._codes)} held)"

    def __len__(self) -> int:
        """Return how many codes are held, expired ones that nobody asked for included."""
        return len(self._codes)

    def put(self, account_id: str, owner_id: str, code: str) -> None:
        """Hold ``code`` for the first authorisation with ``owner_id``."""
        now_ms = self._clock.now_ms()
        self._drop_expired(now_ms)
        key = (account_id, owner_id)
        self._codes.pop(key, None)
        if len(self._codes) >= self._capacity:
            self._codes.popitem(last=False)
        self._codes[key] = (now_ms + self._kept_for_ms, code)

    def take(self, account_id: str, owner_id: str) -> str | None:
        """Return the code held for ``owner_id`` and forget it; None when there is none any more."""
        expires_at_ms, code = self._codes.pop((account_id, owner_id), (0, None))
        return code if expires_at_ms > self._clock.now_ms() else None

    def move(self, account_id: str, from_id: str, to_id: str) -> None:
        """Hand the code of a token over to the payment method made of it."""
        held = self._codes.pop((account_id, from_id), None)
        if held is not None:
            self._codes[account_id, to_id] = held

    def _drop_expired(self, now_ms: int) -> None:
        while self._codes:
            key = next(iter(self._codes))
            if self._codes[key][0] > now_ms:
                return
            del self._codes[key]
