"""Recordings hold no card, no secret and no person, whatever rows and answers say; what cannot be used is left out."""

from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support.gateways import CONFIGS
from tests.support.shadow_recordings import (
    NOW_MS,
    NUMBER,
    SALT,
    attempt,
    authorised,
    intent,
    method,
    only_run,
    recording,
    rows,
    sold,
)

from interlock.base.card_numbers import card_number_spans
from interlock.base.ibans import iban_spans
from interlock.base.redaction import scrub
from interlock.gateways.contract import InquireRequest, Operation, PaymentRequest
from interlock.payments.attempts.types import Exchange
from interlock.payments.instruments.types import SepaDebitFacts
from interlock.releases.gates.shadow.making import CUT, GONE, MISSING, NUMBERS, UNREADABLE, recording_of, runs_of
from interlock.releases.gates.shadow.requests import restored
from interlock.releases.gates.shadow.types import (
    AccountShape,
    CardShape,
    Recording,
    Recordings,
    TransferShape,
    from_file,
    to_file,
)

IBAN = "DE89370400440532013000"
NUMBERS_TRIED = st.sampled_from(
    [NUMBER, "4242 4242 4242 4242", "378282246310005", "5555-5555-5555-4444", "6011111111111117", IBAN]
)
WORDS = st.sampled_from(["Marguerite", "Delacroix", "Øystein", "Harbour", "Lane", "Kowalczyk", "Żółć", "東京都", "12b"])
TEXTS = st.lists(WORDS | NUMBERS_TRIED, min_size=1, max_size=4).map(" ".join)
PERSON_WORDS = ("Marguerite", "Delacroix", "Øystein", "Harbour", "Kowalczyk", "Żółć", "東京都")


def made(stored: Any, kept: list[Exchange]) -> Recording | str:
    return recording_of(stored, only_run(stored, kept), SALT)


@settings(max_examples=150)
@given(
    name=TEXTS,
    line1=TEXTS,
    city=TEXTS,
    description=TEXTS,
    echoed=TEXTS,
    network_id=st.from_regex(r"[0-9]{13,19}", fullmatch=True),
)
@example("Ada", "1", "x", "y", "z", NUMBER)
def test_no_recording_ever_holds_a_card_number_an_account_or_a_name(
    name: str, line1: str, city: str, description: str, echoed: str, network_id: str
) -> None:
    billing = {"name": name, "email": "m.delacroix@example.org", "address": {"line1": line1, "city": city}}
    stored = rows(
        method=method(billing, network_transaction_id=network_id),
        intent=intent(details={"description": description, "shipping": {"name": name}}),
    )
    body = authorised(
        stored.attempt.id,
        additionalData={"cardHolderName": name, "networkTxReference": network_id, "echo": f"{NUMBER} {echoed}"},
        note=f"{description} / {line1}",
    )
    found = made(stored, sold(stored, body))
    if isinstance(found, str):
        assert found == NUMBERS
        return
    text = msgspec.json.encode(found).decode()
    assert scrub(text) == text
    assert (card_number_spans(text), iban_spans(text)) == ([], [])
    known = f"{name} {line1} {city} {description}"
    words = [word for word in PERSON_WORDS if word in known]
    secrets = CONFIGS["adyen"].credentials.values()
    assert [
        word for word in (*words, "m.delacroix", *secrets, stored.attempt.detail["return_token"]) if word in text
    ] == []
    whole = Recordings(connector="adyen", livemode=False, recordings=(found,), config=stored.config)
    assert from_file(to_file(whole)) == whole
    assert scrub(to_file(whole).decode()) == to_file(whole).decode()


def test_the_request_is_the_one_that_was_sent_but_for_card_and_person() -> None:
    stored = rows(method=method({"name": "Marguerite Delacroix"}))
    request = restored(recording(stored).request)
    assert isinstance(request, PaymentRequest)
    assert (request.reference, request.idempotency_key) == (stored.attempt.id, f"{stored.attempt.id}-sale")
    assert (request.amount.amount_minor, request.amount.currency) == (1099, "usd")
    assert request.return_url.startswith(f"https://pay.example/payments/return/acct_1/{stored.attempt.id}/")
    assert not request.return_url.endswith(stored.attempt.detail["return_token"])


def test_what_was_known_of_the_card_when_it_was_sent_goes_before_what_is_known_now() -> None:
    before = rows(intent=intent(setup_future_usage="off_session"))
    kept = sold(before)
    learnt = rows(
        intent=intent(setup_future_usage="off_session"),
        method=method(network_transaction_id="987654321098765", credentials={"gw_1": "token"}),
    )
    found = made(learnt, kept)
    assert isinstance(found, Recording)
    assert found.slice.credential == "first_use"
    assert found.request.fields["stored_credential"]["network_transaction_id"] is None


