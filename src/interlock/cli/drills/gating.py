"""Takes the change of a drill through the gates before money, each in a process of its own."""

import time
from collections.abc import Awaitable, Callable

import msgspec

from interlock.base.errors import ConfigurationError
from interlock.cli.drills.accounts import account_of
from interlock.cli.drills.types import Examined, Tell
from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.loader import builtin_package, known_gateways
from interlock.gateways.package import Package
from interlock.releases.gates.apart import run_apart
from interlock.releases.gates.types import Gate, GateReport, Subject, Verdict
from interlock.releases.proposals import STATIC_GATES
from interlock.sandbox.drills.types import Account, Drill, Mode
from interlock.sandbox.specs import find

Recordings = Callable[[str], Awaitable[tuple[bytes | None, ConnectorConfig]]]
"""Returns recordings of a gateway's real traffic, and how the gateway that took it is configured."""
_SAID_MAX = 300


class Gated(msgspec.Struct, frozen=True, kw_only=True):
    """What the gates said; ``stopped_by`` is the one that failed or held the change because of itself."""

    reports: tuple[GateReport, ...]
    stopped_by: Gate | None
    said: tuple[Examined, ...]


def release_of(drill: Drill) -> Package:
    """Return the package that the drill proposes.

    Raises:
        ConfigurationError: an edit does not fit the connector, or there is no such connector.

    """
    provider = drill.manifest.provider
    if provider not in known_gateways():
        known = ", ".join(known_gateways())
        raise ConfigurationError(f"{drill.id}/drill.toml provider", f"is {provider}", f"drills run on {known}")
    try:
        return Package(drill.edited(builtin_package(provider).files))
    except ValueError as error:
        raise ConfigurationError(f"{drill.id}/drill.toml", str(error), "follow the connector as it is now") from None


class Gatekeeper:
    """Examines drills. One per run: what the unchanged connector comes to is asked once."""

    def __init__(self, recordings: Recordings, now_ms: int) -> None:
        """Ask ``recordings`` for real traffic when the gate that needs it is reached."""
        self._recordings = recordings
        self._now_ms = now_ms
        self._specifications = find(None)
        self._usual: dict[tuple[str, Mode, Gate], frozenset[tuple[str, str]]] = {}

    async def examine(self, drill: Drill, tell: Tell) -> Gated:
        """Run the gates in order until one stops the change."""
        reports: list[GateReport] = []
        said: list[Examined] = []
        for gate in STATIC_GATES:
            tell(drill.id, f"gate {gate.value}")
            began_s = time.monotonic()
            report = await self._run(gate, drill, release_of(drill))
            stops = await self._stops(drill, report)
            reports.append(report)
            said.append(_examined(report, time.monotonic() - began_s, stops=stops))
            if stops:
                return Gated(reports=tuple(reports), stopped_by=gate, said=tuple(said))
        return Gated(reports=tuple(reports), stopped_by=None, said=tuple(said))

    async def _run(self, gate: Gate, drill: Drill, package: Package) -> GateReport:
        subject, recordings = await self._subject(gate, drill, package)
        return await run_apart(gate, subject, lambda *_: None, recordings=recordings)

    async def _subject(self, gate: Gate, drill: Drill, package: Package) -> tuple[Subject, bytes | None]:
        says, recordings = drill.manifest, None
        stable = builtin_package(says.provider)
        config = account_of(says.provider, says.mode, says.serving)
        if gate is Gate.SHADOW:
            # What was recorded was recorded at a sandbox, so that is where it is compared.
            recordings, config = await self._recordings(says.provider)
        changed = with_change(says.provider, says.change, config)
        subject = Subject(
            package=package,
            livemode=config.livemode,
            config=changed if package is not stable else config,
            stable=stable,
            stable_config=config,
            specifications=self._specifications,
            now_ms=self._now_ms,
        )
        return subject, recordings

    async def _stops(self, drill: Drill, report: GateReport) -> bool:
        """Return True when the gate failed, or is in doubt about more than it is of the unchanged connector."""
        if report.verdict is not Verdict.FAILED and report.verdict is not Verdict.PASSED:
            return bool(_doubts(report) - await self._doubts_of_stable(drill, report.gate))
        return report.verdict is Verdict.FAILED

    async def _doubts_of_stable(self, drill: Drill, gate: Gate) -> frozenset[tuple[str, str]]:
        key = (drill.manifest.provider, drill.manifest.mode, gate)
        if key not in self._usual:
            report = await self._run(gate, drill, builtin_package(drill.manifest.provider))
            self._usual[key] = _doubts(report)
        return self._usual[key]


def with_change(provider: str, differs: Account, config: ConnectorConfig) -> ConnectorConfig:
    """Return ``config`` with what a drill has otherwise."""
    if not differs:
        return config
    made = account_of(provider, "live" if config.livemode else "test", differs)
    return ConnectorConfig(
        livemode=config.livemode,
        settings=_merged(config.settings, made.settings, differs.settings),
        credentials=_merged(config.credentials, made.credentials, differs.credentials),
    )


def _merged(values: dict[str, str], made: dict[str, str], differs: dict[str, str]) -> dict[str, str]:
    found = {**values, **{name: made.get(name, "") for name in differs}}
    return {name: value for name, value in found.items() if value}


def _doubts(report: GateReport) -> frozenset[tuple[str, str]]:
    return frozenset((finding.check, finding.where) for finding in report.findings)


def _examined(report: GateReport, seconds: float, *, stops: bool) -> Examined:
    worst = [finding for finding in report.findings if finding.verdict is report.verdict]
    sentence = worst[0].sentence() if worst else ""
    return Examined(
        gate=report.gate.value,
        verdict=report.verdict.value,
        stops=stops,
        seconds=round(seconds, 1),
        said=sentence[:_SAID_MAX],
    )
