"""Real payments while a release is on trial: a house with both sandboxes, shoppers who never stop, and real workers.

A worker is the product's own process (``python -m interlock.worker``), started and killed by the test. While none
lives, a test may move the beat itself, as the controller before did, so that payments reach the release on trial.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from tests.support.payment_house import House
from tests.support.running_product import clean_environment

from interlock.base.ids import new_id
from interlock.base.problems import Problem
from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.payments.attempts.types import ATTEMPTS, Attempt
from interlock.payments.intents.types import IntentStatus, IntentView
from interlock.releases.gates.types import Gate, GateReport, Verdict
from interlock.releases.proposals import Proposal, Proposals
from interlock.releases.rollouts import Rollouts
from interlock.releases.takeover import CANDIDATE_FINISHES_STABLE, STABLE_FINISHES_CANDIDATE, STABLE_PACKAGE
from interlock.releases.types import Actor, Plan, StoredTrial
from interlock.routing import journal, store
from interlock.routing.releases import Pointer, Release
from interlock.routing.service import Routing
from interlock.storage.writes import Insert

T = TypeVar("T")
ANN = Actor("ann", verified=True)
_BEAT_EVERY_S = 0.3
_SHOPPER_PAUSE_S = 0.02
_WITHIN_S = 40.0


def got(result: T | Problem) -> T:
    """Return ``result``, which must be no problem."""
    assert not isinstance(result, Problem), result
    return result


def commented(connector: str) -> Package:
    """Return the built-in connector with a comment of its own: another package that behaves alike."""
    package = builtin_package(connector)
    return Package({**package.files, "connector.py": package.files["connector.py"] + b"# another\n"})


async def until(found: Callable[[], Awaitable[bool]], what: str, within_s: float = _WITHIN_S) -> None:
    """Wait until ``found`` says so."""
    deadline = time.monotonic() + within_s
    while not await found():
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(0.05)


class Worker:
    """One worker process."""

    def __init__(self, url: str, keys: str, folder: Path) -> None:
        """Run on the database ``url``; logs go to ``folder``."""
        self._environment = clean_environment(
            INTERLOCK_DATABASE_URL=url, INTERLOCK_VAULT_KEYS=keys, PYTHONPATH=os.pathsep.join(sys.path)
        )
        self._folder = folder
        self._log = folder / "worker.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Return its process id."""
        assert self._process is not None
        return self._process.pid

    async def start(self, crash_at: str | None = None) -> "Worker":
        """Start it and wait until its loops run; with ``crash_at`` it kills itself at that point."""
        environment = self._environment | ({"INTERLOCK_CRASH_AT": crash_at} if crash_at else {})
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "interlock.worker"), cwd=self._folder, env=environment, stdout=log, stderr=log
            )
        await until(self._is_up, f"the worker's start: {self.text()}")
        return self

    async def _is_up(self) -> bool:
        return "worker started" in self.text() or await self._has_ended()

    async def _has_ended(self) -> bool:
        return self._process is not None and self._process.returncode is not None

    def text(self) -> str:
        """Return what it has logged."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    async def dies(self) -> None:
        """Wait until it has killed itself at its crash point."""
        assert self._process is not None
        assert await asyncio.wait_for(self._process.wait(), _WITHIN_S) == -signal.SIGKILL, self.text()

    async def kill(self) -> None:
        """End it with -9."""
        assert self._process is not None
        self._process.kill()
        await self.dies()

    async def stop(self) -> None:
        """End it politely, if it lives."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await asyncio.wait_for(self._process.wait(), 20)