def test_an_inquiry_asks_what_was_asked_at_that_age_under_that_key() -> None:
    stored = rows()
    (kept,) = sold(stored)
    asked = {
        "operation": "inquire",
        "idempotency_key": f"{stored.attempt.id}-sale-3",
        "subject": "sale",
        "has_original": True,
        "has_code": False,
        "age_ms": 65_000,
    }
    found = made(stored, [msgspec.structs.replace(kept, exchange={**kept.exchange, "asked": asked})])
    assert isinstance(found, Recording)
    request = restored(found.request)
    assert isinstance(request, InquireRequest)
    assert isinstance(request.original, PaymentRequest)
    assert (request.age_ms, request.identical, request.sent_at_ms) == (65_000, False, NOW_MS)
    assert request.idempotency_key == request.original.idempotency_key == f"{stored.attempt.id}-sale-3"
    assert isinstance(found.request.original.instrument if found.request.original else None, CardShape)


def test_exchanges_are_told_apart_by_the_run_they_belong_to() -> None:
    stored = rows(attempt=attempt(stage=Operation.COMPLETE, inquiries=1))
    (kept,) = sold(stored)
    plain = {name: value for name, value in kept.exchange.items() if name not in {"asked", "of", "number", "outcome"}}
    several = [
        msgspec.structs.replace(kept, id=f"exc_{number}", created_at_ms=at_ms, exchange=plain)
        for number, at_ms in enumerate((100, 100, 5_000, 60_000))
    ]
    runs = runs_of(stored.attempt, several)
    assert [(run.facts.operation, len(run.exchanges)) for run in runs] == [("sale", 2), ("complete", 1), ("inquire", 1)]
    assert all(run.inferred for run in runs)


def test_accounts_and_transfers_keep_their_kind_only() -> None:
    agreed = {"type": "online", "accepted_at": 5, "online": {"ip_address": "198.51.100.9", "user_agent": "Firefox/1"}}
    facts = SepaDebitFacts("ba_1", "DE", "37040044", None, "3000", "f")
    debit = rows(
        method=method({"name": "Ada"}, type="sepa_debit", card=facts),
        attempt=attempt(network=None, detail={"return_token": "x" * 24, "terms": agreed}),
    )
    shape = made(debit, sold(rows()))
    assert isinstance(shape, Recording)
    account = shape.request.instrument
    assert isinstance(account, AccountShape)
    assert (account.country, account.bank_code, account.acceptance.ip) == ("DE", "37040044", "203.0.113.7")
    transfer = rows(
        method=method(type="customer_balance", card=None),
        attempt=attempt(network=None, detail={"return_token": "x" * 24, "terms": {"type": "jp_bank_transfer"}}),
    )
    waiting = made(transfer, sold(rows()))
    assert isinstance(waiting, Recording)
    assert waiting.request.instrument == TransferShape(kind="jp_bank_transfer")
    assert waiting.slice.method == "customer_balance"


def damaged(**changes: Any) -> Recording | str:
    stored = rows()
    (kept,) = sold(stored)
    return made(stored, [msgspec.structs.replace(kept, exchange={**kept.exchange, **changes})])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"response_cut": True}, CUT),
        ({"response_body": "x" * 16_384}, CUT),
        ({"response_body": '{"a":"\ufffd"}'}, CUT),
        ({"of": 3}, MISSING),
        ({"response_body": '{"cvc":[cvc],"a":{}}'}, UNREADABLE),
    ],
)
def test_what_cannot_be_replayed_is_left_out_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    assert damaged(**changes) == reason


def test_what_belongs_to_nothing_any_more_is_left_out() -> None:
    stored = rows()
    kept = sold(stored)
    assert made(rows(method=None), kept) == made(rows(intent=None), kept) == GONE


def test_a_page_of_a_proxy_and_half_an_answer_are_replayed_as_they_came() -> None:
    for body in (b"<html>502</html>", b'{"pspReference": "MX1'):
        found = recording(body=body, status=502, outcome="unknown")
        assert (found.answers[0].response().body, found.marked) == (body, False)


def test_a_network_transaction_id_that_passes_for_a_card_number_is_still_one_of_digits() -> None:
    stored = rows()
    body = authorised(stored.attempt.id, additionalData={"networkTxReference": "4000056655665556"})
    found = recording(stored, body)
    document = msgspec.json.decode(found.answers[0].body)
    assert document["additionalData"]["networkTxReference"] == "1000000000000009"
    assert found.marked


def test_an_answer_that_never_came_ends_the_recording() -> None:
    found = damaged(status=None, response_body="", response_headers={})
    assert isinstance(found, Recording)
    assert (found.answers, found.unanswered) == ((), True)
