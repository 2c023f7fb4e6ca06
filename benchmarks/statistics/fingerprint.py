"""Are these figures of today's code? A few small simulations whose results change when what is simulated changes.

The file of a benchmark carries the fingerprint of the code that made it. ``make figures`` measures again where it
differs, and a test compares the committed figures with it, in two seconds instead of three minutes. Comments and
refactoring leave it as it is.
"""

from typing import Any
from zlib import crc32

import msgspec
import numpy as np
from benchmarks.statistics import delays, innocence, promoting
from benchmarks.statistics.delays import Fault, Traffic
from benchmarks.statistics.traffic import SCENARIOS
from benchmarks.statistics.work import Task, tasks

from interlock.releases.canary.plan import Plan

_SEED = (11, 1)
_CANARIES = 12
_EAGER = Plan(alpha=0.6)
"""Fires often, so that a dozen canaries tell two tests apart."""


def fingerprint() -> dict[str, Any]:
    """Return whole numbers, which JSON leaves as they are: the same while plan, tests, traffic and tasks are."""
    dead = delays.until_rollback(Fault(0.5), Traffic(), Plan(), canaries=_CANARIES, seed=_SEED)
    mixed = delays.until_rollback(Fault(1.0), delays.MIXED, Plan(), canaries=_CANARIES, seed=_SEED)
    retried = innocence.first_alarms("sticky_retries", _EAGER, canaries=_CANARIES, seed=_SEED)
    promoted = promoting.until_promoted(0.0, Plan(), share_ppm=500_000, payments=20_000, canaries=_CANARIES, seed=_SEED)
    return {
        "plan": _checksum(msgspec.json.encode(Plan(), order="deterministic")),
        "tasks": _checksum(msgspec.json.encode(sorted(_told(task) for task in tasks(quick=False)))),
        "scenarios": {name: _checksum(msgspec.msgpack.encode(_tables(name))) for name in SCENARIOS},
        "half_broken": [int(one) for one in dead],
        "dead_of_twelve_strata": [int(one) for one in mixed],
        "alarms": {name: [int(one) for one in first] for name, first in retried.items()},
        "promoted": [int(one) for one in np.nan_to_num(promoted)],
    }


def _told(task: Task) -> tuple[str, int, int]:
    return task.name, task.number, task.canaries


def _tables(scenario: str) -> list[list[float]]:
    values = msgspec.structs.astuple(SCENARIOS[scenario]())
    return [np.round(np.asarray(value, dtype=float), 9).ravel().tolist() for value in values]


def _checksum(encoded: bytes) -> int:
    return crc32(encoded)
