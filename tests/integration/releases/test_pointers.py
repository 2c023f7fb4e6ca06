"""Pointers on a real database: a release on trial is sent to only while it is watched, and the way back is one step."""

from collections.abc import Awaitable
from typing import TypeVar

import msgspec
import pytest

from interlock.base.clock import ManualClock
from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.gateways.contract import Operation
from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.releases.gates.types import Gate, GateReport, Verdict
from interlock.releases.proposals import STATIC_GATES, Proposal, Proposals
from interlock.releases.rollouts import Rollouts
from interlock.releases.takeover import CANDIDATE_FINISHES_STABLE, STABLE_FINISHES_CANDIDATE, STABLE_PACKAGE
from interlock.releases.types import TRIALS, Actor, Plan, StoredTrial, TrialState
from interlock.routing import freshness, journal, store
from interlock.routing import table as table_module
from interlock.routing.releases import Pointer, Release, ReleaseState, TrialKind
from interlock.routing.service import Routing
from interlock.routing.table import RoutingTable
from interlock.routing.types import Candidate, Gateway, RequestFacts
from interlock.storage.database import Database
from interlock.storage.writes import Update
from interlock.vault.envelope import Envelope
from interlock.vault.keys import KeyRing

T = TypeVar("T")
NOW_MS = 1_764_000_000_000
SCOPE = Scope("acct_1", livemode=False)
LIVE = Scope("acct_1", livemode=True)
ENVELOPE = Envelope(KeyRing({"k1": b"1" * 32}, b"f" * 32))
CREDENTIALS = {"secret_key": "sk_test_" + "a" * 32, "webhook_secret": "whsec_" + "b" * 32}
LIVE_CREDENTIALS = CREDENTIALS | {"secret_key": "sk_live_" + "a" * 32}
ANN, BOB = Actor("ann", verified=True), Actor("bob", verified=True)
SOMEBODY = Actor("cli:root")
HALF = Plan(share_ppm=500_000)


