"""A rollback between the steps of a payment: what a release began is finished, once, by whoever is proven to.

The release on trial speaks to the gateway through an address of its own, so that the gateway's door tells who did what.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support.payment_house import RETURN_URL, House, open_house
from tests.support.sandboxes import Gateway
from tests.support.second_door import SecondDoor
from tests.support.trial_house import TrialHouse, commented, until
from tests.support.webhook_receiver import WebhookReceiver

from interlock.base.context import Scope
from interlock.base.money import Money
from interlock.gateways.contract import Operation
from interlock.payments.attempts.types import Attempt
from interlock.payments.attempts.walking import Limits
from interlock.payments.intents.types import CaptureIntent, ConfirmIntent, CreateIntent, Intent, IntentStatus
from interlock.payments.refunds.types import CreateRefund
from interlock.releases.types import Plan
from interlock.routing.releases import Release
from interlock.routing.types import RequestFacts
from interlock.storage.database import Database
from interlock.vault.keys import generate_keys
from interlock.webhooks.inbound.parsing import Parser
from interlock.webhooks.inbound.service import InboundNotifications
from interlock.webhooks.inbound.types import Received

HALF = Plan(share_ppm=500_000)
THREE_DS = "pm_card_threeDSecure2Required"
SECRETS = {"stripe": "whsec_of_this_test_alone", "adyen": "44" * 32}
PATHS = {"stripe": "", "adyen": "/v72"}
QUICK = Limits(budget_ms=2_500, lease_ms=20_000)


class MidPayment:
    """A provider's gateway with a release on trial behind a door of its own."""

    def __init__(self, trial_house: TrialHouse, gateway: Gateway, door: SecondDoor, proven: bool) -> None:
        self.trial_house = trial_house
        self.house: House = trial_house.house
        self.gateway = gateway
        self.connector = gateway.provider
        self.door = door
        self.proven = proven

    @property
    def scope(self) -> Scope:
        return self.house.scope

    async def on_trial(self) -> Release:
        """Put a release on trial that answers like the one that serves, and is or is not proven to be finished."""
        base_url = self.door.url + PATHS[self.connector]
        release = await self.trial_house.propose(commented(self.connector), self.connector, base_url=base_url)
        await self.trial_house.certify(release, proven=self.proven)
        return await self.trial_house.start(release, HALF, share_ppm=500_000)

    async def begun(self, release: Release, method: str = "pm_card_visa", **more: Any) -> Intent:
        """Let shoppers buy until one of them is on the candidate arm; return that payment."""
        async with self.trial_house.watched(release):
            for _ in range(60):
                intent = await self.house.paid(method, **more)
                attempt = (await self.house.attempts(intent))[-1]
                if attempt.release_id == release.id:
                    assert attempt.arm == "candidate"
                    return intent
        raise AssertionError("sixty payments and none on the candidate arm")

    async def stands(self, intent: Intent, status: IntentStatus) -> bool:
        return (await self.house.intent(intent.id)).status is status

    async def last(self, intent: Intent) -> Attempt:
        return (await self.house.attempts(intent))[-1]

    async def rolled_back(self, release: Release) -> None:
        """Roll the release back; what comes through its door is counted from here on."""
        await self.trial_house.roll_back(release)
        self.door.requests.clear()

    def finished_by_the_right_one(self) -> None:
        """What is proven is finished by stable alone, anything else through the release that began it."""
        assert (self.door.requests == []) is self.proven, self.door.requests

    async def books(self, intent: Intent, kind: str, within_s: float = 10.0) -> list[dict[str, Any]]:
        """Return the entries of one kind that the gateway has for a payment, waiting for the first."""
        reference = (await self.house.attempts(intent))[0].id
        payment_id = self.gateway.books(reference=reference)[0]["payment_id"]
        found: list[dict[str, Any]] = []

        async def booked() -> bool:
            found[:] = await asyncio.to_thread(self.gateway.books, payment_id=payment_id, kind=kind)
            return bool(found)

        await until(booked, f"a {kind} in the books", within_s)
        return found


