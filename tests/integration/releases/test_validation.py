"""Validation through the live path: every operation once against the sandboxes, and what it says when one is broken."""

import msgspec
import pytest
from tests.support.payment_house import House
from tests.support.receiving import receiving
from tests.support.sandboxes import Gateway

from interlock.base.context import Scope
from interlock.releases.gates.types import Gate, GateReport, Verdict
from interlock.releases.hearing import Hearing
from interlock.releases.proposals import Proposals
from interlock.releases.store import ReleaseStore
from interlock.releases.types import Actor
from interlock.releases.validating import Validations
from interlock.releases.validation import Probe, Validator
from interlock.routing import journal
from interlock.routing.releases import ReleaseState
from interlock.routing.types import ReadyGateway
from interlock.storage.pages import Page
from interlock.webhooks.inbound.arrivals import Arrivals

HMAC_KEY = "44" * 32


def quiet(doing: str, done: int, steps: int) -> None:
    """Take note of nothing."""


def ready(house: House, name: str) -> ReadyGateway:
    found = house.table.gateway(house.scope, house.gateways[name].id)
    assert found is not None
    return found


def validator(house: House, within_s: float = 10.0) -> Validator:
    return Validator(house.payments, Hearing(Arrivals(house.database), within_s))


async def validated(house: House, name: str, within_s: float = 10.0) -> GateReport:
    return await validator(house, within_s).run(ready(house, name), None, quiet)


@pytest.mark.parametrize("name", ["stripe", "adyen"])
async def test_every_operation_of_a_sound_release_passes(house: House, name: str, adyen_gateway: Gateway) -> None:
    async with receiving(house, {"adyen": adyen_gateway}, {"adyen": HMAC_KEY}):
        report = await validated(house, name)
    assert report.findings == ()
    assert report.verdict is Verdict.PASSED
    assert {"sale", "refund", "capture", "partial_capture", "void", "verify"} <= set(report.checks)
    assert ("webhook" in report.checks) is (name == "adyen"), "Stripe's account has no webhook secret here"
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


async def test_a_gateway_that_never_told_anything_is_held(house: House) -> None:
    report = await validated(house, "adyen", within_s=0.5)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert [finding.check for finding in report.findings] == ["validate.webhook"]
    assert "none ever did" in report.findings[0].problem


async def test_a_webhook_that_cannot_be_believed_any_more_is_named(house: House, adyen_gateway: Gateway) -> None:
    async with receiving(house, {"adyen": adyen_gateway}, {"adyen": HMAC_KEY}):
        assert (await validated(house, "adyen")).verdict is Verdict.PASSED
    async with receiving(house, {"adyen": adyen_gateway}, {"adyen": "55" * 32}):
        report = await validated(house, "adyen", within_s=1.0)
    assert report.verdict is Verdict.FAILED
    assert [finding.check for finding in report.findings] == ["validate.webhook"]
    assert "earlier ones did" in report.findings[0].problem
    assert "interlock release rollback" in report.findings[0].remedy


async def test_in_live_mode_no_card_means_nothing_was_validated(house: House) -> None:
    found = ready(house, "stripe")
    live = msgspec.structs.replace(found, gateway=msgspec.structs.replace(found.gateway, livemode=True))
    assert live.gateway.scope == Scope(house.scope.account_id, livemode=True)
    report = await validator(house).run(live, None, quiet)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "no card" in report.findings[0].problem


# What is kept of it


def validations(house: House) -> Validations:
    assert house.vault is not None
    proposals = Proposals(house.database, house.vault.envelope, house.clock)
    return Validations(proposals, validator(house), house.table, house.clock)


async def test_what_was_found_is_kept_with_its_author(house: House) -> None:
    release = ready(house, "stripe").release
    heard: list[str] = []
    report = await validations(house).validate(
        house.scope, release.id, Actor("ann"), lambda gate, what, done, total: heard.append(f"{gate}: {what}")
    )
    assert isinstance(report, GateReport)
    assert report.verdict is Verdict.PASSED
    assert "validate: sale" in heard
    kept = await ReleaseStore(house.database).newest_evidence(release)
    assert [(one.gate, one.report) for one in kept] == [(Gate.VALIDATE, report)]
    entry = (await journal.read(house.database, house.scope.account_id, subject=release.id))[0]
    assert (entry.actor, entry.action, entry.facts["evidence"]) == ("ann", "release.examined", kept[0].id)
    after = await ReleaseStore(house.database).release(house.scope, release.id)
    assert getattr(after, "state", None) is ReleaseState.STABLE, "a validation moves nothing"


async def test_a_card_of_the_shops_own_pays_the_probes(house: House) -> None:
    release = ready(house, "stripe").release
    report = await validations(house).validate(
        house.scope, release.id, Actor("ann"), lambda *_: None, Probe("pm_card_chargeDeclined")
    )
    assert isinstance(report, GateReport)
    assert report.verdict is Verdict.FAILED, "the card that was named was used, and declined"


async def test_only_what_serves_is_validated(house: House) -> None:
    release = ready(house, "stripe").release
    absent = await validations(house).validate(house.scope, "rel_none", Actor("ann"), lambda *_: None)
    assert getattr(absent, "status", None) == 404
    await house.database.execute("UPDATE releases SET state = 'superseded' WHERE id = $1", release.id)
    refused = await validations(house).validate(house.scope, release.id, Actor("ann"), lambda *_: None)
    assert (getattr(refused, "code", None), getattr(refused, "status", None)) == ("wrong_state", 409)


async def test_probes_that_break_hold_the_release_and_are_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(*_: object) -> GateReport:
        raise RuntimeError("no room for sk_live_" + "Q7rT2vX9" * 4)

    monkeypatch.setattr(Validator, "run", breaks)
    release = ready(house, "stripe").release
    report = await validations(house).validate(house.scope, release.id, Actor("ann"), lambda *_: None)
    assert isinstance(report, GateReport)
    assert report.verdict is Verdict.ERROR
    assert "RuntimeError" in report.findings[0].problem
    assert "Q7rT2vX9" not in report.findings[0].problem
