"""Lists, pages, filters, expansion, search and events by the official Python SDK."""

import time
from typing import Any

import pytest
import stripe
from tests.support.official_clients import Pay, eventually


@pytest.fixture
def buyer(client: Any, pay: Pay) -> Any:
    """Return a customer with seven payments, and the ids of them, newest first."""
    customer = client.v1.customers.create({"name": "Buyer"})
    ids = [pay(customer=customer.id, amount=1000 + number).id for number in range(7)]
    return customer, ids[::-1]


def test_pages_forwards_and_backwards(client: Any, buyer: Any) -> None:
    customer, ids = buyer
    first = client.v1.payment_intents.list({"customer": customer.id, "limit": 3})
    assert ([one.id for one in first.data], first.has_more, first.url) == (ids[:3], True, "/v1/payment_intents")
    assert [one.id for one in first.auto_paging_iter()] == ids
    second = first.next_page()
    assert ([one.id for one in second.data], second.has_more) == (ids[3:6], True)
    before = client.v1.payment_intents.list({"customer": customer.id, "limit": 3, "ending_before": ids[5]})
    assert ([one.id for one in before.data], before.has_more) == (ids[2:5], True)
    assert [one.id for one in before.auto_paging_iter()] == ids[:5][::-1]
    last = client.v1.payment_intents.list({"customer": customer.id, "starting_after": ids[5]})
    assert ([one.id for one in last.data], last.has_more) == (ids[6:], False)


@pytest.mark.parametrize("param", ["starting_after", "ending_before"])
@pytest.mark.parametrize(
    ("listed", "spoken"),
    [
        ("payment_intents", "payment_intent"), ("charges", "charge"), ("refunds", "refund"), ("customers", "customer"),
        ("setup_intents", "setupintent"), ("payment_methods", "payment method"), ("events", "event"),
        ("disputes", "dispute"), ("balance_transactions", "balance transaction"), ("products", "product"),
        ("prices", "price"), ("webhook_endpoints", "webhook endpoint"),
    ],
)  # fmt: skip
def test_a_cursor_that_names_nothing_is_refused(client: Any, listed: str, spoken: str, param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        getattr(client.v1, listed).list({param: "xx_none"})
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, "resource_missing", param)
    assert caught.value.user_message == f"No such {spoken}: 'xx_none'"


def test_a_cursor_outside_the_filter_is_no_mistake(client: Any, pay: Pay, buyer: Any) -> None:
    customer, ids = buyer
    other = pay().id
    listed = client.v1.payment_intents.list({"customer": customer.id, "starting_after": other, "limit": 3})
    assert [one.id for one in listed.data] == ids[:3]


def test_lists_are_narrowed_by_time(client: Any, buyer: Any) -> None:
    customer, ids = buyer
    now = int(time.time())
    listing = client.v1.payment_intents.list
    assert len(listing({"customer": customer.id, "created": {"gte": now - 60, "lte": now + 60}}).data) == len(ids)
    assert listing({"customer": customer.id, "created": {"gt": now + 60}}).data == []
    assert listing({"customer": customer.id, "created": {"lt": now - 60}}).data == []
    moment = client.v1.payment_intents.retrieve(ids[0]).created
    assert ids[0] in [one.id for one in listing({"customer": customer.id, "created": moment}).data]


@pytest.mark.parametrize("limit", [0, 101, "many"])
def test_limits_that_are_refused(client: Any, limit: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.list({"limit": limit})
    assert caught.value.param == "limit"


def test_charges_and_refunds_of_an_intent_are_listed(client: Any, pay: Pay) -> None:
    intent = pay()
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 100})
    assert [one.id for one in client.v1.charges.list({"payment_intent": intent.id}).data] == [intent.latest_charge]
    assert [one.id for one in client.v1.refunds.list({"charge": intent.latest_charge}).data] == [refund.id]
    listed = client.v1.charges.refunds.list(intent.latest_charge) if hasattr(client.v1.charges, "refunds") else None
    assert listed is None or [one.id for one in listed.data] == [refund.id]


