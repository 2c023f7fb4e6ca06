"""The gate itself, on the parent's side: gives the package to an isolated process and makes a report of its answer."""

import time

import msgspec

from interlock.base.errors import ConfigurationError, IsolationError
from interlock.base.redaction import scrub
from interlock.gateways.manifest import Manifest, read_manifest
from interlock.gateways.package import MANIFEST_FILE, pack
from interlock.releases.gates.contract.examination import Examination, Examined, Preparation
from interlock.releases.gates.isolation import Broken, Limits, Nursery
from interlock.releases.gates.providers.tables import provider_table
from interlock.releases.gates.types import Finding, Gate, GateReport, Progress, Subject, Verdict, worst

TASK = "contract"
LIMITS = Limits(wall_ms=120_000, step_cpu_ms=5_000)
_PROVEN = "contract.run"


async def run(
    subject: Subject, progress: Progress, *, nursery: Nursery | None = None, stop_at_first: bool = False
) -> GateReport:
    """Examine ``subject`` in a process of its own, with made-up accounts; raises nothing that the subject can cause.

    Args:
        subject: the package; ``specifications`` is the folder of the providers' published documents.
        progress: told of progress.
        nursery: a warm keeper for many runs (:func:`nursery_for`); one is started and ended without it.
        stop_at_first: end after the first case in which something is wrong: the verdict is the same, and soon there.

    """
    started_s = time.perf_counter()
    try:
        manifest = read_manifest(subject.package.files.get(MANIFEST_FILE, b""), MANIFEST_FILE)
        order = _order(subject, manifest, stop_at_first=stop_at_first)
    except ConfigurationError as error:
        own = error.field.startswith(MANIFEST_FILE)
        found = _finding(Verdict.FAILED if own else Verdict.ERROR, error.field, error.problem, error.remedy)
        return _report((found,), started_s)
    own_nursery = nursery is None
    keeper = nursery or nursery_for(subject, manifest.name)
    last = [""]

    def told(what: str, done: int, total: int) -> None:
        last[0] = what
        progress(what, done, total)

    try:
        ended = await keeper.run(msgspec.msgpack.encode(order), limits=LIMITS, task=TASK, progress=told)
    except IsolationError as error:
        remedy = "try again; look at the machine's memory and processes if it stays"
        return _report((_finding(Verdict.ERROR, "the isolated process", str(error), remedy),), started_s)
    finally:
        if own_nursery:
            await keeper.close()
    if isinstance(ended, Broken):
        where = ended.where or "package"
        problem = f"{ended.reason} (while or shortly after: {last[0]})" if last[0] else ended.reason
        remedy = "a connector only computes: correct this line"
        return _report((_finding(Verdict.FAILED, where, problem, remedy),), started_s)
    answer = msgspec.msgpack.decode(ended.answer, type=Examined)
    return _report(answer.findings, started_s, answer)


def nursery_for(subject: Subject, *providers: str, manifests: tuple[bytes, ...] = ()) -> Nursery:
    """Return a keeper that has the published documents ready.

    Args:
        subject: names the folder of documents.
        providers: whose documents; those of every known provider without any.
        manifests: that many of the packages will have.

    """
    folder = str(subject.specifications) if subject.specifications is not None else None
    preparation = Preparation(specifications=folder, providers=providers, manifests=manifests)
    return Nursery(TASK, warm=msgspec.msgpack.encode(preparation))


def _order(subject: Subject, manifest: Manifest, *, stop_at_first: bool) -> Examination:
    return Examination(
        package=pack(subject.package),
        livemode=subject.livemode,
        specifications=str(subject.specifications) if subject.specifications is not None else None,
        table=provider_table(manifest.name),
        stop_at_first=stop_at_first,
    )


def _finding(verdict: Verdict, where: str, problem: str, remedy: str) -> Finding:
    return Finding(check=_PROVEN, verdict=verdict, where=scrub(where), problem=scrub(problem), remedy=scrub(remedy))


def _report(findings: tuple[Finding, ...], started_s: float, answer: Examined | None = None) -> GateReport:
    return GateReport(
        gate=Gate.CONTRACT,
        verdict=worst(findings),
        checks=answer.checks if answer else {_PROVEN: 1},
        findings=findings,
        left_out=answer.left_out if answer else (),
        measured=answer.measured if answer else {},
        duration_ms=round((time.perf_counter() - started_s) * 1000),
    )
