"""What the judge is told of a payment: verdicts come when they are known, and what nobody finishes is not forgotten."""

import msgspec
import pytest

from interlock.gateways.classification import WITHDRAWN
from interlock.releases.canary.observing import (
    CHALLENGE_WITHIN_MS,
    FORGOTTEN_AFTER_MS,
    OUTCOME_WITHIN_MS,
    TrialAttempt,
    assignment_of,
    has_arrived,
    is_closed,
    verdicts,
)
from interlock.releases.canary.types import Indicator
from interlock.routing.releases import TrialKind

BEGAN_MS = 1_764_000_000_000


def attempt(state: str, **more: object) -> TrialAttempt:
    made = TrialAttempt(
        id="at_1",
        created_at_ms=BEGAN_MS,
        intent_id="pi_1",
        operation="sale",
        state=state,
        arm="candidate",
        share_ppm=50_000,
        payer="card_1",
        network="visa",
        currency="usd",
        code=None,
        latency_ms=None if state == "begun" else 120,
        echo_mismatch=False,
        release_id="rel_1",
        settled_at_ms=None,
    )
    return msgspec.structs.replace(made, **more)


def told(one: TrialAttempt, age_ms: int = 0) -> dict[Indicator, bool]:
    found = list(verdicts(one, BEGAN_MS + age_ms))
    assert len(found) == len(dict(found)), "one verdict of each kind"
    return dict(found)


@pytest.mark.parametrize(("state", "bad"), [("approved", False), ("declined", True), ("refused", True)])
def test_a_decided_payment_has_its_approval_verdict_at_once(state: str, bad: bool) -> None:
    assert told(attempt(state))[Indicator.APPROVAL] is bad
    assert told(attempt(state))[Indicator.TECHNICAL] is (state == "refused")
    assert is_closed(attempt(state), BEGAN_MS)


def test_a_challenge_is_open_until_it_is_passed_or_left_behind() -> None:
    challenged = attempt("challenge")
    assert Indicator.APPROVAL not in told(challenged)
    assert Indicator.APPROVAL not in told(challenged, CHALLENGE_WITHIN_MS)
    assert told(challenged, CHALLENGE_WITHIN_MS + 1)[Indicator.APPROVAL] is True
    assert not is_closed(challenged, BEGAN_MS + CHALLENGE_WITHIN_MS + 1)
    assert CHALLENGE_WITHIN_MS < FORGOTTEN_AFTER_MS, "else nobody would look"
    assert told(challenged)[Indicator.PENDING_TOO_LONG] is False, "the gateway has done its part"


def test_a_payment_without_an_outcome_is_missing_and_pending_too_long_after_a_minute() -> None:
    for state in ("begun", "unknown"):
        late = OUTCOME_WITHIN_MS + 1
        assert Indicator.PENDING_TOO_LONG not in told(attempt(state), OUTCOME_WITHIN_MS)
        assert told(attempt(state), late)[Indicator.PENDING_TOO_LONG] is True
        assert has_arrived(attempt(state), BEGAN_MS + OUTCOME_WITHIN_MS) is None
        assert has_arrived(attempt(state), BEGAN_MS + late) is False
    assert told(attempt("pending", network=None), OUTCOME_WITHIN_MS + 1).get(Indicator.PENDING_TOO_LONG) is None


def test_what_the_switch_took_back_itself_is_good_whatever_its_state_says() -> None:
    assert told(attempt("not_sent", code=WITHDRAWN)) == dict.fromkeys(Indicator, False)


def test_a_fallback_says_nothing_about_the_draw_and_a_hold_back_turns_the_arms_round() -> None:
    assert assignment_of(attempt("approved", arm="fallback"), TrialKind.CANARY) is None
    assert assignment_of(attempt("approved", arm="holdback"), TrialKind.CANARY) is None
    kept = assignment_of(attempt("approved", arm="holdback"), TrialKind.HOLDBACK)
    serving = assignment_of(attempt("approved", arm="stable"), TrialKind.HOLDBACK)
    assert kept is not None
    assert serving is not None
    assert (kept.treated, serving.treated) == (False, True)
    assert kept.share_ppm == serving.share_ppm == 950_000
