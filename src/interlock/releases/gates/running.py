"""Runs gates in their order: which there are, when to stop, and what becomes of one that breaks.

Called by ``cli``, ``releases.examining`` and the benchmarks. Nothing here can pass a release: a gate that is not there,
raises, takes too long or looked at nothing ends as a verdict that holds it.
"""

import asyncio
import hashlib
import importlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import msgspec

from interlock.base.redaction import scrub
from interlock.gateways.loader import place_of
from interlock.releases.gates.types import Finding, Gate, GateReport, Progress, RunGate, Subject, Verdict

ABSENT = "this gate is not part of this version"
_OURS = "interlock"
_DOCUMENT_BYTES_MAX = 64 << 20
_CHUNK = 1 << 20
_WORST_FIRST = (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.PASSED)


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """A gate that a release can be put through: the module whose ``run`` it is, and how long that may take."""

    module: str
    deadline_s: float
    takes_recordings: bool = False


REGISTRY: Mapping[Gate, Registered] = {
    Gate.LINT: Registered(module="interlock.releases.gates.lint", deadline_s=60),
    Gate.CONTRACT: Registered(module="interlock.releases.gates.contract", deadline_s=600),
    Gate.CERTIFY: Registered(module="interlock.releases.gates.certify", deadline_s=900),
    Gate.SHADOW: Registered(module="interlock.releases.gates.shadow", deadline_s=600, takes_recordings=True),
}
"""The gates before real money, in order. Imported when they are run: a gate that breaks on import breaks alone."""

RunOne = Callable[[Gate, Subject, Progress], Awaitable[GateReport]]
Told = Callable[[Gate, str, int, int], None]
"""Told of progress: gate, what is being done, how many of how many steps are behind."""


class _AbsentError(Exception):
    """The gate's module, or its ``run``, does not exist."""


async def run_gates(
    subject: Subject, run: RunOne, told: Told, *, gates: Iterable[Gate] = REGISTRY, goes_on: bool = False
) -> list[GateReport]:
    """Return the report of each gate that was run.

    Args:
        subject: what is examined.
        run: runs one gate: :func:`run_gate`, or :func:`~interlock.releases.gates.apart.run_apart`.
        told: hears of progress.
        gates: which, in this order.
        goes_on: a gate that failed does not keep the next ones from being run.

    """
    reports: list[GateReport] = []
    for gate in gates:
        report = await run(gate, subject, _for(gate, told))
        reports.append(report)
        if report.verdict is Verdict.FAILED and not goes_on:
            break
    return reports


def _for(gate: Gate, told: Told) -> Progress:
    return lambda what, done, total: told(gate, what, done, total)


async def run_gate(
    gate: Gate,
    subject: Subject,
    progress: Progress,
    *,
    recordings: bytes | None = None,
    registry: Mapping[Gate, Registered] = REGISTRY,
) -> GateReport:
    """Run one gate in this process; whatever it does, a report comes back.

    Args:
        gate: which.
        subject: what is examined.
        progress: told of its steps.
        recordings: of real traffic, as ``gates.shadow.to_file`` writes them, for the gate that takes them.
        registry: where gates are.

    """
    started_at = time.monotonic()
    try:
        registered = registry[gate]
        more = _recordings(registered, recordings)
        async with asyncio.timeout(registered.deadline_s):
            report = await _run_of(registered)(subject, progress, **more)
        return checked(gate, report)
    except (_AbsentError, KeyError):
        return broken(gate, ABSENT, "use a version that has it; the release is held meanwhile")
    except TimeoutError:
        return too_late(gate, registry[gate].deadline_s)
    except Exception as error:  # noqa: BLE001 - whatever a gate raises, the release is held and somebody hears why
        # A connector's fault has a place in its package, a gate's own one in this program.
        place = f"{place_of(error)} {place_of(error, _OURS)}".strip() or "no place"
        problem = scrub(f"the gate broke: {type(error).__name__}: {str(error)[:300]} ({place})")
        remedy = "report it with this line; the release is held meanwhile"
        return broken(gate, problem, remedy, round((time.monotonic() - started_at) * 1000))


def _run_of(registered: Registered) -> Callable[..., Awaitable[GateReport]]:
    if find_spec(registered.module) is None:
        raise _AbsentError
    run = getattr(importlib.import_module(registered.module), "run", None)
    if run is None:
        raise _AbsentError
    return cast("RunGate", run)


def _recordings(registered: Registered, recordings: bytes | None) -> dict[str, Any]:
    if recordings is None or not registered.takes_recordings:
        return {}
    return {"recordings": importlib.import_module(registered.module).from_file(recordings)}


def is_absent(gate: Gate, registry: Mapping[Gate, Registered] = REGISTRY) -> bool:
    """Return True when this version does not have the gate; imports nothing of it but the packages around it."""
    registered = registry.get(gate)
    return registered is None or find_spec(registered.module) is None


def checked(gate: Gate, report: object) -> GateReport:
    """Return what a gate returned, or what that means: no data is never a pass, and a report is of its own gate."""
    if not isinstance(report, GateReport) or report.gate is not gate:
        return broken(gate, "the gate returned no report of its own", "report it; the release is held meanwhile")
    if report.verdict is Verdict.PASSED and not sum(report.checks.values()):
        nothing = Finding(
            check=f"{gate.value}.cases",
            verdict=Verdict.INCONCLUSIVE,
            where=gate.value,
            problem="nothing was looked at",
            remedy="give it what the report says was left out",
        )
        return msgspec.structs.replace(report, verdict=Verdict.INCONCLUSIVE, findings=(*report.findings, nothing))
    return report


def broken(gate: Gate, problem: str, remedy: str, duration_ms: int = 0) -> GateReport:
    """Return the report of a gate that could not do its work."""
    finding = Finding(
        check=f"{gate.value}.gate", verdict=Verdict.ERROR, where=gate.value, problem=problem, remedy=remedy
    )
    return GateReport(gate=gate, verdict=Verdict.ERROR, checks={}, findings=(finding,), duration_ms=duration_ms)


def too_late(gate: Gate, deadline_s: float) -> GateReport:
    """Return the report of a gate that had to be stopped."""
    remedy = "look for a loop that has no end in the connector; else the machine is too busy: run it again"
    return broken(gate, f"it had not ended after {deadline_s:g} s and was stopped", remedy, round(deadline_s * 1000))


def verdict_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of gates together: the worst; *inconclusive* without any."""
    found = set(verdicts)
    return next((verdict for verdict in _WORST_FIRST if verdict in found), Verdict.INCONCLUSIVE)


def specification_hash(folder: Path | None, connector: str) -> str | None:
    """Return the SHA-256 over the provider's published documents (names and contents) in ``folder``, None without any.

    Args:
        folder: of documents named after their provider: ``stripe_openapi_….json``.
        connector: the provider.

    Raises:
        OSError: a document is there and cannot be read.

    """
    documents = [] if folder is None else _documents(folder, connector)
    if not documents:
        return None
    digest = hashlib.sha256()
    for path in documents:
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _documents(folder: Path, connector: str) -> Sequence[Path]:
    found = sorted(folder.glob(f"{connector}_*.json"))
    return [path for path in found if path.is_file() and path.stat().st_size <= _DOCUMENT_BYTES_MAX]
