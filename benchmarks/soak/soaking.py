"""The soak itself: shoppers buy while gateways misbehave and processes die; afterwards three records are compared.

Called by ``__main__`` and by the short soak of the tests.
"""

import asyncio
import itertools
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
from benchmarks.soak.comparing import Booked, Finding, Verdict, compare, compare_totals, sum_books
from benchmarks.soak.faults import REFUSE_EVERYTHING, FaultControl, fault_mix
from benchmarks.soak.pans import count_in_files
from benchmarks.soak.plan import Figures, SoakPlan
from benchmarks.soak.reading import Ours, pans_in_database, told
from benchmarks.soak.receiver import Receiver
from benchmarks.soak.running import Killer, SoakSwitch, new_switch, wait_ready

from interlock import bootstrap
from interlock.base.context import Scope
from interlock.base.settings import Settings
from interlock.cli.supervision.quickstart import Quickstart
from interlock.routing.types import Condition
from interlock.sandbox.shoppers.crowd import Crowd, Plan
from interlock.sandbox.shoppers.journal import Journal
from interlock.storage.database import Database
from interlock.storage.embedded import running_url

_HALF_PPM = 500_000
_POLL_S = 1.0
_CALM_S, _CALM_WITHIN_S = 5.0, 120.0
_LEASE_BEYOND_BUDGET_MS, _MARGIN_MS = 15_000, 2_000
_RULE_SEEN_S = 1.5
_OUTAGE_EVERY_S, _OUTAGE_S = 9.0, 1.5
_NAMES_MAX = 40

Say = Callable[[str], None]


