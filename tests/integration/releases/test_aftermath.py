"""After the undo: what a bad release wrote down is found, told by certainty, and put right by what the gateway says."""

from typing import TypeVar

import pytest
from tests.support.payment_house import House
from tests.support.sandboxes import Gateway

from interlock.base.problems import Problem
from interlock.gateways.contract import Operation
from interlock.gateways.loader import builtin_package
from interlock.gateways.outcomes import Outcome
from interlock.gateways.package import Package
from interlock.payments.attempts.types import BEGUN
from interlock.payments.intents.types import IntentStatus
from interlock.payments.recovery.reviewing import MEANINGS, Repair, Review
from interlock.releases.aftermath import Aftermath, Certainty, certainty_of
from interlock.releases.gates.types import Gate, GateReport, Verdict
from interlock.releases.proposals import Proposal, Proposals
from interlock.releases.rollouts import Rollouts
from interlock.releases.takeover import CANDIDATE_FINISHES_STABLE, STABLE_FINISHES_CANDIDATE, STABLE_PACKAGE
from interlock.releases.types import Actor
from interlock.routing.journal import read
from interlock.routing.releases import Release

T = TypeVar("T")
ANN = Actor("ann", verified=True)


class Shop:
    """A house whose Stripe can be given another release, for better or worse."""

    def __init__(self, house: House) -> None:
        assert house.vault is not None
        self.house = house
        self.proposals = Proposals(house.database, house.vault.envelope, house.clock)
        self.rollouts = Rollouts(house.database, house.clock)
        self.aftermath = Aftermath(house.database, house.payments.reviewer)

    async def install(self, old: str, new: str, *, connector: str = "stripe", proven: bool = True) -> Release:
        """Make the built-in connector with one change in its manifest serve at once, gates or not."""
        house, package = self.house, builtin_package(connector)
        manifest = package.manifest.decode()
        assert old in manifest
        bad = Package({**package.files, "manifest.toml": manifest.replace(old, new, 1).encode()})
        gateway_id = house.gateways[connector].id
        release = got(await self.proposals.propose(house.scope, gateway_id, Proposal(package=bad, note="bad"), ANN))
        report = GateReport(
            gate=Gate.CERTIFY,
            verdict=Verdict.PASSED,
            checks={},
            measured={
                STABLE_PACKAGE: package.id,
                STABLE_FINISHES_CANDIDATE: proven,
                CANDIDATE_FINISHES_STABLE: proven,
            },
        )
        got(await self.proposals.record(house.scope, release.id, report, ANN))
        got(await self.proposals.approve(house.scope, release.id, ANN, "in a hurry", break_glass=True))
        got(await self.rollouts.promote(house.scope, release.id, ANN, "in a hurry", break_glass=True))
        await house.table.refresh(force=True)
        return release

    async def roll_back(self, release: Release) -> None:
        got(await self.rollouts.roll_back(self.house.scope, release.id, ANN, "it hurts"))
        await self.house.table.refresh(force=True)

    async def repair(self, release: Release) -> list[Review]:
        now_ms = self.house.clock.now_ms()
        return [one async for one in self.aftermath.repair(self.house.scope, release.id, ANN, now_ms)]


def got(result: T | Problem) -> T:
    assert not isinstance(result, Problem), result
    return result


@pytest.fixture
def shop(house: House) -> Shop:
    return Shop(house)


async def test_money_that_a_release_read_as_a_decline_is_found_and_given_back(
    shop: Shop, stripe_gateway: Gateway
) -> None:
    house = shop.house
    release = await shop.install('succeeded = "approved"', 'succeeded = "declined"')
    view = await house.pay()
    assert isinstance(view, Problem), "the shop is told that the card was declined, and the money is gone"
    await shop.roll_back(release)
    affected = got(await shop.aftermath.affected(house.scope, release.id))
    assert [(one.state, one.certainty) for one in affected] == [("declined", Certainty.INQUIRE)]
    reviews = await shop.repair(release)
    assert [(one.was, one.found, one.repair) for one in reviews] == [("declined", "approved", Repair.GIVEN_BACK)]
    assert reviews[0].meaning == MEANINGS[Repair.GIVEN_BACK]
    await house.recover()
    intent_id = affected[0].intent_id
    assert intent_id is not None
    undoing = [one for one in await house.attempts(await house.intent(intent_id)) if one.operation is Operation.REFUND]
    assert [one.state for one in undoing] == [Outcome.APPROVED]
    assert (await read(house.database, house.scope.account_id, subject=release.id))[0].facts == {"given_back": 1}
    again = await shop.repair(release)
    assert {one.repair for one in again} == {Repair.RIGHT}, "done again, nothing is given back twice"


