"""Runs drills: gates side by side, what they let through one after the other on the scratch switch."""

import asyncio
import time
from collections.abc import Callable, Sequence

from interlock.base.clock import SystemClock
from interlock.base.errors import InterlockError
from interlock.base.redaction import exception_text, scrub
from interlock.cli.drills.gating import Gated, Gatekeeper
from interlock.cli.drills.live import Play, Shown
from interlock.cli.drills.stage import Stage
from interlock.cli.drills.stages import in_time
from interlock.cli.drills.types import Harm, Ran, Tell
from interlock.releases.gates.types import Verdict
from interlock.sandbox.drills.types import Drill

Ended = Callable[[Ran], None]
_NO_GATES = Gated(reports=(), stopped_by=None, said=())


async def run_drills(drills: Sequence[Drill], jobs: int, tell: Tell, ended: Ended) -> list[Ran]:
    """Run drills and return what came of each, in their order.

    Args:
        drills: which.
        jobs: how many are at the gates at once.
        tell: told of progress.
        ended: told of each drill that is over.

    """
    async with Stage() as stage:
        keeper = Gatekeeper(stage.recordings, SystemClock().now_ms())
        runner = _Runner(stage, keeper, len(drills), jobs, tell, ended)
        results = await asyncio.gather(*(runner.run(drill) for drill in drills))
    return list(results)


class _Runner:
    def __init__(self, stage: Stage, keeper: Gatekeeper, count: int, jobs: int, tell: Tell, ended: Ended) -> None:
        self._stage = stage
        self._keeper = keeper
        self._turns = asyncio.Semaphore(jobs)
        self._gates_left = count
        self._gates_over = asyncio.Event()
        self._tell = tell
        self._ended = ended

    async def run(self, drill: Drill) -> Ran:
        """Run one drill; whatever breaks, a result comes back."""
        gated, shown, spent_s, problem = _NO_GATES, None, 0.0, ""
        try:
            gated, spent_s = await self._examine(drill)
            if gated.stopped_by is None:
                # Shoppers and gates side by side would slow each other down, and times are judged.
                await self._gates_over.wait()
                shown, live_s = await self._play(drill, gated)
                spent_s += live_s
                problem = shown.problem
        except InterlockError as error:
            problem = scrub(str(error))
        except Exception as error:  # noqa: BLE001 - one drill that breaks must not take the others along
            problem = scrub(f"broke: {exception_text(error).strip().splitlines()[-1]}")
        result = _result(drill, gated, shown, spent_s, problem or _broken(gated))
        self._ended(result)
        return result

    async def _examine(self, drill: Drill) -> tuple[Gated, float]:
        try:
            if not (drill.changes_release and drill.manifest.gates):
                return _NO_GATES, 0.0
            async with self._turns:
                began_s = time.monotonic()
                return await self._keeper.examine(drill, self._tell), time.monotonic() - began_s
        finally:
            self._gates_left -= 1
            if not self._gates_left:
                self._gates_over.set()

    async def _play(self, drill: Drill, gated: Gated) -> tuple[Shown, float]:
        async with self._stage.lock:
            scene = await self._stage.scene()
            began_s = time.monotonic()
            shown = await Play(self._stage, scene, drill, gated, self._tell).run()
            return shown, time.monotonic() - began_s


def _broken(gated: Gated) -> str:
    """Return in words which gate could not do its work on anything; no data is never a pass."""
    broken = [one for one in gated.said if one.verdict == Verdict.ERROR.value and not one.stops]
    return f"gate {broken[0].gate} could not do its work: {broken[0].said}" if broken else ""


def _result(drill: Drill, gated: Gated, shown: Shown | None, seconds: float, problem: str) -> Ran:
    says = drill.manifest
    gate = None if gated.stopped_by is None else gated.stopped_by.value
    stopped_by = gate or (None if shown is None else shown.stopped_by)
    harm = Harm() if shown is None else shown.harm
    told = [f"gate {gate}: {gated.said[-1].said}"] if gate else [] if shown is None else shown.told
    early = says.earliest is not None and in_time(stopped_by, says.earliest)
    if says.innocent:
        holds = gate is None and shown is not None and not shown.blamed and not harm.wrong
    else:
        holds = early and not harm.untold
    return Ran(
        id=drill.id,
        title=says.title,
        provider=says.provider,
        innocent=says.innocent,
        faults=says.faults,
        earliest=says.earliest,
        stopped_by=stopped_by,
        in_time=early,
        holds=holds and not problem,
        harm=harm,
        told=tuple(scrub(one) for one in told),
        gates=gated.said,
        seconds=round(seconds, 1),
        problem=problem,
    )
