"""Every endpoint an SDK user needs first (P0, forty-four) is called by the official SDK and found in the record."""

from typing import Any

import stripe
from tests.support.official_clients import BACK, Pay, connect, refused
from tests.support.running_product import Product
from tests.support.watching_proxy import Templates, WatchingProxy

P0 = """
POST /v1/payment_intents
GET /v1/payment_intents/{intent}
POST /v1/payment_intents/{intent}
GET /v1/payment_intents
POST /v1/payment_intents/{intent}/confirm
POST /v1/payment_intents/{intent}/capture
POST /v1/payment_intents/{intent}/cancel
POST /v1/payment_methods
GET /v1/payment_methods/{payment_method}
POST /v1/payment_methods/{payment_method}
GET /v1/payment_methods
POST /v1/payment_methods/{payment_method}/attach
POST /v1/payment_methods/{payment_method}/detach
POST /v1/customers
GET /v1/customers/{customer}
POST /v1/customers/{customer}
DELETE /v1/customers/{customer}
GET /v1/customers
GET /v1/customers/{customer}/payment_methods
GET /v1/customers/{customer}/payment_methods/{payment_method}
POST /v1/refunds
GET /v1/refunds/{refund}
POST /v1/refunds/{refund}
GET /v1/refunds
POST /v1/refunds/{refund}/cancel
POST /v1/setup_intents
GET /v1/setup_intents/{intent}
POST /v1/setup_intents/{intent}
GET /v1/setup_intents
POST /v1/setup_intents/{intent}/confirm
POST /v1/setup_intents/{intent}/cancel
GET /v1/charges/{charge}
GET /v1/charges
POST /v1/charges/{charge}
GET /v1/events
GET /v1/events/{id}
POST /v1/webhook_endpoints
GET /v1/webhook_endpoints/{webhook_endpoint}
POST /v1/webhook_endpoints/{webhook_endpoint}
GET /v1/webhook_endpoints
DELETE /v1/webhook_endpoints/{webhook_endpoint}
GET /v1/balance
GET /v1/account
GET /v1/mandates/{mandate}
"""


def test_all_forty_four(product: Product, proxy: WatchingProxy, pay: Pay) -> None:
    wanted = {(method, path) for method, _, path in (line.partition(" ") for line in P0.split("\n") if line)}
    assert len(wanted) == 44
    proxy.called.clear()
    v1: Any = connect(product.secret_key, proxy.url).v1
    customer = v1.customers.create({"name": "P0"})
    _payments(v1, pay, customer.id)
    _methods(v1, customer.id)
    _customers(v1, customer.id)
    _setups(v1, customer.id)
    _the_rest(v1)
    templates = Templates({path: {method.lower(): {} for method, of in wanted if of == path} for _, path in wanted})
    called = {(method, templates.find(method, path)) for method, path in proxy.called}
    assert wanted - called == set()


def _payments(v1: Any, pay: Pay, customer: str) -> None:
    intent = v1.payment_intents.create({"amount": 700, "currency": "usd", "capture_method": "manual"})
    v1.payment_intents.update(intent.id, {"customer": customer})
    v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", "return_url": BACK})
    v1.payment_intents.capture(intent.id)
    taken = v1.payment_intents.retrieve(intent.id)
    assert taken.status == "succeeded"
    assert v1.payment_intents.list().data[0].id == intent.id
    assert v1.payment_intents.cancel(pay(capture_method="manual").id).status == "canceled"
    v1.charges.update(taken.latest_charge, {"description": "d"})
    assert v1.charges.retrieve(taken.latest_charge).description == "d"
    assert v1.charges.list().data
    refund = v1.refunds.create({"payment_intent": intent.id, "amount": 10})
    v1.refunds.update(refund.id, {"metadata": {"a": "b"}})
    assert v1.refunds.retrieve(refund.id).metadata.to_dict() == {"a": "b"}
    assert v1.refunds.list().data[0].id == refund.id
    card: Any = {"number": "4000000000007726", "exp_month": 12, "exp_year": 2034, "cvc": "123"}
    slow = pay(None, payment_method_data={"type": "card", "card": card})
    pending = v1.refunds.create({"payment_intent": slow.id})
    assert pending.status == "pending"
    # A card refund that is on its way cannot be called back: that is the endpoint's answer.
    assert refused(stripe.InvalidRequestError, lambda: v1.refunds.cancel(pending.id)).http_status == 400


def _methods(v1: Any, customer: str) -> None:
    method = v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    v1.payment_methods.attach(method.id, {"customer": customer})
    v1.payment_methods.update(method.id, {"metadata": {"a": "b"}})
    assert v1.payment_methods.retrieve(method.id).customer == customer
    assert v1.payment_methods.list({"customer": customer, "type": "card"}).data
    assert v1.customers.payment_methods.retrieve(customer, method.id).id == method.id
    assert v1.customers.payment_methods.list(customer).data
    assert v1.payment_methods.detach(method.id).customer is None


def _customers(v1: Any, customer: str) -> None:
    v1.customers.update(customer, {"description": "d"})
    assert v1.customers.retrieve(customer).description == "d"
    assert v1.customers.list().data
    assert v1.customers.delete(v1.customers.create({}).id).deleted


def _setups(v1: Any, customer: str) -> None:
    setup = v1.setup_intents.create({"customer": customer, "payment_method_types": ["card"]})
    v1.setup_intents.update(setup.id, {"description": "d"})
    offline = {"customer_acceptance": {"type": "offline"}}
    done = v1.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa", "mandate_data": offline})
    assert v1.setup_intents.retrieve(setup.id).status == "succeeded"
    assert v1.setup_intents.list().data
    assert v1.setup_intents.cancel(v1.setup_intents.create({}).id).status == "canceled"
    assert v1.mandates.retrieve(done.mandate).status == "active"


def _the_rest(v1: Any) -> None:
    assert v1.events.retrieve(v1.events.list().data[0].id).object == "event"
    made = v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/hook", "enabled_events": ["charge.failed"]})
    v1.webhook_endpoints.update(made.id, {"description": "d"})
    assert v1.webhook_endpoints.retrieve(made.id).description == "d"
    assert v1.webhook_endpoints.list().data
    assert v1.webhook_endpoints.delete(made.id).deleted
    assert v1.balance.retrieve().object == "balance"
    assert v1.accounts.retrieve_current().object == "account"
