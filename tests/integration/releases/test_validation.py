"""Validation through the live path: every operation once against the sandboxes, and what it says when one is broken."""

import msgspec
import pytest
from tests.support.payment_house import House
from tests.support.sandboxes import Gateway

from interlock.base.context import Scope
from interlock.releases.gates.types import GateReport, Verdict
from interlock.releases.validation import Validator
from interlock.routing.types import ReadyGateway
from interlock.storage.pages import Page


def quiet(doing: str, done: int, steps: int) -> None:
    """Take note of nothing."""


def ready(house: House, name: str) -> ReadyGateway:
    found = house.table.gateway(house.scope, house.gateways[name].id)
    assert found is not None
    return found


async def validated(house: House, name: str) -> GateReport:
    return await Validator(house.payments).run(ready(house, name), None, quiet)


@pytest.mark.parametrize("name", ["stripe", "adyen"])
async def test_every_operation_of_a_sound_release_passes(house: House, name: str) -> None:
    report = await validated(house, name)
    assert report.findings == ()
    assert report.verdict is Verdict.PASSED
    assert {"sale", "refund", "capture", "partial_capture", "void", "verify"} <= set(report.checks)
    page = await house.payments.intents.list(house.scope, Page(limit=50))
    for intent in page.items:
        if intent.amount_received_minor:
            charge = await house.charge(intent)
            assert charge.amount_refunded_minor + charge.amount_refund_pending_minor == charge.amount_captured_minor
    assert report.measured["release"] == ready(house, name).release.id


async def test_what_is_broken_is_named_although_another_gateway_would_take_the_payment(
    house: House, stripe_gateway: Gateway
) -> None:
    stripe_gateway.fault("refuse", match={"path": "/v1/refunds"})
    report = await validated(house, "stripe")
    assert report.verdict is Verdict.FAILED
    assert report.findings[0].check == "validate.refund"
    assert {finding.check for finding in report.findings} <= {"validate.refund", "validate.give_back"}
    assert "interlock release rollback" in report.findings[0].remedy


async def test_in_live_mode_no_card_means_nothing_was_validated(house: House) -> None:
    found = ready(house, "stripe")
    live = msgspec.structs.replace(found, gateway=msgspec.structs.replace(found.gateway, livemode=True))
    assert live.gateway.scope == Scope(house.scope.account_id, livemode=True)
    report = await Validator(house.payments).run(live, None, quiet)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "no card" in report.findings[0].problem
