"""The switch's own reading of money: what it catches, and that it shares nothing with a connector."""

import ast
from pathlib import Path
from typing import Any

import msgspec
import pytest

import interlock.gateways.echo
from interlock.base.money import Money
from interlock.gateways.contract import Operation
from interlock.gateways.echo import EchoVerdict
from interlock.gateways.loader import load
from interlock.gateways.outcomes import Outcome

ASKED = Money(1099, "usd")


def check(name: str, operation: Operation, body: object, asked: Money = ASKED, **options: Any) -> EchoVerdict:
    outcome = options.pop("outcome", Outcome.APPROVED)
    return load(name).echo.check(operation, asked, outcome, msgspec.json.encode(body), **options)


def stripe(**fields: Any) -> dict[str, Any]:
    return {"id": "pi_1", "amount": 1099, "amount_received": 1099, "currency": "usd", "nested": {"amount": 7}, **fields}


def adyen(value: Any = 1099, currency: Any = "USD") -> dict[str, Any]:
    return {"pspReference": "X", "amount": {"value": value, "currency": currency, "other": 1}}


def test_the_money_that_was_asked_for_is_no_mismatch() -> None:
    assert check("stripe", Operation.SALE, stripe()) == EchoVerdict(ASKED)
    assert check("adyen", Operation.SALE, adyen()) == EchoVerdict(ASKED)


@pytest.mark.parametrize(
    "body",
    [
        stripe(amount=109_900),
        stripe(currency="eur"),
        stripe(amount_received=1),
        stripe(amount="1099"),
        stripe(amount=None),
    ],
)
def test_stripe_speaking_of_other_money_is_a_mismatch(body: dict[str, Any]) -> None:
    assert check("stripe", Operation.SALE, body).mismatch


@pytest.mark.parametrize("body", [adyen(109_900), adyen(currency="EUR"), adyen("1099"), adyen(1.5), adyen(True)])
def test_adyen_speaking_of_other_money_is_a_mismatch(body: dict[str, Any]) -> None:
    assert check("adyen", Operation.SALE, body).mismatch


@pytest.mark.parametrize(
    ("name", "body", "asked"),
    [
        ("stripe", stripe(amount=500, amount_received=500, currency="isk"), Money(5, "isk")),
        ("stripe", stripe(amount=500, amount_received=500, currency="jpy"), Money(500, "jpy")),
        ("stripe", stripe(amount=500, amount_received=500, currency="ugx"), Money(5, "ugx")),
        ("adyen", adyen(500, "CLP"), Money(5, "clp")),
        ("adyen", adyen(5, "IDR"), Money(500, "idr")),
        ("adyen", adyen(1230, "KWD"), Money(1230, "kwd")),
    ],
)
def test_each_providers_minor_units_are_understood(name: str, body: dict[str, Any], asked: Money) -> None:
    assert check(name, Operation.SALE, body, asked) == EchoVerdict(asked)


def test_a_hundredfold_amount_is_caught_for_currencies_without_decimals() -> None:
    assert check("adyen", Operation.SALE, adyen(5, "ISK"), Money(5, "isk")).mismatch
    assert check("stripe", Operation.SALE, stripe(amount=50_000, currency="jpy"), Money(500, "jpy")).mismatch


def test_running_totals_are_compared_after_what_was_captured_before() -> None:
    body = stripe(amount_received=700)
    asked = Money(400, "usd")
    assert not check("stripe", Operation.CAPTURE, body, asked, captured_before_minor=300).mismatch
    assert check("stripe", Operation.CAPTURE, body, asked).mismatch


def test_a_held_payment_is_not_asked_what_was_taken() -> None:
    assert not check("stripe", Operation.SALE, stripe(amount_received=0), outcome=Outcome.CHALLENGE).mismatch
    assert check("stripe", Operation.SALE, stripe(amount_received=0)).mismatch


@pytest.mark.parametrize("outcome", [Outcome.DECLINED, Outcome.REFUSED, Outcome.UNKNOWN, Outcome.NOT_SENT])
def test_answers_that_took_nothing_are_not_compared(outcome: Outcome) -> None:
    assert check("stripe", Operation.SALE, stripe(amount=1), outcome=outcome) == EchoVerdict()


def test_an_answer_that_names_no_money_is_no_mismatch() -> None:
    assert check("adyen", Operation.SALE, {"pspReference": "X"}) == EchoVerdict()
    assert check("adyen", Operation.VOID, adyen(1)) == EchoVerdict()
    assert load("stripe").echo.check(Operation.SALE, ASKED, Outcome.APPROVED, b"<html>") == EchoVerdict()
    assert (
        load("stripe").echo.check(Operation.SALE, ASKED, Outcome.APPROVED, b'{"amount":1,"currency":"\xff"}')
        == EchoVerdict()
    )


def test_it_imports_nothing_of_any_connector() -> None:
    source = Path(interlock.gateways.echo.__file__).read_text(encoding="utf-8")
    imported = {node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom) and node.module}
    ours = {module for module in imported if module.startswith("interlock")}
    assert ours <= {
        "interlock.base.money",
        "interlock.gateways.contract",
        "interlock.gateways.manifest",
        "interlock.gateways.outcomes",
    }
