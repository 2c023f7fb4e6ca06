"""Runs of gates that somebody asked for and does not wait for: rows that a worker takes under a lease.

``api`` asks (:meth:`Examinations.request`), the worker's loop runs (:class:`ExaminationRunner`). Gates compute for
minutes, so that they have no place in a process that answers payments: the worker starts each in a process of its own
with the lowest priority. A run whose worker dies is taken over when its lease has run out (at once, when the worker was
told to stop), and goes on with the gates that are not passed; one that has been started too often is given up.
A validation of what serves is such a run as well, of the one gate ``validate``.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.errors import InterlockError, StorageError
from interlock.base.ids import new_id
from interlock.base.problems import Problem, invalid, missing
from interlock.base.redaction import exception_text, scrub
from interlock.releases.examining import Examined, Examiner
from interlock.releases.gates.types import Gate
from interlock.releases.proposals import STATIC_GATES
from interlock.releases.types import Actor
from interlock.releases.validating import Validations, not_serving
from interlock.releases.validation import Probe
from interlock.routing.releases import RELEASES, Release
from interlock.storage.database import Database
from interlock.storage.queries import load_queries
from interlock.storage.tables import Table
from interlock.storage.writes import Committed, Insert, Update

replace = msgspec.structs.replace
_QUERIES = load_queries("interlock.releases")
_log = logging.getLogger("interlock.releases")
LOOP = "examinations"
"""The name of the worker's loop."""
_HURRY = "SELECT pg_notify('interlock_hurry', $1)"
OPEN_MAX = 20
STARTS_MAX = 3
LEASE_MS = 30_000
_RENEW_EVERY_S = 8.0
_SAID_MAX = 500
_CANDIDATES = 10


class RunState(StrEnum):
    """How a run stands. ``done``: the gates were run, whatever they found; ``failed``: they could not be."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """One run. ``gates`` are those to be run, ``said`` is what it does now or came to, ``until_ms`` its lease;
    ``payment_method`` and ``customer`` are what a validation pays its probes with."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    release_id: str
    gates: tuple[Gate, ...]
    again: bool
    requested_by: str
    state: RunState
    said: str
    starts: int
    until_ms: int
    changed_at_ms: int
    payment_method: str | None = None
    customer: str | None = None

    @property
    def is_open(self) -> bool:
        """Return True while the run is not over."""
        return self.state in {RunState.WAITING, RunState.RUNNING}

    @property
    def validates(self) -> bool:
        """Return True for a validation of what serves."""
        return Gate.VALIDATE in self.gates


EXAMINATIONS = Table(
    Examination,
    "release_examinations",
    fixed=(
        *("livemode", "created_at_ms", "release_id", "gates", "again", "requested_by"),
        *("payment_method", "customer"),
    ),
)


