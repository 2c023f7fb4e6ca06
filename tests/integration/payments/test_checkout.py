"""Checkout sessions, products, prices and the page, on a real database; intents are stood in for by small fakes."""

from typing import Any

import msgspec
import pytest
from tests.support.customer_rooms import NOW_MS, CustomerRooms
from tests.support.recording import LIVE, SCOPE, Recorder, request
from tests.support.stripe_shapes import assert_list_shape, assert_shape

from interlock.base.context import RequestContext, Scope
from interlock.base.problems import Problem, invalid
from interlock.payments.checkout.goals import Goal, PaymentGoal, SetupGoal
from interlock.payments.checkout.page import PaymentPages
from interlock.payments.checkout.products import Prices, Products
from interlock.payments.checkout.service import CheckoutSessions
from interlock.payments.checkout.types import (
    CheckoutSession,
    ConfirmPage,
    CreatePrice,
    CreateProduct,
    CreateSession,
    LineItemData,
    PaymentPage,
    Price,
    PriceData,
    Product,
    SessionStatus,
    UpdateSession,
)
from interlock.payments.instruments.types import PAYMENT_METHODS
from interlock.payments.intents.types import (
    CancelIntent,
    ConfirmIntent,
    CreateIntent,
    Intent,
    IntentStatus,
    IntentView,
)
from interlock.payments.representation.checkout_session import checkout_session, line_items, payment_page
from interlock.payments.setup.types import CancelSetup, ConfirmSetup, CreateSetup, SetupIntent, SetupStatus, SetupView
from interlock.payments.work import Answer, Respond
from interlock.storage.database import Database
from interlock.storage.pages import Page, PageResult
from interlock.storage.writes import Insert

_PAGES = "https://pay.example/c"
_DAY_MS = 86_400_000
_DECLINED = Problem(status=402, type="card_error", code="card_declined", message="Your card was declined.")
_SHIRTS = LineItemData(
    quantity=2, price_data=PriceData(currency="USD", unit_amount=1500, product_data={"name": "T-shirt"})
)


class _Payments:
    """Payment intents in memory: ``outcomes`` are what the next confirms come to."""

    def __init__(self, rooms: CustomerRooms) -> None:
        self.rooms = rooms
        self.intents: dict[str, Intent] = {}
        self.outcomes: list[IntentStatus | Problem] = []
        self.commands: list[CreateIntent] = []
        self.confirms: list[ConfirmIntent] = []
        self.debited: set[str] = set()

    async def create(self, ctx: RequestContext, command: CreateIntent, respond: Respond) -> Answer | Problem:
        assert ctx.idempotency_key is None
        self.commands.append(command)
        intent = Intent(
            account_id=ctx.account_id,
            id=f"pi_{len(self.intents)}",
            livemode=ctx.livemode,
            version=1,
            created_at_ms=NOW_MS,
            status=IntentStatus.REQUIRES_PAYMENT_METHOD,
            amount_minor=command.amount.amount_minor,
            currency=command.amount.currency,
            customer_id=command.customer,
            client_secret="pi_secret",
            metadata=command.metadata or {},
            details=command.details,
        )
        self.intents[intent.id] = intent
        return await respond(IntentView(intent))

    async def confirm(
        self, ctx: RequestContext, intent_id: str, options: ConfirmIntent, respond: Respond
    ) -> Answer | Problem:
        self.confirms.append(options)
        resolved = await self.rooms.instruments.resolve_for_payment(
            ctx.scope, options.payment_method, options.payment_method_data, intent_id=intent_id
        )
        assert not isinstance(resolved, Problem)
        outcome = self.outcomes.pop(0) if self.outcomes else IntentStatus.SUCCEEDED
        if isinstance(outcome, Problem):
            return await respond(outcome)
        intent = self._move(intent_id, outcome, resolved.payment_method.id)
        return await respond(IntentView(intent))

    async def awaits_bank(self, intent: Intent) -> bool:
        return intent.id in self.debited

    def _move(self, intent_id: str, status: IntentStatus, method_id: str | None = None) -> Intent:
        before = self.intents[intent_id]
        after = msgspec.structs.replace(before, status=status, payment_method_id=method_id or before.payment_method_id)
        self.intents[intent_id] = after
        return after

    async def get(self, scope: Scope, intent_id: str) -> Intent | Problem:
        return self.intents[intent_id]

    async def cancel(
        self, ctx: RequestContext, intent_id: str, command: CancelIntent, respond: Respond
    ) -> Answer | Problem:
        if self.intents[intent_id].status is IntentStatus.PROCESSING:
            return invalid("a payment in flight")
        return await respond(IntentView(self._move(intent_id, IntentStatus.CANCELED)))


