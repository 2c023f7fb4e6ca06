"""The shadow gate run many times: one warm keeper of processes for a whole module of tests.

A run by itself starts its keeper and ends it; that is half a second each time, and tested once. The synthetic cases are
the contract gate's own affair: tests that are about recordings run without them, whether they are at hand or not.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType

import pytest

from interlock.releases.gates.isolation import Nursery
from interlock.releases.gates.shadow import corpus, gate
from interlock.releases.gates.shadow.apart import TASK
from interlock.releases.gates.types import Finding, GateReport, Verdict, worst

NO_CASES = "interlock.nothing:observe"


class _Kept:
    """A nursery that outlives the run which believes to have opened it."""

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery

    async def __aenter__(self) -> Nursery:
        return self._nursery

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


@asynccontextmanager
async def one_keeper() -> AsyncIterator[None]:
    """Let every run of the gate use the same keeper, and no synthetic cases."""
    with pytest.MonkeyPatch.context() as patch:
        async with Nursery(TASK) as nursery:
            patch.setattr(gate, "Nursery", lambda _task, *, warm: _Kept(nursery))
            patch.setattr(corpus, "CONTRACT", NO_CASES)
            yield


def verdict(report: GateReport) -> Verdict:
    """Return what the recordings say: the verdict without the finding that there are no synthetic cases."""
    return worst(tuple(told(report)))


def told(report: GateReport) -> list[Finding]:
    """Return every finding but the one that there are no synthetic cases."""
    return [each for each in report.findings if each.check != "shadow.corpus"]