class Bench:
    """The rooms, a routing table as an API process has it, and a clock for its freshness."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = ManualClock(NOW_MS)
        self.database = database
        self.clock = clock
        self.routing = Routing(database, ENVELOPE, clock)
        self.proposals = Proposals(database, ENVELOPE, clock)
        self.rollouts = Rollouts(database, clock)
        self.table = RoutingTable(database, ENVELOPE, clock)
        self.uptime_s = 100.0
        monkeypatch.setattr(table_module, "uptime_s", lambda: self.uptime_s)

    async def gateway(self, scope: Scope = SCOPE) -> Gateway:
        credentials = LIVE_CREDENTIALS if scope.livemode else CREDENTIALS
        made = await self.routing.create_gateway(
            scope, name="stripe", connector="stripe", settings={}, credentials=credentials
        )
        assert isinstance(made, Gateway)
        return made

    async def proposed(self, gateway: Gateway, mark: str = "A", actor: Actor = ANN) -> Release:
        proposal = Proposal(package=changed_package(mark), note=f"try {mark}")
        return got(await self.proposals.propose(gateway.scope, gateway.id, proposal, actor))

    async def approved(self, gateway: Gateway, mark: str = "A") -> Release:
        release = await self.proposed(gateway, mark)
        await self.pass_gates(release)
        return got(await self.proposals.approve(gateway.scope, release.id, BOB, "looks good"))

    async def pass_gates(self, release: Release, verdict: Verdict = Verdict.PASSED) -> Release:
        stable = await self.pointer(release)
        base = got(await self.proposals.store.release(scope_of(release), stable.stable_release_id))
        for gate in STATIC_GATES:
            measured = {
                STABLE_PACKAGE: base.package_id,
                STABLE_FINISHES_CANDIDATE: True,
                CANDIDATE_FINISHES_STABLE: True,
            }
            report = GateReport(gate=gate, verdict=verdict, checks={"all": 1}, measured=measured)
            release = got(await self.proposals.record(scope_of(release), release.id, report, ANN))
        return release

    async def on_canary(self, gateway: Gateway, mark: str = "A", plan: Plan = HALF) -> Release:
        release = await self.approved(gateway, mark)
        started = got(await self.rollouts.start_canary(gateway.scope, release.id, BOB, "go", plan))
        await self.raise_share(started, plan.share_ppm)
        return started

    async def raise_share(self, release: Release, share_ppm: int) -> None:
        pointer = await self.pointer(release)
        assert await self.rollouts.set_share(scope_of(release), pointer, share_ppm, ANN, "test") is None

    async def pointer(self, release: Release) -> Pointer:
        return got(await self.rollouts.store.pointer(scope_of(release), release.gateway_id))

    async def beat(self, release: Release) -> None:
        """One beat of the controller, seen by the table."""
        await store.write_beat(self.database, await self.pointer(release))
        await self.table.refresh()

    async def watched(self, release: Release) -> None:
        await self.beat(release)
        await self.beat(release)

    def routes(self, intent_id: str, scope: Scope = SCOPE) -> list[Candidate]:
        facts = RequestFacts(
            intent_id=intent_id, operations=(Operation.SALE,), amount_minor=1099, currency="usd", networks=("visa",)
        )
        return self.table.rank(scope, facts, self.clock.now_ms())

    def arms(self, scope: Scope = SCOPE) -> set[str]:
        return {self.routes(f"pi_{number}", scope)[0].arm for number in range(40)}


def changed_package(mark: str) -> Package:
    """Return the built-in connector with a comment of its own: another package that behaves alike."""
    package = builtin_package("stripe")
    return Package({**package.files, "connector.py": package.files["connector.py"] + f"# {mark}\n".encode()})


def scope_of(release: Release) -> Scope:
    return Scope(release.account_id, release.livemode)


def got(result: T | Problem) -> T:
    assert not isinstance(result, Problem), result
    return result


def refused(result: object, code: str) -> None:
    assert isinstance(result, Problem), result
    assert result.code == code, result


async def problem(result: Awaitable[object], code: str) -> None:
    refused(await result, code)


@pytest.fixture
def bench(database: Database, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(database, monkeypatch)


async def test_a_gateway_runs_its_first_release_at_once(bench: Bench) -> None:
    gateway = await bench.gateway()
    await bench.table.refresh()
    route = bench.routes("pi_1")[0]
    release = got(await bench.rollouts.store.release(SCOPE, route.release_id))
    assert (release.state, release.package_id) == (ReleaseState.STABLE, builtin_package("stripe").id)
    assert (route.arm, route.share_ppm, route.gateway_id) == ("stable", 0, gateway.id)


async def test_a_proposal_takes_no_money_and_is_the_same_release_when_made_again(bench: Bench) -> None:
    gateway = await bench.gateway()
    release = await bench.proposed(gateway)
    assert release.state is ReleaseState.DRAFTED
    assert (await bench.proposed(gateway)).id == release.id
    await bench.table.refresh()
    assert bench.arms() == {"stable"}
    await problem(bench.rollouts.start_canary(SCOPE, release.id, ANN, "go", HALF), "wrong_state")
    await problem(bench.rollouts.promote(SCOPE, release.id, ANN, "go"), "wrong_state")
    await problem(bench.rollouts.roll_back(SCOPE, release.id, ANN, "back"), "wrong_state")


async def test_a_failed_gate_rejects_and_one_that_could_not_judge_holds(bench: Bench) -> None:
    gateway = await bench.gateway()
    failed = await bench.pass_gates(await bench.proposed(gateway, "A"), Verdict.FAILED)
    assert failed.state is ReleaseState.REJECTED
    held = await bench.pass_gates(await bench.proposed(gateway, "B"), Verdict.INCONCLUSIVE)
    assert held.state is ReleaseState.DRAFTED
    await problem(bench.proposals.approve(SCOPE, held.id, BOB, "fine"), "gates_open")
    accepted = await bench.proposals.approve(SCOPE, held.id, BOB, "no traffic yet", accept_inconclusive=True)
    assert got(accepted).state is ReleaseState.APPROVED
    await problem(bench.proposals.approve(SCOPE, failed.id, BOB, "fine", accept_inconclusive=True), "wrong_state")


async def test_in_live_mode_the_proposer_does_not_approve_and_names_are_proven(bench: Bench) -> None:
    gateway = await bench.gateway(LIVE)
    proposal = Proposal(package=changed_package("A"), note="try")
    await problem(bench.proposals.propose(LIVE, gateway.id, proposal, SOMEBODY), "operator_required")
    release = await bench.pass_gates(await bench.proposed(gateway))
    await problem(bench.proposals.approve(LIVE, release.id, ANN, "mine"), "same_person")
    await problem(bench.proposals.approve(LIVE, release.id, SOMEBODY, "mine"), "operator_required")
    assert got(await bench.proposals.approve(LIVE, release.id, BOB, "read it")).approved_by == "bob"


async def test_broken_glass_needs_a_reason_and_is_in_the_journal(bench: Bench) -> None:
    gateway = await bench.gateway(LIVE)
    release = await bench.proposed(gateway)
    assert isinstance(await bench.proposals.approve(LIVE, release.id, ANN, " ", break_glass=True), Problem)
    got(await bench.proposals.approve(LIVE, release.id, ANN, "shop is down", break_glass=True))
    promoted = got(await bench.rollouts.promote(LIVE, release.id, ANN, "shop is down", break_glass=True))
    assert promoted.state is ReleaseState.STABLE
    entries = await journal.read(bench.database, "acct_1", subject=release.id)
    assert [entry.action for entry in entries] == ["release.promoted", "release.forced", "release.proposed"]
    assert all(entry.facts["break_glass"] is True and entry.why == "shop is down" for entry in entries[:2])


async def test_a_candidate_is_sent_to_only_while_its_beat_moves(bench: Bench) -> None:
    release = await bench.on_canary(await bench.gateway())
    await bench.table.refresh()
    assert bench.arms() == {"stable"}, "nobody watches"
    await bench.beat(release)
    assert bench.arms() == {"stable"}, "a beat that has not been seen to move may be a dead controller's last"
    await bench.beat(release)
    assert bench.arms() == {"stable", "candidate"}
    assert bench.table.may_send(SCOPE, release.gateway_id, release.id)
    bench.uptime_s += freshness.SEEN_WITHIN_S
    assert bench.arms() == {"stable"}, "the pointer has not been seen for too long"
    assert not bench.table.may_send(SCOPE, release.gateway_id, release.id)
    await bench.table.refresh()
    assert bench.arms() == {"stable", "candidate"}
    for _ in range(6):
        bench.uptime_s += 0.5
        await bench.table.refresh()
    assert bench.arms() == {"stable"}, "the pointer is seen, its controller is dead"


async def test_a_payment_falls_to_the_same_arm_every_time_and_its_way_out_is_stable(bench: Bench) -> None:
    release = await bench.on_canary(await bench.gateway())
    await bench.watched(release)
    first = {f"pi_{number}": bench.routes(f"pi_{number}") for number in range(200)}
    assert first == {intent_id: bench.routes(intent_id) for intent_id in first}
    on_trial = [routes for routes in first.values() if routes[0].arm == "candidate"]
    assert 60 < len(on_trial) < 140
    for trial_route, fallback in on_trial:
        assert (trial_route.release_id, trial_route.share_ppm) == (release.id, 500_000)
        assert (fallback.arm, fallback.share_ppm) == ("fallback", 0)
    for routes in first.values():
        if routes[0].arm == "stable":
            assert len(routes) == 1
            assert routes[0].share_ppm == 500_000


async def test_a_rollback_ends_the_trial_everywhere_and_stable_finishes_its_payments(bench: Bench) -> None:
    gateway = await bench.gateway()
    release = await bench.on_canary(gateway)
    await bench.watched(release)
    running = await bench.table.finishing(SCOPE, gateway.id, release.id)
    assert running is not None
    assert running.release.id == release.id, "while it is trusted it finishes what it began"
    back = got(await bench.rollouts.roll_back(SCOPE, release.id, ANN, "it declines everybody"))
    assert back.state is ReleaseState.ROLLED_BACK
    assert not bench.table.may_send(SCOPE, gateway.id, "rel_other")
    await bench.table.refresh()
    assert bench.arms() == {"stable"}
    assert not bench.table.may_send(SCOPE, gateway.id, release.id)
    finishes = await bench.table.finishing(SCOPE, gateway.id, release.id)
    assert finishes is not None
    assert finishes.release.id == (await bench.pointer(release)).stable_release_id
    again = await bench.table.exactly(SCOPE, gateway.id, release.id)
    assert again is not None
    assert again.release.id == release.id, "its very code can still be asked for"
    trial = (await bench.rollouts.store.trials(release))[0]
    assert (trial.state, trial.verdict) == (TrialState.FAILED, "it declines everybody")


async def test_without_the_proof_a_release_goes_on_with_what_it_began(bench: Bench) -> None:
    gateway = await bench.gateway()
    release = await bench.proposed(gateway)
    got(await bench.proposals.approve(SCOPE, release.id, ANN, "hurry", break_glass=True))
    got(await bench.rollouts.start_canary(SCOPE, release.id, ANN, "hurry", HALF))
    got(await bench.rollouts.roll_back(SCOPE, release.id, ANN, "bad"))
    await bench.table.refresh()
    finishes = await bench.table.finishing(SCOPE, gateway.id, release.id)
    assert finishes is not None
    assert finishes.release.id == release.id


async def test_promotion_waits_for_evidence_then_keeps_a_hold_back_arm(bench: Bench) -> None:
    gateway = await bench.gateway()
    release = await bench.on_canary(gateway)
    was = (await bench.pointer(release)).stable_release_id
    await problem(bench.rollouts.promote(SCOPE, release.id, ANN, "go"), "evidence_open")
    trial = (await bench.rollouts.store.trials(release))[0]
    await bench.database.execute(
        "UPDATE release_trials SET state = 'passed', version = version + 1 WHERE account_id = $1 AND id = $2",
        SCOPE.account_id,
        trial.id,
    )
    got(await bench.rollouts.promote(SCOPE, release.id, ANN, "the evidence is in"))
    pointer = await bench.pointer(release)
    assert (pointer.stable_release_id, pointer.trial_release_id, pointer.trial_kind) == (
        release.id,
        was,
        TrialKind.HOLDBACK,
    )
    assert was in pointer.takes_over
    await bench.raise_share(release, 500_000)
    await bench.watched(release)
    assert bench.arms() == {"stable", "holdback"}
    got(await bench.rollouts.end_holdback(SCOPE, release.id, ANN, "a day without a sign"))
    await bench.table.refresh()
    assert bench.arms() == {"stable"}


async def test_a_stable_release_gives_way_to_the_one_before_it(bench: Bench) -> None:
    gateway = await bench.gateway()
    release = await bench.approved(gateway)
    was = (await bench.pointer(release)).stable_release_id
    got(await bench.rollouts.promote(SCOPE, release.id, ANN, "now", break_glass=True))
    got(await bench.rollouts.roll_back(SCOPE, release.id, ANN, "105 minutes are enough"))
    pointer = await bench.pointer(release)
    assert pointer.stable_release_id == was
    assert got(await bench.rollouts.store.release(SCOPE, was)).state is ReleaseState.STABLE
    assert release.id in pointer.takes_over
    await problem(bench.rollouts.roll_back(SCOPE, was, ANN, "further"), "no_way_back")


async def test_two_who_move_a_pointer_at_once_do_not_both_win(bench: Bench) -> None:
    gateway = await bench.gateway()
    release = await bench.on_canary(gateway)
    stale = await bench.pointer(release)
    got(await bench.rollouts.roll_back(SCOPE, release.id, ANN, "bad"))
    refused(await bench.rollouts.set_share(SCOPE, stale, 400_000, BOB, "more"), "release_changed")
    assert (await bench.pointer(release)).share_ppm == 0


@pytest.mark.parametrize(("meetings", "state"), [(3, ReleaseState.ROLLED_BACK), (100, ReleaseState.CANARY)])
async def test_a_rollback_does_not_fail_by_meeting_checkpoints(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, meetings: int, state: ReleaseState
) -> None:
    release = await bench.on_canary(await bench.gateway())
    read, met = bench.rollouts._running, 0

    async def read_and_meet_the_controller(release: Release) -> StoredTrial | None:
        nonlocal met
        trial = await read(release)
        assert trial is not None
        if met < meetings:
            met += 1
            await bench.database.commit([Update(TRIALS, msgspec.structs.replace(trial, version=trial.version + 1))])
        return trial

    monkeypatch.setattr(bench.rollouts, "_running", read_and_meet_the_controller)
    back = await bench.rollouts.roll_back(SCOPE, release.id, ANN, "bad")
    if state is ReleaseState.ROLLED_BACK:
        assert got(back).state is state
    else:
        refused(back, "release_changed")
        assert met < meetings
    assert got(await bench.rollouts.store.release(SCOPE, release.id)).state is state


async def test_one_trial_at_a_time_and_a_new_salt_for_each(bench: Bench) -> None:
    gateway = await bench.gateway()
    first, second = await bench.on_canary(gateway, "A"), await bench.approved(gateway, "B")
    await problem(bench.rollouts.start_canary(SCOPE, second.id, BOB, "go", HALF), "trial_running")
    salt = (await bench.pointer(first)).salt
    aborted = await bench.rollouts.end_trial(SCOPE, first.id, ANN, "not today", TrialState.ABORTED)
    assert got(aborted).state is ReleaseState.REJECTED
    got(await bench.rollouts.start_canary(SCOPE, second.id, BOB, "go", HALF))
    assert (await bench.pointer(second)).salt != salt


async def test_a_change_of_settings_or_credentials_is_a_release_too(bench: Bench) -> None:
    gateway = await bench.gateway()
    changed = Proposal(credentials={"secret_key": "sk_test_" + "c" * 32}, note="a new key")
    release = got(await bench.proposals.propose(SCOPE, gateway.id, changed, ANN))
    await bench.pass_gates(release)
    got(await bench.proposals.approve(SCOPE, release.id, BOB, "yes"))
    got(await bench.rollouts.promote(SCOPE, release.id, BOB, "now", break_glass=True))
    await bench.table.refresh()
    ready = bench.table.gateway(SCOPE, gateway.id)
    assert ready is not None
    assert ready.config.credentials == CREDENTIALS | {"secret_key": "sk_test_" + "c" * 32}
    got(await bench.rollouts.roll_back(SCOPE, release.id, BOB, "wrong account"))
    await bench.table.refresh()
    ready = bench.table.gateway(SCOPE, gateway.id)
    assert ready is not None
    assert ready.config.credentials == CREDENTIALS, "the key of its day came back with the code"


async def test_the_journal_is_a_chain_that_shows_a_changed_entry(bench: Bench) -> None:
    gateway = await bench.gateway()
    await bench.on_canary(gateway)
    chain = await journal.verify(bench.database, "acct_1")
    assert chain.broken_at is None
    assert chain.entries == 9
    await bench.database.execute(
        "UPDATE change_journal SET why = 'nothing to see' WHERE account_id = $1 AND sequence = 3", "acct_1"
    )
    assert (await journal.verify(bench.database, "acct_1")).broken_at == 3
    await bench.database.execute("DELETE FROM change_journal WHERE account_id = $1 AND sequence = 2", "acct_1")
    assert (await journal.verify(bench.database, "acct_1")).broken_at == 2


async def test_a_refuse_switch_needs_no_deploy_and_ends_by_itself(bench: Bench) -> None:
    gateway = await bench.gateway()
    made = await bench.routing.refuse(
        SCOPE, gateway_id=gateway.id, network="visa", reason="visa is down", actor="ann", expires_at_ms=NOW_MS + 60_000
    )
    await bench.table.refresh()
    assert bench.routes("pi_1") == []
    facts = RequestFacts(
        intent_id="pi_1", operations=(Operation.SALE,), amount_minor=1, currency="usd", networks=("visa",)
    )
    dropped = bench.table.explain(SCOPE, facts, NOW_MS).dropped
    assert [one.reason for one in dropped] == ["switched off by ann: visa is down"]
    amex = msgspec.structs.replace(facts, networks=("amex",))
    assert [one.gateway_id for one in bench.table.rank(SCOPE, amex, NOW_MS)] == [gateway.id]
    bench.clock.advance(60_000)
    assert len(bench.routes("pi_1")) == 1
    got(await bench.routing.lift(SCOPE, got(made).id, actor="ann", why="visa is back"))
    assert await bench.routing.list_refusals(SCOPE) == []
    assert [each.action for each in await journal.read(bench.database, "acct_1")][:2] == [
        "payments.accepted",
        "payments.refused",
    ]


def test_gates_before_money_are_the_four() -> None:
    assert STATIC_GATES == (Gate.LINT, Gate.CONTRACT, Gate.CERTIFY, Gate.SHADOW)