class TrialHouse:
    """A house whose Stripe has a release on trial."""

    def __init__(self, house: House, url: str, keys: str, folder: Path) -> None:
        """Stand on ``house`` and its database's ``url``."""
        assert house.vault is not None
        self.house = house
        self.proposals = Proposals(house.database, house.vault.envelope, house.clock)
        self.rollouts = Rollouts(house.database, house.clock)
        self.worker = Worker(url, keys, folder)
        self.failures: list[object] = []
        self.paid = 0

    async def only(self, connector: str) -> None:
        """Let new payments go to one gateway alone: only who is drawn at the first gateway is on trial."""
        assert self.house.vault is not None
        routing = Routing(self.house.database, self.house.vault.envelope, self.house.clock)
        for name, gateway in self.house.gateways.items():
            got(await routing.update_gateway(self.house.scope, gateway.id, enabled=name == connector))
        await self.house.table.refresh(force=True)

    # Releases

    async def propose(self, package: Package | None = None, connector: str = "stripe", **settings: str) -> Release:
        """Propose what serves with another package or settings."""
        proposal = Proposal(package=package, settings=settings, note="a test")
        gateway = self.house.gateways[connector]
        return got(await self.proposals.propose(self.house.scope, gateway.id, proposal, ANN))

    async def install(self, connector: str, **credentials: str) -> Release:
        """Let what serves serve with other credentials, at once."""
        scope, proposal = self.house.scope, Proposal(credentials=credentials, note="a test")
        release = got(await self.proposals.propose(scope, self.house.gateways[connector].id, proposal, ANN))
        got(await self.proposals.approve(scope, release.id, ANN, "a test", break_glass=True))
        got(await self.rollouts.promote(scope, release.id, ANN, "a test", break_glass=True))
        await self.house.table.refresh(force=True)
        return release

    async def certify(
        self, release: Release, *, proven: bool = True, gates: tuple[Gate, ...] = (Gate.CERTIFY,)
    ) -> None:
        """Keep that gates have passed, and whether either release is ``proven`` to finish what the other began."""
        base = got(await self.rollouts.store.release(self.house.scope, release.base_release_id or ""))
        measured: dict[str, Any] = {
            STABLE_PACKAGE: base.package_id,
            STABLE_FINISHES_CANDIDATE: proven,
            CANDIDATE_FINISHES_STABLE: proven,
        }
        for gate in gates:
            report = GateReport(gate=gate, verdict=Verdict.PASSED, checks={"all": 1}, measured=measured)
            got(await self.proposals.record(self.house.scope, release.id, report, ANN))

    async def start(self, release: Release, plan: Plan, share_ppm: int | None = None) -> Release:
        """Approve a release whatever its gates said and begin its canary."""
        got(await self.proposals.approve(self.house.scope, release.id, ANN, "a test", break_glass=True))
        started = got(await self.rollouts.start_canary(self.house.scope, release.id, ANN, "a test", plan))
        if share_ppm is not None:
            await self.give(started, share_ppm)
        await self.house.table.refresh(force=True)
        return started

    async def give(self, release: Release, share_ppm: int) -> None:
        """Set the share of the running trial."""
        pointer = await self.pointer(release)
        assert await self.rollouts.set_share(self.house.scope, pointer, share_ppm, ANN, "a test") is None

    async def release(self, release: Release) -> Release:
        """Return it as it stands now."""
        return got(await self.rollouts.store.release(self.house.scope, release.id))

    async def pointer(self, release: Release) -> Pointer:
        """Return its gateway's pointer."""
        return got(await self.rollouts.store.pointer(self.house.scope, release.gateway_id))

    async def trial(self, release: Release) -> StoredTrial:
        """Return its newest trial."""
        return (await self.rollouts.store.trials(release))[0]

    async def roll_back(self, release: Release) -> None:
        """Roll it back; this process has heard of it when this returns."""
        got(await self.rollouts.roll_back(self.house.scope, release.id, ANN, "it hurts"))
        await self.house.table.refresh(force=True)

    async def actions(self, release: Release) -> list[str]:
        """Return what the journal tells of a release, oldest first; the whole chain must hold."""
        account_id = self.house.scope.account_id
        assert (await journal.verify(self.house.database, account_id)).broken_at is None
        entries = await journal.read(self.house.database, account_id, subject=release.id)
        return [entry.action for entry in reversed(entries)]

    # Payments

    @contextlib.asynccontextmanager
    async def watched(self, release: Release) -> AsyncIterator[None]:
        """Move the trial's beat while the block runs, as a living controller does, from before its first line on."""

        async def move() -> None:
            while True:
                await self.beat(release)
                await asyncio.sleep(_BEAT_EVERY_S)

        await self.beat(release)
        await self.beat(release)
        moving = asyncio.create_task(move())
        try:
            yield
        finally:
            moving.cancel()
            await asyncio.gather(moving, return_exceptions=True)

    async def beat(self, release: Release) -> None:
        """Move the beat once and let this process see it."""
        await store.write_beat(self.house.database, await self.pointer(release))
        await self.house.table.refresh()

    @contextlib.asynccontextmanager
    async def shoppers(self) -> AsyncIterator[None]:
        """Let shoppers buy, one after the other, while the block runs; none of them may fail."""
        over = asyncio.Event()
        shopping = asyncio.create_task(self._shop(over))
        try:
            yield
        finally:
            over.set()  # the last one still gets an answer
            await shopping
        assert self.paid > 0
        assert self.failures == []

    async def _shop(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await self.buy()
            await asyncio.sleep(_SHOPPER_PAUSE_S)

    async def buy(self) -> None:
        """Let one shopper buy and note a failure."""
        try:
            view = await self.house.pay()
        except Exception as error:  # noqa: BLE001 - whatever it is, a shopper could not buy
            self.failures.append(error)
            return
        if isinstance(view, IntentView) and view.intent.status is IntentStatus.SUCCEEDED:
            self.paid += 1
        else:
            self.failures.append(view)

    async def arms(self, since_ms: int) -> Counter[str]:
        """Return how many attempts were made on each arm since then."""
        rows = await self.house.database.fetch(
            "SELECT arm, count(*) AS attempts FROM attempts WHERE account_id = $1 AND created_at_ms >= $2 GROUP BY arm",
            self.house.scope.account_id,
            since_ms,
        )
        return Counter({row["arm"]: row["attempts"] for row in rows})

    async def pays_on(self, arm: str, since_ms: int) -> None:
        """Wait until shoppers pay on ``arm`` again."""

        async def seen() -> bool:
            return (await self.arms(since_ms))[arm] >= 3

        await until(seen, f"payments on arm {arm}: {self.worker.text()[-2_000:]}")

    def now_ms(self) -> int:
        """Return the time."""
        return self.house.clock.now_ms()

    async def write_past(self, release: Release, payments: int) -> None:
        """Write approved payments of the trial as the switch would, half of them on each arm: a past of many hours."""
        sale = (await self.house.attempts(await self.house.paid()))[-1]
        pointer = await self.pointer(release)
        rows = [self._copy(sale, pointer, treated=number % 2 == 0) for number in range(payments)]
        for start in range(0, payments, 500):
            await self.house.database.commit([Insert(ATTEMPTS, row) for row in rows[start : start + 500]])

    def _copy(self, sale: Attempt, pointer: Pointer, *, treated: bool) -> Attempt:
        name = new_id("at", self.now_ms())
        assert pointer.trial_release_id is not None
        return msgspec.structs.replace(
            sale,
            id=name,
            version=1,
            created_at_ms=self.now_ms(),
            subject_id=f"pi_{name}",
            intent_id=f"pi_{name}",
            charge_id=None,
            gateway_reference=None,
            payer=name,
            arm="candidate" if treated else "stable",
            release_id=pointer.trial_release_id if treated else pointer.stable_release_id,
            share_ppm=500_000,
        )

    async def lease_runs_out(self) -> None:
        """Let the leases of a dead worker run out at once instead of in some seconds."""
        await self.house.database.execute("UPDATE leases SET until_ms = 0")
        await self.house.database.execute("UPDATE release_examinations SET until_ms = 0")