class Report(msgspec.Struct, kw_only=True):
    """What a soak found: the figures, what they are made of, and every finding in words."""

    figures: Figures
    findings: list[str] = []
    details: dict[str, object] = {}
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Return True when nothing was found that must not be."""
        figures = self.figures
        return not (
            figures.lost
            or figures.duplicates
            or figures.unknown_left
            or figures.books_difference_minor
            or figures.pans_outside_vault
            or figures.shopper_failures_when_one_gateway_refuses
            or self.findings
        )


class Scene:
    """What every part of a soak works with."""

    def __init__(
        self, plan: SoakPlan, switch: SoakSwitch, quickstart: Quickstart, session: aiohttp.ClientSession
    ) -> None:
        """Keep the parts."""
        self.plan = plan
        self.switch = switch
        self.quickstart = quickstart
        self.api_port = quickstart.ports["api"]
        self.controls = {gateway.name: FaultControl(session, gateway.url) for gateway in quickstart.gateways}
        self.names = {gateway.id: gateway.name for gateway in quickstart.gateways}
        url = running_url(plan.folder / ".interlock" / "postgres")
        assert url is not None
        self.database_url = url
        self.faults_hit: dict[str, int] = {}
        self.hurried = 0

    async def misbehave(self) -> None:
        """Let both gateways suffer every fault there is."""
        for name, control in self.controls.items():
            for fault in fault_mix(name):
                await control.add(fault)

    async def behave(self) -> None:
        """End all faults, remembering how often each struck."""
        for control in self.controls.values():
            for kind, hits in (await control.hits()).items():
                self.faults_hit[kind] = self.faults_hit.get(kind, 0) + hits
            await control.clear()


async def soak(plan: SoakPlan, say: Say) -> Report:
    """Run one soak in ``plan.folder``, which must not hold another one."""
    began = time.monotonic()
    plan.folder.mkdir(parents=True, exist_ok=True)
    receiver = Receiver()
    await receiver.open()
    try:
        async with _running(plan, receiver.url) as scene:
            report = await _soaked(scene, receiver, say)
    finally:
        await receiver.close()
    report.seconds = round(time.monotonic() - began, 1)
    return report


@asynccontextmanager
async def _running(plan: SoakPlan, hook: str) -> AsyncIterator[Scene]:
    switch = new_switch(plan.folder, free_ports(), plan.budget_ms, hook)
    timeout = aiohttp.ClientTimeout(total=120)
    try:
        quickstart = await switch.start()
        async with aiohttp.ClientSession(timeout=timeout) as session:
            scene = Scene(plan, switch, quickstart, session)
            for control in scene.controls.values():
                await control.find()
            await _share_out(scene)
            yield scene
    finally:
        await switch.stop()


def free_ports() -> tuple[int, int, int]:
    """Return three free loopback ports."""
    sockets = [socket.socket() for _ in range(3)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        first, second, third = (int(each.getsockname()[1]) for each in sockets)
    finally:
        for each in sockets:
            each.close()
    return first, second, third


async def _share_out(scene: Scene) -> None:
    """Send half of the payments to the second gateway first, so that both have work."""
    settings = Settings(data_dir=scene.plan.folder / ".interlock")
    async with bootstrap.open_rooms(settings, scene.database_url, pool_size=2) as rooms:
        account = (await rooms.access.list_accounts())[0]
        scope = Scope(account.account_id, livemode=False)
        adyen = next(gateway for gateway in scene.quickstart.gateways if gateway.name == "adyen")
        condition = Condition(share_ppm=_HALF_PPM)
        await rooms.routing.create_rule(scope, name="half", condition=condition, gateway_ids=(adyen.id,))
    await asyncio.sleep(_RULE_SEEN_S)


async def _soaked(scene: Scene, receiver: Receiver, say: Say) -> Report:
    plan = scene.plan
    journal = Journal(plan.folder / "journal.jsonl")
    figures = Figures()
    report = Report(figures=figures)
    database = await Database.connect(scene.database_url, pool_size=2)
    try:
        account_id = str(await database.fetchval("SELECT account_id FROM accounts LIMIT 1"))
        ours = Ours(database, account_id)
        async with AsyncExitStack() as stack:
            crowd = await stack.enter_async_context(_crowd(scene, journal, first=1, count=None))
            buying = asyncio.create_task(crowd.run())
            killer = await _chaos(scene, crowd, say)
            await scene.behave()
            say(f"faults cleared after {crowd.tally.payments} payments and {killer.count} kills; waiting for both")
            assert await wait_ready(scene.switch, scene.api_port), "API or worker did not come back"
            await _calm_down(ours, say)
            crowds = [crowd]
            for name, control in scene.controls.items():
                first = crowds[-1].plan.first + crowds[-1].tally.orders_begun
                calm = await stack.enter_async_context(_crowd(scene, journal, first=first, count=plan.refused // 2))
                await _one_refuses(name, control, calm, say)
                crowds.append(calm)
            await _recover(scene, ours, buying, say)
            left = [
                await one.settle(plan.settle_within_s, told=lambda n: say(f"settling {n} orders")) for one in crowds
            ]
        journal.close()
        _count_crowds(report, crowds, killer, scene)
        await _delivered(scene, ours, receiver, report, say)
        await _audit(scene, ours, report, sum(left), say)
    finally:
        journal.close()
        await database.close()
    return report


# --- the parts -------------------------------------------------------------------------------------------------------


def _crowd(scene: Scene, journal: Journal, *, first: int, count: int | None) -> Crowd:
    plan = scene.plan
    shoppers = Plan(
        seed=plan.seed,
        rate_per_s=plan.rate_per_s if count is None else plan.rate_per_s / 2,
        count=count,
        first=first,
        day_s=120.0 if count is None else None,
        in_flight_max=plan.in_flight_max,
    )
    return Crowd(shoppers, scene.quickstart.api_url, scene.quickstart.secret_key, journal)


async def _chaos(scene: Scene, crowd: Crowd, say: Say) -> Killer:
    """Let shoppers buy while gateways misbehave and processes die, until enough of both has happened."""
    plan = scene.plan
    killer = Killer(scene.switch, scene.api_port, plan.seed, plan.kill_every_s)
    await scene.misbehave()
    began = time.monotonic()
    killing = asyncio.create_task(killer.run())
    outages = asyncio.create_task(_outages(scene))
    while not killing.done():
        await asyncio.wait([killing], timeout=_POLL_S)
        tally, took_s = crowd.tally, time.monotonic() - began
        say(
            f"{tally.payments}/{plan.payments} payments, {killer.count}/{plan.kills} kills, {crowd.in_flight} in "
            f"flight, {tally.hurt} not what the card deserves, {took_s:.0f} s"
        )
        if (tally.payments >= plan.payments and killer.count >= plan.kills) or took_s > plan.seconds:
            crowd.stop()
            killing.cancel()
    outages.cancel()
    await asyncio.gather(killing, outages, return_exceptions=True)
    return killer


async def _outages(scene: Scene) -> None:
    """Let one gateway after the other be unreachable for a moment, until cancelled."""
    for control in itertools.cycle(scene.controls.values()):
        await asyncio.sleep(_OUTAGE_EVERY_S)
        await control.down(_OUTAGE_S)
        scene.faults_hit["down"] = scene.faults_hit.get("down", 0) + 1


async def _calm_down(ours: Ours, say: Say) -> None:
    """Wait, within limits, until the last kill's backlog is worked off: only the gateway shall be ill afterwards."""
    deadline = time.monotonic() + _CALM_WITHIN_S
    while time.monotonic() < deadline:
        await asyncio.sleep(_CALM_S)
        waiting = await ours.undelivered()
        if not any(waiting.values()):
            return
        say("calming down: " + _counts(waiting))