@pytest.fixture
async def mid(
    request: pytest.FixtureRequest,
    database: Database,
    database_url: str,
    stripe_gateway: Gateway,
    adyen_gateway: Gateway,
    tmp_path: Path,
) -> AsyncIterator[MidPayment]:
    provider, proven = request.param
    gateway = stripe_gateway if provider == "stripe" else adyen_gateway
    keys = generate_keys()
    async with (
        open_house(database, stripe_gateway, adyen_gateway, QUICK, keys) as house,
        SecondDoor(gateway.port) as door,
    ):
        trial_house = TrialHouse(house, database_url, keys, tmp_path)
        await trial_house.only(provider)
        yield MidPayment(trial_house, gateway, door, proven)


EITHER_WAY = pytest.mark.parametrize(
    "mid",
    [("stripe", True), ("stripe", False), ("adyen", True), ("adyen", False)],
    ids=["stripe-proven", "stripe-not-proven", "adyen-proven", "adyen-not-proven"],
    indirect=True,
)


@EITHER_WAY
async def test_a_hold_is_captured_and_refunded_after_the_release_that_made_it_is_gone(mid: MidPayment) -> None:
    if mid.connector == "stripe":
        await mid.trial_house.install("stripe", webhook_secret=SECRETS["stripe"])
    release, house = await mid.on_trial(), mid.house
    async with gateway_speaks(mid) as opened:
        intent = await mid.begun(release, capture_method="manual")
        assert intent.status is IntentStatus.REQUIRES_CAPTURE
        assert mid.door.requests, "the candidate speaks through its door"
        await mid.rolled_back(release)
        opened.set()
        await house.follow(lambda r: house.payments.follow_ons.capture(house.ctx(), intent.id, CaptureIntent(), r))
        mid.finished_by_the_right_one()
        await until(lambda: mid.stands(intent, IntentStatus.SUCCEEDED), "the capture (Adyen tells it by webhook)")
        asked = CreateRefund(payment_intent=intent.id)
        await house.follow(lambda r: house.payments.refunds.create(house.ctx(path="/v1/refunds"), asked, r))
        for kind in ("capture", "refund"):
            assert [entry["amount_minor"] for entry in await mid.books(intent, kind)] == [1099], f"one {kind}"
    mid.finished_by_the_right_one()


@EITHER_WAY
@pytest.mark.parametrize("outcome", ["succeed", "fail"])
async def test_a_shopper_at_the_banks_page_comes_back_after_the_rollback(mid: MidPayment, outcome: str) -> None:
    release = await mid.on_trial()
    intent = await mid.begun(release, THREE_DS)
    assert intent.status is IntentStatus.REQUIRES_ACTION
    await mid.rolled_back(release)
    await mid.house.pass_challenge(await mid.last(intent), outcome)
    came_to = IntentStatus.SUCCEEDED if outcome == "succeed" else IntentStatus.REQUIRES_PAYMENT_METHOD
    assert await mid.stands(intent, came_to)
    if outcome == "succeed":
        (booked,) = await mid.books(intent, "authorisation")
        assert (booked["status"], booked["amount_minor"]) == ("approved", 1099)
    mid.finished_by_the_right_one()


@EITHER_WAY
async def test_an_unknown_outcome_is_inquired_about_after_the_rollback(mid: MidPayment) -> None:
    release = await mid.on_trial()
    intent = await unknown(mid, release)
    await mid.rolled_back(release)
    await asyncio.to_thread(mid.gateway.clear_faults)
    await mid.house.recover()
    assert await mid.stands(intent, IntentStatus.SUCCEEDED)
    assert len(await mid.books(intent, "authorisation")) == 1, "charged once"
    mid.finished_by_the_right_one()


