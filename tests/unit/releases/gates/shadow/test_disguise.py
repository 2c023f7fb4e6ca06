"""A disguise keeps the shape that connectors work by and nothing of the person."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.gateways import payment

from interlock.base.card_numbers import card_number_spans
from interlock.base.money import Money
from interlock.gateways.contract import CompleteRequest, InquireRequest, Operation, PaymentRequest, Shopper
from interlock.releases.gates.shadow.disguise import Disguise, opaque
from interlock.releases.gates.shadow.types import PERSONAL

TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=60)
SALT = b"s" * 16


def classes(text: str) -> list[str]:
    """Return what a connector may look at in each character."""
    return ["9" if each.isdigit() else "a" if each.isalnum() else each for each in text]


@given(TEXTS)
def test_the_shape_stays_and_no_number_can_come_out(text: str) -> None:
    hidden = Disguise(SALT).text(text)
    ascii_only = [(old, new) for old, new in zip(text, hidden, strict=True) if old.isascii()]
    assert classes("".join(old for old, _ in ascii_only)) == classes("".join(new for _, new in ascii_only))
    assert all(old.isupper() == new.isupper() for old, new in ascii_only)
    assert card_number_spans(hidden) == []


@given(st.integers(10**12, 10**19))
def test_a_card_number_written_where_a_name_belongs_does_not_come_through(number: int) -> None:
    assert card_number_spans(Disguise(SALT).text(f"card {number} of Ada")) == []


def test_the_same_word_is_hidden_in_the_same_way_wherever_it_stands_and_however_it_is_written() -> None:
    disguise = Disguise(SALT)
    whole, first, capitals = disguise.text("Ada Lovelace"), disguise.text("Ada"), disguise.text("ADA LOVELACE")
    assert whole.split()[0] == first
    assert whole.upper() == capitals
    assert Disguise(b"t" * 16).text("Ada Lovelace") != whole


@pytest.mark.parametrize("street", ["12 Harbour Lane", "Hauptstraße 7b", "221B Baker Street"])
def test_a_house_number_is_still_one(street: str) -> None:
    hidden = Disguise(SALT).text(street)
    for shape in (r"^(\d+\w{0,3})[,\s]+(\S.*)$", r"^(.*\S)[,\s]+(\d+\w{0,3})$"):
        assert bool(re.match(shape, street)) == bool(re.match(shape, hidden))


def test_what_tells_of_the_shopper_is_recognised_whole_in_part_and_cut() -> None:
    disguise = Disguise(SALT)
    disguise.text("Marguerite Delacroix")
    for told in ("Marguerite", "DELACROIX", "Marguerite Delac", "to: marguerite", "argueri"):
        assert disguise.masked(told) == PERSONAL
    assert [disguise.masked(value) for value in ("Web", 1099, None, "")] == ["Web", 1099, None, ""]


def test_an_answer_stays_a_document_without_the_persons_in_it() -> None:
    disguise = Disguise(SALT)
    disguise.text('Zoë "Z" O\'Neil')
    others = {"data": [{"receipt_email": "someone.else@example.org", "cardHolderName": "Some One"}]}
    body = msgspec.json.encode({"id": "pi_1", "note": 'for Zoë "Z" O\'Neil, paid', "list": others, "amount": 12.50})
    hidden = msgspec.json.decode(disguise.body(body.decode()))
    assert (hidden["id"], hidden["amount"]) == ("pi_1", 12.5)
    text = repr(hidden)
    assert [word for word in ("Zoë", "Neil", "someone", "Some One") if word in text] == []


def test_words_of_the_provider_stay_even_when_the_shopper_is_called_so() -> None:
    disguise = Disguise(SALT)
    disguise.text("succeeded")
    body = '{"status":"succeeded"}'
    assert disguise.body(body) == body


@given(st.binary(max_size=40).map(lambda data: data.decode("latin-1")))
def test_what_is_no_document_is_left_as_it_is_but_for_the_person(text: str) -> None:
    assert Disguise(SALT).body(text) == text or text.strip()[:1] in set('{["0123456789-tfn')


def test_a_request_and_the_one_an_inquiry_asks_about_are_disguised_alike() -> None:
    shopper = Shopper(
        reference="cus_1",
        email="ada@example.org",
        name="Ada Lovelace",
        phone="+44 20 7946 0958",
        ip="198.51.100.23",
        address={"line1": "12 St James's Square", "line2": None, "country": "GB", "state": "LDN"},
    )
    request = payment(shopper=shopper, description="Engine for Ada")
    disguise = Disguise(SALT)
    hidden = disguise.request(request)
    assert isinstance(hidden, PaymentRequest)
    assert (hidden.shopper.reference, hidden.shopper.ip) == ("cus_1", "203.0.113.7")
    assert (hidden.shopper.address["country"], hidden.shopper.address["state"]) == ("GB", "LDN")
    assert hidden.shopper.address["line2"] is None
    assert "Ada" not in repr(hidden.shopper) + str(hidden.description)
    asked = InquireRequest(
        operation=Operation.SALE, reference="at_1", idempotency_key="k", amount=Money(1, "usd"), original=request
    )
    about = disguise.request(asked)
    assert isinstance(about, InquireRequest)
    assert about.original == hidden
    complete = CompleteRequest(reference="a", idempotency_key="k", amount=Money(1, "usd"), gateway_reference="p")
    assert disguise.request(complete) is complete


@given(st.from_regex(r"[A-Za-z0-9!_.-]{1,80}", fullmatch=True))
def test_a_token_becomes_another_of_its_shape(token: str) -> None:
    hidden = opaque(token, SALT)
    assert classes(hidden) == classes(token)
    assert card_number_spans(hidden) == []