async def test_a_decline_that_a_release_read_as_an_approval_is_withdrawn(shop: Shop, stripe_gateway: Gateway) -> None:
    house = shop.house
    stripe_gateway.fault("refuse")
    release = await shop.install('Refused = "declined"', 'Refused = "approved"', connector="adyen")
    intent = await house.paid("pm_card_visa_chargeDeclined")
    assert intent.status is IntentStatus.SUCCEEDED, "the shop is told that it is paid"
    await shop.roll_back(release)
    reviews = await shop.repair(release)
    assert [(one.found, one.repair) for one in reviews] == [("declined", Repair.WITHDRAWN)]
    assert (await house.charge(intent)).disputed
    assert {one.repair for one in await shop.repair(release)} <= {Repair.WITHDRAWN, Repair.RIGHT}


async def test_what_was_right_stays_right_and_is_said_to_be(shop: Shop) -> None:
    house = shop.house
    release = await shop.install('title = "Stripe"', 'title = "Stripe Payments"')
    intent = await house.paid()
    assert intent.status is IntentStatus.SUCCEEDED
    await shop.roll_back(release)
    assert [one.repair for one in await shop.repair(release)] == [Repair.RIGHT]
    assert (await house.intent(intent.id)).status is IntentStatus.SUCCEEDED


async def test_without_the_proof_nothing_is_touched(shop: Shop) -> None:
    house = shop.house
    release = await shop.install('succeeded = "approved"', 'succeeded = "declined"', proven=False)
    await house.pay()
    await shop.roll_back(release)
    reviews = await shop.repair(release)
    assert [one.repair for one in reviews] == [Repair.NOT_PROVEN]


async def test_a_payment_that_another_gateway_took_is_owed_nothing(shop: Shop, stripe_gateway: Gateway) -> None:
    house = shop.house
    release = await shop.install('title = "Stripe"', 'title = "Stripe Payments"')
    stripe_gateway.fault("refuse")
    intent = await house.paid()
    assert intent.status is IntentStatus.SUCCEEDED
    await shop.roll_back(release)
    affected = got(await shop.aftermath.affected(house.scope, release.id))
    assert [(one.state, one.certainty) for one in affected] == [("refused", Certainty.PAID_ELSEWHERE)]


async def test_a_release_that_does_not_exist_is_said_not_to(shop: Shop) -> None:
    missing = await shop.aftermath.affected(shop.house.scope, "rel_none")
    assert isinstance(missing, Problem)
    assert [one async for one in shop.aftermath.repair(shop.house.scope, "rel_none", ANN, 0)] == []


@pytest.mark.parametrize(
    ("operation", "state", "mismatch", "elsewhere", "certainty"),
    [
        (Operation.SALE, "approved", True, False, Certainty.VOID_FIRST),
        (Operation.SALE, "unknown", True, True, Certainty.VOID_FIRST),
        (Operation.SALE, "refused", False, False, Certainty.SAFE_TO_RETRY),
        (Operation.SALE, "not_sent", False, False, Certainty.SAFE_TO_RETRY),
        (Operation.SALE, "refused", False, True, Certainty.PAID_ELSEWHERE),
        (Operation.SALE, "declined", False, False, Certainty.INQUIRE),
        (Operation.SALE, "approved", False, False, Certainty.INQUIRE),
        (Operation.SALE, BEGUN, False, False, Certainty.INQUIRE),
        (Operation.REFUND, "unknown", False, False, Certainty.INQUIRE),
        (Operation.VERIFY, "declined", False, False, Certainty.SAFE_TO_RETRY),
        (Operation.VERIFY, BEGUN, False, False, Certainty.INQUIRE),
    ],
)
def test_what_may_be_done_follows_from_what_was_written_down(
    operation: Operation, state: str, mismatch: bool, elsewhere: bool, certainty: Certainty
) -> None:
    assert certainty_of(operation, state, echo_mismatch=mismatch, paid_elsewhere=elsewhere) is certainty


def test_every_repair_has_its_sentence() -> None:
    assert set(MEANINGS) == set(Repair)
