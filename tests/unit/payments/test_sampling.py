"""Which exchanges are kept of payments that succeeded: the first few of every slice, whatever the others do."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.support.gateways import CARD, payment

from interlock.base.context import Scope
from interlock.base.money import Money
from interlock.gateways.contract import (
    FollowOnRequest,
    HttpRequest,
    HttpResponse,
    Initiator,
    InquireRequest,
    Operation,
    StoredCredential,
)
from interlock.gateways.exchanges import Exchange
from interlock.gateways.outcomes import Outcome, Result
from interlock.gateways.transport import Asked, Execution, OperationRequest
from interlock.payments.attempts.exchanges import facts_of, keep_exchanges
from interlock.payments.attempts.sampling import FIRST_OF_HOUR, FirstOfHour, slice_of
from interlock.payments.attempts.types import Attempt
from interlock.payments.work import Change

HOUR_MS = 3_600_000
NOW_MS = 500_000 * HOUR_MS


def attempt(**changes: object) -> Attempt:
    made = Attempt(
        account_id="acct_1",
        id="at_0000000000000000000000001",
        livemode=False,
        version=1,
        created_at_ms=NOW_MS,
        subject_id="pi_1",
        intent_id="pi_1",
        charge_id="ch_1",
        operation=Operation.SALE,
        stage=Operation.SALE,
        state="approved",
        sequence=1,
        gateway_id="gw_1",
        connector="stripe",
        release_id="rel_1",
        arm="stable",
        share_ppm=0,
        payer=None,
        amount_minor=1099,
        currency="usd",
        payment_method_id="pm_1",
        network="visa",
        country="US",
        bin="424242",
    )
    return msgspec.structs.replace(made, **changes)


def execution(request: OperationRequest, operation: Operation = Operation.SALE) -> Execution:
    exchange = Exchange(HttpRequest(method="POST", path="/pay"), HttpResponse(status=200, body=b"{}"), 5)
    return Execution(
        result=Result(outcome=Outcome.APPROVED),
        exchanges=[exchange, exchange],
        asked=Asked(operation, request.amount, operation, 0, request),
    )


def kept(one: Attempt, run: Execution, now_ms: int) -> list[dict[str, object]]:
    change = Change(Scope("acct_1", livemode=False))
    keep_exchanges(change, one, run, now_ms)
    return [write.value.exchange for write in change.writes]  # type: ignore[union-attr]


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 4 * HOUR_MS)), max_size=200))
def test_no_slice_has_more_than_its_few_an_hour_and_each_has_its_first(asked: list[tuple[str, int]]) -> None:
    sampler = FirstOfHour(first=2, slices=100)
    taken: dict[tuple[str, int], list[bool]] = {}
    for name, at_ms in sorted(asked, key=lambda each: each[1]):
        taken.setdefault((name, at_ms // HOUR_MS), []).append(sampler.takes(name, at_ms))
    for answers in taken.values():
        assert answers == [True, True, *[False] * 200][: len(answers)]


@given(st.lists(st.integers(0, 50), max_size=100))
def test_an_hour_remembers_only_so_many_slices(names: list[int]) -> None:
    sampler = FirstOfHour(first=1, slices=10)
    taken = [name for name in names if sampler.takes(name, NOW_MS)]
    assert len(sampler) == len(taken) == len(set(taken)) <= 10


def test_rare_slices_are_kept_beside_any_number_of_plain_sales() -> None:
    now_ms = NOW_MS + 7 * HOUR_MS
    plain = [kept(attempt(gateway_id="gw_rare"), execution(payment()), now_ms) for _ in range(50)]
    assert [len(rows) for rows in plain[: FIRST_OF_HOUR + 1]] == [2] * FIRST_OF_HOUR + [0]
    merchant = StoredCredential(initiator=Initiator.MERCHANT, network_transaction_id="123456")
    rare = [
        (attempt(gateway_id="gw_rare", currency="jpy"), execution(payment(amount=Money(5, "jpy")))),
        (attempt(gateway_id="gw_rare"), execution(payment(stored_credential=merchant))),
        (attempt(gateway_id="gw_rare"), execution(payment(stored_credential=StoredCredential(store=True)))),
        (attempt(gateway_id="gw_rare", network="amex"), execution(payment())),
        (attempt(gateway_id="gw_rare", release_id="rel_2"), execution(payment())),
    ]
    assert [len(kept(one, run, now_ms)) for one, run in rare] == [2] * len(rare)
    assert len({slice_of(one, run) for one, run in rare}) == len(rare)


def test_what_a_replay_must_know_stands_beside_the_exchange_and_no_card() -> None:
    stored = StoredCredential(initiator=Initiator.MERCHANT, network_transaction_id="123456")
    rows = kept(attempt(gateway_id="gw_facts"), execution(payment(stored_credential=stored)), NOW_MS)
    assert [(row["number"], row["of"]) for row in rows] == [(0, 2), (1, 2)]
    assert rows[0]["asked"] == {
        "operation": "sale",
        "idempotency_key": payment().idempotency_key,
        "stored_credential": msgspec.to_builtins(stored),
        "has_code": True,
    }
    assert CARD.number not in repr(rows)


def test_an_inquiry_is_kept_with_how_old_its_attempt_was() -> None:
    original = FollowOnRequest(
        reference="at_1", idempotency_key="at_1-refund", amount=Money(5, "eur"), gateway_reference="psp_1"
    )
    question = InquireRequest(
        operation=Operation.REFUND,
        reference="at_1",
        idempotency_key="at_1-refund",
        amount=Money(5, "eur"),
        original=original,
        identical=True,
        age_ms=61_000,
    )
    facts = facts_of(Asked(Operation.INQUIRE, question.amount, Operation.REFUND, 0, question))
    assert (facts.operation, facts.subject, facts.has_original, facts.identical) == ("inquire", "refund", True, True)
    assert facts.age_ms == 61_000


def test_what_was_asked_does_not_print_the_request() -> None:
    asked = execution(payment()).asked
    assert repr(asked) == str(asked) == "Asked(sale, 1099 usd, …)"
