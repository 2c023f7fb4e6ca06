from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from interlock.cli.drills.judging import Line, harm, sum_books, told, wrong_payments
from interlock.sandbox.shoppers.journal import Entry
from interlock.sandbox.shoppers.orders import Expected
from interlock.sandbox.shoppers.tally import Came, Outcome, Tally

INTENTS = {"at_1": "pi_1"}


def line(kind: str, major: str, **changes: Any) -> Line:
    values: dict[str, Any] = {
        "kind": kind,
        "status": "approved",
        "payment_id": "P1",
        "reference": "at_1",
        "currency": "usd",
        "amount_major": major,
        "metadata": {"order": "order_1"},
    }
    return Line(**{**values, **changes})


def heard(status: str, received: int, **changes: Any) -> Entry:
    says = {"object": "payment_intent", "id": "pi_1", "status": status, "amount": 1000, "amount_received": received}
    values = {"at_ms": 1, "order": "order_1", "step": "pay", "method": "POST", "path": "/", "currency": "usd"}
    return Entry(**{**values, "told": says, "status": 200, **changes})


def given_back(amount: int, status: str = "succeeded") -> Entry:
    says = {"object": "refund", "id": "re_1", "payment_intent": "pi_1", "status": status, "amount": amount}
    return heard("", 0, told=says)


def found(lines: list[Line], entries: list[Entry]) -> list[tuple[str, int]]:
    wrong, _ = wrong_payments(sum_books(lines), told(entries), INTENTS)
    return [(one.intent, one.minor) for one in wrong]


PAID = [line("authorisation", "10.00"), line("capture", "10.00")]


def test_what_was_taken_as_told_is_right() -> None:
    assert found(PAID, [heard("succeeded", 1000)]) == []
    assert found([*PAID, line("refund", "4.00")], [heard("succeeded", 1000), given_back(400)]) == []


def test_another_amount_a_second_charge_and_a_refund_that_never_came_are_wrong() -> None:
    more = [line("authorisation", "1000.00"), line("capture", "1000.00")]
    assert found(more, [heard("succeeded", 1000)]) == [("pi_1", 99_000)]
    twice = [*PAID, *(line(kind, "10.00", payment_id="P2") for kind in ("authorisation", "capture"))]
    assert found(twice, [heard("succeeded", 1000)]) == [("pi_1", 1000)]
    assert found(PAID, [heard("succeeded", 1000), given_back(400)]) == [("pi_1", 400)]


def test_goods_without_money_and_money_without_goods_are_wrong() -> None:
    assert found([], [heard("succeeded", 1000)]) == [("pi_1", 1000)]
    assert found(PAID, [heard("requires_payment_method", 0)]) == [("pi_1", 1000)]


def test_another_currency_is_wrong_by_all_of_it() -> None:
    euros = [line(kind, "10.00", currency="eur") for kind in ("authorisation", "capture")]
    assert found(euros, [heard("succeeded", 1000)]) == [("pi_1", 1000)]


def test_a_currency_that_no_shopper_has_is_wrong_too() -> None:
    strange = [line(kind, "10.00", currency="xts") for kind in ("authorisation", "capture")]
    assert found(strange, [heard("succeeded", 1000)]) == [("pi_1", 1000)]


def test_a_hold_that_is_left_behind_is_wrong_and_one_that_waits_is_not() -> None:
    held = [line("authorisation", "10.00")]
    assert found(held, [heard("canceled", 0)]) == [("pi_1", 1000)]
    assert found([*held, line("void", "10.00")], [heard("canceled", 0)]) == []
    assert found(held, [heard("requires_capture", 0)]) == []


def test_money_that_belongs_to_nobody_is_wrong_and_a_probe_is_no_customer() -> None:
    strays = [line(kind, "10.00", reference="x", metadata={}) for kind in ("authorisation", "capture")]
    assert found(strays, []) == [("", 1000)]
    probes = [line(kind, "10.00", metadata={"made_by": "interlock validate"}) for kind in ("authorisation", "capture")]
    assert found(probes, []) == []


def test_a_lost_reference_is_found_by_the_orders_number() -> None:
    lost = [line(kind, "10.00", reference="") for kind in ("authorisation", "capture")]
    assert found(lost, [heard("succeeded", 1000)]) == []


def test_a_payment_under_way_is_wrong_only_where_other_money_was_taken() -> None:
    assert found(PAID, [heard("processing", 0)]) == []
    part = heard("processing", 0, step="capture.1", asked=400)
    assert found([line("authorisation", "10.00"), line("capture", "4.00")], [part]) == []
    half = [line("authorisation", "5.00"), line("capture", "5.00")]
    assert found(half, [heard("processing", 0)]) == [("pi_1", 500)]
    assert wrong_payments([], told([heard("processing", 0)]), INTENTS)[1] == 1


def test_a_refund_that_is_on_its_way_may_have_arrived_or_not() -> None:
    told_pending = [heard("succeeded", 1000), given_back(400, "pending")]
    assert found([*PAID, line("refund", "4.00")], told_pending) == []
    assert found(PAID, told_pending) == []
    assert found([*PAID, line("refund", "5.00")], told_pending) == [("pi_1", 500)]
    assert wrong_payments(sum_books(PAID), told(told_pending), INTENTS)[1] == 1


def test_yen_have_no_decimals_and_kroner_two_at_the_front() -> None:
    yen = [line(kind, "1000", currency="jpy") for kind in ("authorisation", "capture")]
    assert found(yen, [heard("succeeded", 1000, currency="jpy")]) == []


def test_what_was_declined_counts_for_nothing() -> None:
    assert found([line("authorisation", "10.00", status="declined")], [heard("requires_payment_method", 0)]) == []


@given(asked=st.integers(1, 10**9), taken=st.integers(0, 10**9))
def test_the_difference_is_what_is_wrong(asked: int, taken: int) -> None:
    lines = [line(kind, f"{taken / 100:.2f}") for kind in ("authorisation", "capture")]
    expected = [("pi_1", abs(asked - taken))] if asked != taken else []
    assert found(lines, [heard("succeeded", asked)]) == expected


def test_wrong_money_is_told_where_something_names_its_payment() -> None:
    wrong, moving = wrong_payments(sum_books(PAID), told([heard("canceled", 0)]), INTENTS)
    tally = Tally()
    for came in (Came.PAID, Came.FAILED):
        tally.add(Outcome(order="order_9", step="pay", came=came, expected=Expected.PAID, wait_ms=1), 1.0)
    assert harm(tally, wrong, moving, {"pi_1"}).untold == 0
    silent = harm(tally, wrong, moving, {"pi_2"})
    assert (silent.payments, silent.lost, silent.wrong, silent.minor, silent.untold) == (2, 1, 1, 1000, 1)
    assert silent.examples == (wrong[0].text, "order_9: pay failed")