class Examinations:
    """Use cases of whoever asks for a run. One per process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Write to ``database``."""
        self._database = database
        self._clock = clock

    async def request(
        self, scope: Scope, release_id: str, actor: Actor, *, gates: Sequence[Gate] = (), again: bool = False
    ) -> Examination | Problem:
        """Ask for a run of a release's gates; an open run that does all of it is returned instead.

        Args:
            scope: account and mode.
            release_id: which.
            actor: in whose name.
            gates: only these; every gate before money without them.
            again: those too that it has passed.

        """
        release = await self._database.get(RELEASES, scope, release_id)
        if release is None:
            return missing("release", release_id)
        wanted = tuple(gate for gate in STATIC_GATES if gate in gates or not gates)
        return await self._open(release, actor, wanted, again=again)

    async def request_validation(
        self, scope: Scope, release_id: str, actor: Actor, probe: Probe | None = None
    ) -> Examination | Problem:
        """Ask for a validation of a release that serves; one that is open already is returned instead.

        Args:
            scope: account and mode.
            release_id: which.
            actor: in whose name.
            probe: what to pay with; a test card in test mode without it.

        """
        release = await self._database.get(RELEASES, scope, release_id)
        if release is None:
            return missing("release", release_id)
        problem = not_serving(release)
        return problem or await self._open(release, actor, (Gate.VALIDATE,), again=True, probe=probe)

    async def _open(
        self, release: Release, actor: Actor, gates: tuple[Gate, ...], *, again: bool, probe: Probe | None = None
    ) -> Examination | Problem:
        latest = await self.latest(release)
        if latest is not None and latest.is_open:
            does_it_all = set(gates) <= set(latest.gates) and again <= latest.again and _pays_with(latest, probe)
            return latest if does_it_all else _under_way(latest)
        if await self._database.fetchval(_QUERIES["count_open_examinations"], release.account_id) >= OPEN_MAX:
            message = f"{OPEN_MAX} runs are waiting already: ask again when some of them are over."
            return invalid(message, code="runs_waiting", status=429)
        now_ms = self._clock.now_ms()
        run = Examination(
            account_id=release.account_id,
            id=new_id("exam", now_ms),
            livemode=release.livemode,
            version=1,
            created_at_ms=now_ms,
            release_id=release.id,
            gates=gates,
            again=again,
            requested_by=actor.name,
            state=RunState.WAITING,
            said="waits for a worker",
            starts=0,
            until_ms=now_ms,
            changed_at_ms=now_ms,
            payment_method=None if probe is None else probe.payment_method,
            customer=None if probe is None else probe.customer,
        )
        if not isinstance(await self._database.commit([Insert(EXAMINATIONS, run)]), Committed):
            return invalid("The run could not be stored. Ask again.", code="release_changed", status=409)
        await self._hurry()
        return run

    async def latest(self, release: Release) -> Examination | None:
        """Return the newest run of a release, None where nobody asked for one."""
        rows = await self._database.fetch(_QUERIES["examinations_of"], release.account_id, release.id, 1)
        return EXAMINATIONS.decode(rows[0]) if rows else None

    async def _hurry(self) -> None:
        with contextlib.suppress(StorageError):  # the loop looks by itself
            await self._database.execute(_HURRY, LOOP)


class ExaminationRunner:
    """Runs what waits, one run at a time. One per worker; several workers share the rows."""

    def __init__(self, database: Database, examiner: Examiner, validations: Validations, clock: Clock) -> None:
        """Take rows from ``database``."""
        self._database = database
        self._examiner = examiner
        self._validations = validations
        self._clock = clock

    async def run_once(self) -> int:
        """Run the gates of one waiting run; return how many were run."""
        rows = await self._database.fetch(_QUERIES["open_examinations"], self._clock.now_ms(), _CANDIDATES)
        for row in rows:
            claimed = await self._claim(EXAMINATIONS.decode(row))
            if claimed is not None:
                await self._run(_Lease(self._database, self._clock, claimed))
                return 1
        return 0

    async def _claim(self, run: Examination) -> Examination | None:
        now_ms = self._clock.now_ms()
        over = run.starts >= STARTS_MAX
        claimed = replace(
            run,
            version=run.version + 1,
            state=RunState.FAILED if over else RunState.RUNNING,
            said=f"given up after {run.starts} starts, none of which ended" if over else "begins",
            starts=run.starts + (not over),
            until_ms=now_ms + LEASE_MS,
            changed_at_ms=now_ms,
        )
        taken = isinstance(await self._database.commit([Update(EXAMINATIONS, claimed)]), Committed)
        return claimed if taken and not over else None

    async def _run(self, lease: "_Lease") -> None:
        run = lease.run
        actor = Actor(run.requested_by, verified=True)
        work = asyncio.create_task(self._examine(run, actor, lease))
        keeping = asyncio.create_task(lease.keep(work))
        try:
            state, said = await work
        except asyncio.CancelledError:
            if not lease.lost:
                # The gate's process has to be gone before another worker may begin.
                await _ended(work, keeping)
                await lease.give_back()
                raise
            _log.warning("run %s is another worker's now", run.id)
            return
        finally:
            await _ended(work, keeping)
        await lease.end(state, said)

    async def _examine(self, run: Examination, actor: Actor, lease: "_Lease") -> tuple[RunState, str]:
        try:
            done = await self._done(run, actor, lease)
        except InterlockError as error:
            return RunState.FAILED, scrub(str(error))
        except Exception as error:  # noqa: BLE001 - a bug ends this run, and not the loop
            _log.error("run %s failed: %s", run.id, exception_text(error))
            return RunState.FAILED, f"the run broke ({type(error).__name__}); the worker's log tells more"
        return (RunState.FAILED, done.message) if isinstance(done, Problem) else (RunState.DONE, done)

    async def _done(self, run: Examination, actor: Actor, lease: "_Lease") -> str | Problem:
        """Do what was asked for and return what it came to."""
        scope = Scope(run.account_id, run.livemode)
        if run.validates:
            probe = None if run.payment_method is None else Probe(run.payment_method, run.customer)
            report = await self._validations.validate(scope, run.release_id, actor, lease.told, probe)
            return report if isinstance(report, Problem) else f"validate {report.verdict.value}"
        examined = await self._examiner.examine(
            scope, run.release_id, actor, lease.told, gates=run.gates, again=run.again, gently=True
        )
        return examined if isinstance(examined, Problem) else _told(examined)


