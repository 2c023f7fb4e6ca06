"""Customers, their payment methods and their card sources, on a real database."""

import asyncio
from typing import Any

import pytest
from tests.support.customer_rooms import CustomerRooms
from tests.support.recording import LIVE, SCOPE, Recorder, request
from tests.support.stripe_shapes import assert_shape

from interlock.base.problems import Problem
from interlock.payments.customers.types import CardSource, CreateCustomer, Customer, DeletedSource, UpdateCustomer
from interlock.payments.instruments.types import PaymentMethod, UpdateSource
from interlock.payments.representation.customer import customer as shown_customer
from interlock.payments.work import CONFLICT, Answer
from interlock.storage.database import Database
from interlock.storage.pages import Page, PageResult


@pytest.fixture
def rooms(database: Database) -> CustomerRooms:
    return CustomerRooms(database)


async def _customer(rooms: CustomerRooms, **fields: Any) -> Customer:
    command = CreateCustomer(**fields)
    return await rooms.done(lambda respond: rooms.customers.create(request(), command, respond), Customer)


async def _attach(rooms: CustomerRooms, method: str, customer: Customer) -> PaymentMethod:
    return await rooms.done(
        lambda respond: rooms.methods.attach(request(), method, customer.id, respond), PaymentMethod
    )


async def test_a_customer_is_kept_and_announced(rooms: CustomerRooms) -> None:
    customer = await _customer(
        rooms, email="a@example.com", name="A", metadata={"k": "v"}, details={"address": {"line1": "1 Road"}}
    )
    assert await rooms.customers.get(SCOPE, customer.id) == customer
    [(kind, data)] = await rooms.events()
    assert kind == "customer.created"
    assert data["object"] == shown_customer(customer)
    assert_shape("customer", data["object"])


async def test_modes_do_not_see_each_other(rooms: CustomerRooms) -> None:
    customer = await _customer(rooms)
    problem = await rooms.customers.get(LIVE, customer.id)
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code) == (404, "resource_missing")
    assert isinstance(await rooms.customers.must_exist(LIVE, customer.id), Problem)
    assert await rooms.customers.must_exist(SCOPE, customer.id) is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"email": "not an address"}, "email"),
        ({"name": "n" * 257}, "name"),
        ({"phone": "1" * 21}, "phone"),
        ({"metadata": {"a[b]": "1"}}, "metadata"),
    ],
)
async def test_what_cannot_be_stored_is_refused(rooms: CustomerRooms, fields: dict[str, Any], param: str) -> None:
    problem = await rooms.customers.create(request(), CreateCustomer(**fields), Recorder())
    assert isinstance(problem, Problem)
    assert (problem.status, problem.param) == (400, param)


async def test_the_idempotency_key_is_kept_with_the_customer(rooms: CustomerRooms) -> None:
    ctx = request(key="key-1")
    await rooms.done(lambda respond: rooms.customers.create(ctx, CreateCustomer(), respond), Customer)
    again = await rooms.customers.create(ctx, CreateCustomer(), Recorder())
    assert isinstance(again, Problem)
    assert again.code == "idempotency_key_in_use"
    page = await rooms.customers.list(SCOPE, Page())
    assert len(page.items) == 1


async def test_an_update_merges_and_tells_what_was(rooms: CustomerRooms) -> None:
    customer = await _customer(rooms, name="A", phone="1", metadata={"k": "v"}, details={"tax_exempt": "exempt"})
    command = UpdateCustomer(
        name="B",
        phone=None,
        metadata={"k": "", "n": "1"},
        details={"tax_exempt": None, "invoice_settings": {"footer": "f"}},
    )
    updated = await rooms.done(
        lambda respond: rooms.customers.update(request(), customer.id, command, respond), Customer
    )
    assert (updated.name, updated.phone, updated.metadata) == ("B", None, {"n": "1"})
    kind, data = (await rooms.events())[-1]
    assert kind == "customer.updated"
    assert data["previous_attributes"] == {
        "invoice_settings": {"footer": None},
        "metadata": {"k": "v", "n": None},
        "name": "A",
        "phone": "1",
        "tax_exempt": "exempt",
    }


async def test_two_changes_at_once_do_not_overwrite_each_other(rooms: CustomerRooms) -> None:
    customer = await _customer(rooms)
    answers = await asyncio.gather(
        *(
            rooms.customers.update(request(), customer.id, UpdateCustomer(name=name), Recorder())
            for name in ("A", "B", "C")
        )
    )
    done = [answer for answer in answers if isinstance(answer, Answer)]
    stored = await rooms.customers.get(SCOPE, customer.id)
    assert isinstance(stored, Customer)
    assert stored.version == 1 + len(done)
    assert all(answer == CONFLICT for answer in answers if isinstance(answer, Problem))


async def test_a_deleted_customer_keeps_nothing_and_frees_its_methods(rooms: CustomerRooms) -> None:
    customer = await _customer(rooms, email="a@example.com", payment_method="pm_card_visa")
    [method] = (await _methods(rooms, customer)).items
    gone = await rooms.done(lambda respond: rooms.customers.delete(request(), customer.id, respond), Customer)
    assert shown_customer(gone) == {"id": customer.id, "object": "customer", "deleted": True}
    assert await rooms.customers.get(SCOPE, customer.id) == gone
    assert gone.email is None
    assert (await rooms.customers.list(SCOPE, Page())).items == []
    detached = await rooms.methods.get(SCOPE, method.id)
    assert isinstance(detached, PaymentMethod)
    assert detached.detached
    again = await rooms.customers.delete(request(), customer.id, Recorder())
    assert isinstance(again, Problem)
    kind, data = (await rooms.events())[-1]
    assert (kind, data["object"]["email"]) == ("customer.deleted", "a@example.com")
    assert_shape("customer", data["object"])


