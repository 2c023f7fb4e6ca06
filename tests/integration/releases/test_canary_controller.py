"""The canary controller on real rows: it undoes what hurts, promotes what does not, and a dead one changes nothing."""

import pytest
from tests.support.trial_bench import ANN, NOW_MS, SCOPE, TrialBench

from interlock.releases.canary import controller
from interlock.releases.gates.types import Gate, Verdict
from interlock.releases.types import Plan, TrialState
from interlock.routing.releases import ReleaseState, TrialKind
from interlock.routing.store import read_beats
from interlock.storage.database import Database

HALF = Plan(share_ppm=500_000)


@pytest.fixture
def bench(database: Database) -> TrialBench:
    return TrialBench(database)


async def test_a_dead_candidate_is_rolled_back_after_a_handful_of_payments_and_says_why(bench: TrialBench) -> None:
    release = await bench.start(HALF)
    failed = 0
    for _ in range(400):
        pointer = await bench.pointer(release)
        if pointer.trial_release_id is None:
            break
        attempt = await bench.pay(pointer, 0.0, 0.92)
        failed += attempt.arm == "candidate"
        await bench.look(50)
    standing = await bench.release(release)
    assert standing.state is ReleaseState.ROLLED_BACK
    assert failed <= 20, "the test has no past of stable to go by yet"
    trial = await bench.trial(release)
    assert trial.state is TrialState.FAILED
    assert "candidate" in trial.verdict
    evidence = (await bench.rollouts.store.evidence(release))[0]
    assert (evidence.gate, evidence.verdict) == (Gate.CANARY, Verdict.FAILED)
    assert evidence.report.findings[0].facts["indicator"] in {"approval", "technical"}
    assert await read_beats(bench.database) == {}


async def test_refusals_on_the_candidate_count_although_stable_takes_the_payment(bench: TrialBench) -> None:
    release = await bench.start(HALF)
    pointer = await bench.pointer(release)
    for _ in range(20):
        await bench.pay(pointer, 1.0, 1.0)
    refused = 0
    for _ in range(12):
        if (await bench.pointer(release)).trial_release_id is None:
            break
        attempt = bench.attempt(pointer, treated=True, state="refused", code="400")
        await bench.write(attempt)
        refused += 1
        await bench.look(100)
    assert (await bench.release(release)).state is ReleaseState.ROLLED_BACK
    assert refused <= 6


async def test_one_payment_with_other_money_ends_it_at_once(bench: TrialBench) -> None:
    release = await bench.start(HALF)
    attempt = bench.attempt(await bench.pointer(release), treated=True, state="unknown", echo_mismatch=True)
    await bench.write(attempt)
    await bench.look()
    assert (await bench.release(release)).state is ReleaseState.ROLLED_BACK
    assert attempt.id in (await bench.trial(release)).verdict


async def test_what_the_switch_itself_did_not_send_blames_nobody(bench: TrialBench) -> None:
    release = await bench.start(HALF)
    await bench.rollouts.set_share(SCOPE, await bench.pointer(release), 500_000, ANN, "test")
    pointer = await bench.pointer(release)
    for _ in range(60):
        attempt = await bench.pay(pointer, 1.0, 1.0, state="begun")
        ours = attempt.arm == "candidate"
        await bench.settle(attempt, "not_sent" if ours else "approved", code="release_withdrawn" if ours else None)
    await bench.look()
    assert (await bench.release(release)).state is ReleaseState.CANARY


async def test_without_data_it_neither_promotes_nor_undoes_and_says_so(bench: TrialBench) -> None:
    release = await bench.start(HALF)
    for _ in range(5):
        await bench.look(10 * 60_000)
    assert (await bench.release(release)).state is ReleaseState.CANARY
    assert (await bench.trial(release)).verdict.startswith("inconclusive: No payment on the candidate was decided")


async def test_its_beat_moves_while_it_lives(bench: TrialBench) -> None:
    release = await bench.start(HALF)
    await bench.look()
    first = (await read_beats(bench.database))[SCOPE.account_id, release.gateway_id]
    await bench.look()
    second = (await read_beats(bench.database))[SCOPE.account_id, release.gateway_id]
    assert second.beat == first.beat + 1
    assert second.epoch == (await bench.pointer(release)).version


async def test_a_restarted_controller_goes_on_from_the_checkpoint_and_counts_nothing_twice(bench: TrialBench) -> None:
    release = await bench.start(HALF)
    pointer = await bench.pointer(release)
    await bench.rollouts.set_share(SCOPE, pointer, 500_000, ANN, "test")
    pointer = await bench.pointer(release)
    for number in range(300):
        await bench.pay(pointer, 0.92, 0.92)
        if number % 50 == 49:
            bench.controller = bench.another_controller()
            await bench.look(5_000)
    before = (await bench.trial(release)).memory["canary"]["balance"]
    assert before["payments"] == 300
    bench.controller = bench.another_controller()
    await bench.look(5_000)
    after = (await bench.trial(release)).memory["canary"]["balance"]
    assert after["payments"] == 300
    assert after["treated"] == before["treated"]


