"""The release controller killed with -9 in every state of a roll-out: payments go on, nothing is sent to a release that
nobody watches, and the next controller takes the roll-out to its end."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from tests.support.payment_house import open_house
from tests.support.ports import free_ports
from tests.support.sandboxes import Gateway
from tests.support.trial_house import ANN, TrialHouse, commented, until

from interlock.base.crashpoints import TRIAL_POINTS
from interlock.payments.recovery.reviewing import Repair
from interlock.releases.aftermath import Aftermath
from interlock.releases.examinations import Examinations, RunState
from interlock.releases.gates.types import Gate, Verdict
from interlock.releases.types import NO_WORSE, Plan, TrialState
from interlock.routing import freshness
from interlock.routing import table as routing_table
from interlock.routing.releases import Release, ReleaseState, TrialKind
from interlock.storage.database import Database
from interlock.vault.keys import generate_keys

HALF = Plan(share_ppm=500_000)
STALE_S = freshness.BEAT_WITHIN_S + routing_table.POLL_INTERVAL_S


@pytest.fixture
async def house(
    database: Database, database_url: str, stripe_gateway: Gateway, adyen_gateway: Gateway, tmp_path: Path
) -> AsyncIterator[TrialHouse]:
    keys = generate_keys()
    async with open_house(database, stripe_gateway, adyen_gateway, keys=keys) as opened:
        await opened.table.start()
        trial_house = TrialHouse(opened, database_url, keys, tmp_path)
        try:
            yield trial_house
        finally:
            await trial_house.worker.stop()
            await opened.table.stop()


async def unwatched(house: TrialHouse, arm: str = "candidate") -> None:
    """Nobody watches the trial: shoppers buy, and after the beat is stale nobody is sent to its arm."""
    await asyncio.sleep(STALE_S)
    stale_ms, paid = house.now_ms(), house.paid

    async def bought() -> bool:
        return house.paid >= paid + 10

    await until(bought, "payments while no controller lives")
    assert (await house.arms(stale_ms))[arm] == 0


async def gate_processes(house: TrialHouse) -> list[psutil.Process]:
    """Wait until the worker runs a gate in a process of its own; return those."""
    found: list[psutil.Process] = []

    async def seen() -> bool:
        found[:] = psutil.Process(house.worker.pid).children(recursive=True)
        return bool(found)

    await until(seen, "a gate's process")
    return found


async def test_killed_while_gates_run_the_next_worker_runs_them_again(house: TrialHouse) -> None:
    await house.install("stripe", webhook_secret="whsec_0gJ4mV9rTz2Xc7Lq5Wn8Yb3Kd6Hf1SpA")
    release = await house.propose(commented("stripe"))
    await house.certify(release, gates=(Gate.CONTRACT, Gate.CERTIFY, Gate.SHADOW))
    runs = Examinations(house.house.database, house.house.clock)
    run = await runs.request(house.house.scope, release.id, ANN, gates=(Gate.LINT,))

    async def stands(state: RunState) -> bool:
        latest = await runs.latest(release)
        return latest is not None and latest.state is state

    async with house.shoppers():
        await house.worker.start()
        gates = await gate_processes(house)
        await house.worker.kill()
        assert (await house.release(release)).state is ReleaseState.DRAFTED
        gone, _ = await asyncio.to_thread(psutil.wait_procs, gates, 10)
        assert gone == gates, "a gate outlived its worker"
        await house.lease_runs_out()
        await house.worker.start()
        await until(lambda: stands(RunState.DONE), "the run's end")
    latest = await runs.latest(release)
    assert latest is not None
    assert (latest.id, latest.starts) == (getattr(run, "id", None), 2)
    lint = (await house.rollouts.store.evidence(release))[0].report
    assert [finding.sentence() for finding in lint.findings] == []
    assert (await house.release(release)).state is ReleaseState.GATED
    assert await house.actions(release) == ["release.proposed", *["release.examined"] * 4]


async def test_an_approved_release_begins_its_canary_when_a_controller_lives_again(house: TrialHouse) -> None:
    await house.worker.start()
    release = await house.propose(commented("stripe"))
    await house.worker.kill()
    release = await house.start(release, HALF)
    began_ms = house.now_ms()
    async with house.shoppers():
        await unwatched(house)
        assert (await house.arms(began_ms))["candidate"] == 0, "no controller has ever watched it"
        await house.lease_runs_out()
        await house.worker.start()
        await house.pays_on("candidate", began_ms)
    assert await house.actions(release) == [
        "release.proposed",
        "release.forced",
        "canary.started",
        "trial.share_changed",
    ]


async def test_killed_while_the_share_rises_payments_go_on_and_no_outcome_is_counted_twice_or_lost(
    house: TrialHouse,
) -> None:
    release = await house.start(await house.propose(commented("stripe")), HALF)
    began_ms = house.now_ms()
    await house.worker.start()
    async with house.shoppers():
        await house.pays_on("candidate", began_ms)
        await house.worker.kill()
        killed_ms = house.now_ms()
        await unwatched(house)
        assert (await house.pointer(release)).share_ppm > 10_000, "the pointer still names its share"
        began = time.monotonic()
        await house.worker.start()  # its leases run out by themselves
        await house.pays_on("candidate", killed_ms + int(STALE_S * 1000) + 1)
        assert time.monotonic() - began < 30
    counted = "SELECT count(*) FROM attempts WHERE account_id = $1 AND share_ppm > 0 AND arm IN ('stable', 'candidate')"
    drawn = int(await house.house.database.fetchval(counted, house.house.scope.account_id))

    async def counted_now() -> int:
        memory = (await house.trial(release)).memory
        return int(memory.get("canary", {}).get("balance", {}).get("payments", 0))

    async def all_counted() -> bool:
        return await counted_now() >= drawn

    await until(all_counted, f"{drawn} payments counted")
    await asyncio.sleep(2.5)
    assert await counted_now() == drawn, "each once"
    assert (await house.release(release)).state is ReleaseState.CANARY
    assert set(await house.actions(release)) >= {"canary.started", "trial.share_changed"}


async def test_killed_while_it_holds_the_next_one_holds_and_goes_on_when_data_come(house: TrialHouse) -> None:
    release = await house.start(await house.propose(commented("stripe")), HALF)
    # It began twenty minutes ago and nobody has bought anything since.
    await house.house.database.execute("UPDATE release_trials SET created_at_ms = created_at_ms - 1200000")

    async def says(word: str) -> bool:
        return (await house.trial(release)).verdict.startswith(word)

    await house.worker.start()
    await until(lambda: says("inconclusive"), "the hold")
    await house.worker.kill()
    await house.lease_runs_out()
    await house.worker.start()
    assert await says("inconclusive")
    async with house.shoppers():
        await until(lambda: says("collecting"), "data")
    trial = await house.trial(release)
    assert trial.state is TrialState.RUNNING
    assert (await house.release(release)).state is ReleaseState.CANARY
    await house.actions(release)


async def refusing(house: TrialHouse) -> Release:
    """Put a release on trial that reaches nobody, and let shoppers meet it until that is beyond doubt."""
    proposed = await house.propose(base_url=f"http://127.0.0.1:{free_ports(1)[0]}")
    await house.certify(proposed)
    release = await house.start(proposed, HALF, share_ppm=500_000)
    async with house.watched(release), house.shoppers():
        await house.pays_on("candidate", 0)

        async def beyond_doubt() -> bool:
            return (await house.arms(0))["candidate"] >= 20

        await until(beyond_doubt, "twenty refusals")
    return release


@pytest.mark.parametrize("point", [TRIAL_POINTS[0], TRIAL_POINTS[2]])
async def test_killed_while_it_decides_against_a_release_the_next_one_carries_it_out(
    house: TrialHouse, point: str
) -> None:
    release = await refusing(house)
    async with house.shoppers():
        await house.worker.start(crash_at=point)
        await house.worker.dies()
        decided = point == TRIAL_POINTS[2]
        assert (await house.release(release)).state is (ReleaseState.ROLLED_BACK if decided else ReleaseState.CANARY)
        await unwatched(house)
        await house.lease_runs_out()
        await house.worker.start()

        async def rolled_back() -> bool:
            return (await house.release(release)).state is ReleaseState.ROLLED_BACK

        await until(rolled_back, "the rollback")
    assert (await house.trial(release)).state is TrialState.FAILED
    assert await house.rollouts.store.running_trials() == []
    assert (await house.pointer(release)).trial_release_id is None
    evidence = (await house.rollouts.store.evidence(release))[0]
    assert (evidence.gate, evidence.verdict) == (Gate.CANARY, Verdict.FAILED)
    assert (await house.actions(release))[-2:] == ["release.rolled_back", "release.examined"]
    await aftermath_ends(house, release)


async def aftermath_ends(house: TrialHouse, release: Release) -> None:
    """What the release touched is listed and put right, also when the first who does it stops half way."""
    aftermath = Aftermath(house.house.database, house.house.payments.reviewer)
    scope, now_ms = house.house.scope, house.now_ms()
    async for _ in aftermath.repair(scope, release.id, ANN, now_ms):
        break
    reviews = [review async for review in aftermath.repair(scope, release.id, ANN, now_ms)]
    assert {review.repair for review in reviews} <= {Repair.RIGHT}, "stable took every one of these payments"
    assert (await house.actions(release))[-1] == "release.repaired"


@pytest.mark.parametrize("point", TRIAL_POINTS[1:])
async def test_killed_while_it_promotes_the_next_one_promotes_and_ends_the_hold_back(
    house: TrialHouse, point: str
) -> None:
    plan = Plan(share_ppm=500_000, holdback_ppm=500_000, holdback_ms=3_000)
    proposed = await house.propose(commented("stripe"))
    await house.certify(proposed)
    release = await house.start(proposed, plan, share_ppm=500_000)
    await house.write_past(release, 3_200)
    async with house.shoppers():
        await house.worker.start(crash_at=point)
        await house.worker.dies()
        promoted = point == TRIAL_POINTS[2]
        assert (await house.release(release)).state is (ReleaseState.STABLE if promoted else ReleaseState.CANARY)
        trial = await house.trial(release)
        assert trial.state is TrialState.RUNNING, "no trial is left between two states"
        assert trial.kind is (TrialKind.HOLDBACK if promoted else TrialKind.CANARY)
        assert promoted or trial.verdict.startswith(f"{NO_WORSE}:")
        await unwatched(house, "holdback" if promoted else "candidate")
        await house.lease_runs_out()
        await house.worker.start()

        async def over() -> bool:
            return (await house.pointer(release)).trial_release_id is None

        await until(over, "the end of the hold-back")
    assert (await house.release(release)).state is ReleaseState.STABLE
    assert await house.rollouts.store.running_trials() == []
    found = {(one.gate, one.verdict) for one in await house.rollouts.store.evidence(release)}
    assert found >= {(Gate.CANARY, Verdict.PASSED), (Gate.VALIDATE, Verdict.PASSED)}
    actions = [one for one in await house.actions(release) if one != "trial.share_changed"]
    assert actions[-4:] == ["release.promoted", "release.examined", "holdback.ended", "release.examined"]