def test_expansion_four_levels_deep_and_in_lists(client: Any, pay: Pay) -> None:
    customer = client.v1.customers.create({"name": "Deep"})
    intent: Any = pay(customer=customer.id, expand=["customer", "payment_method", "latest_charge.balance_transaction"])
    assert intent.customer.name == "Deep"
    assert intent.payment_method.card.last4 == "4242"
    assert intent.latest_charge.balance_transaction.amount == 2000
    plain = client.v1.payment_intents.retrieve(intent.id)
    assert isinstance(plain.customer, str)
    assert isinstance(plain.latest_charge, str)
    refund = client.v1.refunds.create({"payment_intent": intent.id, "expand": ["charge.payment_intent.customer"]})
    assert refund.charge.payment_intent.customer.id == customer.id
    assert refund.charge.refunded
    listed = client.v1.payment_intents.list(
        {"customer": customer.id, "expand": ["data.latest_charge.balance_transaction", "data.customer"]}
    )
    assert listed.data[0].latest_charge.balance_transaction.type == "charge"
    assert listed.data[0].customer.id == customer.id


def test_expanding_a_hash_that_is_shown_anyway_changes_nothing(client: Any, pay: Pay) -> None:
    intent = pay()
    hashes = ["hooks", "managed_payments", "payment_method_configuration_details", "presentment_details"]
    plain = client.v1.payment_intents.retrieve(intent.id).to_dict()
    assert client.v1.payment_intents.retrieve(intent.id, {"expand": hashes}).to_dict() == plain
    refund = client.v1.refunds.create({"payment_intent": intent.id, "expand": ["presentment_details"]})
    assert client.v1.refunds.retrieve(refund.id).to_dict() == refund.to_dict()


@pytest.mark.parametrize(
    "path", ["amount", "nothing", "latest_charge.balance_transaction.source.payment_intent.customer"]
)
def test_expansions_that_are_refused(client: Any, pay: Pay, path: str) -> None:
    intent = pay()
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.retrieve(intent.id, {"expand": [path]})
    assert "expand" in str(caught.value.user_message)


def test_search_by_metadata_status_and_amount(client: Any, pay: Pay) -> None:
    mark = f"search-{time.time_ns()}"
    ids = [pay(metadata={"order": mark}, amount=3000 + number).id for number in range(3)]
    held = pay(metadata={"order": mark}, capture_method="manual")

    def search(query: str, **more: Any) -> Any:
        return client.v1.payment_intents.search({"query": query, **more})

    every = eventually(lambda: found if len((found := search(f"metadata['order']:'{mark}'")).data) == 4 else None)
    assert {one.id for one in every.data} == {*ids, held.id}
    done = search(f"metadata['order']:'{mark}' AND status:'succeeded'")
    assert {one.id for one in done.data} == set(ids)
    assert [one.amount for one in search(f"metadata['order']:'{mark}' AND amount>3001").data] == [3002]
    assert {one.id for one in search(f"metadata['order']:'{mark}' AND -status:'succeeded'").data} == {held.id}
    page = search(f"metadata['order']:'{mark}'", limit=2)
    assert (len(page.data), page.has_more) == (2, True)
    assert len(list(page.auto_paging_iter())) == 4
    charges = client.v1.charges.search({"query": f"metadata['order']:'{mark}'"})
    assert len(charges.data) == 4
    customer = client.v1.customers.create({"email": f"{mark}@example.com"})
    found = client.v1.customers.search({"query": f"email:'{mark}@example.com'"})
    assert [one.id for one in found.data] == [customer.id]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        search("no query at all")
    assert caught.value.param == "query"


def test_a_search_counts_all_it_found_where_it_is_asked_to(client: Any, pay: Pay) -> None:
    mark = f"count-{time.time_ns()}"
    for _ in range(3):
        pay(metadata={"order": mark}, customer=client.v1.customers.create({"metadata": {"order": mark}}).id)
    query = f"metadata['order']:'{mark}'"
    for searched in (client.v1.payment_intents, client.v1.charges, client.v1.customers):
        assert "total_count" not in searched.search({"query": query}).to_dict()
        page = searched.search({"query": query, "limit": 2, "expand": ["total_count"]})
        assert (len(page.data), page.to_dict()["total_count"]) == (2, 3)
        rest = page.next_search_result_page()
        assert (len(rest.data), rest.to_dict()["total_count"]) == (1, 3)
    none = client.v1.charges.search({"query": "metadata['order']:'none at all'", "expand": ["total_count"]})
    assert none.to_dict()["total_count"] == 0