async def _one_refuses(name: str, control: FaultControl, crowd: Crowd, say: Say) -> None:
    """Let one gateway refuse everything while shoppers buy; nothing else goes wrong."""
    await control.add(REFUSE_EVERYTHING)
    say(f"{name} refuses everything")
    await crowd.run()
    await control.clear()


def _count_crowds(report: Report, crowds: list[Crowd], killer: Killer, scene: Scene) -> None:
    figures, (chaos, *calm) = report.figures, crowds
    figures.kills = killer.count
    figures.payments = sum(one.tally.payments for one in crowds)
    figures.shopper_failures_when_one_gateway_refuses = sum(one.tally.hurt for one in calm)
    report.details["shoppers"] = _of_crowd(chaos)
    report.details["while_one_refuses"] = [_of_crowd(one) for one in calm]
    report.details["kills"] = killer.kills
    report.details["faults"] = scene.faults_hit
    report.details["hurried_attempts"] = scene.hurried
    report.findings += [f"shopper failed: {each}" for one in calm for each in one.tally.surprises if each.hurts]
    report.findings += [f"shopper's program broke: {one.broken!r}" for one in crowds if one.broken is not None]
    twins = sum(one.tally.differing_twins for one in crowds)
    if twins:
        report.findings.append(f"{twins} requests sent twice under one key got two different answers")


async def _recover(scene: Scene, ours: Ours, buying: "asyncio.Task[None]", say: Say) -> None:
    """Wait until the last shoppers have their answers and the switch knows everything, or the time is up."""
    plan = scene.plan
    patient_until = time.monotonic() + plan.patience_s
    deadline = patient_until + plan.settle_within_s
    while time.monotonic() < deadline:
        owed = sum([await control.webhooks_owed() for control in scene.controls.values()])
        work = await ours.open_work()
        waiting = (await ours.undelivered())["notifications"]
        say(f"recovering: {owed} webhooks owed by gateways, {waiting} notifications, " + _counts(work))
        if buying.done() and not owed and not waiting and not any(work.values()):
            break
        if time.monotonic() > patient_until:
            moved = await ours.hurry(_LEASE_BEYOND_BUDGET_MS - _MARGIN_MS)
            scene.hurried = max(scene.hurried, moved)
        await asyncio.sleep(_POLL_S)
    await buying


