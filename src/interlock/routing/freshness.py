"""May this process send to a release on trial now? Only while it sees the pointer, and the controller behind it, move.

Pure but for what it is told. Asked by the routing table for every payment of a trial, twice: when the payment is ranked
and again when the first byte is about to be written, because a process can be stopped in between.

No wall clock is compared with another machine's: what counts is that the beat's number changes, and when this process
asked for the row that shows it.
"""

import time
from collections.abc import Mapping

import msgspec

from interlock.routing.store import Beat

SEEN_WITHIN_S = 0.75
"""How old the last successful look at the pointer may be: with the 250 ms poll two looks may fail, and a process that
is cut off from the database has stopped well within a second of a rollback it cannot hear of."""
BEAT_WITHIN_S = 3.0
"""How long a controller's beat (one a second or more) may stand still."""

Key = tuple[str, str]


_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def uptime_s() -> float:
    """Return seconds that pass also while this process, or the whole machine, is suspended."""
    return time.clock_gettime(_CLOCK)


class _Moved(msgspec.Struct):
    """The last beat seen and when it moved; None while it has not been seen to move."""

    beat: Beat
    moved_s: float | None


class Freshness:
    """What this process has seen of beats."""

    def __init__(self) -> None:
        """Start without having seen anything: nothing is fresh."""
        self._seen_s = float("-inf")
        self._beats: dict[Key, _Moved] = {}

    def saw(self, asked_s: float, beats: Mapping[Key, Beat]) -> None:
        """Take note of the rows that an answer held.

        Args:
            asked_s: when the question was sent (:func:`uptime_s`), not when it was answered.
            beats: all of them.

        """
        self._seen_s = max(self._seen_s, asked_s)
        known = self._beats
        self._beats = {key: _look(known.get(key), beat, asked_s) for key, beat in beats.items()}

    def is_fresh(self, key: Key, epoch: int, now_s: float) -> bool:
        """Return True while the trial of ``epoch`` (the pointer's version) may be sent to.

        Args:
            key: account and gateway.
            epoch: of the pointer that this process goes by.
            now_s: :func:`uptime_s`.

        """
        known = self._beats.get(key)
        return (
            now_s - self._seen_s < SEEN_WITHIN_S
            and known is not None
            and known.beat.epoch == epoch
            and known.moved_s is not None
            and now_s - known.moved_s < BEAT_WITHIN_S
        )


def _look(known: _Moved | None, beat: Beat, asked_s: float) -> _Moved:
    if known is None:
        return _Moved(beat, None)
    return _Moved(beat, asked_s if known.beat != beat else known.moved_s)