async def _ended(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _pays_with(run: Examination, probe: Probe | None) -> bool:
    asked = (None, None) if probe is None else (probe.payment_method, probe.customer)
    return (run.payment_method, run.customer) == asked


def _under_way(run: Examination) -> Problem:
    named = ", ".join(run.gates)
    return invalid(
        f"A run of {named} that does not do all of this is under way ({run.id}): ask again when it is over.",
        code="run_open",
        status=409,
    )


def _told(examined: Examined) -> str:
    ran = ", ".join(f"{report.gate.value} {report.verdict.value}" for report in examined.reports)
    return f"{ran or 'every gate was passed before'}; the release is {examined.release.state.value}"


class _Lease:
    """A run that this process has claimed, kept while it works on it."""

    def __init__(self, database: Database, clock: Clock, run: Examination) -> None:
        self.run = run
        self.lost = False
        self._database = database
        self._clock = clock
        self._said = run.said

    def told(self, gate: Gate, what: str, done: int, total: int) -> None:
        """Hear how far the gates are; written with the next renewal."""
        self._said = scrub(f"{gate.value}: {what} ({done} of {total})")[:_SAID_MAX]

    async def keep(self, work: "asyncio.Task[tuple[RunState, str]]") -> None:
        """Renew the lease until cancelled; end the work when it is another's."""
        while True:
            await asyncio.sleep(_RENEW_EVERY_S)
            with contextlib.suppress(StorageError):  # tried again before the lease runs out
                if not await self._write(RunState.RUNNING, self._said):
                    self.lost = True
                    work.cancel()
                    return

    async def give_back(self) -> None:
        """Let another worker have the run at once: this one is told to stop, which is no failed start."""
        self.run = replace(self.run, starts=max(self.run.starts - 1, 0))
        with contextlib.suppress(StorageError):  # the lease runs out by itself
            await self._write(RunState.WAITING, "its worker stopped; waits for another", lease_ms=0)

    async def end(self, state: RunState, said: str) -> None:
        """Write what it came to; when the row is another's by now, that one's word counts."""
        await self._write(state, said)

    async def _write(self, state: RunState, said: str, *, lease_ms: int = LEASE_MS) -> bool:
        now_ms = self._clock.now_ms()
        written = replace(
            self.run,
            version=self.run.version + 1,
            state=state,
            said=said[:_SAID_MAX],
            until_ms=now_ms + lease_ms,
            changed_at_ms=now_ms,
        )
        if not isinstance(await self._database.commit([Update(EXAMINATIONS, written)]), Committed):
            return False
        self.run = written
        return True
