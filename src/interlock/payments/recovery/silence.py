"""Which gateways do not answer, and when one of them may be tried again. Kept in memory by recovery, of one worker.

While a gateway is silent nothing is learned by asking it about one attempt after the other: a single question at a time
tries whether it is back, the rest wait without being rescheduled, and are asked as soon as one was answered.
"""

import random

from interlock.gateways.outcomes import Phase
from interlock.gateways.transport import Execution

FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 15_000
_GROWTH = 1.5
_JITTER = 0.2
_ON_THE_WAY = frozenset({Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.WRITE, Phase.READ})
_NOBODY_BEHIND_THE_DOOR = frozenset({502, 503, 504})


def is_silence(execution: Execution) -> bool:
    """Return True when the gateway did not answer: the wire failed, or only what stands before it spoke."""
    if execution.status is not None:
        return execution.status in _NOBODY_BEHIND_THE_DOOR
    return execution.phase in _ON_THE_WAY


class Silence:
    """The gateways that did not answer when they were last asked."""

    def __init__(self) -> None:
        """Begin with every gateway heard."""
        self._next_try_ms: dict[str, int] = {}
        self._pause_ms: dict[str, float] = {}

    def gateways(self) -> list[str]:
        """Return the silent gateways."""
        return list(self._next_try_ms)

    def includes(self, gateway_id: str) -> bool:
        """Return True for a silent gateway."""
        return gateway_id in self._next_try_ms

    def to_try(self, now_ms: int) -> list[str]:
        """Return the silent gateways whose pause is over; :meth:`trying` begins the next pause."""
        return [gateway_id for gateway_id, due_ms in self._next_try_ms.items() if due_ms <= now_ms]

    def trying(self, gateway_id: str, now_ms: int) -> None:
        """Note that a silent gateway is asked now; the pause to the next try is longer than the one before."""
        self._put_off(gateway_id, now_ms)

    def heard(self, gateway_id: str) -> None:
        """Note an answer."""
        self._next_try_ms.pop(gateway_id, None)
        self._pause_ms.pop(gateway_id, None)

    def not_heard(self, gateway_id: str, now_ms: int) -> None:
        """Note that no answer came; many at once are one silence."""
        if gateway_id not in self._next_try_ms:
            self._put_off(gateway_id, now_ms)

    def _put_off(self, gateway_id: str, now_ms: int) -> None:
        pause_ms = self._pause_ms.get(gateway_id, FIRST_PAUSE_MS)
        self._pause_ms[gateway_id] = min(pause_ms * _GROWTH, LONGEST_PAUSE_MS)
        jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - jitter, not a secret
        self._next_try_ms[gateway_id] = now_ms + int(pause_ms * jitter)
