"""The payment rooms wired as in production on a test's database, with both simulated gateways behind them over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from tests.support.announced import announced
from tests.support.recording import Recorder, request
from tests.support.sandboxes import Gateway, fetch

from interlock.base.clock import SystemClock
from interlock.base.context import RequestContext, Scope
from interlock.base.money import Money
from interlock.base.problems import Problem
from interlock.gateways.transport import Transport
from interlock.payments.access.service import AccessService
from interlock.payments.assembly import Payments, assemble
from interlock.payments.attempts.types import Attempt
from interlock.payments.attempts.walking import Limits
from interlock.payments.charges.types import CHARGES, Charge
from interlock.payments.intents.challenges import Redirect
from interlock.payments.intents.types import ConfirmIntent, CreateIntent, Intent, IntentView
from interlock.payments.work import Answer
from interlock.routing.service import Routing
from interlock.routing.table import RoutingTable
from interlock.routing.types import Gateway as GatewayRow
from interlock.storage.database import Database, Page
from interlock.vault.keys import generate_keys, parse_keys
from interlock.vault.service import Vault

RETURN_URL = "https://shop.example/return?order=7"


class ShiftedClock(SystemClock):
    """The machine's clock, moved forward by tests that cannot wait."""

    def __init__(self) -> None:
        """Start on time."""
        self.ahead_ms = 0

    def now_ms(self) -> int:
        """Return the shifted time."""
        return super().now_ms() + self.ahead_ms


class House:
    """Everything a test of a money path needs."""

    def __init__(
        self, database: Database, clock: ShiftedClock, scope: Scope, payments: Payments, table: RoutingTable
    ) -> None:
        """Keep the parts."""
        self.database = database
        self.clock = clock
        self.scope = scope
        self.payments = payments
        self.table = table
        self.gateways: dict[str, GatewayRow] = {}
        self.vault: Vault | None = None

    def ctx(self, key: str | None = None, path: str = "/v1/payment_intents") -> RequestContext:
        """Return a request's context."""
        return request(self.scope, key=key, path=path)

    async def pay(
        self,
        method: str = "pm_card_visa",
        amount_minor: int = 1099,
        currency: str = "usd",
        *,
        key: str | None = None,
        options: ConfirmIntent | None = None,
        **more: Any,
    ) -> Any:
        """Create and confirm an intent; return the view or problem that was answered with."""
        confirm = options or ConfirmIntent(return_url=RETURN_URL)
        command = CreateIntent(amount=Money(amount_minor, currency), payment_method=method, confirm=confirm, **more)
        recorder = Recorder()
        answer = await self.payments.intents.create(self.ctx(key), command, recorder)
        return recorder.view if isinstance(answer, Answer) else answer

    async def paid(self, method: str = "pm_card_visa", amount_minor: int = 1099, **more: Any) -> Intent:
        """Create and confirm an intent that must not be refused, and return it."""
        view = await self.pay(method, amount_minor, **more)
        assert isinstance(view, IntentView), view
        return view.intent

    async def follow(self, call: Any) -> Any:
        """Run ``call(respond)`` and return what was shown, or the problem."""
        recorder = Recorder()
        answer = await call(recorder)
        return recorder.view if isinstance(answer, Answer) else answer

    async def intent(self, intent_id: str) -> Intent:
        """Return an intent as stored."""
        found = await self.payments.intents.get(self.scope, intent_id)
        assert not isinstance(found, Problem)
        return found

    async def charge(self, intent: Intent) -> Charge:
        """Return an intent's latest charge as stored."""
        found = await self.database.get(CHARGES, self.scope, intent.latest_charge_id or "")
        assert found is not None
        return found

    async def attempts(self, intent: Intent) -> list[Attempt]:
        """Return an intent's attempts, oldest first."""
        page = await self.payments.attempts.list(self.scope, Page(limit=100), intent=intent.id)
        return list(reversed(page.items))

    async def events(self) -> list[str]:
        """Return the types of all events, oldest first."""
        return [event.type for event in await announced(self.database, self.scope.account_id)]

    async def recover(self, later_ms: int = 60_000) -> int:
        """Move the clock and let recovery look at everything that is due."""
        self.clock.ahead_ms += later_ms
        return await self.payments.recovery.sweep(self.clock.now_ms())

    async def pass_challenge(self, attempt: Attempt, outcome: str) -> Redirect:
        """Go through the bank's page as a shopper's browser would, and come back."""
        token = attempt.detail["return_token"]
        redirect = await self.payments.challenges.redirect(attempt.account_id, attempt.id, token)
        assert isinstance(redirect, Redirect), redirect
        separator = "&" if urlsplit(redirect.url).query else "?"
        answer = fetch("GET", f"{redirect.url}{separator}outcome={outcome}")
        back = urlsplit(answer.headers["location"])
        assert f"/payments/return/{attempt.account_id}/{attempt.id}/" in back.path
        returned = await self.payments.challenges.returned(
            attempt.account_id, attempt.id, token, dict(parse_qsl(back.query))
        )
        assert isinstance(returned, Redirect), returned
        return returned


@asynccontextmanager
async def open_house(
    database: Database,
    stripe: Gateway,
    adyen: Gateway,
    limits: Limits | None = None,
    keys: str | None = None,
) -> AsyncIterator[House]:
    """Give a house with both gateways configured, Stripe first."""
    clock = ShiftedClock()
    account = await AccessService(database, clock).create_account("Test shop")
    assert not isinstance(account, Problem)
    scope = Scope(account.account_id, livemode=False)
    vault = Vault(database, parse_keys(keys or generate_keys()), clock)
    await _configure(Routing(database, vault.envelope, clock), scope, stripe.url, adyen.url)
    async with reopen_house(database, scope, vault, clock, limits) as house:
        yield house


@asynccontextmanager
async def reopen_house(
    database: Database, scope: Scope, vault: Vault, clock: ShiftedClock, limits: Limits | None = None
) -> AsyncIterator[House]:
    """Give the house of an account that exists, as a process started later would find it."""
    table = RoutingTable(database, vault.envelope, clock)
    await table.refresh(force=True)
    transport = Transport()
    payments = assemble(
        database,
        clock,
        vault,
        transport,
        table,
        public_url="http://127.0.0.1:9",
        checkout_url="http://127.0.0.1:9/c",
        limits=limits or Limits(),
    )
    house = House(database, clock, scope, payments, table)
    house.vault = vault
    for row in await Routing(database, vault.envelope, clock).list_gateways(scope):
        house.gateways[row.name] = row
    try:
        yield house
    finally:
        await transport.close()


async def _configure(routing: Routing, scope: Scope, stripe_url: str, adyen_url: str) -> None:
    made = [
        await routing.create_gateway(
            scope,
            name="stripe",
            connector="stripe",
            settings={"base_url": stripe_url},
            credentials={"secret_key": "sk_test_sandbox1234567890abcdefghij"},
        ),
        await routing.create_gateway(
            scope,
            name="adyen",
            connector="adyen",
            settings={"base_url": f"{adyen_url}/v72", "merchant_account": "InterlockSandbox"},
            credentials={"api_key": "AQEsandboxsandboxsandbox", "hmac_key": "44" * 32},
        ),
    ]
    for row in made:
        assert isinstance(row, GatewayRow), row


def shown_json(answer: Answer) -> Any:
    """Return an answer's body decoded."""
    return msgspec.json.decode(answer.body)
