"""A trial on a real database: releases, pointer, controller; payments are rows that a test writes like the switch."""

import hashlib
import random
from typing import Any, TypeVar

import msgspec

from interlock.base.clock import ManualClock
from interlock.base.context import Scope
from interlock.base.ids import new_id
from interlock.base.problems import Problem
from interlock.gateways.contract import Operation
from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.payments.attempts.types import ATTEMPTS, Attempt
from interlock.releases.canary.controller import CanaryController
from interlock.releases.proposals import Proposal, Proposals
from interlock.releases.rollouts import Rollouts
from interlock.releases.types import Actor, Plan, StoredTrial
from interlock.routing.releases import Pointer, Release
from interlock.routing.service import Routing
from interlock.routing.types import Gateway
from interlock.storage.database import Database
from interlock.storage.writes import Insert, Update
from interlock.vault.envelope import Envelope
from interlock.vault.keys import KeyRing

T = TypeVar("T")
NOW_MS = 1_764_000_000_000
SCOPE = Scope("acct_1", livemode=False)
ENVELOPE = Envelope(KeyRing({"k1": b"1" * 32}, b"f" * 32))
CREDENTIALS = {"secret_key": "sk_test_" + "a" * 32, "webhook_secret": "whsec_" + "b" * 32}
ANN = Actor("ann", verified=True)


class TrialBench:
    """One gateway with a release on trial."""

    def __init__(self, database: Database, seed: int = 7) -> None:
        """Work on ``database``; draws are seeded."""
        self.database = database
        self.clock = ManualClock(NOW_MS)
        self.proposals = Proposals(database, ENVELOPE, self.clock)
        self.rollouts = Rollouts(database, self.clock)
        self.random = random.Random(seed)
        self.controller = self.another_controller()
        self.made = 0

    def another_controller(self) -> CanaryController:
        """Return a controller as a process that was started just now has it."""
        return CanaryController(self.database, self.rollouts, self.clock)

    async def start(self, plan: Plan) -> Release:
        """Add a gateway and start a canary on it."""
        routing = Routing(self.database, ENVELOPE, self.clock)
        gateway = await routing.create_gateway(
            SCOPE, name="stripe", connector="stripe", settings={}, credentials=CREDENTIALS
        )
        assert isinstance(gateway, Gateway)
        package = builtin_package("stripe")
        changed = Package({**package.files, "extra.py": b"A = 1\n"})
        release = got(await self.proposals.propose(SCOPE, gateway.id, Proposal(package=changed, note="try"), ANN))
        got(await self.proposals.approve(SCOPE, release.id, ANN, "a test", break_glass=True))
        return got(await self.rollouts.start_canary(SCOPE, release.id, ANN, "a test", plan))

    async def release(self, release: Release) -> Release:
        """Return it as it stands now."""
        return got(await self.rollouts.store.release(SCOPE, release.id))

    async def pointer(self, release: Release) -> Pointer:
        """Return its gateway's pointer."""
        return got(await self.rollouts.store.pointer(SCOPE, release.gateway_id))

    async def trial(self, release: Release) -> StoredTrial:
        """Return its newest trial."""
        return (await self.rollouts.store.trials(release))[0]

    async def pay(self, pointer: Pointer, candidate_good: float, stable_good: float, **more: Any) -> Attempt:
        """Write one payment, drawn to an arm as the pointer says, that ends as chance has it."""
        treated = self.random.randrange(1_000_000) < pointer.share_ppm
        good = self.random.random() < (candidate_good if treated else stable_good)
        fields: dict[str, Any] = {"state": "approved" if good else "declined", **more}
        if fields["state"] == "begun":
            fields["next_inquiry_at_ms"] = self.clock.now_ms() + 40_000
        return await self.write(self.attempt(pointer, treated=treated, **fields))

    async def write(self, attempt: Attempt) -> Attempt:
        """Write a payment's attempt."""
        await self.database.commit([Insert(ATTEMPTS, attempt)])
        return attempt

    def attempt(self, pointer: Pointer, *, treated: bool, state: str, **more: Any) -> Attempt:
        """Return a payment's attempt on one arm."""
        self.made += 1
        self.clock.advance(1)
        now_ms = self.clock.now_ms()
        release_id = pointer.trial_release_id if treated else pointer.stable_release_id
        open_state = state in {"begun", "unknown"}
        fields: dict[str, Any] = {
            "account_id": SCOPE.account_id,
            "id": new_id("at", now_ms),
            "livemode": False,
            "version": 1,
            "created_at_ms": now_ms,
            "subject_id": f"pi_{self.made}",
            "intent_id": f"pi_{self.made}",
            "charge_id": None,
            "operation": Operation.SALE,
            "stage": Operation.SALE,
            "state": state,
            "sequence": 1,
            "gateway_id": pointer.id,
            "connector": "stripe",
            "release_id": release_id,
            "arm": ("candidate" if pointer.trial_kind == "canary" else "holdback") if treated else "stable",
            "share_ppm": pointer.share_ppm,
            "payer": hashlib.blake2b(b"payer %d" % self.made, digest_size=8).hexdigest(),
            "amount_minor": 1099,
            "currency": "usd",
            "payment_method_id": None,
            "network": "visa",
            "country": "US",
            "bin": "424242",
            "latency_ms": None if state == "begun" else 120,
            "next_inquiry_at_ms": now_ms + 1_000 if open_state else None,
        }
        return Attempt(**(fields | more))

    async def settle(self, attempt: Attempt, state: str, **more: Any) -> Attempt:
        """Write what became of an attempt."""
        settled = msgspec.structs.replace(
            attempt, version=attempt.version + 1, state=state, latency_ms=150, next_inquiry_at_ms=None, **more
        )
        await self.database.commit([Update(ATTEMPTS, settled)])
        return settled

    async def look(self, later_ms: int = 600) -> int:
        """Let time pass and the controller look."""
        self.clock.advance(later_ms)
        return await self.controller.run_once()


def got(result: T | Problem) -> T:
    """Return ``result``, which must be no problem."""
    assert not isinstance(result, Problem), result
    return result
