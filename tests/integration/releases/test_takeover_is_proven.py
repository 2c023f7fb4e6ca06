"""From the gate's word to real payments: stable finishes what another release began only where certify has seen it."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from tests.support import takeovers
from tests.support.payment_house import House

from interlock.base.problems import Problem
from interlock.gateways.package import Package
from interlock.payments.intents.types import CaptureIntent, Intent, IntentStatus
from interlock.releases.examining import Examiner
from interlock.releases.gates.types import Gate, Verdict
from interlock.releases.proposals import Proposal, Proposals
from interlock.releases.rollouts import Rollouts
from interlock.releases.takeover import CANDIDATE_FINISHES_STABLE, STABLE_FINISHES_CANDIDATE, STABLE_PACKAGE
from interlock.releases.types import Actor
from interlock.routing.releases import Pointer, Release, ReleaseState

T = TypeVar("T")
ANN = Actor("ann", verified=True)


class Shop:
    """A house whose Stripe is given other releases, examined as an operator examines them."""

    def __init__(self, house: House) -> None:
        assert house.vault is not None
        self.house = house
        self.proposals = Proposals(house.database, house.vault.envelope, house.clock)
        self.rollouts = Rollouts(house.database, house.clock)
        self.examiner = Examiner(self.proposals, house.clock, specifications=None, public_url="http://127.0.0.1:9")

    async def examined(self, package: Package, verdict: Verdict) -> Release:
        """Propose a release and put it through the gate certify, in a process of its own."""
        scope, gateway = self.house.scope, self.house.gateways["stripe"]
        release = got(await self.proposals.propose(scope, gateway.id, Proposal(package=package, note="try"), ANN))
        tell: Callable[[Gate, str, int, int], None] = lambda *_: None  # noqa: E731 - named for its type
        seen = got(await self.examiner.examine(scope, release.id, ANN, tell, gates=[Gate.CERTIFY]))
        assert [report.verdict for report in seen.reports] == [verdict], seen.reports[0].findings
        stable = got(await self.rollouts.store.release(scope, (await self.pointer()).stable_release_id))
        assert seen.evidence[Gate.CERTIFY].report.measured[STABLE_PACKAGE] == stable.package_id
        return seen.release

    async def install(self, release: Release) -> None:
        """Make a release serve at once, whatever its gates said."""
        got(await self.proposals.approve(self.house.scope, release.id, ANN, "a test", break_glass=True))
        got(await self.rollouts.install(self.house.scope, release.id, ANN, "a test"))
        await self.house.table.refresh(force=True)

    async def roll_back(self, release: Release) -> None:
        got(await self.rollouts.roll_back(self.house.scope, release.id, ANN, "a test"))
        await self.house.table.refresh(force=True)

    async def pointer(self) -> Pointer:
        return got(await self.rollouts.store.pointer(self.house.scope, self.house.gateways["stripe"].id))

    async def held(self) -> Intent:
        intent = await self.house.paid(amount_minor=2_400, capture_method="manual")
        assert intent.status is IntentStatus.REQUIRES_CAPTURE
        return intent

    async def captured(self, intent: Intent) -> str:
        """Capture all; return the release that goes on with the payment."""
        house = self.house
        began = (await house.attempts(intent))[0]
        serving = await house.table.finishing(house.scope, began.gateway_id, began.release_id)
        await house.follow(
            lambda respond: house.payments.follow_ons.capture(house.ctx(), intent.id, CaptureIntent(), respond)
        )
        assert (await house.intent(intent.id)).status is IntentStatus.SUCCEEDED
        last = (await house.attempts(intent))[-1]
        assert (last.operation, last.state) == ("capture", "approved")
        assert serving is not None
        taken_over = last.release_id != began.release_id
        assert last.release_id == serving.release.id, "an attempt is stamped with the release that carries it out"
        assert (last.arm, last.share_ppm) == (("stable", 0) if taken_over else (began.arm, last.share_ppm))
        return serving.release.id


def got(result: T | Problem) -> T:
    assert not isinstance(result, Problem), result
    return result


@pytest.fixture
def shop(house: House) -> Shop:
    return Shop(house)


async def test_a_stored_release_that_certify_has_seen_finishes_the_payments_of_the_one_before(shop: Shop) -> None:
    stable_id = (await shop.pointer()).stable_release_id
    before = await shop.held()
    release = await shop.examined(takeovers.with_other_words(), Verdict.PASSED)
    certificate = (await shop.proposals.store.certificates(shop.house.gateways["stripe"]))[0][1]
    assert certificate.measured[CANDIDATE_FINISHES_STABLE] is certificate.measured[STABLE_FINISHES_CANDIDATE] is True
    await shop.install(release)
    assert (await shop.pointer()).takes_over == (stable_id,)
    assert await shop.captured(before) == release.id

    meanwhile = await shop.held()
    await shop.roll_back(release)
    assert (await shop.pointer()).takes_over == (release.id,)
    assert await shop.captured(meanwhile) == stable_id


async def test_what_cross_version_has_not_proven_stays_with_the_release_that_began_it(shop: Shop) -> None:
    """Stable cannot read the candidate's references, so that the capture after the rollback shows who made it."""
    stable_id = (await shop.pointer()).stable_release_id
    release = await shop.examined(takeovers.with_marked_references(), Verdict.FAILED)
    assert release.state is ReleaseState.REJECTED
    await shop.install(release)
    meanwhile = await shop.held()
    assert meanwhile.latest_charge_id is not None
    assert ((await shop.house.charge(meanwhile)).gateway_reference or "").startswith("m_pi_")
    await shop.roll_back(release)
    pointer = await shop.pointer()
    assert (pointer.stable_release_id, pointer.takes_over) == (stable_id, ())
    assert await shop.captured(meanwhile) == release.id
