"""Kill -9 at every named recovery point of every money path: nothing acknowledged is lost, nothing is charged twice."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.support.crashing_shop import Task
from tests.support.payment_house import House, open_house
from tests.support.recording import Recorder
from tests.support.sandboxes import Gateway
from tests.support.transfers import customer, fund

from interlock.base.crashpoints import POINTS
from interlock.payments.attempts.types import Attempt
from interlock.payments.idempotency.service import KEY_TAKEN
from interlock.payments.intents.types import Intent, IntentStatus, IntentView
from interlock.payments.refunds.types import RefundStatus
from interlock.payments.setup.types import SetupStatus
from interlock.storage.database import Database, Page
from interlock.vault.keys import generate_keys

KEYS = generate_keys()
ROOT = Path(__file__).parents[3]
INCREMENTAL = {"payment_method_options": {"card": {"request_incremental_authorization": "if_available"}}}
ELSEWHERE = {"outbox.claimed", "delivery.sent"}
"""Points of the webhook worker, killed by its own tests."""


@pytest.fixture
async def crash_house(database: Database, stripe_gateway: Gateway, adyen_gateway: Gateway) -> AsyncIterator[House]:
    async with open_house(database, stripe_gateway, adyen_gateway, keys=KEYS) as opened:
        yield opened


def crash(database_url: str, house: House, point: str, action: str, **more: str) -> None:
    """Run ``action`` in a process of its own that must die at ``point``."""
    task = Task(url=database_url, account_id=house.scope.account_id, keys=KEYS, action=action, **more)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.crashing_shop", msgspec.json.encode(task).decode()],
        cwd=ROOT,
        env={**os.environ, "INTERLOCK_CRASH_AT": point, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, f"{point} was not reached: {done.stderr.decode()[-2000:]}"


async def only_intent(house: House) -> Intent:
    (intent,) = (await house.payments.intents.list(house.scope, Page())).items
    return intent


async def last_attempt(house: House, intent: Intent) -> Attempt:
    return (await house.attempts(intent))[-1]


def taken_minor(gateway: Gateway, attempt: Attempt) -> int:
    return sum(entry["amount_minor"] for entry in gateway.books(reference=attempt.id) if entry["kind"] == "capture")


async def settle(house: House) -> None:
    """Let recovery look until nothing is open any more."""
    for _ in range(8):
        await house.recover(120_000)
        left = await house.database.fetchval(
            "SELECT count(*) FROM attempts WHERE account_id = $1 AND state IN ('begun', 'unknown')",
            house.scope.account_id,
        )
        if left == 0:
            return
    pytest.fail("an attempt stayed open")


@pytest.mark.parametrize("point", ["payment.begun", "payment.answered", "payment.settled"])
async def test_a_payment_killed_at_each_point_ends_once_and_its_key_replays_the_truth(
    crash_house: House, database_url: str, stripe_gateway: Gateway, point: str
) -> None:
    crash(database_url, crash_house, point, "pay", key="order-7")
    if point != "payment.settled":
        in_use = await crash_house.payments.idempotency.settle(crash_house.ctx("order-7"), KEY_TAKEN)
        assert in_use == KEY_TAKEN
    await settle(crash_house)
    intent = await only_intent(crash_house)
    attempt = await last_attempt(crash_house, intent)
    taken = taken_minor(stripe_gateway, attempt)
    assert intent.status in {IntentStatus.SUCCEEDED, IntentStatus.REQUIRES_PAYMENT_METHOD}
    assert taken == intent.amount_received_minor == (1099 if intent.status is IntentStatus.SUCCEEDED else 0)
    assert len(await crash_house.attempts(intent)) == 1
    if point == "payment.begun":
        assert taken == 0


@pytest.mark.parametrize("point", ["payment.begun", "payment.answered", "payment.settled"])
async def test_a_debit_killed_at_each_point_is_paid_once_or_never_sent(
    crash_house: House, database_url: str, stripe_gateway: Gateway, point: str
) -> None:
    crash(database_url, crash_house, point, "debit", key="order-8")
    await settle(crash_house)
    intent = await only_intent(crash_house)
    if point == "payment.answered":  # whoever asks again under the key is not kept waiting for the bank
        recorder = Recorder()
        await crash_house.payments.intents.resume(crash_house.ctx("order-8"), intent.id, recorder)
        assert recorder.view.intent.status is IntentStatus.PROCESSING
    for _ in range(8):
        if intent.status is not IntentStatus.PROCESSING:
            break
        assert (await crash_house.charge(intent)).status == "pending"
        await asyncio.sleep(0.5)
        await crash_house.recover()
        intent = await only_intent(crash_house)
    (attempt,) = await crash_house.attempts(intent)
    paid = point != "payment.begun"
    assert intent.status is (IntentStatus.SUCCEEDED if paid else IntentStatus.REQUIRES_PAYMENT_METHOD)
    assert taken_minor(stripe_gateway, attempt) == intent.amount_received_minor == (1099 if paid else 0)
    assert (await crash_house.charge(intent)).status == ("succeeded" if paid else "failed")
    events = await crash_house.events()
    assert events.count("charge.pending") == events.count("payment_intent.processing") == paid


@pytest.mark.parametrize("point", ["payment.begun", "payment.answered", "payment.settled"])
async def test_a_wait_for_a_transfer_killed_at_each_point_is_paid_once_or_was_never_begun(
    crash_house: House, database_url: str, stripe_gateway: Gateway, point: str
) -> None:
    payer = await customer(crash_house)
    crash(database_url, crash_house, point, "transfer", subject=payer, key="order-9")
    await settle(crash_house)
    intent = await only_intent(crash_house)
    begun = point != "payment.begun"
    assert intent.status is (IntentStatus.REQUIRES_ACTION if begun else IntentStatus.REQUIRES_PAYMENT_METHOD)
    if begun:
        await fund(crash_house, payer, 20_000)
        await crash_house.recover(7_200_000)
        intent = await only_intent(crash_house)
        assert intent.status is IntentStatus.SUCCEEDED
    (attempt,) = await crash_house.attempts(intent)
    assert taken_minor(stripe_gateway, attempt) == intent.amount_received_minor == (20_000 if begun else 0)
    assert (await crash_house.events()).count("payment_intent.requires_action") == begun


async def test_a_payment_killed_between_two_routes_ends_once(
    crash_house: House, database_url: str, stripe_gateway: Gateway, adyen_gateway: Gateway
) -> None:
    stripe_gateway.fault("refuse", status=400)
    crash(database_url, crash_house, "payment.failover", "pay")
    await settle(crash_house)
    intent = await only_intent(crash_house)
    refused, second = await crash_house.attempts(intent)
    assert (refused.state, second.connector) == ("refused", "adyen")
    booked = [entry for entry in adyen_gateway.books(reference=second.id) if entry["kind"] == "capture"]
    assert len(booked) <= 1
    assert sum(entry["amount_minor"] for entry in booked) == intent.amount_received_minor


@pytest.mark.parametrize("point", ["capture.begun", "capture.answered"])
async def test_a_capture_killed_at_each_point_takes_the_money_exactly_once(
    crash_house: House, database_url: str, stripe_gateway: Gateway, point: str
) -> None:
    held = await crash_house.paid(capture_method="manual")
    crash(database_url, crash_house, point, "capture", subject=held.id)
    await settle(crash_house)
    intent = await crash_house.intent(held.id)
    payment = (await crash_house.attempts(intent))[0]
    taken = sum(
        entry["amount_minor"]
        for attempt in await crash_house.attempts(intent)
        for entry in stripe_gateway.books(reference=attempt.id)
        if entry["kind"] == "capture"
    )
    assert payment.state == "approved"
    assert taken == intent.amount_received_minor
    assert intent.status in {IntentStatus.SUCCEEDED, IntentStatus.REQUIRES_CAPTURE}
    assert intent.active_attempt_id is None


@pytest.mark.parametrize("point", ["increment.begun", "increment.answered"])
async def test_an_increment_killed_at_each_point_leaves_one_agreed_amount(
    crash_house: House, database_url: str, point: str
) -> None:
    held = await crash_house.paid(capture_method="manual", details=INCREMENTAL)
    crash(database_url, crash_house, point, "increment", subject=held.id)
    await settle(crash_house)
    intent = await crash_house.intent(held.id)
    assert (intent.status, intent.active_attempt_id) == (IntentStatus.REQUIRES_CAPTURE, None)
    assert intent.amount_minor == intent.amount_capturable_minor
    assert intent.amount_minor in {1099, 2000}


@pytest.mark.parametrize("point", ["void.begun", "void.answered"])
async def test_a_cancel_killed_at_each_point_releases_the_money(
    crash_house: House, database_url: str, stripe_gateway: Gateway, point: str
) -> None:
    held = await crash_house.paid(capture_method="manual")
    crash(database_url, crash_house, point, "cancel", subject=held.id)
    await settle(crash_house)
    intent = await crash_house.intent(held.id)
    assert intent.status is IntentStatus.CANCELED
    payment = (await crash_house.attempts(intent))[0]
    assert "void" in {entry["kind"] for entry in stripe_gateway.books(reference=payment.id)}


@pytest.mark.parametrize("point", ["void.begun", "void.answered"])
async def test_a_hold_let_go_by_a_refund_is_released_when_killed_at_each_point(
    crash_house: House, database_url: str, stripe_gateway: Gateway, point: str
) -> None:
    held = await crash_house.paid(capture_method="manual")
    crash(database_url, crash_house, point, "release", subject=held.latest_charge_id or "")
    await settle(crash_house)
    assert (await crash_house.intent(held.id)).status is IntentStatus.CANCELED
    (refund,) = (await crash_house.payments.refunds.list(crash_house.scope, Page())).items
    assert (refund.status, refund.amount_minor) == (RefundStatus.SUCCEEDED, 1099)
    payment = (await crash_house.attempts(held))[0]
    assert "void" in {entry["kind"] for entry in stripe_gateway.books(reference=payment.id)}


@pytest.mark.parametrize("point", ["refund.begun", "refund.answered"])
async def test_a_refund_killed_at_each_point_gives_back_exactly_once(
    crash_house: House, database_url: str, stripe_gateway: Gateway, point: str
) -> None:
    paid = await crash_house.paid()
    crash(database_url, crash_house, point, "refund", subject=paid.id)
    await settle(crash_house)
    (refund,) = (await crash_house.payments.refunds.list(crash_house.scope, Page())).items
    charge = await crash_house.charge(paid)
    given_back = sum(
        entry["amount_minor"]
        for entry in stripe_gateway.books(kind="refund")
        if entry["reference"] == refund.attempt_id
    )
    assert refund.status in {RefundStatus.SUCCEEDED, RefundStatus.FAILED}
    assert charge.amount_refund_pending_minor == 0
    assert given_back == charge.amount_refunded_minor == (1099 if refund.status is RefundStatus.SUCCEEDED else 0)


@pytest.mark.parametrize("point", ["challenge.resumed", "challenge.answered"])
async def test_a_return_from_the_bank_killed_at_each_point_ends_as_the_bank_said(
    crash_house: House, database_url: str, point: str
) -> None:
    waiting = await crash_house.paid("pm_card_authenticationRequired")
    crash(database_url, crash_house, point, "return", subject=waiting.id)
    await settle(crash_house)
    assert (await crash_house.intent(waiting.id)).status is IntentStatus.SUCCEEDED


@pytest.mark.parametrize("point", ["challenge.resumed", "challenge.answered"])
async def test_a_second_confirm_killed_at_each_point_takes_the_money_once(
    crash_house: House, database_url: str, stripe_gateway: Gateway, point: str
) -> None:
    waiting = await crash_house.paid("pm_card_authenticationRequired", confirmation_method="manual")
    await crash_house.pass_challenge((await crash_house.attempts(waiting))[-1], "succeed")
    crash(database_url, crash_house, point, "confirm", subject=waiting.id)
    await settle(crash_house)
    assert (await crash_house.intent(waiting.id)).status is IntentStatus.SUCCEEDED
    (attempt,) = await crash_house.attempts(waiting)
    assert len([entry for entry in stripe_gateway.books(reference=attempt.id) if entry["kind"] == "capture"]) == 1


@pytest.mark.parametrize("point", ["setup.begun", "setup.answered"])
async def test_a_set_up_killed_at_each_point_is_settled(crash_house: House, database_url: str, point: str) -> None:
    crash(database_url, crash_house, point, "setup")
    await settle(crash_house)
    (setup,) = (await crash_house.payments.setup_intents.list(crash_house.scope, Page())).items
    assert setup.status in {SetupStatus.SUCCEEDED, SetupStatus.REQUIRES_PAYMENT_METHOD}
    assert setup.active_attempt_id is None


async def test_recovery_killed_in_the_middle_is_taken_over(
    crash_house: House, database_url: str, stripe_gateway: Gateway
) -> None:
    crash(database_url, crash_house, "payment.answered", "pay")
    crash(database_url, crash_house, "recovery.inquired", "recover")
    await settle(crash_house)
    intent = await only_intent(crash_house)
    assert intent.status is IntentStatus.SUCCEEDED
    assert taken_minor(stripe_gateway, await last_attempt(crash_house, intent)) == 1099


async def test_a_key_whose_request_died_answers_from_what_became_of_its_object(
    crash_house: House, database_url: str
) -> None:
    crash(database_url, crash_house, "payment.answered", "pay", key="order-8")
    await settle(crash_house)
    again = await crash_house.pay(key="order-8")
    assert again == KEY_TAKEN
    recorder, ctx = Recorder(), crash_house.ctx("order-8")
    await crash_house.payments.intents.resume(ctx, (await only_intent(crash_house)).id, recorder)
    assert isinstance(recorder.view, IntentView)
    assert recorder.view.intent.status is IntentStatus.SUCCEEDED


def test_every_recovery_point_is_killed_somewhere() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    untested = [point for point in POINTS if f'"{point}"' not in text]
    assert untested == []