def test_every_step_of_a_payment_is_an_event(client: Any, pay: Pay) -> None:
    intent = pay()
    client.v1.refunds.create({"payment_intent": intent.id})
    events = {one.type: one for one in client.v1.events.list({"limit": 30}).data if concerns(one, intent)}
    assert set(events) >= {
        "payment_intent.created", "payment_intent.succeeded", "charge.succeeded", "charge.refunded", "refund.created",
    }  # fmt: skip
    succeeded = events["payment_intent.succeeded"]
    assert (succeeded.data.object.object, succeeded.data.object.status) == ("payment_intent", "succeeded")
    assert (succeeded.livemode, succeeded.object) == (False, "event")
    assert succeeded.request.id.startswith("req_")
    assert succeeded.request.idempotency_key
    assert client.v1.events.retrieve(succeeded.id).type == "payment_intent.succeeded"
    only = client.v1.events.list({"type": "charge.refunded", "limit": 5})
    assert {one.type for one in only.data} == {"charge.refunded"}
    some = client.v1.events.list({"types": ["charge.refunded", "refund.created"], "limit": 5})
    assert {one.type for one in some.data} <= {"charge.refunded", "refund.created"}


def test_an_update_tells_what_was_before(client: Any) -> None:
    customer = client.v1.customers.create({"name": "Before", "metadata": {"k": "1"}})
    client.v1.customers.update(customer.id, {"name": "After", "metadata": {"k": "2"}})
    event = next(one for one in client.v1.events.list({"type": "customer.updated", "limit": 5}).data
                 if one.data.object.id == customer.id)  # fmt: skip
    assert event.data.previous_attributes.to_dict() == {"name": "Before", "metadata": {"k": "1"}}


def test_an_update_of_a_charge_or_refund_tells_only_what_changed(client: Any, pay: Pay) -> None:
    v1 = client.v1
    intent: Any = pay(metadata={"kept": "1", "changed": "1", "gone": "1"})
    charge = intent.latest_charge
    v1.charges.update(charge, {"metadata": {"changed": "2", "gone": "", "new": "1"}, "description": "Box"})
    assert before(client, "charge.updated", charge) == {
        "description": None,
        "metadata": {"changed": "1", "gone": "1", "new": None},
    }
    refund = v1.refunds.create({"charge": charge, "amount": 100, "metadata": {"kept": "1", "changed": "1"}})
    for kind in ("refund.updated", "charge.refund.updated"):
        assert before(client, kind, refund.id) == {"balance_transaction": None, "status": "pending"}
    v1.refunds.update(refund.id, {"metadata": {"changed": "2"}})
    assert before(client, "refund.updated", refund.id) == {"metadata": {"changed": "1"}}


def test_an_update_of_a_dispute_tells_what_changed_and_no_status_that_did_not(client: Any, pay: Pay) -> None:
    intent = pay("pm_card_createDispute")
    dispute = eventually(lambda: client.v1.disputes.list({"payment_intent": intent.id}).data)[0]
    assert before(client, "charge.updated", dispute.charge) == {"disputed": False}
    staged = {"evidence": {"customer_name": "Jenny"}, "submit": False, "metadata": {"k": "v"}}
    client.v1.disputes.update(dispute.id, staged)
    assert before(client, "charge.dispute.updated", dispute.id) == {
        "evidence": {"customer_name": None},
        "evidence_details": {"has_evidence": False},
        "metadata": {"k": None},
    }
    client.v1.disputes.update(dispute.id, {"submit": True})
    assert before(client, "charge.dispute.updated", dispute.id) == {
        "evidence_details": {"submission_count": 0},
        "status": "needs_response",
    }


def before(client: Any, kind: str, object_id: str) -> dict[str, Any]:
    """Return the previous attributes of the latest event of ``kind`` about an object."""
    told = client.v1.events.list({"type": kind, "limit": 20}).data
    event = next(one for one in told if one.data.object.id == object_id)
    previous: dict[str, Any] = event.data.previous_attributes.to_dict()
    return previous


def concerns(event: Any, intent: Any) -> bool:
    shown = event.data.object
    return intent.id in {shown.id, getattr(shown, "payment_intent", None)}
