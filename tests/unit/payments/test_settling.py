"""What outcomes make of intents, by property: no outcome invents money, and every outcome is decided."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.base.errors import InvariantError
from interlock.base.money import Money
from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Challenge, Outcome, Phase, Result, Transfer
from interlock.gateways.transport import Execution
from interlock.payments.attempts.finishing import ECHO_MISMATCH, trusted_result
from interlock.payments.attempts.settling import next_inquiry_ms, settle_attempt
from interlock.payments.attempts.types import BEGUN, Attempt
from interlock.payments.charges.types import ChargeStatus
from interlock.payments.declines import card_error
from interlock.payments.instruments.types import PaymentMethod, SepaDebitFacts
from interlock.payments.intents.settling import PaymentState, settle_payment
from interlock.payments.intents.types import Intent, IntentStatus

NOW_MS = 1_790_000_000_000
DECLINE_CODES = ["generic_decline", "insufficient_funds", "expired_card", "incorrect_cvc", "fraudulent", None]


def intent(status: IntentStatus = IntentStatus.PROCESSING, amount_minor: int = 1099) -> Intent:
    return Intent(
        account_id="acct_1",
        id="pi_1",
        livemode=False,
        version=3,
        created_at_ms=NOW_MS,
        status=status,
        amount_minor=amount_minor,
        currency="usd",
        active_attempt_id="at_1",
        client_secret="pi_1_secret_x",
    )


def attempt(operation: Operation = Operation.SALE, amount_minor: int = 1099, inquiries: int = 0) -> Attempt:
    return Attempt(
        account_id="acct_1",
        id="at_1",
        livemode=False,
        version=1,
        created_at_ms=NOW_MS,
        subject_id="pi_1",
        intent_id="pi_1",
        charge_id="ch_1",
        operation=operation,
        stage=operation,
        state=BEGUN,
        sequence=1,
        gateway_id="gw_1",
        connector="stripe",
        release_id="rel_1",
        arm="stable",
        share_ppm=0,
        payer=None,
        amount_minor=amount_minor,
        currency="usd",
        payment_method_id="pm_1",
        network="visa",
        country="US",
        bin="424242",
        inquiries=inquiries,
        next_inquiry_at_ms=NOW_MS + 1,
    )


@given(
    outcome=st.sampled_from(list(Outcome)),
    operation=st.sampled_from([Operation.SALE, Operation.AUTHORISE]),
    amount_minor=st.integers(1, 99_999_999),
    may_challenge=st.booleans(),
    decline_code=st.sampled_from(DECLINE_CODES),
)
def test_every_outcome_is_decided_and_none_invents_money(
    outcome: Outcome, operation: Operation, amount_minor: int, may_challenge: bool, decline_code: str | None
) -> None:
    state = PaymentState(
        intent=intent(amount_minor=amount_minor),
        attempt=attempt(operation, amount_minor),
        payment_method=None,
        may_challenge=may_challenge,
    )
    challenge = Challenge(url="https://bank.example") if outcome is Outcome.CHALLENGE else None
    settled = settle_payment(state, Result(outcome=outcome, decline_code=decline_code, challenge=challenge), NOW_MS)
    after = settled.intent
    assert after.version == state.intent.version + 1
    assert after.amount_received_minor + after.amount_capturable_minor in {0, amount_minor}
    assert (settled.taken_minor > 0) == (after.status is IntentStatus.SUCCEEDED)
    assert (settled.error is None) == (after.status is not IntentStatus.REQUIRES_PAYMENT_METHOD)
    if outcome is Outcome.APPROVED:
        assert settled.charge is not None
        assert settled.charge.status is ChargeStatus.SUCCEEDED
    else:
        assert after.amount_received_minor == 0
    if outcome in {Outcome.UNKNOWN, Outcome.PENDING}:
        assert (after.status, after.active_attempt_id) == (IntentStatus.PROCESSING, "at_1")


def test_that_a_gateway_takes_its_time_is_told_once() -> None:
    first = PaymentState(intent=intent(IntentStatus.PROCESSING), attempt=attempt(), payment_method=None)
    pending = Result(outcome=Outcome.PENDING)
    assert settle_payment(first, pending, NOW_MS).events == ("payment_intent.processing",)
    heard = settle_attempt(first.attempt, pending, NOW_MS)
    again = PaymentState(intent=first.intent, attempt=heard, payment_method=None)
    assert settle_payment(again, pending, NOW_MS).events == ()
    assert settle_payment(first, Result(outcome=Outcome.UNKNOWN), NOW_MS).events == ()


@pytest.mark.parametrize("status", [IntentStatus.SUCCEEDED, IntentStatus.CANCELED, IntentStatus.REQUIRES_CAPTURE])
def test_an_outcome_for_an_intent_that_is_past_it_is_a_bug_and_not_a_transition(status: IntentStatus) -> None:
    state = PaymentState(intent=intent(status), attempt=attempt(), payment_method=None)
    with pytest.raises(InvariantError):
        settle_payment(state, Result(outcome=Outcome.APPROVED), NOW_MS)


@given(outcome=st.sampled_from(list(Outcome)), inquiries=st.integers(0, 100))
def test_an_attempt_is_looked_at_again_exactly_while_the_gateway_may_still_change_it(
    outcome: Outcome, inquiries: int
) -> None:
    settled = settle_attempt(attempt(inquiries=inquiries), Result(outcome=outcome), NOW_MS)
    assert (settled.settled_at_ms is not None) == outcome.is_settled
    assert (settled.next_inquiry_at_ms is not None) == (outcome in {Outcome.UNKNOWN, Outcome.PENDING})


@given(st.integers(0, 1000))
def test_inquiries_back_off_and_never_stop(inquiries: int) -> None:
    assert 2_000 <= next_inquiry_ms(inquiries) <= next_inquiry_ms(inquiries + 1) <= 3_600_000


@given(st.sampled_from(list(Outcome)))
def test_an_answer_about_other_money_is_unknown_unless_nothing_was_taken(outcome: Outcome) -> None:
    execution = Execution(result=Result(outcome=outcome), phase=Phase.DONE, echo_mismatch=True)
    trusted = trusted_result(execution)
    if outcome in {Outcome.REFUSED, Outcome.NOT_SENT}:
        assert trusted.outcome is outcome
    else:
        assert (trusted.outcome, trusted.code) == (Outcome.UNKNOWN, ECHO_MISMATCH)


@given(outcome=st.sampled_from([Outcome.REFUSED, Outcome.NOT_SENT]), message=st.text(max_size=50))
def test_a_technical_failure_never_shows_the_gateways_words_to_the_shopper(outcome: Outcome, message: str) -> None:
    told = card_error(Result(outcome=outcome, code="secret_detail", message=message))
    assert (told.code, told.advice_code) == ("processing_error", "try_again_later")
    assert "secret_detail" not in msgspec.json.encode(told.as_dict()).decode()


def debited(**more: object) -> PaymentState:
    facts = SepaDebitFacts("vb_1", "DE", "37040044", None, "3000", "f")
    method = PaymentMethod(
        account_id="acct_1", id="pm_1", livemode=False, version=1, created_at_ms=NOW_MS, type="sepa_debit", card=facts
    )
    state = PaymentState(intent=intent(), attempt=attempt(), payment_method=method)
    return msgspec.structs.replace(state, **more)


def test_a_debit_has_one_charge_from_the_first_news_to_the_last_and_money_only_at_the_end() -> None:
    waiting = settle_payment(debited(), Result(outcome=Outcome.PENDING, gateway_reference="pi_gw"), NOW_MS)
    assert waiting.charge is not None
    assert (waiting.charge.status, waiting.charge.amount_captured_minor) == (ChargeStatus.PENDING, 0)
    assert (waiting.taken_minor, waiting.intent.latest_charge_id) == (0, waiting.charge.id)
    assert waiting.events == ("charge.pending", "payment_intent.processing")
    described = msgspec.structs.replace(waiting.charge, version=2, metadata={"order": "7"})
    later = debited(intent=waiting.intent, charge=described)
    still = settle_payment(later, Result(outcome=Outcome.PENDING), NOW_MS)
    assert (still.charge, still.events, still.intent.status) == (None, (), IntentStatus.PROCESSING)
    paid = settle_payment(later, Result(outcome=Outcome.APPROVED, gateway_reference="pi_gw"), NOW_MS)
    assert paid.charge is not None
    assert (paid.charge.id, paid.charge.version, paid.charge.metadata) == (described.id, 3, {"order": "7"})
    assert (paid.charge.status, paid.charge.amount_captured_minor, paid.taken_minor) == ("succeeded", 1099, 1099)
    sent_back = settle_payment(later, Result(outcome=Outcome.DECLINED, decline_code="insufficient_funds"), NOW_MS)
    assert sent_back.charge is not None
    assert sent_back.error is not None
    assert (sent_back.charge.version, sent_back.charge.status, sent_back.taken_minor) == (3, "failed", 0)
    assert sent_back.error.code == sent_back.charge.failure_code == "insufficient_funds"


def transfer(remaining_minor: int) -> Result:
    told = Transfer(kind="us_bank_transfer", account="cus_1", remaining=Money(remaining_minor, "usd"))
    return Result(outcome=Outcome.PENDING, gateway_reference="pi_gw", transfer=told)


@given(st.lists(st.integers(0, 1099), min_size=1, max_size=6))
def test_a_wait_for_money_is_told_once_and_again_only_when_less_is_missing(remaining: list[int]) -> None:
    method = PaymentMethod(
        account_id="acct_1", id="pm_1", livemode=False, version=1, created_at_ms=NOW_MS, type="customer_balance"
    )
    state = PaymentState(intent=intent(), attempt=attempt(), payment_method=method)
    settled = settle_payment(state, transfer(1099), NOW_MS)
    assert (settled.intent.status, settled.events) == ("requires_action", ("payment_intent.requires_action",))
    least = 1099
    for missing in remaining:
        state = msgspec.structs.replace(state, intent=settled.intent)
        settled = settle_payment(state, transfer(missing), NOW_MS)
        assert settled.events == (("payment_intent.partially_funded",) if missing < least else ())
        least = min(least, missing)
        assert settled.intent.next_action is not None
        assert settled.intent.next_action["display_bank_transfer_instructions"]["amount_remaining"] == least
        assert (settled.taken_minor, settled.charge, settled.intent.status) == (0, None, "requires_action")
    paid = settle_payment(
        msgspec.structs.replace(state, intent=settled.intent), Result(outcome=Outcome.APPROVED), NOW_MS
    )
    assert (paid.intent.status, paid.taken_minor, paid.intent.next_action) == ("succeeded", 1099, None)
    assert settle_attempt(attempt(), transfer(1), NOW_MS).detail["account"] == "cus_1"
