"""One examination, from an empty house to the auditor's word. Runs in the confined child."""

import asyncio
import time
from functools import partial
from typing import Any

from msgspec.structs import replace

from interlock.gateways.loader import load_package
from interlock.gateways.manifest import Manifest
from interlock.gateways.package import Package, unpack
from interlock.releases.gates.certify import deck
from interlock.releases.gates.certify.audit import secrets
from interlock.releases.gates.certify.audit.books import read_books
from interlock.releases.gates.certify.audit.comparing import Difference, by_case, compare
from interlock.releases.gates.certify.audit.keys import Promise, check_keys
from interlock.releases.gates.certify.audit.ours import Record, read_ours
from interlock.releases.gates.certify.cases import (
    banks,
    challenges,
    crossing,
    currencies,
    failures,
    holds,
    refunds,
    sales,
    stored,
    webhooks,
)
from interlock.releases.gates.certify.cases.types import Case
from interlock.releases.gates.certify.house import House, Shop, open_house
from interlock.releases.gates.certify.playing import Player
from interlock.releases.gates.certify.providers import Provider
from interlock.releases.gates.certify.stage import Stage
from interlock.releases.gates.certify.types import Examined, Order
from interlock.releases.gates.isolation import Report
from interlock.releases.takeover import CANDIDATE_FINISHES_STABLE, STABLE_FINISHES_CANDIDATE, STABLE_PACKAGE
from interlock.storage.database import Database

_CHAPTERS = (sales, holds, refunds, currencies, challenges, stored, banks, webhooks, failures)
_CROSS = "cross_version"
_FORTH, _BACK = "stable finishes", "candidate finishes"
_DIFFERENCES_PER_CASE = 3
_QUIET_WITHIN_S = 6.0
_SWEEPS = 4
_LATER_MS = 900_000
_OPEN = """
SELECT count(*) FROM attempts WHERE state IN ('begun', 'unknown', 'pending')
OR (next_inquiry_at_ms IS NOT NULL AND state <> 'challenge')
"""


def all_cases(manifest: Manifest, provider: Provider) -> list[Case]:
    """Return every case that is asked of a release with ``manifest``."""
    return [case for chapter in _CHAPTERS for case in chapter.cases(manifest, provider)]


async def examine(order: Order, report: Report) -> Examined:
    """Play everything that ``order`` asks for and let the auditor look.

    Raises:
        ConnectorError: a package cannot be loaded.
        ConfigurationError: its manifest does not fit the account at the simulated gateway.

    """
    candidate = unpack(order.package)
    stable = None if order.stable is None else unpack(order.stable)
    manifest = load_package(candidate).manifest
    if stable is not None:
        load_package(stable)
    async with open_house(order.database_url, order.sandbox_url, order.provider) as house:
        examination = Examination(house, order, report)
        return await examination.run(candidate, manifest, stable)


