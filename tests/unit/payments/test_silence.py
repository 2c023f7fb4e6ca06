"""How often a gateway that does not answer is tried, and what counts as an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.gateways.outcomes import Outcome, Phase, Result
from interlock.gateways.transport import Execution
from interlock.payments.recovery.silence import LONGEST_PAUSE_MS, Silence, is_silence

UNKNOWN = Result(outcome=Outcome.UNKNOWN)


@pytest.mark.parametrize(
    ("phase", "status", "silent"),
    [
        (Phase.CONNECT, None, True),
        (Phase.TLS, None, True),
        (Phase.READ, None, True),
        (Phase.DONE, 503, True),
        (Phase.DONE, 200, False),
        (Phase.DONE, 401, False),
        (Phase.DONE, 500, False),
        (Phase.BUILD, None, False),
    ],
)
def test_silence_is_no_answer_or_one_from_what_stands_before_the_gateway(
    phase: Phase, status: int | None, silent: bool
) -> None:
    assert is_silence(Execution(result=UNKNOWN, phase=phase, status=status)) is silent


def test_a_gateway_that_answers_is_not_silent_any_more_and_begins_again_with_short_pauses() -> None:
    silence = Silence()
    for now_ms in range(0, 200_000, 20_000):
        silence.not_heard("gw_1", now_ms)
        silence.trying("gw_1", now_ms)
    silence.heard("gw_1")
    assert not silence.includes("gw_1")
    silence.not_heard("gw_1", 0)
    assert silence.gateways() == silence.to_try(2_000) == ["gw_1"]


def test_many_failures_at_once_are_one_silence() -> None:
    silence = Silence()
    for _ in range(64):
        silence.not_heard("gw_1", 0)
    assert silence.to_try(2_000) == ["gw_1"]


@given(st.integers(60_000, 3_600_000))
def test_a_silent_gateway_is_tried_for_ever_but_seldom(lasts_ms: int) -> None:
    silence, tries = Silence(), 0
    silence.not_heard("gw_1", 0)
    for now_ms in range(0, lasts_ms, 500):
        if silence.to_try(now_ms):
            silence.trying("gw_1", now_ms)
            tries += 1
    assert lasts_ms / (LONGEST_PAUSE_MS * 1.2 + 500) <= tries <= lasts_ms / (LONGEST_PAUSE_MS * 0.8) + 10
