"""The gate itself: reads the subject once, hands it to every check, and makes one report of what they wrote down.

The work is done in a thread, because it is all computing; one check that breaks is an *error* of its own and keeps no
other from being made.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from interlock.base.errors import ConfigurationError
from interlock.gateways.manifest import Manifest, read_manifest
from interlock.gateways.package import MANIFEST_FILE
from interlock.releases.gates.lint.account import expiry, settings
from interlock.releases.gates.lint.code import (
    flow,
    imports,
    literals,
    money,
    names,
    parsing,
    paths,
    patterns,
    reach,
    reading,
    security,
    shape,
    signatures,
    state,
    wording,
)
from interlock.releases.gates.lint.examined import Examined
from interlock.releases.gates.lint.manifest import alone, change, codes, provider
from interlock.releases.gates.lint.notes import Notes
from interlock.releases.gates.providers.tables import provider_table
from interlock.releases.gates.types import Gate, GateReport, Progress, Subject, worst

Step = tuple[str, Callable[[], None]]
_UNTABLED = (
    "hosts, API version, keys, capabilities, timeouts, idempotency, statuses, declines, currencies, webhook, and where "
    "money stands"
)


async def run(subject: Subject, progress: Progress, *, providers: Path | None = None) -> GateReport:
    """Examine ``subject`` without running any of its code; raises nothing that the subject can cause.

    Args:
        subject: the package, and the account where one is given.
        progress: told after each step.
        providers: the operator's own provider tables; the folder that ``INTERLOCK_PROVIDERS`` names without it.

    """
    started = time.perf_counter()
    notes = Notes()
    examined = Examined(subject=subject)
    steps = _steps(examined, notes, providers)
    for done, (name, step) in enumerate(steps):
        progress(name, done, len(steps))
        await asyncio.to_thread(_guarded, name, step, notes)
    progress("done", len(steps), len(steps))
    findings = notes.findings()
    return GateReport(
        gate=Gate.LINT,
        verdict=worst(findings),
        checks=dict(sorted(notes.checks.items())),
        findings=findings,
        left_out=tuple(notes.left_out),
        measured=notes.measured,
        duration_ms=round((time.perf_counter() - started) * 1000),
    )


def _guarded(name: str, step: Callable[[], None], notes: Notes) -> None:
    try:
        step()
    except Exception as error:  # noqa: BLE001 - whatever a package makes of a check is an error of that check alone
        problem = f"the check broke ({type(error).__name__}: {error})"
        notes.broke(name.replace(" ", "_"), "package", problem, "report it; look at this by hand meanwhile")


def _steps(examined: Examined, notes: Notes, providers: Path | None) -> list[Step]:
    return [
        ("package", partial(_read, examined, notes, providers)),
        ("manifest", partial(_manifest, examined, notes)),
        ("imports", partial(_imports, examined, notes)),
        ("names", lambda: names.check(examined.modules, notes)),
        ("reach", lambda: reach.check(examined.modules, notes)),
        ("state", lambda: state.check(examined.modules, notes)),
        ("flow", lambda: flow.check(examined.modules, notes)),
        ("amounts", lambda: money.check(examined.modules, notes)),
        ("paths", lambda: paths.check(examined.modules, notes)),
        ("literals", partial(_literals, examined, notes)),
        ("signature", lambda: signatures.check(examined.modules, examined.manifest, notes)),
        ("connector", partial(_connector, examined, notes)),
        ("security", lambda: security.check(examined.modules, notes)),
        ("configuration", partial(_account, examined, notes)),
        ("suppressions", lambda: security.check_suppressions(examined.modules, notes)),
    ]


def _read(examined: Examined, notes: Notes, providers: Path | None) -> None:
    package = examined.subject.package
    parsing.check_files(package, notes)
    examined.modules = parsing.read_modules(package, notes)
    if MANIFEST_FILE not in package.files:
        return
    notes.looked("manifest")
    try:
        examined.manifest = read_manifest(package.manifest, MANIFEST_FILE)
    except ConfigurationError as error:
        notes.refuse("manifest", error, MANIFEST_FILE)
        return
    try:
        examined.table = provider_table(examined.manifest.name, providers)
    except ConfigurationError as error:
        notes.broke("table", error.field, error.problem, error.remedy)
    examined.stable = _stable(examined.subject, notes)


def _stable(subject: Subject, notes: Notes) -> Manifest | None:
    if subject.stable is None:
        notes.leave_out("what a release takes away", "nothing serves yet")
        return None
    try:
        return read_manifest(subject.stable.manifest, MANIFEST_FILE)
    except (ConfigurationError, KeyError) as error:
        notes.doubt("stable", "stable manifest.toml", f"cannot be read ({error})", "compare the two by hand")
        return None


def _manifest(examined: Examined, notes: Notes) -> None:
    manifest, table = examined.manifest, examined.table
    if manifest is None:
        notes.leave_out("the manifest's values", "it cannot be read")
        return
    examined.patterns_end = patterns.check_manifest(manifest, notes)
    alone.check(manifest, notes)
    settings.check_names(manifest, notes)
    if table is None:
        remedy = f"lay {manifest.name}.toml into the folder of provider tables (docs/release_gates.md)"
        problem = f"there is no table of {manifest.name}, so nobody but the package says what is right: {_UNTABLED}"
        notes.doubt("table", f"{MANIFEST_FILE} name", problem, remedy)
    else:
        provider.check(manifest, table, notes, try_patterns=examined.patterns_end)
        codes.check(manifest, table, notes)
    if examined.stable is not None:
        change.check(manifest, examined.stable, examined.subject.config, notes)


def _imports(examined: Examined, notes: Notes) -> None:
    imports.check(examined.modules, frozenset(examined.subject.package.modules()), notes)


def _literals(examined: Examined, notes: Notes) -> None:
    literals.check_code(examined.modules, notes)
    literals.check_texts(examined.subject.package, notes)
    patterns.check_code(examined.modules, notes)


def _connector(examined: Examined, notes: Notes) -> None:
    manifest = examined.manifest
    if manifest is None:
        notes.leave_out("what the code reads and promises", "the manifest cannot be read")
        return
    if len(examined.modules) < len(examined.subject.package.modules()):
        notes.leave_out("what the code reads and promises", "a module cannot be read")
        return
    shape.check(examined.modules, manifest, notes)
    reading.check(examined.modules, manifest, examined.table, notes)
    if examined.table is not None:
        wording.check(examined.modules, manifest, examined.table, notes)


def _account(examined: Examined, notes: Notes) -> None:
    if examined.subject.config is None:
        notes.leave_out("configuration", "no account is given")
        return
    expiry.check(examined.subject, notes)
    if examined.manifest is None:
        notes.leave_out("configuration", "the manifest cannot be read")
        return
    if not examined.patterns_end:
        notes.leave_out("configuration", "a pattern of the manifest could take for ever on its values")
        return
    settings.check(examined.manifest, examined.table, examined.subject, notes)
