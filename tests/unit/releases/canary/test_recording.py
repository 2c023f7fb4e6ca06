"""What is told reaches each test once, in the order it became known, and a restart changes nothing."""

import math
import random
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.canaries import assignment, patient

from interlock.releases.canary import recording
from interlock.releases.canary.judging import judge
from interlock.releases.canary.payers import Payers
from interlock.releases.canary.plan import Plan
from interlock.releases.canary.recording import Canary
from interlock.releases.canary.types import Assignment, Indicator, Observation

Event = tuple[str, Assignment, Indicator, bool]


def _events(count: int, seed: int) -> Iterator[Event]:
    """Payments whose verdicts come at different times; payers return, events are told twice."""
    chance = random.Random(seed)
    open_: list[Event] = []
    for number in range(count):
        drawn = Assignment(
            f"at_{number}",
            f"payer_{chance.randrange(count)}",
            chance.random() < 0.2,
            200_000,
            chance.choice("abc"),
        )
        yield "assigned", drawn, Indicator.APPROVAL, False
        open_ += [("outcome", drawn, one, chance.random() < 0.1) for one in Indicator if one.value != "echo_mismatch"]
        open_.append(("arrival", drawn, Indicator.APPROVAL, chance.random() < 0.02))
        for _ in range(min(len(open_), chance.randrange(12))):
            yield open_.pop(chance.randrange(len(open_)))
    yield from open_


def _tell(canary: Canary, payers: Payers, event: Event, *, at_ms: int = 0) -> bool:
    kind, drawn, indicator, bad = event
    if kind == "assigned":
        return recording.record_assignment(canary, drawn, payers)
    if kind == "arrival":
        return recording.record_arrival(canary, drawn, payers, missing=bad)
    return recording.record_outcome(canary, Observation(drawn, indicator, bad), payers, heard_ms=at_ms)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(0, 400), st.sampled_from([7, 250_000]))
def test_a_restart_is_a_continuation_to_the_last_bit(seed: int, cut: int, limit: int) -> None:
    through, known = recording.begin(Plan(), began_ms=5), Payers(limit=limit)
    restarted, known_again = recording.begin(Plan(), began_ms=5), Payers(limit=limit)
    for number, event in enumerate(_events(60, seed)):
        if number == cut:
            restarted = msgspec.json.decode(msgspec.json.encode(restarted), type=Canary)
            known_again = msgspec.msgpack.decode(msgspec.msgpack.encode(known_again), type=Payers)
        assert _tell(through, known, event, at_ms=number) is _tell(restarted, known_again, event, at_ms=number)
        assert judge(through, now_ms=number) == judge(restarted, now_ms=number)
    assert restarted == through


@patient
@given(st.integers(0, 10_000), st.integers(0, 400))
def test_a_register_that_is_built_again_from_the_payments_goes_on_alike(seed: int, cut: int) -> None:
    through, known = recording.begin(Plan(), began_ms=5), Payers()
    told: dict[str, tuple[Assignment, set[Indicator], list[str]]] = {}
    again = Payers()
    for number, event in enumerate(_events(60, seed)):
        if number == cut:
            for drawn, verdicts, kinds in told.values():
                recording.remember(again, drawn, verdicts=frozenset(verdicts), arrived="arrival" in kinds)
            assert again == known
        if number >= cut:
            copy = msgspec.json.decode(msgspec.json.encode(through), type=Canary)
            assert _tell(copy, again, event) is _tell(through, known, event)
        else:
            _tell(through, known, event)
        kind, drawn, indicator, _ = event
        payment = told.setdefault(drawn.attempt_id, (drawn, set(), []))
        payment[2].append(kind)
        if kind == "outcome":
            payment[1].add(indicator)