class Examination:
    """One run."""

    def __init__(self, house: House, order: Order, report: Report) -> None:
        """Work in ``house``."""
        self._house = house
        self._order = order
        self._report = report
        self._player = Player(house, order.options, report)
        self._listener = secrets.Listener()
        self._seconds: dict[str, float] = {}

    async def run(self, candidate: Package, manifest: Manifest, stable: Package | None) -> Examined:
        """Play, wait until all is quiet, audit."""
        player = self._player
        with secrets.listening(self._listener):
            cases = [one for one in all_cases(manifest, self._house.provider) if player.wanted(one.name)]
            player.expect(len(cases))
            shop = await self._house.new_shop("certified", candidate, manifest.name)
            await self._house.look()
            self._house.serving(shop)
            proven: dict[str, bool | str] = {}
            began = time.monotonic()
            if stable is None:
                await player.play_all(shop, cases)
            else:
                crossings = _Crossings(self._house, player, manifest, candidate, stable)
                await crossings.prepare()
                await asyncio.gather(player.play_all(shop, cases), crossings.play())
                proven = crossings.proven()
            self._seconds["cases"] = time.monotonic() - began
            differences = await self._audited()
        return self._told(differences, proven)

    async def _audited(self) -> list[Difference]:
        began = time.monotonic()
        self._report("certify: the books", 0, 1)
        await self._quiet()
        house = self._house
        entries = await house.control.books(self._order.books_since)
        record = await read_ours(house.database)
        found = compare(read_books(entries), record, house.captured_aside)
        promises = {
            release_id: Promise(header=rules.header, key_max_length=rules.key_max_length)
            for release_id, rules in house.idempotency_rules().items()
        }
        found += check_keys(house.transport.sent, promises, partial(_case_of, record))
        needles = secrets.Needles(
            deck.TESTED | house.deck.dealt | deck.ACCOUNTS, list(house.provider.credentials.values())
        )
        found += await secrets.leaks(self._order.database_url, needles, self._listener.lines)
        self._seconds["books"] = time.monotonic() - began
        return by_case(found, self._player.score.failed, _DIFFERENCES_PER_CASE)

    async def _quiet(self) -> None:
        """Let everything that is under way end: webhooks that are owed, attempts that recovery has yet to ask about."""
        house = self._house
        await house.receiver.until(self._no_webhook_owed, _QUIET_WITHIN_S)
        later = house.ahead(0)
        for _ in range(_SWEEPS):
            if not await _count(house.database, _OPEN):
                break
            later.clock.ahead_ms += _LATER_MS
            await later.payments.recovery.sweep(later.clock.now_ms())
            await house.receiver.until(self._no_webhook_owed, _QUIET_WITHIN_S)

    async def _no_webhook_owed(self) -> bool:
        health = await self._house.control.health()
        waiting = "SELECT count(*) FROM gateway_notifications WHERE state = 'waiting'"
        return not health["webhooks"]["owed"] and not await _count(self._house.database, waiting)

    def _told(self, differences: list[Difference], proven: dict[str, bool | str]) -> Examined:
        score, house = self._player.score, self._house
        for one in differences:
            score.add(one.check, one.case or "the books", one.problem)
            for key, mark in ((STABLE_FINISHES_CANDIDATE, _FORTH), (CANDIDATE_FINISHES_STABLE, _BACK)):
                if key in proven and one.case.startswith(mark):
                    proven[key] = False
        for check in ("orphans", "doubles", "amounts", "outcomes", "totals", "ledger", "holds", "keys", "secrets"):
            score.count(check)
        measured: dict[str, bool | int | str] = {
            "requests": len(house.transport.sent),
            "webhooks": house.receiver.received,
            "cases_ms": round(self._seconds["cases"] * 1000),
            "books_ms": round(self._seconds["books"] * 1000),
            **proven,
        }
        return Examined(checks=score.checks, findings=tuple(score.findings), left_out=(), measured=measured)


