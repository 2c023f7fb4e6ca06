"""Named places where a test may kill the process, to prove that what was acknowledged survives.

Any room may call :func:`reach` between two durable steps. Without ``INTERLOCK_CRASH_AT`` it does nothing; with it, the
process kills itself (SIGKILL, no clean-up) the first time it reaches the named point.
"""

import os
import signal

_CRASH_AT = os.environ.get("INTERLOCK_CRASH_AT")

POINTS = (
    "payment.begun",
    "payment.answered",
    "payment.settled",
    "payment.failover",
    "challenge.resumed",
    "challenge.answered",
    "capture.begun",
    "capture.answered",
    "void.begun",
    "void.answered",
    "refund.begun",
    "refund.answered",
    "increment.begun",
    "increment.answered",
    "setup.begun",
    "setup.answered",
    "recovery.inquired",
    "outbox.claimed",
    "delivery.sent",
)
"""Every recovery point, in the order a payment's life meets them."""

TRIAL_POINTS = ("canary.judged", "canary.passed", "canary.acted")
"""Those of the release controller, in the order a trial meets them."""


def reach(point: str) -> None:
    """Die here when the environment asks for ``point``."""
    if point == _CRASH_AT:
        os.kill(os.getpid(), signal.SIGKILL)