async def unknown(mid: MidPayment, release: Release) -> Intent:
    """Return a payment of the release on trial whose every answer was lost."""
    house = mid.house
    async with mid.trial_house.watched(release):
        made = await meant_for_candidate(mid)
        await asyncio.to_thread(mid.gateway.fault, "reset_after", match={"operation": ["sale", "inquire"]})
        asked = ConfirmIntent(return_url=RETURN_URL)
        await house.follow(lambda r: house.payments.intents.confirm(house.ctx(), made.id, asked, r))
    attempt, intent = await mid.last(made), await house.intent(made.id)
    assert (attempt.release_id, attempt.arm) == (release.id, "candidate")
    assert (attempt.state, intent.status) == ("unknown", IntentStatus.PROCESSING)
    return intent


async def meant_for_candidate(mid: MidPayment) -> Intent:
    """Create intents until one is drawn to the candidate arm."""
    house, command = mid.house, CreateIntent(amount=Money(1099, "usd"), payment_method="pm_card_visa")
    for _ in range(60):
        made: Intent = (await house.follow(lambda r: house.payments.intents.create(house.ctx(), command, r))).intent
        facts = RequestFacts(
            intent_id=made.id, operations=(Operation.SALE,), amount_minor=1099, currency="usd", networks=("visa",)
        )
        if "candidate" in {route.arm for route in house.table.rank(mid.scope, facts, house.clock.now_ms())}:
            return made
    raise AssertionError("sixty payments and none for the candidate")


@EITHER_WAY
async def test_a_webhook_that_comes_after_the_rollback_settles_the_payment(
    mid: MidPayment, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_by = spy(monkeypatch)
    if mid.connector == "stripe":
        await mid.trial_house.install("stripe", webhook_secret=SECRETS["stripe"])
    release = await mid.on_trial()
    async with gateway_speaks(mid) as opened:
        intent = await unknown(mid, release)
        await mid.rolled_back(release)
        read_by.clear()
        opened.set()
        await until(lambda: mid.stands(intent, IntentStatus.SUCCEEDED), "the webhook")
    assert (await mid.last(intent)).state == "approved"
    assert (release.id in read_by) is not mid.proven
    assert mid.door.requests == [], "nobody had to ask"
    assert len(await mid.books(intent, "authorisation")) == 1
    operations = [one.operation for one in await mid.house.attempts(intent)]
    assert operations == [Operation.SALE], "taken once, nothing given back"


def spy(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which releases read notifications; they read them as they always do."""
    read_by: list[str] = []
    original = Parser._read

    def noting(self: Parser, release: Any, *arguments: Any) -> Any:
        read_by.append(release.release.id)
        return original(self, release, *arguments)

    monkeypatch.setattr(Parser, "_read", noting)
    return read_by


@asynccontextmanager
async def gateway_speaks(mid: MidPayment) -> AsyncIterator[asyncio.Event]:
    """Let the gateway send webhooks to the switch; until the event is set, the switch cannot be reached."""
    house, opened = mid.house, asyncio.Event()
    inbound = InboundNotifications(house.database, house.clock, house.table, house.payments.notifications.apply)

    async def receive(request: web.Request, body: bytes) -> web.StreamResponse:
        if not opened.is_set():
            return web.Response(status=503)
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = await inbound.receive(mid.scope.account_id, house.gateways[mid.connector].id, headers, body)
        if isinstance(received, Received):
            return web.Response(text=received.body)
        return web.Response(status=received.status)

    async with WebhookReceiver(receive) as receiver:
        where = {"url": f"http://127.0.0.1:{receiver.port}/in", "secret": SECRETS[mid.connector]}
        await asyncio.to_thread(mid.gateway.control, "POST", "webhooks", where)
        try:
            yield opened
        finally:
            await asyncio.to_thread(mid.gateway.control, "DELETE", "webhooks")
            await inbound.close()