class _Crossings:
    """Both directions of finishing each other's payments, and the rollback, each in a shop of its own."""

    def __init__(self, house: House, player: Player, manifest: Manifest, candidate: Package, stable: Package) -> None:
        self._house = house
        self._player = player
        self._candidate = candidate
        self._stable = stable
        self._name = manifest.name
        both = _common(manifest, load_package(stable).manifest)
        self._wanted = {
            mark: [one for one in crossing.crossings(both) if player.wanted(f"{mark} {one.name}")]
            for mark in (_FORTH, _BACK)
        }
        self._rollbacks = [name for name in crossing.rollbacks(both) if player.wanted(name)]
        self._shops: dict[str, tuple[Shop, Any]] = {}
        self._played: set[str] = set()

    async def prepare(self) -> None:
        """Open the shops, each with the second release stored."""
        self._player.expect(sum(len(found) for found in self._wanted.values()) + len(self._rollbacks))
        for mark, first, second in (
            (_FORTH, self._candidate, self._stable),
            (_BACK, self._stable, self._candidate),
        ):
            if self._wanted[mark]:
                shop = await self._house.new_shop(mark, first, self._name)
                release = await self._house.propose(shop, second, mark)
                await self._house.certify(shop, release, first.id)
                self._shops[mark] = (shop, release)
        if self._rollbacks:
            shop = await self._house.new_shop("rolled back", self._stable, self._name)
            release = await self._house.propose(shop, self._candidate, "rolled back")
            self._shops["rolled back"] = (shop, release)
        await self._house.look()

    async def play(self) -> None:
        """Play all of it."""
        await asyncio.gather(self._cross(_FORTH), self._cross(_BACK), self._roll_back())

    def proven(self) -> dict[str, bool | str]:
        """Return what was seen of either side, in the words of ``releases.takeover``; nothing where not all was."""
        failed = self._player.score.failed
        told: dict[str, bool | str] = {STABLE_PACKAGE: self._stable.id}
        for mark, key in ((_FORTH, STABLE_FINISHES_CANDIDATE), (_BACK, CANDIDATE_FINISHES_STABLE)):
            names = {f"{mark} {one.name}" for one in self._wanted[mark]}
            told[key] = bool(names) and names <= self._played and not names & failed
        return told

    async def _cross(self, mark: str) -> None:
        if mark not in self._shops:
            return
        shop, release = self._shops[mark]
        begun: dict[str, Any] = {}

        async def begin(one: crossing.Crossing, stage: Stage) -> None:
            begun[one.name] = await one.begin(stage)

        stages = {one.name: Stage(self._house, shop, f"{mark} {one.name}") for one in self._wanted[mark]}
        await asyncio.gather(
            *(
                self._player.step(_CROSS, stages[one.name].case, partial(begin, one, stages[one.name]), ends=False)
                for one in self._wanted[mark]
            )
        )
        await self._house.install(shop, release)

        async def finish(one: crossing.Crossing) -> None:
            stage = stages[one.name]
            if one.name not in begun:
                return
            await self._player.step(_CROSS, stage.case, lambda: one.finish(stage, begun[one.name]))
            self._played.add(stage.case)

        await asyncio.gather(*(finish(one) for one in self._wanted[mark]))

    async def _roll_back(self) -> None:
        if not self._rollbacks or self._player.is_over():
            return
        shop, release = self._shops["rolled back"]
        await self._house.install(shop, release)
        stages = {name: Stage(self._house, shop, name) for name in self._rollbacks}
        begun: dict[str, Any] = {}

        async def begin() -> None:
            back = partial(self._house.roll_back, shop, release)
            begun.update(await crossing.roll_back_in_the_middle(stages, back))

        if not await self._player.step("rollback", self._rollbacks[0], begin, ends=False):
            return
        await asyncio.gather(
            *(
                self._player.step("rollback", name, partial(crossing.ends_right, stages[name], begun[name]))
                for name in self._rollbacks
            )
        )


def _common(one: Manifest, other: Manifest) -> Manifest:
    """Return ``one`` with no more claimed than ``other`` claims too: more cannot be asked across releases."""
    able, also = one.capabilities, other.capabilities
    both = replace(
        able,
        operations=tuple(operation for operation in able.operations if operation in also.operations),
        partial_capture=able.partial_capture and also.partial_capture,
        incremental=able.incremental and also.incremental,
        partial_refund=able.partial_refund and also.partial_refund,
        three_d_secure=able.three_d_secure and also.three_d_secure,
        inquiry=able.inquiry if also.inquiry != "none" else "none",
    )
    return replace(one, capabilities=both, webhook=one.webhook if other.webhook is not None else None)


def _case_of(record: Record, reference: str) -> str:
    tried = record.attempts.get(reference)
    return "" if tried is None else record.cases.get(tried.intent, "")


async def _count(database: Database, sql: str) -> int:
    return int(await database.fetchval(sql))