async def _delivered(scene: Scene, ours: Ours, receiver: Receiver, report: Report, say: Say) -> None:
    """Wait until every event has reached the shop; one that has not is a finding."""
    deadline = time.monotonic() + scene.plan.settle_within_s
    waiting = await ours.undelivered()
    while any(waiting.values()) and time.monotonic() < deadline:
        say("webhooks to the shop: " + _counts(waiting))
        await asyncio.sleep(_POLL_S)
        waiting = await ours.undelivered()
    events = await ours.event_ids()
    missing = events - receiver.events
    report.details["events"] = {"made": len(events), "delivered": len(events) - len(missing)}
    if missing:
        report.findings.append(f"{len(missing)} events never reached the shop, such as {min(missing)}")


async def _audit(scene: Scene, ours: Ours, report: Report, unsettled: int, say: Say) -> None:
    """Compare the three records and look for card numbers everywhere."""
    figures = report.figures
    say("reading the gateways' books")
    booked: list[Booked] = []
    references = await ours.references()
    for name, control in scene.controls.items():
        payments = sum_books(name, await control.books())
        for payment in payments.values():
            payment.intent = references.get(payment.intent, "")
        booked += payments.values()
    payments_told, unanswered = told(scene.plan.folder / "journal.jsonl")
    believed = await ours.believed()
    verdict = compare(booked, believed, payments_told)
    totals = compare_totals(booked, await ours.receivable(scene.names))
    work = await ours.open_work()
    figures.lost = len(verdict.lost)
    figures.duplicates = len(verdict.duplicates)
    figures.unknown_left = sum(work.values()) + unanswered + len(verdict.holds)
    figures.books_difference_minor = verdict.difference_minor + sum(abs(one.minor) for one in totals)
    if figures.unknown_left:
        report.findings.append(f"left: {_counts(work)}, {unanswered} calls unanswered, {unsettled} orders unsettled")
    report.findings += _in_words(verdict, totals) + [f"ledger: {text}" for text in await ours.ledger_faults()]
    report.details["compared"] = {
        "gateway_payments": len(booked),
        "intents": len(believed),
        "told": len(payments_told),
        "taken_minor": sum(payment.captured for payment in booked),
    }
    say("looking for card numbers")
    await _look_for_pans(scene, report)


async def _look_for_pans(scene: Scene, report: Report) -> None:
    found = await pans_in_database(scene.database_url)
    found |= await asyncio.to_thread(count_in_files, _own_files(scene.plan.folder))
    report.figures.pans_outside_vault = sum(found.values())
    report.findings += [f"{count} card numbers in {where}" for where, count in found.items()]


def _own_files(folder: Path) -> list[Path]:
    """Return every log and file of ours: not the cluster (dumped instead) and not the gateways' own data."""
    data = folder / ".interlock"
    apart = {"sandbox-stripe", "sandbox-adyen", "cluster", "socket"}
    files = [folder / "journal.jsonl", data / "postgres" / "postgres.log"]
    files += [path for path in data.rglob("*") if path.is_file() and not apart & set(path.relative_to(data).parts)]
    return [path for path in dict.fromkeys(files) if path.is_file()]


def _in_words(verdict: Verdict, totals: list[Finding]) -> list[str]:
    findings = [*verdict.lost, *verdict.duplicates, *verdict.differences, *verdict.holds, *totals]
    words = [f"{one.kind}: {one.subject}: {one.text}" for one in findings[:_NAMES_MAX]]
    if len(findings) > _NAMES_MAX:
        words.append(f"… and {len(findings) - _NAMES_MAX} more")
    return words


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing left"


def _of_crowd(crowd: Crowd) -> dict[str, object]:
    tally = crowd.tally
    return {
        "orders": tally.orders_done,
        "payments": tally.payments,
        "came": {str(came): count for came, count in sorted(tally.by_came.items())},
        "not_what_the_card_deserves": tally.hurt,
        "asked_again": tally.repeated,
        "differing_twins": tally.differing_twins,
        "wait_p50_ms": tally.percentile_ms(0.5),
        "wait_p99_ms": tally.percentile_ms(0.99),
        "calls": dict(sorted(tally.calls.items())),
    }
