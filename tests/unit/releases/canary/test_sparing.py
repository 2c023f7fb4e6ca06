"""Where stable has many payments a part of them is judged: the arms stay comparable, the candidate loses nothing."""

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.base.ids import new_id
from interlock.releases.canary import eprocess
from interlock.releases.canary.judging import Continue, Promote, RollBack, judge
from interlock.releases.canary.memory import Memory, first_memory
from interlock.releases.canary.observing import TrialAttempt
from interlock.releases.canary.plan import Plan
from interlock.releases.canary.sparing import HALVINGS_MAX, STABLE_PER_S_MAX, Sparing, is_kept, kept_share
from interlock.releases.canary.types import PPM
from interlock.releases.types import Plan as Trial
from interlock.releases.types import StoredTrial, TrialState
from interlock.routing.releases import TrialKind

BEGAN_MS = 1_764_000_000_000


@given(st.integers(1, PPM - 1), st.floats(1e-6, 1.0))
def test_among_the_kept_payments_the_candidates_probability_is_exactly_the_one_compared_with(
    share_ppm: int, kept: float
) -> None:
    among_ppm, exact = kept_share(share_ppm, kept)
    share = share_ppm / PPM
    assert 0.0 <= exact <= 1.0 + 1e-12
    assert share / (share + exact * (1 - share)) == pytest.approx(among_ppm / PPM, rel=1e-9)
    assert among_ppm >= share_ppm


@pytest.mark.parametrize("treated_rate", [0.002, 0.05])
def test_a_bet_on_kept_payments_of_an_innocent_release_is_fair(treated_rate: float) -> None:
    share_ppm, exact = kept_share(round(treated_rate * PPM), 0.07)
    kept = treated_rate + exact * (1 - treated_rate)
    worth = 0.0
    for treated, probability in ((True, treated_rate / kept), (False, exact * (1 - treated_rate) / kept)):
        for bad, chance in ((True, 0.1), (False, 0.9)):
            evidence, plan = eprocess.empty(Plan().mixture, 0.1), Plan(pooled_share=1.0)
            eprocess.observe(evidence, plan, stratum="s", treated=treated, share_ppm=share_ppm, bad=bad)
            worth += probability * chance * evidence.value
    assert worth == pytest.approx(1.0, abs=1e-9)


def payer(number: int) -> str:
    return hashlib.blake2b(b"payer %d" % number, digest_size=8).hexdigest()


def test_payers_are_kept_by_chance_and_alike_wherever_it_is_asked() -> None:
    names = [payer(number) for number in range(20_000)]
    kept = [name for name in names if is_kept(name, 0.1)]
    assert 1_800 < len(kept) < 2_200
    assert kept == [name for name in names if is_kept(name, 0.1)]
    assert set(kept) < {name for name in names if is_kept(name, 0.2)}
    assert all(is_kept(name, 1.0) for name in names)


def test_a_small_shop_is_judged_whole() -> None:
    sparing = Sparing()
    for second in range(10):
        sparing.tick(BEGAN_MS + second * 1_000)
        sparing.seen += int(STABLE_PER_S_MAX)
        assert sparing.kept == 1.0
    assert kept_share(50_000, sparing.kept) == (50_000, 1.0)


def test_a_large_one_by_what_it_had_a_moment_ago_and_never_by_more_again() -> None:
    sparing = Sparing()
    sparing.tick(BEGAN_MS)
    sparing.seen = 2_000
    sparing.tick(BEGAN_MS + 500)
    assert sparing.kept == 1.0
    sparing.tick(BEGAN_MS + 2_000)
    assert sparing.kept == 1 / 16  # of a thousand a second
    sparing.tick(BEGAN_MS + 4_000)  # nothing came: who was left out stays left out
    assert sparing.kept == 1 / 16
    sparing.seen = 200
    sparing.tick(BEGAN_MS + 5_000)
    assert sparing.kept == 1 / 32


def test_what_piled_up_while_nobody_looked_is_not_taken_for_the_rate_of_now() -> None:
    started, stalled = Sparing(), Sparing(since_ms=BEGAN_MS - 9_000)
    for sparing in (started, stalled):
        sparing.tick(BEGAN_MS)
        for age_ms in range(9_000, 0, -15):
            sparing.saw(BEGAN_MS - age_ms)
        sparing.tick(BEGAN_MS + 1_000)
        assert sparing.kept == 1.0


@given(st.integers(1, PPM - 1), st.integers(0, HALVINGS_MAX), st.integers(0, 2**64 - 1))
def test_whoever_is_kept_is_read(share_ppm: int, halvings: int, number: int) -> None:
    sparing, name = Sparing(halvings=halvings), f"{number:016x}"
    if is_kept(name, kept_share(share_ppm, sparing.kept)[1]):
        assert name < sparing.names_below
    assert Sparing(halvings=halvings + 1).names_below <= sparing.names_below


# A shop with a thousand payments a second


def memory() -> Memory:
    trial = StoredTrial(
        account_id="acct_1", id="trial_1", livemode=False, version=1, created_at_ms=BEGAN_MS, gateway_id="gw_1",
        release_id="rel_2", against_release_id="rel_1", kind=TrialKind.CANARY, plan=Trial(), state=TrialState.RUNNING,
        verdict="", cursor="", memory={}, changed_at_ms=BEGAN_MS,
    )  # fmt: skip
    return first_memory(trial)


def trade(known: Memory, seconds: int, share_ppm: int, approval: float, seed: int = 7) -> int:
    """Let a large shop pay until the canary is over; return how many payments the candidate had."""
    chance, candidates = random.Random(seed), 0
    for number in range(seconds * 1_000):
        now_ms = BEGAN_MS + number
        if number % 200 == 0:
            known.spare(now_ms)
            if isinstance(judge(known.canary, now_ms=now_ms), RollBack):
                break
        treated = chance.random() < share_ppm / PPM
        candidates += treated
        good = chance.random() < (approval if treated else 0.92)
        attempt = TrialAttempt(
            id=new_id("at", now_ms), created_at_ms=now_ms, intent_id=f"pi_{number}", operation="sale",
            state="approved" if good else "declined", arm="candidate" if treated else "stable", share_ppm=share_ppm,
            payer=payer(number), network="visa", currency="usd", code=None, latency_ms=90, echo_mismatch=False,
            release_id="rel", settled_at_ms=now_ms,
        )  # fmt: skip
        known.take_in(attempt, now_ms)
    return candidates


def test_all_of_the_candidates_payments_are_judged_and_at_most_a_hundred_a_second_of_stables() -> None:
    known = memory()
    candidates = trade(known, seconds=12, share_ppm=5_000, approval=0.92)
    balance = known.canary.balance
    assert balance.treated == candidates
    assert 1_000 + 500 < balance.payments - balance.treated < 1_000 + 1_400  # the first second whole
    assert isinstance(judge(known.canary, now_ms=BEGAN_MS + 12_000), Continue | Promote)


def test_a_dead_candidate_of_a_large_shop_is_taken_back_after_a_handful_of_its_payments() -> None:
    taken = sorted(trade(memory(), seconds=20, share_ppm=5_000, approval=0.0, seed=seed) for seed in range(9))
    assert taken[len(taken) // 2] <= 7
    assert taken[-1] <= 12
