"""Security codes (CVC) between the request that brings one and the first authorisation that uses it.

A CVC may not be stored after authorisation and is never stored at all here: it waits in this process's memory, for a
short time, in a bounded holder, and is gone once taken. This is best effort by design. When the confirm comes to
another process, too late, or after a restart, the card is authorised without its CVC.
"""

from collections import OrderedDict
from typing import NamedTuple

from interlock.base.clock import Clock

CAPACITY = 10_000
KEPT_FOR_MS = 15 * 60 * 1000

_Key = tuple[str, str]


class _Held(NamedTuple):
    """A code; ``origin`` is whose it was first, where it is only shared."""

    expires_at_ms: int
    code: str
    origin: _Key | None = None


class SecurityCodes:
    """The holder; one per process. Keys are (account id, id of payment method, card or token)."""

    def __init__(self, clock: Clock, capacity: int = CAPACITY, kept_for_ms: int = KEPT_FOR_MS) -> None:
        """Hold at most ``capacity`` codes, each for at most ``kept_for_ms``; the oldest make room."""
        self._clock = clock
        self._capacity = capacity
        self._kept_for_ms = kept_for_ms
        self._codes: OrderedDict[_Key, _Held] = OrderedDict()
        self._shared: dict[_Key, list[_Key]] = {}

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
        self._add((account_id, owner_id), _Held(now_ms + self._kept_for_ms, code))

    def take(self, account_id: str, owner_id: str) -> str | None:
        """Return the code held for ``owner_id`` and forget it everywhere; None when there is none any more."""
        key = (account_id, owner_id)
        held = self._codes.get(key)
        if held is None:
            return None
        self._forget(key if held.origin is None else held.origin)
        self._codes.pop(key, None)
        return held.code if held.expires_at_ms > self._clock.now_ms() else None

    def move(self, account_id: str, from_id: str, to_id: str) -> None:
        """Hand the code of one over to another."""
        held = self._codes.pop((account_id, from_id), None)
        if held is not None:
            self._codes[account_id, to_id] = held

    def share(self, account_id: str, from_id: str, to_id: str) -> None:
        """Let the payment method made of a token have the token's code.

        The token keeps it, because the method is not stored yet: when that is refused, the next method made of the
        token needs it. Whoever takes it first takes it from all.
        """
        origin, key = (account_id, from_id), (account_id, to_id)
        held = self._codes.get(origin)
        if held is None or key == origin:
            return
        self._shared.setdefault(origin, []).append(key)
        self._add(key, _Held(held.expires_at_ms, held.code, origin))

    def _add(self, key: _Key, held: _Held) -> None:
        self._codes.pop(key, None)
        if len(self._codes) >= self._capacity:
            self._forget(next(iter(self._codes)))
        self._codes[key] = held

    def _forget(self, key: _Key) -> None:
        """Drop what is held under ``key``, and what was shared from it."""
        self._codes.pop(key, None)
        for shared in self._shared.pop(key, ()):
            self._codes.pop(shared, None)

    def _drop_expired(self, now_ms: int) -> None:
        while self._codes:
            key = next(iter(self._codes))
            if self._codes[key].expires_at_ms > now_ms:
                return
            self._forget(key)