def test_what_is_told_twice_counts_once() -> None:
    once, twice = recording.begin(Plan(), began_ms=0), recording.begin(Plan(), began_ms=0)
    known, known_twice = Payers(), Payers()
    for event in _events(120, 1):
        counted = _tell(once, known, event)
        assert _tell(twice, known_twice, event) is counted
        assert _tell(twice, known_twice, event) is False
    assert twice.left_out > once.left_out > 0
    assert msgspec.structs.replace(twice, left_out=once.left_out) == once


def test_a_payer_who_tries_again_is_heard_once() -> None:
    canary, payers = recording.begin(Plan(), began_ms=0), Payers()
    for number in range(30):
        drawn = Assignment(f"at_{number}", "somebody", treated=True, share_ppm=50_000, stratum="card")
        counts = _tell(canary, payers, ("outcome", drawn, Indicator.APPROVAL, True))
        assert counts is (number == 0)
    part = canary.evidence[Indicator.APPROVAL].strata["card"]
    assert (part.treated, part.treated_bad, canary.left_out) == (1, 1, 29)


def test_a_money_mismatch_counts_even_of_a_payer_who_has_spoken() -> None:
    canary, payers = recording.begin(Plan(), began_ms=0), Payers()
    for number in range(2):
        drawn = Assignment(f"at_{number}", "somebody", treated=True, share_ppm=50_000, stratum="card")
        _tell(canary, payers, ("outcome", drawn, Indicator.ECHO_MISMATCH, number == 1))
    assert canary.mismatch_attempt_id == "at_1"


def test_a_money_mismatch_of_the_other_arm_is_not_the_releases() -> None:
    canary, payers = recording.begin(Plan(), began_ms=0), Payers()
    _tell(canary, payers, ("outcome", assignment(1, treated=False), Indicator.ECHO_MISMATCH, True))
    assert canary.mismatch_attempt_id is None
    assert canary.treated_heard_ms is None


def test_each_indicator_has_its_own_evidence() -> None:
    canary, payers = recording.begin(Plan(), began_ms=0), Payers()
    for number in range(10):
        _tell(canary, payers, ("outcome", assignment(number), Indicator.SLOW, True))
    assert canary.evidence[Indicator.SLOW].peak > 1e6
    assert {canary.evidence[one].peak for one in Indicator if one is not Indicator.SLOW} == {1.0}
    assert canary.trials[Indicator.SLOW].log_value < 0.0 == canary.trials[Indicator.APPROVAL].log_value


def test_lost_payments_are_weighed_against_promotion() -> None:
    canary, payers = recording.begin(Plan(), began_ms=0), Payers()
    for number in range(4_000):
        drawn = assignment(number, treated=number % 2 == 0, share_ppm=500_000)
        _tell(canary, payers, ("arrival", drawn, Indicator.APPROVAL, False))
    harmless = canary.missing_trial.log_value
    assert harmless > math.log(100)
    for number in range(4_000, 4_400):
        drawn = assignment(number, treated=number % 2 == 0, share_ppm=500_000)
        _tell(canary, payers, ("arrival", drawn, Indicator.APPROVAL, number % 8 == 0))
    assert canary.missing_trial.log_value < harmless - math.log(100)


def test_its_size_does_not_grow_with_payments() -> None:
    sizes = []
    for payments in (2_000, 20_000):
        canary, payers = recording.begin(Plan(), began_ms=0), Payers(limit=1_000)
        for number in range(payments):
            drawn = assignment(number, treated=number % 20 == 0, stratum=f"stratum_{number % 500}")
            recording.record_assignment(canary, drawn, payers)
            recording.record_outcome(canary, Observation(drawn, Indicator.APPROVAL, bad=False), payers, heard_ms=number)
        assert len(canary.evidence[Indicator.APPROVAL].strata) <= canary.plan.strata_limit + 1
        assert canary.payer_halvings == payers.halvings
        sizes.append(len(msgspec.json.encode(canary)))
    assert max(sizes) < 40_000
    assert sizes[1] == pytest.approx(sizes[0], rel=0.1)