async def _methods(rooms: CustomerRooms, customer: Customer) -> PageResult[PaymentMethod]:
    page = await rooms.methods.list_of_customer(SCOPE, customer.id, Page(), kind="card")
    assert isinstance(page, PageResult)
    return page


async def test_customers_are_found_by_email_newest_first(rooms: CustomerRooms) -> None:
    made = []
    for name in ("a", "b", "a"):
        made.append(await _customer(rooms, email=f"{name}@example.com"))
        await asyncio.sleep(0.002)  # ids are ordered by millisecond
    first, _, third = made
    page = await rooms.customers.list(SCOPE, Page(), email="a@example.com")
    assert [item.id for item in page.items] == [third.id, first.id]


async def test_a_new_customer_may_come_with_a_default_method(rooms: CustomerRooms) -> None:
    customer = await _customer(rooms, payment_method="pm_card_visa", default_payment_method="pm_card_visa")
    [method] = (await _methods(rooms, customer)).items
    assert customer.default_payment_method == method.id
    assert [kind for kind, _ in await rooms.events()] == ["customer.created", "payment_method.attached"]
    asked = CreateCustomer(default_payment_method=method.id)
    problem = await rooms.customers.create(request(), asked, Recorder())
    assert isinstance(problem, Problem)
    assert problem.param == "invoice_settings[default_payment_method]"


async def test_methods_are_attached_used_as_default_and_detached_for_good(rooms: CustomerRooms) -> None:
    customer = await _customer(rooms)
    method = await _attach(rooms, "pm_card_visa", customer)
    stranger = await _customer(rooms)
    for attempt in (
        rooms.methods.attach(request(), method.id, stranger.id, Recorder()),
        rooms.methods.attach(request(), "pm_card_visa", "cus_none", Recorder()),
        rooms.methods.get_of_customer(SCOPE, stranger.id, method.id),
        rooms.customers.update(request(), stranger.id, UpdateCustomer(default_payment_method=method.id), Recorder()),
    ):
        assert isinstance(await attempt, Problem)
    assert await rooms.methods.get_of_customer(SCOPE, customer.id, method.id) == method
    command = UpdateCustomer(default_payment_method=method.id)
    await rooms.done(lambda respond: rooms.customers.update(request(), customer.id, command, respond), Customer)
    detached = await rooms.done(lambda respond: rooms.methods.detach(request(), method.id, respond), PaymentMethod)
    assert detached.customer_id is None
    after = await rooms.customers.get(SCOPE, customer.id)
    assert isinstance(after, Customer)
    assert after.default_payment_method is None
    kinds = [(kind, data.get("previous_attributes")) for kind, data in (await rooms.events())[-2:]]
    assert ("payment_method.detached", {"customer": customer.id}) in kinds
    again = await rooms.methods.attach(request(), method.id, customer.id, Recorder())
    assert isinstance(again, Problem)


async def test_a_customers_method_pays_for_that_customer_only(rooms: CustomerRooms) -> None:
    customer = await _customer(rooms, payment_method="pm_card_mastercard")
    [method] = (await _methods(rooms, customer)).items
    resolve = rooms.instruments.resolve_for_payment
    mine = await resolve(SCOPE, method.id, None, None, customer.id, intent_id="pi_1")
    assert not isinstance(mine, Problem)
    assert mine.writes == ()
    for other in ("cus_other", None):
        problem = await resolve(SCOPE, method.id, None, None, other, intent_id="pi_1")
        assert isinstance(problem, Problem)
        assert problem.param == "payment_method"


async def test_card_sources_live_and_die_with_events_of_their_own(rooms: CustomerRooms) -> None:
    customer = await _customer(rooms)
    source = await rooms.done(
        lambda respond: rooms.sources.create(request(), customer.id, "tok_visa", {"k": "v"}, respond), CardSource
    )
    card_id = source.payment_method.id
    assert card_id.startswith("card_")
    assert await rooms.sources.get(SCOPE, customer.id, card_id) == source
    updated = await rooms.done(
        lambda respond: rooms.sources.update(
            request(), customer.id, card_id, UpdateSource(name="A", metadata={"foo": "bar"}), respond
        ),
        CardSource,
    )
    assert updated.payment_method.billing_details == {"name": "A"}
    listed = await rooms.sources.list(SCOPE, customer.id, Page())
    assert isinstance(listed, PageResult)
    assert [item.id for item in listed.items] == [card_id]
    owner = await rooms.customers.get(SCOPE, customer.id)
    assert isinstance(owner, Customer)
    assert owner.default_source == card_id
    await rooms.done(lambda respond: rooms.sources.delete(request(), customer.id, card_id, respond), DeletedSource)
    assert isinstance(await rooms.sources.get(SCOPE, customer.id, card_id), Problem)
    kinds = {kind for kind, _ in await rooms.events()}
    assert {"customer.source.created", "customer.source.updated", "customer.source.deleted"} <= kinds


async def test_a_customer_made_with_a_token_has_it_as_its_default_source(rooms: CustomerRooms) -> None:
    customer = await _customer(rooms, source="tok_mastercard")
    page = await rooms.customers.sources_of(SCOPE, customer.id, Page())
    assert [item.id for item in page.items] == [customer.default_source]
