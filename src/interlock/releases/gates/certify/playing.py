"""Plays cases side by side and collects what they found. Used in the confined child."""

import asyncio
import fnmatch
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from interlock.base.errors import InterlockError
from interlock.base.redaction import exception_text, scrub
from interlock.releases.gates.certify.cases.types import Case
from interlock.releases.gates.certify.house import House, Shop
from interlock.releases.gates.certify.reading import CaseFailed
from interlock.releases.gates.certify.stage import Stage
from interlock.releases.gates.certify.types import Options
from interlock.releases.gates.isolation import Report
from interlock.releases.gates.types import Finding, Verdict

_log = logging.getLogger(__name__)
PREFIX = "certify"
_REMEDY = "compare the connector with the provider's documentation of this operation"
_REMEDIES = {
    "cross_version": (
        "read and send what the other release does, or announce the break in the manifest's changes with place "
        "'cross_version <case>': nothing is taken over then"
    )
}
_CASE_WITHIN_S = 45.0


class Score(msgspec.Struct):
    """What has been played so far: cases by group, findings in the order in which they were made."""

    checks: dict[str, int] = {}
    findings: list[Finding] = []
    failed: set[str] = set()

    def count(self, group: str) -> None:
        """Count a case of ``group``."""
        name = f"{PREFIX}.{group}"
        self.checks[name] = self.checks.get(name, 0) + 1

    def add(
        self,
        group: str,
        case: str,
        problem: str,
        verdict: Verdict = Verdict.FAILED,
        remedy: str = "",
        facts: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Write down what a case found."""
        self.failed.add(case)
        check, told = f"{PREFIX}.{group}", scrub(problem)
        remedy = remedy or _REMEDIES.get(group, _REMEDY)
        self.findings.append(
            Finding(check=check, verdict=verdict, where=case, problem=told, remedy=remedy, facts=dict(facts))
        )


class Player:
    """Plays what it is given; one per run."""

    def __init__(self, house: House, options: Options, report: Report) -> None:
        """Work in ``house``; tell ``report`` of every case that has ended."""
        self.house = house
        self.score = Score()
        self._options = options
        self._report = report
        self._slots = asyncio.Semaphore(options.at_once)
        self._total = 0
        self._done = 0
        self.ended_by: Finding | None = None

    def wanted(self, name: str) -> bool:
        """Return True for a case that the options ask for."""
        return not self._options.only or any(fnmatch.fnmatchcase(name, glob) for glob in self._options.only)

    def is_over(self) -> bool:
        """Return True when nothing more is to be played: a case has failed and that is enough, or all is lost."""
        return self.ended_by is not None or (self._options.stop_at_first and bool(self.score.failed))

    def end(self, where: str, problem: str, remedy: str) -> None:
        """Play nothing more: what was found at ``where`` in the package makes everything else meaningless."""
        if self.ended_by is None:
            verdict = Verdict.FAILED
            self.ended_by = Finding(
                check=f"{PREFIX}.run", verdict=verdict, where=where, problem=scrub(problem), remedy=remedy
            )

    def expect(self, cases: int) -> None:
        """Note that ``cases`` more will be played, for the progress."""
        self._total += cases

    async def play_all(self, shop: Shop, cases: Sequence[Case]) -> None:
        """Play the wanted ones of ``cases`` in ``shop``, side by side, rank by rank."""
        for rank in sorted({case.rank for case in cases}):
            if self.is_over():
                return
            playing = [self._play_one(shop, case) for case in cases if case.rank == rank]
            await self._side_by_side(playing)

    async def _play_one(self, shop: Shop, case: Case) -> None:
        stage = Stage(self.house, shop, case.name)
        await self.step(case.group, case.name, lambda: case.play(stage))

    async def step(self, group: str, case: str, play: Callable[[], Awaitable[object]], *, ends: bool = True) -> bool:
        """Run one case, or the part of it that ``ends`` it or not; return whether it went well.

        Whatever it raises becomes a finding: :class:`CaseFailed` speaks of the release, anything else of this gate.
        """
        if self.is_over() or case in self.score.failed:
            return False
        async with self._slots:
            if self.is_over():
                return False
            try:
                async with asyncio.timeout(_CASE_WITHIN_S):
                    await play()
            except CaseFailed as failed:
                self.score.add(group, case, failed.problem)
            except asyncio.CancelledError:
                if self._is_cancelled():
                    raise
                self.score.add(group, case, "was cancelled from within: code of the release cancels our tasks")
            except TimeoutError:
                self.score.add(group, case, f"is not finished within {_CASE_WITHIN_S:g} s")
            except InterlockError as error:
                self._broken(group, case, error)
            except Exception as error:  # noqa: BLE001 - whatever it was, the other cases are still to be played
                self._broken(group, case, error)
        if ends or case in self.score.failed:
            self.score.count(group)
            self._done += 1
            self._report(f"{PREFIX}: {case}", min(self._done, self._total), self._total)
        return case not in self.score.failed

    def _broken(self, group: str, case: str, error: Exception) -> None:
        _log.error("case %r could not be played: %s", case, exception_text(error))
        problem = f"could not be played: {type(error).__name__}: {error}"
        self.score.add(
            group, case, problem, Verdict.ERROR, "look at the log; this is the gate's or the sandbox's fault"
        )

    @staticmethod
    def _is_cancelled() -> bool:
        """Return True where somebody of ours has asked this task to end."""
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    async def _side_by_side(self, playing: Iterable[Awaitable[None]]) -> None:
        async with asyncio.TaskGroup() as group:
            for one in playing:
                group.create_task(_awaited(one))


async def _awaited(one: Awaitable[None]) -> None:
    await one
