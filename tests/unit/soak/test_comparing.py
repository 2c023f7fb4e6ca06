"""The auditor finds what it is there to find: every way in which the three records can disagree, to the minor unit."""

from typing import Any

import pytest
from benchmarks.soak.comparing import Believed, Booked, Told, Verdict, compare, compare_totals, iso_minor, sum_books
from hypothesis import given
from hypothesis import strategies as st

from interlock.sandbox.shoppers.currencies import CURRENCIES


def booked(**changes: Any) -> Booked:
    facts = {
        "gateway": "stripe",
        "payment": "g1",
        "currency": "usd",
        "intent": "pi_1",
        "authorised": 900,
        "captured": 900,
    }
    return Booked(**{**facts, **changes})


def believed(**changes: Any) -> Believed:
    facts = {"intent": "pi_1", "order": "order_1_1", "currency": "usd", "status": "succeeded"}
    return Believed(**{**facts, "received": 900, "captured": 900, **changes})


def told(**changes: Any) -> Told:
    facts = {"order": "order_1_1", "payment": "pay", "intent": "pi_1", "currency": "usd", "status": "succeeded"}
    return Told(**{**facts, "received": 900, "acknowledged": "succeeded", **changes})


def audit(payments: list[Booked], intents: list[Believed], answers: list[Told]) -> Verdict:
    return compare(payments, {one.intent: one for one in intents}, answers)


def kinds(verdict: Verdict) -> dict[str, list[str]]:
    found = {
        "lost": verdict.lost,
        "duplicates": verdict.duplicates,
        "differences": verdict.differences,
        "holds": verdict.holds,
    }
    return {name: [one.kind for one in findings] for name, findings in found.items() if findings}


def test_three_records_that_agree_give_no_finding() -> None:
    assert kinds(audit([booked()], [believed()], [told()])) == {}


def test_a_payment_the_gateway_never_took_is_lost() -> None:
    verdict = audit([], [believed()], [told()])
    assert kinds(verdict) == {"lost": ["lost"], "differences": ["books and ledger", "books and shopper"]}
    assert verdict.difference_minor == 1_800


def test_a_payment_taken_twice_is_a_duplicate() -> None:
    verdict = audit([booked(), booked(gateway="adyen", payment="g2")], [believed()], [told()])
    assert kinds(verdict)["duplicates"] == ["charged twice", "charged more than told"]


def test_a_stray_payment_that_was_given_back_is_none() -> None:
    stray = booked(gateway="adyen", payment="g2", refunded=900)
    assert kinds(audit([booked(), stray], [believed()], [told()])) == {}


def test_one_minor_unit_is_found() -> None:
    verdict = audit([booked(captured=901)], [believed()], [told()])
    assert verdict.difference_minor == 2
    assert kinds(verdict)["duplicates"] == ["charged more than told"]


def test_a_refund_that_was_never_made_is_found() -> None:
    verdict = audit([booked()], [believed(refunded=300)], [told(refunded=300)])
    assert kinds(verdict)["differences"] == ["books and ledger", "books and shopper"]


def test_a_refund_made_twice_is_lost_money() -> None:
    verdict = audit([booked(refunded=600)], [believed(refunded=300)], [told(refunded=300)])
    assert kinds(verdict)["lost"] == ["lost"]


def test_money_at_a_gateway_that_nobody_knows_is_found() -> None:
    assert kinds(audit([booked(intent="")], [], [])) == {"lost": ["unknown payment"]}


def test_a_payment_the_shopper_was_told_failed_must_not_have_been_taken() -> None:
    verdict = audit([booked()], [believed()], [told(status="requires_payment_method", received=0, acknowledged="")])
    assert kinds(verdict)["duplicates"] == ["charged more than told"]


def test_a_success_must_not_go_back() -> None:
    verdict = audit([booked()], [believed()], [told(status="requires_payment_method")])
    assert kinds(verdict)["lost"] == ["went back"]


def test_an_intent_nobody_was_told_of_is_found() -> None:
    second = believed(intent="pi_2", received=0, captured=0)
    assert kinds(audit([booked()], [believed(), second], [told()])) == {"duplicates": ["untold intent"]}


def test_an_authorisation_left_open_is_found_unless_it_may_still_be_captured() -> None:
    held = booked(captured=0)
    waiting = believed(status="requires_capture", received=0, captured=0)
    canceled = believed(status="canceled", received=0, captured=0)
    answer = told(status="requires_capture", received=0, acknowledged="requires_capture")
    assert kinds(audit([held], [waiting], [answer])) == {}
    answer = told(status="canceled", received=0, acknowledged="requires_capture")
    assert kinds(audit([held], [canceled], [answer])) == {"holds": ["authorisation left"]}
    assert kinds(audit([booked(captured=0, voided=True)], [canceled], [answer])) == {}


def test_a_dispute_only_one_side_knows_is_found() -> None:
    verdict = audit([booked(disputed=900)], [believed()], [told()])
    assert kinds(verdict) == {"differences": ["disputes"]}


def test_totals_by_gateway_and_currency_are_compared() -> None:
    payments = [booked(), booked(gateway="adyen", payment="g2", captured=500, disputed=100)]
    assert compare_totals(payments, {("stripe", "usd"): 900, ("adyen", "usd"): 400}) == []
    (finding,) = compare_totals(payments, {("stripe", "usd"): 899, ("adyen", "usd"): 400})
    assert (finding.subject, finding.minor) == ("stripe usd", 1)


def test_books_are_summed_by_payment_and_only_what_was_approved_counts() -> None:
    def line(kind: str, major: str, status: str = "approved") -> dict[str, object]:
        return {
            "kind": kind,
            "status": status,
            "payment_id": "g1",
            "reference": "at_1",
            "currency": "isk",
            "amount_major": major,
        }

    entries = [
        line("authorisation", "4500.00", "declined"),
        line("authorisation", "4500.00"),
        line("capture", "4500.00"),
        line("refund", "500.00"),
        line("refund_reversal", "100.00"),
        line("dispute", "4500.00"),
        line("dispute_won", "4500.00"),
    ]
    (payment,) = sum_books("adyen", entries).values()
    assert (payment.authorised, payment.captured, payment.refunded, payment.disputed) == (4500, 4500, 400, 0)
    assert payment.intent == "at_1"


@given(st.sampled_from(CURRENCIES), st.integers(1, 10**8))
def test_major_amounts_become_iso_minor_units(currency: Any, minor: int) -> None:
    whole, rest = divmod(minor, 10**currency.iso_decimals)
    major = f"{whole}.{rest:0{currency.iso_decimals}d}" if currency.iso_decimals else f"{whole}.00"
    assert iso_minor(currency.code, major) == minor


def test_an_amount_that_is_no_whole_minor_unit_is_not_rounded_silently() -> None:
    with pytest.raises(ValueError, match="fraction"):
        iso_minor("isk", "4500.50")
