"""Every payment that a release touched is listed, with what became of it; no other payment is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.trial_bench import SCOPE, TrialBench, got

from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Outcome
from interlock.payments.attempts.types import BEGUN, OPEN_STATES
from interlock.releases import affected as module
from interlock.releases.affected import Affected, Consequence, Try, affected, consequence
from interlock.releases.types import Plan
from interlock.routing.releases import Release
from interlock.storage.database import Database

STATES = [*(outcome.value for outcome in Outcome), BEGUN]


class Traffic:
    """A canary with payments on it, each with a name of its own."""

    def __init__(self, bench: TrialBench, release: Release) -> None:
        self.bench = bench
        self.release = release

    async def tried(self, payment: str, state: str, *, here: bool = True, **more: Any) -> None:
        pointer = await self.bench.pointer(self.release)
        fields = {"subject_id": payment, "intent_id": payment, **more}
        await self.bench.write(self.bench.attempt(pointer, treated=here, state=state, **fields))

    async def affected(self, **more: Any) -> Affected:
        return got(await affected(self.bench.database, SCOPE, self.release.id, **more))


@pytest.fixture
async def traffic(database: Database) -> Traffic:
    bench = TrialBench(database)
    return Traffic(bench, await bench.start(Plan(share_ppm=500_000)))


async def test_each_consequence_is_told_apart_and_the_worst_comes_first(traffic: Traffic) -> None:
    await traffic.tried("pi_done", "approved")
    await traffic.tried("pi_stable", "refused", here=False)
    await traffic.tried("pi_lost", "refused", phase="write", http_status=400, code="parameter_unknown")
    await traffic.tried("pi_saved", "not_sent")
    await traffic.tried("pi_saved", "approved", here=False, arm="fallback")
    await traffic.tried("pi_declined", "declined", decline_code="do_not_honor")
    await traffic.tried("pi_open", "unknown")
    await traffic.tried("pi_mismatch", "approved", echo_mismatch=True)
    found = await traffic.affected()
    assert [(payment.id, payment.consequence) for payment in found.payments] == [
        ("pi_mismatch", Consequence.MISMATCH),
        ("pi_open", Consequence.OPEN),
        ("pi_lost", Consequence.LOST),
        ("pi_declined", Consequence.DECLINED),
        ("pi_saved", Consequence.SAVED),
        ("pi_done", Consequence.DONE),
    ]
    assert found.counts() == dict.fromkeys((each.value for each in Consequence), 1)
    assert (found.attempts, found.is_whole) == (6, True)
    lost = next(payment for payment in found.payments if payment.id == "pi_lost")
    assert [(each.phase, each.http_status, each.code) for each in lost.attempts] == [
        ("write", 400, "parameter_unknown")
    ]


async def test_a_refund_that_failed_is_lost_although_the_payment_was_done(traffic: Traffic) -> None:
    await traffic.tried("pi_1", "approved")
    refund: dict[str, Any] = {"operation": Operation.REFUND, "stage": Operation.REFUND, "subject_id": "re_1"}
    await traffic.tried("pi_1", "refused", **refund)
    assert [payment.consequence for payment in (await traffic.affected()).payments] == [Consequence.LOST]
    await traffic.tried("pi_1", "approved", here=False, **refund)
    assert [payment.consequence for payment in (await traffic.affected()).payments] == [Consequence.SAVED]


async def test_time_bounds_the_list_and_a_long_one_says_that_it_is_cut(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ATTEMPTS_MAX", 5)
    monkeypatch.setattr(module, "_STEP", 2)
    for number in range(4):
        await traffic.tried(f"pi_{number}", "declined")
    noon_ms = traffic.bench.clock.now_ms() + 1
    traffic.bench.clock.advance(10)
    for number in range(4, 6):
        await traffic.tried(f"pi_{number}", "declined")
    everything = await traffic.affected()
    assert (everything.attempts, everything.is_whole) == (5, False)
    assert {payment.id for payment in (await traffic.affected(since_ms=noon_ms)).payments} == {"pi_4", "pi_5"}
    assert {payment.id for payment in (await traffic.affected(until_ms=noon_ms)).payments} == {
        f"pi_{number}" for number in range(4)
    }


def attempt(state: str, *, mismatch: bool = False) -> Try:
    return Try(
        id="at_1",
        created_at_ms=0,
        operation="sale",
        state=state,
        arm="candidate",
        phase=None,
        http_status=None,
        code=None,
        decline_code=None,
        echo_mismatch=mismatch,
    )


@given(st.lists(st.tuples(st.sampled_from(STATES), st.booleans()), min_size=1, max_size=4), st.booleans())
def test_whatever_happened_what_may_have_moved_money_is_never_called_harmless(
    tries: list[tuple[str, bool]], done: bool
) -> None:
    wanted = {("pi_1", "sale")} if done else set()
    found = consequence([("pi_1", attempt(state, mismatch=mismatch)) for state, mismatch in tries], wanted)
    states = {state for state, _ in tries}
    if any(mismatch for _, mismatch in tries):
        assert found is Consequence.MISMATCH
    elif states & OPEN_STATES:
        assert found is Consequence.OPEN
    elif "approved" in states:
        assert found is Consequence.DONE
    else:
        assert found in ({Consequence.SAVED} if done else {Consequence.LOST, Consequence.DECLINED})
