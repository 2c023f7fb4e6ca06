"""The shoppers' generator: one seed gives one crowd, every order can be asked for, the mix is what it says."""

import itertools
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.base.money import iso_exponent
from interlock.sandbox.cards import by_number
from interlock.sandbox.shoppers.browser import submitted
from interlock.sandbox.shoppers.client import form
from interlock.sandbox.shoppers.currencies import BY_CODE, CURRENCIES, MOST
from interlock.sandbox.shoppers.deck import DECK
from interlock.sandbox.shoppers.forms import capture_fields, card_fields, intent_fields
from interlock.sandbox.shoppers.journal import told
from interlock.sandbox.shoppers.orders import Expected, Flow, arrivals, day_curve, order, orders
from interlock.sandbox.shoppers.tally import Came, Outcome, Tally

SEEDS = st.integers(0, 10**9)
NUMBERS = st.integers(1, 10**7)


@given(SEEDS, NUMBERS)
def test_an_order_depends_on_its_seed_and_number_alone(seed: int, number: int) -> None:
    assert order(seed, number) == order(seed, number)
    assert next(orders(seed, 1, first=number)) == order(seed, number)


@given(SEEDS, NUMBERS)
def test_every_order_can_be_asked_for(seed: int, number: int) -> None:
    wanted = order(seed, number)
    currency = BY_CODE[wanted.currency]
    taken = sum(part.amount for part in wanted.parts) if wanted.manual else wanted.amount
    amounts = [wanted.amount, *(part.amount for part in wanted.parts), *wanted.refunds]
    assert all(0 < amount <= MOST and amount % currency.step == 0 for amount in amounts)
    assert wanted.amount >= currency.least
    assert taken <= wanted.amount
    assert sum(wanted.refunds) <= taken
    assert [part.final for part in wanted.parts] in ([], [True], [False, True])
    assert not (wanted.cancel and (wanted.parts or wanted.refunds))
    assert (wanted.again > 0) == (wanted.flow in {Flow.SAVE_AND_AGAIN, Flow.SET_UP})


@given(SEEDS, NUMBERS)
def test_nothing_that_is_printed_or_journalled_holds_a_card_number(seed: int, number: int) -> None:
    wanted = order(seed, number)
    assert wanted.card not in repr(wanted)
    assert wanted.card not in str(wanted.deck_card)


def test_two_seeds_are_two_crowds() -> None:
    assert list(orders(1, 50)) != list(orders(2, 50))


def test_the_mix_has_everything_in_it() -> None:
    crowd = list(orders(7, 6_000))
    flows = Counter(each.flow for each in crowd)
    assert set(flows) == set(Flow)
    assert 0.66 < flows[Flow.ONE_STEP] / len(crowd) < 0.74
    assert {each.currency for each in crowd} == {currency.code for currency in CURRENCIES}
    assert {each.card for each in crowd} == {card.number for card in DECK}
    assert {each.expected for each in crowd} >= {Expected.PAID, Expected.DECLINED, Expected.UNPAID}
    assert 0.85 < sum(each.expected is Expected.PAID for each in crowd) / len(crowd) < 0.96
    assert {"amex", "discover", "diners", "jcb", "unionpay", "mastercard", "visa"} == {c.brand for c in DECK}
    for share, what in [
        (sum(each.manual for each in crowd), "manual"),
        (sum(each.by_name for each in crowd), "named cards"),
        (sum(bool(each.refunds) for each in crowd), "refunds"),
        (sum(each.multicapture for each in crowd), "multicapture"),
        (sum(each.cancel for each in crowd), "cancels"),
        (sum(each.twice for each in crowd), "twins"),
        (sum(each.patience_s < 2 for each in crowd), "impatience"),
        (sum(each.challenge == "abandon" for each in crowd), "abandoned challenges"),
    ]:
        assert share > 60, what


def test_currencies_agree_with_iso_and_cover_the_exceptions() -> None:
    assert {0, 2, 3} <= {currency.decimals for currency in CURRENCIES}
    assert {"ugx", "isk", "mga"} <= {c.code for c in CURRENCIES if c.decimals != c.iso_decimals}
    for currency in CURRENCIES:
        assert currency.iso_decimals == iso_exponent(currency.code), currency.code


@given(st.sampled_from(CURRENCIES), st.integers(1, MOST))
def test_minor_units_mean_the_same_money(currency: object, units: int) -> None:
    assert isinstance(currency, type(CURRENCIES[0]))
    stepped = currency.units(float(Decimal(units).scaleb(-currency.decimals)))
    minor = currency.iso_minor(stepped)
    assert Decimal(minor).scaleb(-currency.iso_decimals) == Decimal(stepped).scaleb(-currency.decimals)