class _Setups:
    """Setup intents in memory, always successful."""

    def __init__(self) -> None:
        self.intents: dict[str, SetupIntent] = {}

    async def create(self, ctx: RequestContext, command: CreateSetup, respond: Respond) -> Answer | Problem:
        intent = SetupIntent(
            account_id=ctx.account_id,
            id=f"seti_{len(self.intents)}",
            livemode=ctx.livemode,
            version=1,
            created_at_ms=NOW_MS,
            status=SetupStatus.REQUIRES_PAYMENT_METHOD,
            customer_id=command.customer,
            client_secret="seti_secret",
        )
        self.intents[intent.id] = intent
        return await respond(SetupView(intent))

    async def confirm(
        self, ctx: RequestContext, setup_id: str, options: ConfirmSetup, respond: Respond
    ) -> Answer | Problem:
        done = msgspec.structs.replace(
            self.intents[setup_id], status=SetupStatus.SUCCEEDED, payment_method_id=options.payment_method
        )
        self.intents[setup_id] = done
        return await respond(SetupView(done))

    async def cancel(
        self, ctx: RequestContext, setup_id: str, command: CancelSetup, respond: Respond
    ) -> Answer | Problem:
        return await respond(SetupView(self.intents[setup_id]))

    async def get(self, scope: Scope, setup_id: str) -> SetupIntent | Problem:
        return self.intents[setup_id]


