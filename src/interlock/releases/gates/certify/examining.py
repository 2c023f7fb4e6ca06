"""One examination, from an empty house to the auditor's word. Runs in the confined child."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from interlock.base.errors import ConfigurationError, ConnectorError
from interlock.gateways.loader import load_package
from interlock.gateways.manifest import Manifest
from interlock.gateways.package import unpack
from interlock.releases.gates.certify import deck
from interlock.releases.gates.certify.audit import secrets
from interlock.releases.gates.certify.audit.books import read_books
from interlock.releases.gates.certify.audit.comparing import Difference, by_case, compare
from interlock.releases.gates.certify.audit.keys import Promise, check_keys
from interlock.releases.gates.certify.audit.ours import Record, read_ours
from interlock.releases.gates.certify.cases import (
    banks,
    challenges,
    currencies,
    failures,
    holds,
    refunds,
    sales,
    stored,
    webhooks,
)
from interlock.releases.gates.certify.cases.types import Case
from interlock.releases.gates.certify.house import House, open_house
from interlock.releases.gates.certify.playing import Player
from interlock.releases.gates.certify.providers import Provider
from interlock.releases.gates.certify.takeovers import CROSS, Takeovers, Version
from interlock.releases.gates.certify.types import Examined, Order
from interlock.releases.gates.certify.watching import Raised
from interlock.releases.gates.isolation import Report
from interlock.releases.gates.types import Finding, Verdict
from interlock.storage.database import Database
from interlock.storage.queries import load_queries

_CHAPTERS = (sales, holds, refunds, currencies, challenges, stored, banks, webhooks, failures)
_FIRST = (
    "cross_version: nothing serves yet whose payments could be taken over; the next release proves it against this one"
)
_BOOKS = "the books"
_DIFFERENCES_PER_CASE = 3
_QUIET_WITHIN_S = 6.0
_SWEEPS = 4
_LATER_MS = 900_000
_QUERIES = load_queries("interlock.releases.gates.certify")


def all_cases(manifest: Manifest, provider: Provider) -> list[Case]:
    """Return every case that is asked of a release with ``manifest``."""
    return [case for chapter in _CHAPTERS for case in chapter.cases(manifest, provider)]


async def examine(order: Order, report: Report) -> Examined:
    """Play everything that ``order`` asks for and let the auditor look.

    Raises:
        ConnectorError: the candidate cannot be loaded.
        ConfigurationError: its manifest is wrong.

    """
    candidate = _version(order.package, order.settings)
    async with open_house(order.database_url, order.sandbox_url, order.provider) as house:
        examination = Examination(house, order, report)
        return await examination.run(candidate)


def _version(packed: bytes, settings: Mapping[str, str]) -> Version:
    package = unpack(packed)
    return Version(package=package, manifest=load_package(package).manifest, settings=settings)


class Examination:
    """One run."""

    def __init__(self, house: House, order: Order, report: Report) -> None:
        """Work in ``house``."""
        self._house = house
        self._order = order
        self._report = report
        self._player = Player(house, order.options, report)
        house.transport.out_of_memory = self._out_of_memory
        self._listener = secrets.Listener()
        self._seconds: dict[str, float] = {}

    async def run(self, candidate: Version) -> Examined:
        """Play, wait until all is quiet, audit."""
        player, house = self._player, self._house
        with secrets.listening(self._listener):
            try:
                shop = await house.new_shop("certified", candidate.package, candidate.settings)
            except ConfigurationError as error:
                return _only(_unfit(error))
            await house.look()
            house.serving(shop)
            takeovers = await self._takeovers(candidate)
            cases = [one for one in all_cases(candidate.manifest, house.provider) if player.wanted(one.name)]
            player.expect(len(cases))
            began = time.monotonic()
            crossing = [] if takeovers is None else [takeovers.play()]
            await asyncio.gather(player.play_all(shop, cases), *crossing)
            self._seconds["cases"] = time.monotonic() - began
            if player.ended_by is not None:
                return _only(player.ended_by)
            differences = await self._audited()
        return self._told(differences, takeovers)

    async def _takeovers(self, candidate: Version) -> Takeovers | None:
        """Return the cross-version cases; None where nothing serves yet, or what serves cannot be run here."""
        order, score = self._order, self._player.score
        if order.stable is None:
            return None
        try:
            stable = _version(order.stable, order.stable_settings)
        except (ConnectorError, ConfigurationError) as error:
            problem = f"the release that serves cannot be loaded: {error}"
            score.add(CROSS, "stable", problem, Verdict.ERROR, "look at what serves; the candidate is held meanwhile")
            return None
        takeovers = Takeovers(self._house, self._player, candidate, stable)
        try:
            await takeovers.prepare()
        except ConfigurationError as error:
            problem = f"both releases cannot run the same account: {error.field} {error.problem}"
            remedy = "accept that neither finishes the other's payments, or take the setting back"
            score.add(CROSS, "account", problem, Verdict.INCONCLUSIVE, remedy)
            return None
        return takeovers

    def _out_of_memory(self, raised: Raised) -> None:
        problem = f"raised MemoryError in {raised.asked}: it takes more memory than a release may"
        self._player.end(raised.place, problem, "bound what is kept and what is built")

    async def _audited(self) -> list[Difference]:
        began = time.monotonic()
        self._report("certify: the books", 0, 1)
        await self._quiet()
        house = self._house
        entries = await house.control.books(self._order.books_since)
        record = await read_ours(house.database)
        keys = {one.key: one.reference for one in house.transport.sent if one.key}
        found = compare(read_books(entries), record, keys, house.captured_aside)
        promises = {
            release_id: Promise(header=rules.header, key_max_length=rules.key_max_length)
            for release_id, rules in house.idempotency_rules().items()
        }
        found += check_keys(house.transport.sent, promises, partial(_case_of, record))
        needles = secrets.Needles(
            deck.TESTED | house.deck.dealt | deck.ACCOUNTS, list(house.provider.credentials.values())
        )
        case_of = partial(_case_of, record)
        found += _other_money(house.transport.other_money, case_of)
        found += secrets.told(house.transport.told, needles, case_of)
        found += await secrets.leaks(self._order.database_url, needles, self._listener.lines)
        hidden = self._raised(house.transport.raised, case_of)
        self._seconds["books"] = time.monotonic() - began
        told = [one for one in found if one.case not in hidden]
        return by_case(told, self._player.score.failed, _DIFFERENCES_PER_CASE)

    def _raised(self, raised: Sequence[Raised], case_of: Callable[[str], str]) -> set[str]:
        """Write down each place of a package where an exception arose, once, instead of what followed from it.

        The switch survives an exception, and recovery may hide it; a shop may not be so lucky. Returns the cases.
        """
        by_place: dict[tuple[str, str], list[Raised]] = {}
        for one in raised:
            by_place.setdefault((one.place, one.kind), []).append(one)
        score, hidden = self._player.score, set[str]()
        for (place, kind), found in by_place.items():
            cases = sorted({case for one in found if (case := case_of(one.reference))})
            hidden.update(cases)
            told = f"raises {kind} in {found[0].asked} ({found[0].text}); {_among(cases)}"
            score.add("raised", place, told, remedy="return an outcome for whatever may come")
        score.findings = [one for one in score.findings if one.where not in hidden]
        score.failed |= hidden
        return hidden

    async def _quiet(self) -> None:
        """Let everything that is under way end: webhooks that are owed, attempts that recovery has yet to ask about."""
        house = self._house
        await house.receiver.until(self._no_webhook_owed, _QUIET_WITHIN_S)
        later = house.ahead(0)
        for _ in range(_SWEEPS):
            if not await _count(house.database, _QUERIES["open_attempts"]):
                break
            later.clock.ahead_ms += _LATER_MS
            await later.payments.recovery.sweep(later.clock.now_ms())
            await house.receiver.until(self._no_webhook_owed, _QUIET_WITHIN_S)

    async def _no_webhook_owed(self) -> bool:
        health = await self._house.control.health()
        waiting = await _count(self._house.database, _QUERIES["waiting_notifications"])
        return not health["webhooks"]["owed"] and not waiting

    def _told(self, differences: list[Difference], takeovers: Takeovers | None) -> Examined:
        score, house = self._player.score, self._house
        proven = {} if takeovers is None else takeovers.proven(differences)
        left_out: tuple[str, ...] = (_FIRST,) if self._order.stable is None else ()
        for one in differences:
            score.add(one.check, one.case or _BOOKS, one.problem, facts=one.facts)
        findings = score.findings
        if takeovers is not None:
            findings, left_out = takeovers.split(findings)
        for check in ("orphans", "doubles", "amounts", "outcomes", "totals", "ledger", "holds", "keys", "secrets"):
            score.count(check)
        measured: dict[str, bool | int | str] = {
            "requests": len(house.transport.sent),
            "webhooks": house.receiver.received,
            "cases_ms": round(self._seconds["cases"] * 1000),
            "books_ms": round(self._seconds["books"] * 1000),
            **proven,
        }
        return Examined(checks=score.checks, findings=tuple(findings), left_out=left_out, measured=measured)


def _other_money(noticed: Sequence[tuple[str, str]], case_of: Callable[[str], str]) -> list[Difference]:
    """Return the answers that spoke of other money than was asked for, but where the gate let the gateway lie."""
    told = {(case_of(reference), asked): reference for reference, asked in noticed}
    return [
        Difference(
            check="echo",
            case=case,
            problem=f"the answer to a {asked} is about other money than was asked for, or than the connector reads",
            facts={"attempt": reference},
        )
        for (case, asked), reference in told.items()
        if failures.LYING not in case
    ]


def _only(finding: Finding) -> Examined:
    return Examined(checks={finding.check: 1}, findings=(finding,), left_out=(), measured={})


def _unfit(error: ConfigurationError) -> Finding:
    problem = f"is not what the account at the simulated gateway has: {error.problem}"
    remedy = f"{error.remedy}: give an account whose settings have it, or a sandbox of your own"
    return Finding(
        check="certify.account", verdict=Verdict.INCONCLUSIVE, where=error.field, problem=problem, remedy=remedy
    )


def _among(cases: Sequence[str]) -> str:
    others = f" and {len(cases) - 1} others" if len(cases) > 1 else ""
    return f"seen in {cases[0]}{others}" if cases else "seen in no case"


def _case_of(record: Record, reference: str) -> str:
    tried = record.attempts.get(reference)
    return "" if tried is None else record.cases.get(tried.intent, "")


async def _count(database: Database, sql: str) -> int:
    return int(await database.fetchval(sql))
