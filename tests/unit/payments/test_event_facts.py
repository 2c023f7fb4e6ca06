"""What is kept of a change's events is drawn again as the API showed it, and an event's id finds its place."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.base.errors import InvariantError
from interlock.base.ids import new_id
from interlock.payments.charges.types import Charge, ChargeStatus
from interlock.payments.events.facts import (
    EVENTS_MAX,
    announcement_of,
    draw,
    draw_object,
    event_id,
    fact_of,
    fact_of_creation,
    fact_shown,
    keep,
    shows,
)
from interlock.payments.events.reading import event_at
from interlock.payments.events.types import Announcement
from interlock.payments.intents.types import Intent, IntentStatus
from interlock.payments.representation.charge import charge as show_charge
from interlock.payments.representation.payment_intent import payment_intent as show_intent
from interlock.payments.representation.payment_intent import payment_intent_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
DETAILS = st.dictionaries(
    st.sampled_from(["description", "statement_descriptor", "receipt_email", "transfer_group"]), TEXTS
)
INTENTS = st.builds(
    Intent,
    account_id=st.just("acct_1"),
    id=st.just("pi_1"),
    livemode=st.booleans(),
    version=st.integers(1, 9),
    created_at_ms=st.integers(1_700_000_000_000, 1_900_000_000_000),
    status=st.sampled_from(IntentStatus),
    amount_minor=st.integers(1, 99_999_999),
    currency=st.sampled_from(["usd", "jpy", "isk", "ugx", "kwd"]),
    amount_received_minor=st.integers(0, 99_999_999),
    payment_method_id=st.sampled_from([None, "pm_1"]),
    latest_charge_id=st.sampled_from([None, "ch_1"]),
    client_secret=st.just("pi_1_secret_2"),
    last_payment_error=st.sampled_from([None, {"code": "card_declined", "type": "card_error"}]),
    metadata=st.dictionaries(TEXTS, TEXTS, max_size=3),
    details=DETAILS,
)
CHARGE = Charge(
    account_id="acct_1",
    id="ch_1",
    livemode=False,
    version=1,
    created_at_ms=1_795_866_969_011,
    status=ChargeStatus.SUCCEEDED,
    payment_intent_id="pi_1",
    attempt_id="at_1",
    gateway_id="gw_1",
    gateway_reference="ref",
    amount_minor=1099,
    currency="usd",
    details={"card": {"brand": "visa", "last4": "4242"}},
)


def data(kept: str, position: int) -> dict[str, object]:
    return dict(msgspec.json.decode(draw(kept, position) or b"null"))


@given(INTENTS)
def test_an_intent_is_drawn_exactly_as_it_was_shown(intent: Intent) -> None:
    fact = fact_of("payment_intent.succeeded", intent)
    kept = keep([fact])
    assert draw_object(kept, 0) == payment_intent_json(intent)
    assert shows(fact, payment_intent_json(intent))


def test_a_charge_is_drawn_exactly_as_it_was_shown() -> None:
    kept = keep([fact_of("charge.succeeded", CHARGE)])
    assert draw_object(kept, 0) == msgspec.json.encode(show_charge(CHARGE))


@given(INTENTS, INTENTS)
def test_a_creation_shows_nothing_of_what_came_after_it(first: Intent, other: Intent) -> None:
    later = msgspec.structs.replace(
        other, amount_minor=first.amount_minor, currency=first.currency, metadata=first.metadata, details=first.details,
        created_at_ms=first.created_at_ms, livemode=first.livemode,
    )  # fmt: skip
    facts = [fact_of_creation(first), fact_of("payment_intent.succeeded", later)]
    created, succeeded = data(keep(facts), 0)["object"], data(keep(facts), 1)["object"]
    assert succeeded == msgspec.json.decode(msgspec.json.encode(show_intent(later)))
    expected = {
        **show_intent(first), "status": "requires_payment_method", "amount_received": 0, "amount_capturable": 0,
        "payment_method": None, "latest_charge": None, "last_payment_error": None, "next_action": None,
        "canceled_at": None, "cancellation_reason": None,
    }  # fmt: skip
    assert created == msgspec.json.decode(msgspec.json.encode(expected))


@given(INTENTS)
def test_an_intent_created_and_settled_at_once_is_kept_once(intent: Intent) -> None:
    settled = msgspec.structs.replace(intent, version=2, status=IntentStatus.SUCCEEDED)
    kept = keep([fact_of_creation(intent), fact_of("payment_intent.succeeded", settled)])
    assert kept.count("pi_1_secret_2") == 1


def test_a_creation_that_differs_from_what_followed_is_kept_by_itself() -> None:
    intent = _intent(metadata={"order": "1"})
    later = msgspec.structs.replace(intent, metadata={"order": "2"})
    kept = keep([fact_of_creation(intent), fact_of("payment_intent.succeeded", later)])
    assert data(kept, 0)["object"]["metadata"] == {"order": "1"}  # type: ignore[index]


def _intent(**fields: object) -> Intent:
    base = {
        "account_id": "acct_1", "id": "pi_1", "livemode": False, "version": 1, "created_at_ms": 1_795_866_969_011,
        "status": IntentStatus.PROCESSING, "amount_minor": 5, "currency": "usd", "client_secret": "pi_1_secret_2",
    }  # fmt: skip
    return Intent(**{**base, **fields})  # type: ignore[arg-type]


def test_what_the_api_showed_is_kept_as_it_was_with_the_values_before() -> None:
    kept = keep([fact_shown("customer.updated", {"id": "cus_1", "name": "Zoë"}, {"name": None})])
    assert data(kept, 0) == {"object": {"id": "cus_1", "name": "Zoë"}, "previous_attributes": {"name": None}}


def test_only_an_intent_shown_as_the_answer_is_the_answer() -> None:
    intent = _intent()
    body = payment_intent_json(intent)
    assert not shows(fact_of_creation(intent), body)
    assert not shows(fact_of("charge.succeeded", CHARGE), body)
    assert not shows(fact_of("payment_intent.succeeded", msgspec.structs.replace(intent, amount_minor=6)), body)


def test_a_change_may_announce_no_more_than_its_ids_can_count() -> None:
    facts = [fact_shown("customer.updated", {"id": "cus_1"}, None)] * EVENTS_MAX
    assert data(keep(facts), EVENTS_MAX - 1) == {"object": {"id": "cus_1"}}
    with pytest.raises(InvariantError):
        keep([*facts, facts[0]])


@given(st.integers(0, EVENTS_MAX - 1))
def test_an_event_id_names_its_announcement_and_position(position: int) -> None:
    announcement_id = event_id(new_id("evt"), 0)
    assert announcement_of(event_id(announcement_id, position)) == (announcement_id, position)


@pytest.mark.parametrize("wanted", ["", "evt_", "evt_1~", "evt_0VcGgmgNjVdHQASLbt7lY3z?"])
def test_what_is_no_event_id_names_no_event(wanted: str) -> None:
    announcement = Announcement(
        account_id="acct_1", id="evt_0", livemode=False, created_at_ms=1, request_id=None, idempotency_key=None,
        api_version="v", types=" customer.updated ", facts=keep([fact_shown("customer.updated", {"id": "c"}, None)]),
    )  # fmt: skip
    assert event_at(announcement, 0) is not None
    assert event_at(announcement, announcement_of(wanted)[1]) is None
    assert event_at(announcement, 1) is None
