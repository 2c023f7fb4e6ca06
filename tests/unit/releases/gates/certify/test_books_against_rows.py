"""The auditor: records that agree give no difference, and one wrong number anywhere gives one that says so."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.base.money import iso_exponent
from interlock.releases.gates.certify.audit.books import iso_minor, read_books
from interlock.releases.gates.certify.audit.comparing import Difference, by_case, compare
from interlock.releases.gates.certify.audit.ours import Believed, Record, Tried

AMOUNTS = st.integers(1, 10**9)
CURRENCIES = st.sampled_from(["usd", "jpy", "kwd", "isk"])
replace = msgspec.structs.replace


def major(amount_minor: int, currency: str) -> str:
    digits = iso_exponent(currency) or 0
    whole = f"{amount_minor:0{digits + 1}d}"
    return whole if not digits else f"{whole[:-digits]}.{whole[-digits:]}"


def line(kind: str, amount_minor: int, currency: str = "usd", reference: str = "at_1", **more: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "kind": kind,
        "status": "approved",
        "payment_id": "pay_1",
        "entry_id": f"{kind}_1",
        "reference": reference,
        "idempotency_key": reference,
        "currency": currency,
        "amount_major": major(amount_minor, currency),
    }
    return entry | more


def tried(attempt: str, operation: str, amount_minor: int, currency: str = "usd", **more: Any) -> Tried:
    facts: dict[str, Any] = {"state": "approved", "gateway_reference": "pay_1", "undoes": False, "waits": False}
    return Tried(
        attempt=attempt,
        intent="pi_1",
        operation=operation,
        amount_minor=amount_minor,
        currency=currency,
        **facts | more,
    )


def record(believed: Believed, *attempts: Tried) -> Record:
    return Record(
        intents={believed.intent: believed},
        attempts={one.attempt: one for one in attempts},
        cases={"pi_1": "the case"},
        ledger_faults=(),
    )


def believed(captured: int, refunded: int = 0, currency: str = "usd") -> Believed:
    return Believed(
        intent="pi_1",
        account_id="acct_1",
        case="the case",
        status="succeeded",
        currency=currency,
        received=captured,
        captured=captured,
        refunded=refunded,
        posted=captured,
        given_back=refunded,
    )


Payment = tuple[list[dict[str, Any]], Record]


def held_captured_refunded(held: int, captured: int, refunded: int, currency: str) -> Payment:
    lines = [
        line("authorisation", held, currency),
        line("capture", captured, currency, "at_2"),
        line("refund", refunded, currency, "at_3"),
    ]
    attempts = (
        tried("at_1", "authorise", held, currency),
        tried("at_2", "capture", captured, currency),
        tried("at_3", "refund", refunded, currency),
    )
    return lines, record(believed(captured, refunded, currency), *attempts)


def found(payment: Payment) -> list[Difference]:
    lines, ours = payment
    keys = {str(one["idempotency_key"]): str(one["idempotency_key"]) for one in lines}
    return compare(read_books(lines), ours, keys)


@given(AMOUNTS, AMOUNTS, AMOUNTS, CURRENCIES)
def test_records_that_agree_give_no_difference(held: int, captured: int, refunded: int, currency: str) -> None:
    assert found(held_captured_refunded(held, captured, refunded, currency)) == []


@given(AMOUNTS, CURRENCIES, st.sampled_from([0, 1, 2]), AMOUNTS)
def test_one_wrong_amount_in_the_books_is_told_with_what_was_expected(
    amount: int, currency: str, position: int, wrong: int
) -> None:
    lines, ours = held_captured_refunded(amount, amount, amount, currency)
    lines[position]["amount_major"] = major(amount + wrong, currency)
    differences = found((lines, ours))
    told = next(one for one in differences if one.check == "amounts")
    assert (told.case, told.facts["expected_minor"], told.facts["found_minor"]) == ("the case", amount, amount + wrong)
    assert f"{amount} {currency}" in told.problem
    assert f"{amount + wrong} {currency}" in told.problem


@given(AMOUNTS, AMOUNTS, st.sampled_from(["captured", "refunded", "posted", "given_back", "received", "disputed"]))
def test_one_wrong_number_on_our_side_is_told_by_case(amount: int, wrong: int, field: str) -> None:
    lines, ours = held_captured_refunded(amount, amount, amount, "usd")
    setattr(ours.intents["pi_1"], field, getattr(ours.intents["pi_1"], field) + wrong)
    differences = found((lines, ours))
    assert differences
    assert {one.case for one in differences} == {"the case"}
    assert {one.check for one in differences} <= {"totals", "ledger", "disputes"}


def wrong_currency(payment: Payment) -> Payment:
    lines, ours = payment
    return [one | {"currency": "eur"} for one in lines], ours


def unknown_payment(payment: Payment) -> Payment:
    lines, ours = payment
    return [*lines, line("authorisation", 700, reference="at_9", payment_id="pay_9")], ours


def charged_twice(payment: Payment) -> Payment:
    lines, ours = payment
    again = [line("authorisation", 500, payment_id="pay_2"), line("capture", 500, payment_id="pay_2")]
    return [*lines, *again], ours


def captured_twice(payment: Payment) -> Payment:
    lines, ours = payment
    return [*lines, line("capture", 500, reference="at_2", entry_id="capture_2")], ours


def refund_of_another(payment: Payment) -> Payment:
    lines, ours = payment
    return [*lines[:2], lines[2] | {"payment_id": "pay_7"}], ours


def never_refunded(payment: Payment) -> Payment:
    lines, ours = payment
    return lines[:2], ours


def approved_as_declined(payment: Payment) -> Payment:
    lines, ours = payment
    ours.attempts["at_1"] = replace(ours.attempts["at_1"], state="declined")
    return lines, ours


def check_that_takes_money(payment: Payment) -> Payment:
    lines, ours = payment
    ours.attempts["at_5"] = replace(tried("at_5", "verify", 0), intent="seti_1")
    return [*lines, line("authorisation", 100, reference="at_5", payment_id="pay_5")], ours


def raised_too_far(payment: Payment) -> Payment:
    lines, ours = payment
    ours.attempts["at_4"] = tried("at_4", "increment", 700)
    return [lines[0], line("increment", 300, reference="at_4"), *lines[1:]], ours


@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        (wrong_currency, "amounts", "500 usd (minor units) was to be charged, the gateway's books have 500 eur"),
        (unknown_payment, "orphans", "700 usd under pay_9 with the reference at_9"),
        (charged_twice, "doubles", "one authorise was executed 2 times: pay_1, pay_2"),
        (captured_twice, "doubles", "one capture has taken money 2 times"),
        (refund_of_another, "totals", "500 usd (minor units) taken, the switch 0"),
        (never_refunded, "refunds", "the gateway's books have none under its reference"),
        (approved_as_declined, "outcomes", "counts as declined, the gateway has approved it"),
        (check_that_takes_money, "amounts", "0 usd (minor units) was to be charged, the gateway's books have 100 usd"),
        (raised_too_far, "amounts", "700 usd (minor units) was to be held after the increment"),
    ],
)
def test_each_kind_of_wrong_money_is_told_apart(change: Callable[[Payment], Payment], check: str, said: str) -> None:
    payment = held_captured_refunded(500, 500, 500, "usd")
    if change is approved_as_declined:
        payment = held_captured_refunded(500, 500, 100, "usd")
    differences = found(change(payment))
    assert any(one.check == check and said in one.problem for one in differences), differences


@given(st.integers(0, 10**12), CURRENCIES)
def test_decimal_texts_of_the_books_are_read_by_iso(amount: int, currency: str) -> None:
    assert iso_minor(currency, major(amount, currency)) == amount
    assert iso_minor(currency, major(amount, currency) + ("5" if iso_exponent(currency) else ".5")) is None


@pytest.mark.parametrize("text", ["", "ten", "NaN", "Infinity", "1e999999"])
def test_what_is_no_amount_is_none(text: str) -> None:
    assert iso_minor("usd", text) is None
    assert iso_minor("zzz", "10.00") is None


def test_what_is_told_of_one_case_is_bounded_and_says_nothing_twice() -> None:
    hard = [Difference(check="amounts", case="a", problem=str(number)) for number in range(9)]
    soft = [Difference(check="unsettled", case=case, problem="open", soft=True) for case in ("a", "b")]
    told = by_case([*soft, *hard], failed={"a"}, most=3)
    assert [(one.case, one.problem) for one in told] == [("b", "open"), ("a", "0"), ("a", "1"), ("a", "2")]
