"""When a delivery that failed is tried again, and when it is given up. Pure.

After the n-th failure the wait is ``5 s x 3^(n-1)``, at most 12 hours, each spread by +-20 %, until three days have
passed since the event; one last try is made exactly then. Without jitter that is 5 s, 15 s, 45 s, 2 min, 7 min, 20 min,
61 min, 3 h, 9 h, then every 12 h: 15 tries in all.
"""

FIRST_DELAY_MS = 5_000
FACTOR = 3
LONGEST_DELAY_MS = 12 * 3_600_000
GIVE_UP_AFTER_MS = 72 * 3_600_000
JITTER = 0.2


def nominal_delay_ms(failures: int) -> int:
    """Return the wait after the ``failures``-th failure (1 or more), before jitter."""
    steps = min(failures - 1, 30)
    return int(min(FIRST_DELAY_MS * FACTOR**steps, LONGEST_DELAY_MS))


def next_attempt_at_ms(*, failures: int, retry_until_ms: int, now_ms: int, draw: float) -> int | None:
    """Return when to try again, or None when the delivery has failed for good.

    Args:
        failures: failed tries so far, this one included.
        retry_until_ms: the end of the three days; the last try happens then.
        now_ms: the time of this failure.
        draw: a random number in [0, 1).

    """
    if now_ms >= retry_until_ms:
        return None
    spread = 1 - JITTER + 2 * JITTER * draw
    return min(now_ms + int(nominal_delay_ms(failures) * spread), retry_until_ms)
