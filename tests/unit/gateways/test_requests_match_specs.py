"""Every request that either connector builds is allowed by the provider's published document."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.gateways import CONFIGS, answer, completion, drive, follow_on, payment
from tests.support.openapi import ADYEN, STRIPE, checker

from interlock.base.money import Money, iso_exponent
from interlock.gateways.contract import (
    BankTransfer,
    Card,
    HttpRequest,
    Initiator,
    InquireRequest,
    MandateAcceptance,
    Operation,
    SepaDebit,
    Shopper,
    Step,
    StoredCredential,
)
from interlock.gateways.loader import load
from interlock.gateways.outcomes import Result
from interlock.gateways.stripe.forms import quote

NAMES = ("stripe", "adyen")
CURRENCIES = ("usd", "eur", "jpy", "krw", "clp", "bhd", "kwd", "tnd", "ugx", "isk", "mga", "idr", "cve", "gbp")
AWKWARD = (
    "",
    " ",
    "Ünïcödé 名前",
    "a&b=c%5B",
    "O'Hara <script>",
    "\U0001f600" * 30,
    "x" * 700,
    "\ud800 lone",
    "[brackets]",
    "0",
)
RELAXED = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])

text = st.one_of(st.sampled_from(AWKWARD), st.text(max_size=40))
optional_text = st.none() | text
shoppers = st.builds(
    Shopper,
    reference=st.none() | st.sampled_from(["cus_12345", "x", "ab"]),
    email=st.none() | st.just("jenny@example.com"),
    name=optional_text,
    phone=st.none() | st.just("+44 20 7946 0000"),
    ip=st.none() | st.sampled_from(["192.0.2.1", "2001:db8::1"]),
    address=st.fixed_dictionaries(
        {},
        optional={
            "line1": text,
            "line2": optional_text,
            "city": text,
            "postal_code": optional_text,
            "state": optional_text,
            "country": st.sampled_from(["US", "GB", "DE", None]),
        },
    ),
)
stored_credentials = st.none() | st.builds(
    StoredCredential,
    initiator=st.sampled_from(list(Initiator)),
    store=st.booleans(),
    reason=st.sampled_from([None, "recurring", "unscheduled", "card_on_file", "something else"]),
    network_transaction_id=st.sampled_from([None, "MCC123456789"]),
    reference=st.sampled_from([None, "pm_1"]),
)
cards = st.builds(
    Card,
    number=st.sampled_from(["4242424242424242", "378282246310005"]),
    exp_month=st.integers(1, 12),
    exp_year=st.integers(2026, 2060),
    cvc=st.sampled_from([None, "123", "1234"]),
    holder_name=optional_text,
)
amounts = st.builds(Money, st.integers(1, 99_999_999), st.sampled_from(CURRENCIES))
payments = st.builds(
    payment,
    amount=amounts,
    instrument=cards,
    description=optional_text,
    statement_descriptor=optional_text,
    stored_credential=stored_credentials,
    shopper=shoppers,
    three_d_secure=st.sampled_from(["automatic", "any", "challenge"]),
    incremental=st.booleans(),
    waits_after_challenge=st.booleans(),
    metadata=st.dictionaries(text, text, max_size=4),
)


def problems(specs: Path, name: str, request: HttpRequest) -> list[str]:
    assert all(value.isprintable() and value.isascii() for value in request.headers.values())
    document = specs / (STRIPE if name == "stripe" else ADYEN)
    return checker(document).problems(request.method, request.path, request.body)


def first(step: Step) -> HttpRequest | Result:
    try:
        return next(step)
    except StopIteration as stop:
        result = stop.value
        assert isinstance(result, Result)
        return result


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("operation", ["authorise", "sale", "verify"])
@RELAXED
@given(request=payments)
def test_payments_pass_the_published_document(specs: Path, name: str, operation: str, request: Any) -> None:
    if operation == "verify":
        request = msgspec.structs.replace(request, amount=Money(0, request.amount.currency))
    customer = answer({"id": "cus_1", "object": "customer"})
    built, result = drive(getattr(load(name).connector, operation)(CONFIGS[name], request), customer)
    assert [wrong for each in built for wrong in problems(specs, name, each)] == []
    if not built:
        assert result.code == "amount_not_expressible"


debits = st.builds(
    payment,
    amount=st.builds(Money, st.integers(1, 99_999_999), st.just("eur")),
    instrument=st.builds(
        SepaDebit,
        iban=st.sampled_from(["DE89370400440532013000", "FR1420041010050500013M02606"]),
        acceptance=st.builds(
            MandateAcceptance,
            online=st.booleans(),
            accepted_at_s=st.integers(0, 2**31),
            ip=st.sampled_from([None, "192.0.2.1", "2001:db8::1"]),
            user_agent=optional_text,
        ),
    ),
    description=optional_text,
    statement_descriptor=optional_text,
    stored_credential=stored_credentials,
    shopper=shoppers,
    three_d_secure=st.sampled_from(["automatic", "any"]),
    metadata=st.dictionaries(text, text, max_size=4),
)


@RELAXED
@given(request=debits)
def test_debits_pass_the_published_document_and_are_debits_only(specs: Path, request: Any) -> None:
    built = first(load("stripe").connector.sale(CONFIGS["stripe"], request))
    assert isinstance(built, HttpRequest)
    assert problems(specs, "stripe", built) == []
    fields = dict(parse_qsl(built.body.decode()))
    assert fields["payment_method_data[sepa_debit][iban]"] == request.instrument.iban
    assert fields["mandate_data[customer_acceptance][type]"] in {"online", "offline"}
    assert not [name for name in fields if "[card]" in name]
    assert request.instrument.iban not in repr(request) + repr(built)


@pytest.mark.parametrize("kind", ["eu_bank_transfer", "gb_bank_transfer", "jp_bank_transfer", "us_bank_transfer"])
@RELAXED
@given(amount=amounts, description=optional_text)
def test_waiting_for_a_transfer_passes_the_published_document(
    specs: Path, kind: str, amount: Money, description: str | None
) -> None:
    transfer = BankTransfer(kind=kind, country="DE")
    step = load("stripe").connector.sale(
        CONFIGS["stripe"], payment(amount=amount, instrument=transfer, description=description)
    )
    sent, _ = drive(step, answer({"id": "cus_1", "object": "customer"}), answer({}))
    for built in sent:
        assert problems(specs, "stripe", built) == []
    if sent:
        assert [built.path for built in sent] == ["/v1/customers", "/v1/payment_intents"]
        assert len({built.headers["idempotency-key"] for built in sent}) == 2
        assert "customer=cus_1&" in sent[1].body.decode()
    arriving = first(load("stripe").connector.fund(CONFIGS["stripe"], follow_on("stripe", gateway_reference="cus/1")))
    assert isinstance(arriving, HttpRequest)
    assert problems(specs, "stripe", arriving) == []


@pytest.mark.parametrize(
    ("name", "operation"), [("stripe", "authorise"), ("stripe", "verify"), ("adyen", "sale"), ("adyen", "verify")]
)
def test_what_a_gateway_cannot_do_with_an_account_is_never_sent(name: str, operation: str) -> None:
    request = payment(
        amount=Money(1099, "eur"),
        instrument=SepaDebit(
            iban="DE89370400440532013000", acceptance=MandateAcceptance(online=False, accepted_at_s=1)
        ),
    )
    result = first(getattr(load(name).connector, operation)(CONFIGS[name], request))
    assert isinstance(result, Result)
    assert (result.outcome, result.code) == ("not_sent", "method_not_supported")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("operation", ["capture", "increment", "void", "refund"])
@RELAXED
@given(
    amount=amounts,
    final=st.booleans(),
    reverse=st.booleans(),
    reason=st.sampled_from([None, "duplicate", "fraudulent", "requested_by_customer", "abandoned", "odd"]),
    reference=st.sampled_from(["at_1", "at/../2?x=1", "pi ü"]),
)
def test_follow_ons_pass_the_published_document(
    specs: Path,
    name: str,
    operation: str,
    amount: Money,
    final: bool,
    reverse: bool,
    reason: str | None,
    reference: str,
) -> None:
    reverse = reverse and operation in {"void", "refund"}
    more = {"final": final, "reverse": reverse, "reason": reason, "gateway_reference": reference}
    request = follow_on(name, amount=amount, **more)
    built = first(getattr(load(name).connector, operation)(CONFIGS[name], request))
    if isinstance(built, Result):
        assert built.code in {"amount_not_expressible", "multicapture_unsupported"}
        return
    assert problems(specs, name, built) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("parameters", [{"redirectResult": "X!Y"}, {"payload": "abc"}, {"MD": "m", "PaRes": "p"}])
def test_completions_pass_the_published_document(specs: Path, name: str, parameters: dict[str, str]) -> None:
    waiting = answer(
        {"id": "pi_1", "object": "payment_intent", "status": "requires_confirmation", "amount": 1, "currency": "usd"}
    )
    request = completion(name, parameters=parameters)
    sent, _ = drive(load(name).connector.complete(CONFIGS[name], request), waiting)
    assert sent
    for built in sent:
        assert problems(specs, name, built) == []


@pytest.mark.parametrize("operation", [o for o in Operation if o is not Operation.INQUIRE])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("age_ms", [1_000, 90_000_000])
def test_stripe_inquiries_pass_the_published_document(
    specs: Path, operation: Operation, known: bool, age_ms: int
) -> None:
    original = None
    if operation in {Operation.CAPTURE, Operation.INCREMENT, Operation.VOID, Operation.REFUND}:
        original = follow_on("stripe")
    request = InquireRequest(
        operation=operation,
        reference="at_1",
        idempotency_key="k",
        amount=Money(1099, "usd"),
        gateway_reference=("re_1" if operation is Operation.REFUND else "pi_1") if known else None,
        original=original,
        age_ms=age_ms,
        sent_at_ms=1_790_000_000_000,
    )
    empty = answer({"object": "list", "data": [], "has_more": False})
    sent, _ = drive(load("stripe").connector.inquire(CONFIGS["stripe"], request), empty)
    assert sent
    for built in sent:
        assert problems(specs, "stripe", built) == []


@pytest.mark.parametrize(
    ("name", "amount", "sent"),
    [
        ("stripe", Money(500, "jpy"), 500),
        ("stripe", Money(5, "isk"), 500),
        ("stripe", Money(5, "ugx"), 500),
        ("stripe", Money(500, "mga"), 5),
        ("stripe", Money(1230, "kwd"), 1230),
        ("adyen", Money(5, "isk"), 500),
        ("adyen", Money(5, "clp"), 500),
        ("adyen", Money(500, "idr"), 5),
        ("adyen", Money(500, "cve"), 5),
        ("adyen", Money(5, "ugx"), 5),
        ("adyen", Money(1231, "kwd"), 1231),
        ("adyen", Money(500, "jpy"), 500),
    ],
)
def test_amounts_are_in_the_providers_minor_units(name: str, amount: Money, sent: int) -> None:
    built = first(load(name).connector.sale(CONFIGS[name], payment(amount=amount)))
    assert isinstance(built, HttpRequest)
    if name == "stripe":
        assert f"&amount={sent}&" in built.body.decode()
    else:
        assert msgspec.json.decode(built.body)["amount"] == {"value": sent, "currency": amount.currency.upper()}


@pytest.mark.parametrize(
    ("name", "amount"),
    [
        ("stripe", Money(1231, "kwd")),
        ("stripe", Money(150, "mga")),
        ("adyen", Money(150, "idr")),
        ("adyen", Money(1, "xyz")),
    ],
)
def test_an_amount_the_provider_cannot_express_is_never_rounded(name: str, amount: Money) -> None:
    for operation in ("sale", "authorise"):
        result = first(getattr(load(name).connector, operation)(CONFIGS[name], payment(amount=amount)))
        assert isinstance(result, Result)
        assert (result.outcome, result.code) == ("not_sent", "amount_not_expressible")


def test_the_checker_itself_refuses_planted_mistakes(specs: Path) -> None:
    stripe, adyen = checker(specs / STRIPE), checker(specs / ADYEN)
    good = first(load("stripe").connector.sale(CONFIGS["stripe"], payment()))
    assert isinstance(good, HttpRequest)
    for planted in (
        b"&amont=1",
        b"&confirm=maybe",
        b"&payment_method_data%5Bcard%5D%5Bpin%5D=1",
        b"&capture_method=later",
    ):
        assert stripe.problems("POST", good.path, good.body + planted), planted
    assert stripe.problems("POST", "/v1/payment_intent", good.body)
    assert stripe.problems("GET", "/v1/payment_intents?limt=1", b"")
    body = {"amount": {"value": 1, "currency": "EUR"}, "merchantAccount": "M"}
    assert adyen.problems("POST", "/payments/X/captures", msgspec.json.encode(body)) == []
    assert adyen.problems(
        "POST", "/payments/X/captures", msgspec.json.encode({**body, "amount": {"value": "1", "currency": "EUR"}})
    )
    assert adyen.problems("POST", "/payments/X/captures", msgspec.json.encode({**body, "refrence": "x"}))
    assert iso_exponent("usd") == 2


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_stripes_forms_are_quoted_as_the_library_quotes(value: str) -> None:
    assert quote(value) == quote_plus(value, safe="")