class _Shop(CustomerRooms):
    """Customers, instruments and checkout together."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.payments = _Payments(self)
        goals: dict[str, Goal] = {"payment": PaymentGoal(self.payments, self.payments), "setup": SetupGoal(_Setups())}
        self.sessions = CheckoutSessions(self.work, self.customers, goals, _PAGES)
        self.pages = PaymentPages(self.work, self.sessions, self.customers)
        self.products = Products(self.work)
        self.prices = Prices(self.work, self.products)

    async def session(self, **fields: Any) -> CheckoutSession:
        command = _command(**fields)
        return await self.done(lambda respond: self.sessions.create(request(), command, respond), CheckoutSession)

    async def pay(self, session: CheckoutSession, method: str = "pm_card_visa") -> PaymentPage:
        command = ConfirmPage(payment_method=method)
        return await self.done(lambda respond: self.pages.confirm(request(), session.id, command, respond), PaymentPage)

    async def kinds(self) -> list[str]:
        return [kind for kind, _ in await self.events() if kind.startswith("checkout")]


def _command(**fields: Any) -> CreateSession:
    details = {"success_url": "https://shop.example/ok?s={CHECKOUT_SESSION_ID}", **fields.pop("details", {})}
    return CreateSession(**{"mode": "payment", "line_items": [_SHIRTS], **fields, "details": details})


@pytest.fixture
def shop(database: Database) -> _Shop:
    return _Shop(database)


async def test_a_session_is_open_for_a_day_and_has_a_page(shop: _Shop) -> None:
    session = await shop.session(metadata={"order": "1"}, client_reference_id="o1")
    assert session.id.startswith("cs_test_")
    assert session.expires_at_ms == session.created_at_ms + _DAY_MS
    assert session.payment_intent_id is None
    rendered = checkout_session(session, _PAGES)
    assert_shape("checkout.session", rendered)
    assert (rendered["amount_total"], rendered["currency"], rendered["status"]) == (3000, "usd", "open")
    assert rendered["url"] == f"{_PAGES}/{session.id}"
    assert_list_shape("item", line_items(session))
    assert isinstance(await shop.sessions.get(LIVE, session.id), Problem)


async def test_the_flow_of_the_official_cli(shop: _Shop) -> None:
    product = await shop.done(
        lambda respond: shop.products.create(request(), CreateProduct(name="myproduct"), respond), Product
    )
    asked = CreatePrice(product=product.id, unit_amount=1500, currency="usd")
    price = await shop.done(lambda respond: shop.prices.create(request(), asked, respond), Price)
    shipping = {"name": "Jenny Rosen", "address": {"line1": "510 Townsend St", "country": "US"}}
    session = await shop.session(
        line_items=[LineItemData(price=price.id, quantity=2)],
        details={"cancel_url": "https://shop.example/no", "payment_intent_data": {"shipping": shipping}},
    )
    page = await shop.pages.get(SCOPE, session.id)
    assert page == PaymentPage(session, None)
    billing = {"email": "stripe@example.com", "name": "Jenny Rosen"}
    made = await shop.maker.from_token(SCOPE, "tok_visa", param="card[token]")
    assert not isinstance(made, Problem)
    method = msgspec.structs.replace(made.payment_method, billing_details=billing)
    await shop.database.commit([Insert(PAYMENT_METHODS, method)])
    command = ConfirmPage(payment_method=method.id, expected_amount=3000)
    done = await shop.done(
        lambda respond: shop.pages.confirm(request(key="k1"), session.id, command, respond), PaymentPage
    )
    assert (done.session.status, done.session.payment_status) == (SessionStatus.COMPLETE, "paid")
    assert done.session.details["customer_details"]["email"] == "stripe@example.com"
    assert_shape("checkout.session", payment_page(done, _PAGES))
    assert shop.payments.commands[0].details["shipping"] == shipping
    assert shop.payments.confirms[0].return_url == f"https://shop.example/ok?s={session.id}"
    [(_, event)] = [(kind, data) for kind, data in await shop.events() if kind == "checkout.session.completed"]
    assert event["object"]["payment_intent"] == done.session.payment_intent_id


async def test_a_declined_session_stays_open_and_tries_again_with_the_same_intent(shop: _Shop) -> None:
    session = await shop.session()
    shop.payments.outcomes = [_DECLINED]
    declined = await shop.pages.confirm(
        request(), session.id, ConfirmPage(payment_method="pm_card_chargeDeclined"), Recorder()
    )
    assert declined == _DECLINED
    page = await shop.pay(session)
    assert page.session.status is SessionStatus.COMPLETE
    assert len(shop.payments.commands) == 1


async def test_a_completed_session_cannot_be_paid_or_expired_again(shop: _Shop) -> None:
    session = await shop.session()
    await shop.pay(session)
    again = await shop.pages.confirm(request(), session.id, ConfirmPage(payment_method="pm_card_visa"), Recorder())
    assert isinstance(again, Problem)
    assert isinstance(await shop.sessions.expire(request(), session.id, Recorder()), Problem)
    assert len(shop.payments.confirms) == 1
    assert await shop.kinds() == ["checkout.session.completed"]


@pytest.mark.parametrize(
    ("answer", "status", "word"),
    [(IntentStatus.SUCCEEDED, "paid", "succeeded"), (IntentStatus.REQUIRES_PAYMENT_METHOD, "unpaid", "failed")],
)
async def test_a_debit_completes_a_session_unpaid_and_the_bank_s_answer_is_told_once(
    shop: _Shop, answer: IntentStatus, status: str, word: str
) -> None:
    session = await shop.session()
    shop.payments.outcomes = [IntentStatus.PROCESSING]
    shop.payments.debited = {"pi_0"}
    done = (await shop.pay(session)).session
    assert (done.status, done.payment_status, done.awaiting) == (SessionStatus.COMPLETE, "unpaid", True)
    assert shop.payments.confirms[0].mandate_data is not None
    assert await shop.sessions.sweep(NOW_MS) == 0
    shop.payments._move("pi_0", answer)
    assert await shop.sessions.sweep(NOW_MS) == 1
    assert await shop.sessions.sweep(NOW_MS) == 0
    heard = await shop.sessions.get(SCOPE, session.id)
    assert isinstance(heard, CheckoutSession)
    assert (heard.status, heard.payment_status, heard.awaiting) == (SessionStatus.COMPLETE, status, False)
    # The clock stands still here, so nothing tells which came first.
    assert sorted(await shop.kinds()) == [f"checkout.session.async_payment_{word}", "checkout.session.completed"]


async def test_a_challenge_leaves_the_session_open_until_the_intent_is_done(shop: _Shop) -> None:
    session = await shop.session()
    shop.payments.outcomes = [IntentStatus.REQUIRES_ACTION]
    page = await shop.pay(session, "pm_card_authenticationRequired")
    assert page.session.status is SessionStatus.OPEN
    assert isinstance(page.intent, Intent)
    assert await shop.sessions.sweep(shop.clock.now_ms()) == 0
    shop.payments._move(page.intent.id, IntentStatus.SUCCEEDED)
    assert await shop.sessions.sweep(shop.clock.now_ms()) == 1
    assert await shop.kinds() == ["checkout.session.completed"]
    seen = await shop.sessions.get(SCOPE, session.id)
    assert isinstance(seen, CheckoutSession)
    assert (seen.status, seen.payment_status) == (SessionStatus.COMPLETE, "paid")


async def test_what_was_paid_before_a_crash_completes_the_session_and_is_not_paid_again(shop: _Shop) -> None:
    session = await shop.session()
    shop.payments.outcomes = [IntentStatus.PROCESSING]
    page = await shop.pay(session)
    assert isinstance(page.intent, Intent)
    shop.payments._move(page.intent.id, IntentStatus.SUCCEEDED)
    retried = await shop.pay(session)
    assert retried.session.status is SessionStatus.COMPLETE
    assert len(shop.payments.confirms) == 1
    assert await shop.kinds() == ["checkout.session.completed"]


async def test_a_manual_capture_completes_unpaid(shop: _Shop) -> None:
    session = await shop.session(details={"payment_intent_data": {"capture_method": "manual"}})
    shop.payments.outcomes = [IntentStatus.REQUIRES_CAPTURE]
    page = await shop.pay(session)
    assert (page.session.status, page.session.payment_status) == (SessionStatus.COMPLETE, "unpaid")
    assert shop.payments.commands[0].capture_method == "manual"


async def test_expiring_gives_the_intent_up_first(shop: _Shop) -> None:
    session = await shop.session()
    shop.payments.outcomes = [_DECLINED]
    await shop.pages.confirm(request(), session.id, ConfirmPage(payment_method="pm_card_visa"), Recorder())
    expired = await shop.done(lambda respond: shop.sessions.expire(request(), session.id, respond), CheckoutSession)
    assert expired.status is SessionStatus.EXPIRED
    assert shop.payments.intents["pi_0"].status is IntentStatus.CANCELED
    assert await shop.kinds() == ["checkout.session.expired"]


async def test_time_expires_a_session_but_not_one_with_a_payment_in_flight(shop: _Shop) -> None:
    idle, busy = await shop.session(), await shop.session()
    shop.payments.outcomes = [IntentStatus.PROCESSING]
    await shop.pay(busy)
    shop.clock.advance(_DAY_MS)
    assert await shop.sessions.sweep(shop.clock.now_ms()) == 1
    for session, status in ((idle, SessionStatus.EXPIRED), (busy, SessionStatus.OPEN)):
        seen = await shop.sessions.get(SCOPE, session.id)
        assert isinstance(seen, CheckoutSession)
        assert seen.status is status
    late = await shop.pages.confirm(request(), idle.id, ConfirmPage(payment_method="pm_card_visa"), Recorder())
    assert isinstance(late, Problem)


async def test_a_card_is_stored_in_setup_mode(shop: _Shop) -> None:
    session = await shop.session(mode="setup", line_items=[], currency="eur")
    page = await shop.pay(session)
    assert (page.session.status, page.session.payment_status) == (SessionStatus.COMPLETE, "no_payment_required")
    assert page.session.setup_intent_id == "seti_0"
    assert_shape("checkout.session", payment_page(page, _PAGES))


async def test_a_session_makes_a_customer_where_one_is_wanted(shop: _Shop) -> None:
    session = await shop.session(customer_email="a@example.com", details={"customer_creation": "always"})
    page = await shop.pay(session)
    listed = await shop.customers.list(SCOPE, Page(), email="a@example.com")
    assert [item.id for item in listed.items] == [page.session.customer_id]
    assert shop.payments.commands[0].customer == page.session.customer_id


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"mode": "subscription"}, "mode"),
        ({"mode": "gift"}, "mode"),
        ({"line_items": []}, "line_items"),
        ({"mode": "setup"}, "line_items"),
        ({"details": {"success_url": None}}, "success_url"),
        ({"details": {"success_url": "shop"}}, "success_url"),
        ({"details": {"ui_mode": "embedded_page"}}, "return_url"),
        ({"details": {"ui_mode": "postcard"}}, "ui_mode"),
        ({"details": {"payment_method_types": ["card", "ideal"]}}, "payment_method_types[1]"),
        ({"details": {"customer_creation": "never"}}, "customer_creation"),
        ({"details": {"payment_intent_data": {"metadata": {"[": "x"}}}}, "metadata"),
        ({"expires_at_ms": NOW_MS + 60_000}, "expires_at"),
        ({"expires_at_ms": NOW_MS + 2 * _DAY_MS}, "expires_at"),
        ({"customer": "cus_none"}, "customer"),
        ({"customer": "cus_none", "customer_email": "a@example.com"}, "customer_email"),
        ({"customer_email": "nobody"}, "email"),
        ({"line_items": [LineItemData(price="price_none")]}, "line_items[0][price]"),
        ({"line_items": [LineItemData()]}, "line_items[0][price]"),
        ({"line_items": [_SHIRTS, LineItemData(quantity=0)]}, "line_items[1][quantity]"),
        (
            {"line_items": [LineItemData(price_data=PriceData(currency="usd", unit_amount=-1, product="prod_x"))]},
            "line_items[0][price_data][unit_amount]",
        ),
        (
            {"line_items": [LineItemData(price_data=PriceData(currency="usd", unit_amount=100, product="prod_x"))]},
            "line_items[0][price_data][product]",
        ),
        (
            {"line_items": [LineItemData(price_data=PriceData(currency="usd", unit_amount=100))]},
            "line_items[0][price_data][product_data]",
        ),
        (
            {
                "line_items": [
                    _SHIRTS,
                    LineItemData(price_data=PriceData(currency="eur", unit_amount=100, product_data={"name": "Hat"})),
                ]
            },
            "line_items",
        ),
        (
            {
                "line_items": [
                    LineItemData(price_data=PriceData(currency="usd", unit_amount=1, product_data={"name": "Pin"}))
                ]
            },
            "amount",
        ),
    ],
)
async def test_what_is_wrong_with_a_session_is_named(shop: _Shop, fields: dict[str, Any], param: str) -> None:
    problem = await shop.sessions.create(request(), _command(**fields), Recorder())
    assert isinstance(problem, Problem)
    assert (problem.status, problem.param) == (400, param)


async def test_the_page_refuses_another_amount_than_was_shown(shop: _Shop) -> None:
    session = await shop.session()
    command = ConfirmPage(payment_method="pm_card_visa", expected_amount=2999)
    problem = await shop.pages.confirm(request(), session.id, command, Recorder())
    assert isinstance(problem, Problem)
    assert problem.param == "expected_amount"
    assert shop.payments.commands == []


async def test_embedded_sessions_have_a_secret_and_no_page(shop: _Shop) -> None:
    details = {"ui_mode": "embedded", "return_url": "https://shop.example/back"}
    session = await shop.session(details=details)
    rendered = checkout_session(session, _PAGES)
    assert rendered["url"] is None
    assert rendered["client_secret"].startswith(f"{session.id}_secret_")
    assert rendered["ui_mode"] == "embedded_page"


async def test_metadata_of_a_session_can_be_changed_and_sessions_are_listed(shop: _Shop) -> None:
    sessions = [await shop.session(metadata={"a": "1"}) for _ in range(2)]
    command = UpdateSession(metadata={"a": "", "b": "2"})
    updated = await shop.done(
        lambda respond: shop.sessions.update(request(), sessions[0].id, command, respond), CheckoutSession
    )
    assert updated.metadata == {"b": "2"}
    page = await shop.sessions.list(SCOPE, Page(limit=1), status="open")
    assert isinstance(page, PageResult)
    assert [item.id for item in page.items] == [sessions[1].id]
    assert page.has_more


async def test_a_products_own_id_is_taken_once(shop: _Shop) -> None:
    command = CreateProduct(name="Shirt", id="shirt")
    await shop.done(lambda respond: shop.products.create(request(), command, respond), Product)
    problem = await shop.products.create(request(), command, Recorder())
    assert isinstance(problem, Problem)
    assert problem.code == "resource_already_exists"
    asked = CreatePrice(currency="jpy", unit_amount=500, product_data=CreateProduct(name="Hat"))
    price = await shop.done(lambda respond: shop.prices.create(request(), asked, respond), Price)
    assert await shop.prices.get(SCOPE, price.id) == price
    assert (await shop.prices.list(SCOPE, Page(), product=price.product_id)).items == [price]
    assert len((await shop.products.list(SCOPE, Page(), active=True)).items) == 2


async def test_sessions_that_cannot_be_ended_yet_or_raise_keep_up_no_other(
    shop: _Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.sessions._due.limit = 2  # 500 in production
    broken, busy, other_busy = [await shop.session() for _ in range(3)]
    shop.payments.outcomes = [IntentStatus.PROCESSING] * 2
    for session in (busy, other_busy):
        await shop.pay(session)
    idle = await shop.session()
    settle = shop.sessions.settle

    async def raising(session: CheckoutSession) -> CheckoutSession:
        if session.id == broken.id:
            raise RuntimeError("a bug with this one")
        return await settle(session)

    monkeypatch.setattr(shop.sessions, "settle", raising)
    shop.clock.advance(_DAY_MS)
    assert [await shop.sessions.sweep(shop.clock.now_ms()) for _ in range(3)].count(1) == 1
    monkeypatch.undo()
    seen = await shop.sessions.get(SCOPE, idle.id)
    assert isinstance(seen, CheckoutSession)
    assert seen.status is SessionStatus.EXPIRED


async def test_waits_that_last_keep_up_no_other(shop: _Shop) -> None:
    shop.sessions._awaiting.limit = 1
    first, second = [await shop.session() for _ in range(2)]
    shop.payments.outcomes = [IntentStatus.PROCESSING] * 2
    for session in (first, second):
        page = await shop.pay(session)
        assert isinstance(page.intent, Intent)
        shop.payments.debited.add(page.intent.id)
        await shop.sessions.get(SCOPE, session.id)
    shop.payments._move("pi_1", IntentStatus.SUCCEEDED)
    assert sum([await shop.sessions.sweep(shop.clock.now_ms()) for _ in range(2)]) == 1