async def test_of_a_large_shop_only_first_payments_are_judged_although_most_are_not_read(bench: TrialBench) -> None:
    release = await bench.start(Plan(share_ppm=5_000))
    await bench.rollouts.set_share(SCOPE, await bench.pointer(release), 5_000, ANN, "test")
    pointer = await bench.pointer(release)
    await bench.look()
    for _ in range(800):  # in less than a second
        await bench.write(bench.attempt(pointer, treated=False, state="approved"))
    await bench.look(200)
    await bench.look(3_000)
    memory = (await bench.trial(release)).memory
    assert memory["halvings"] == 2

    async def paid(payer: str, *, treated: bool) -> tuple[int, int]:
        await bench.write(bench.attempt(pointer, treated=treated, state="approved", payer=payer))
        await bench.look(3_000)
        balance = (await bench.trial(release)).memory["canary"]["balance"]
        return balance["payments"] - balance["treated"], balance["treated"]

    stable = memory["canary"]["balance"]["payments"]
    assert await paid("f" * 16, treated=False) == (stable, 0), "three of four payers are not even read"
    assert await paid("0" * 16, treated=False) == (stable + 1, 0)
    assert await paid("f" * 16, treated=True) == (stable + 1, 0), "he has paid before, unseen"
    assert await paid("0" * 16, treated=True) == (stable + 1, 0)
    assert await paid("e" * 16, treated=True) == (stable + 1, 1)
    assert await paid("e" * 16, treated=True) == (stable + 1, 1)
    bench.controller = bench.another_controller()
    assert await paid("f" * 16, treated=True) == (stable + 1, 1), "another process knows as much"
    assert await paid("e" * 16, treated=True) == (stable + 1, 1)
    assert await paid("d" * 16, treated=True) == (stable + 1, 2)


async def test_an_outcome_that_comes_later_is_heard_and_a_missing_one_is_missed(bench: TrialBench) -> None:
    release = await bench.start(HALF)
    pointer = await bench.pointer(release)
    attempt = bench.attempt(pointer, treated=True, state="begun")
    await bench.write(attempt)
    await bench.look()
    await bench.settle(attempt, "approved")
    await bench.look(6_000)
    memory = (await bench.trial(release)).memory
    assert memory["open"] == {}
    assert memory["canary"]["evidence"]["approval"]["strata"]["sale·visa·usd"]["treated"] == 1
    lost = bench.attempt(pointer, treated=True, state="begun")
    await bench.write(lost)
    await bench.look(70_000)
    await bench.look(70_000)
    memory = (await bench.trial(release)).memory
    assert memory["canary"]["evidence"]["pending_too_long"]["strata"]["sale·visa·usd"]["treated_bad"] == 1


async def test_an_innocent_release_is_promoted_and_then_watched_the_other_way_round(bench: TrialBench) -> None:
    release = await bench.start(Plan(share_ppm=500_000, holdback_ms=600_000, holdback_ppm=500_000))
    await bench.rollouts.set_share(SCOPE, await bench.pointer(release), 500_000, ANN, "test")
    for _ in range(40):
        pointer = await bench.pointer(release)
        if pointer.trial_kind is not TrialKind.CANARY:
            break
        for _ in range(100):
            await bench.pay(pointer, 1.0, 1.0)
        await bench.look(30_000)
    assert (await bench.release(release)).state is ReleaseState.STABLE
    trial = await bench.trial(release)
    assert (trial.kind, trial.state) == (TrialKind.HOLDBACK, TrialState.RUNNING)
    pointer = await bench.pointer(release)
    for _ in range(60):
        if pointer.trial_release_id is None:
            break
        # New stable is the treated arm now, and it is broken for everybody.
        await bench.pay(pointer, 1.0, 0.0)
        await bench.look()
        pointer = await bench.pointer(release)
    assert (await bench.release(release)).state is ReleaseState.ROLLED_BACK
    assert pointer.stable_release_id == trial.against_release_id


async def test_a_hold_back_without_a_sign_ends_with_its_time(bench: TrialBench) -> None:
    release = await bench.start(Plan(share_ppm=500_000, holdback_ms=60_000))
    trial = await bench.trial(release)
    await bench.database.execute(
        "UPDATE release_trials SET state = 'passed', version = version + 1 WHERE account_id = $1 AND id = $2",
        SCOPE.account_id,
        trial.id,
    )
    await bench.rollouts.promote(SCOPE, release.id, ANN, "in")
    assert (await bench.pointer(release)).trial_kind is TrialKind.HOLDBACK
    await bench.look(61_000)
    assert (await bench.pointer(release)).trial_release_id is None
    evidence = (await bench.rollouts.store.evidence(release))[0]
    assert (evidence.gate, evidence.verdict) == (Gate.VALIDATE, Verdict.PASSED)


@pytest.mark.parametrize("point", ["canary.judged", "canary.acted"])
async def test_killed_at_any_point_the_next_controller_ends_what_was_begun(
    bench: TrialBench, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    release = await bench.start(HALF)
    attempt = bench.attempt(await bench.pointer(release), treated=True, state="unknown", echo_mismatch=True)
    await bench.write(attempt)

    class Killed(BaseException):
        """Stands for kill -9: nothing catches it."""

    def kill(reached: str) -> None:
        if reached == point:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(controller, "reach", kill)
        with pytest.raises(Killed):
            await bench.look()
    bench.controller = bench.another_controller()
    await bench.look()
    await bench.look()
    assert (await bench.release(release)).state is ReleaseState.ROLLED_BACK
    assert (await bench.pointer(release)).trial_release_id is None
    assert await bench.rollouts.store.running_trials() == []
    assert bench.clock.now_ms() > NOW_MS