def test_the_deck_tells_the_truth_about_the_sandboxes_cards() -> None:
    for card in DECK:
        known = by_number(card.number)
        assert known.brand == card.brand, card.name
        assert (not known.code) == card.pays, card.name
        assert (known.three_d_secure in {"required", "unless_set_up", "already_set_up"}) == (card.asks != "never")


@given(SEEDS, st.floats(0.5, 500), st.one_of(st.none(), st.floats(5, 5_000)))
def test_arrivals_only_go_forward_and_are_repeatable(seed: int, rate: float, day_s: float | None) -> None:
    first = list(itertools.islice(arrivals(seed, rate, day_s), 50))
    assert first == list(itertools.islice(arrivals(seed, rate, day_s), 50))
    assert first == sorted(first)


def test_the_mean_rate_is_kept_with_and_without_a_day() -> None:
    for day_s in (None, 100.0):
        came = sum(1 for _ in itertools.takewhile(lambda at_s: at_s < 1_000, arrivals(3, 20.0, day_s)))
        assert 19_000 < came < 21_000


def test_a_day_has_a_quiet_night_and_a_busy_evening() -> None:
    mean = sum(day_curve(minute / 60) for minute in range(24 * 60)) / (24 * 60)
    assert mean == pytest.approx(1.0, abs=0.02)
    assert day_curve(4) < 0.6
    assert day_curve(20) > 1.8
    assert max(day_curve(minute / 60) for minute in range(24 * 60)) < 3.0


@given(SEEDS, NUMBERS)
def test_forms_are_flat_text_and_hold_what_was_ordered(seed: int, number: int) -> None:
    wanted = order(seed, number)
    fields = [*intent_fields(wanted, wanted.amount), *capture_fields(wanted), *card_fields(wanted)]
    names = [name for name, _ in fields]
    assert len(names) == len(set(names))
    assert dict(fields)["amount"] == wanted.amount
    assert ("payment_method" in names) == wanted.by_name
    assert form(fields).isascii()


def test_the_browser_presses_the_button_it_was_told_to() -> None:
    page = (
        '<form method="get" action="/_sandbox/3ds/pi_1"><input type="hidden" name="outcome" value="succeed"></form>'
        '<form method="get" action="/_sandbox/3ds/pi_1"><input type="hidden" name="outcome" value="fail"></form>'
    )
    assert submitted(page, "http://127.0.0.1:1/x", "fail") == (
        "GET",
        "http://127.0.0.1:1/_sandbox/3ds/pi_1?outcome=fail",
        None,
    )


def test_the_browser_submits_a_form_that_is_posted() -> None:
    page = (
        '<form method="post" action="https://bank.example/a?b=1&amp;c=2"><input name="PaReq" value="x&quot;y"></form>'
    )
    assert submitted(page, "http://127.0.0.1:1/x", "fail") == ("POST", "https://bank.example/a?b=1&c=2", b"PaReq=x%22y")
    assert submitted("<p>no form</p>", "http://127.0.0.1:1/x", "fail") is None


def test_the_record_keeps_amounts_and_states_also_of_an_intent_inside_an_error() -> None:
    intent = {
        "id": "pi_1",
        "object": "payment_intent",
        "status": "requires_payment_method",
        "amount": 5,
        "card": {"a": 1},
    }
    kept = told({"error": {"type": "card_error", "code": "card_declined", "payment_intent": intent}})
    assert kept["error_code"] == "card_declined"
    assert (kept["id"], kept["amount"]) == ("pi_1", 5)
    assert "card" not in kept


def _outcome(came: Came, expected: Expected, wait_ms: int = 10) -> Outcome:
    return Outcome(order="order_1_1", step="pay", came=came, expected=expected, wait_ms=wait_ms)


def test_only_a_good_card_that_could_not_pay_hurts() -> None:
    tally = Tally()
    for came, expected in [
        (Came.PAID, Expected.PAID),
        (Came.WAITING, Expected.PAID),
        (Came.DECLINED, Expected.DECLINED),
        (Came.UNPAID, Expected.UNPAID),
        (Came.FAILED, Expected.DECLINED),
        (Came.DECLINED, Expected.PAID),
        (Came.NO_ANSWER, Expected.PAID),
    ]:
        tally.add(_outcome(came, expected), 1.0)
    assert (tally.payments, tally.hurt, len(tally.surprises)) == (7, 2, 3)
    assert tally.success_share == pytest.approx(5 / 7)


def test_percentiles_and_seconds_are_of_what_was_counted() -> None:
    tally = Tally()
    for wait_ms in range(100):
        tally.add(_outcome(Came.PAID, Expected.PAID, wait_ms), 50.5 if wait_ms < 40 else 51.5)
    assert (tally.percentile_ms(0.5), tally.percentile_ms(0.99)) == (50, 99)
    assert tally.per_second(52.0, 3) == [0, 40, 60]
