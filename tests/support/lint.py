"""Packages made from the built-in ones by a small edit, and what the gate ``lint`` says of them."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.releases.gates.lint import gate, run
from interlock.releases.gates.lint.examined import Examined
from interlock.releases.gates.lint.notes import Notes
from interlock.releases.gates.types import Finding, GateReport, Subject

NOW_MS = 1_790_000_000_000

LIVE = {
    "stripe": ConnectorConfig(
        livemode=True,
        credentials={"secret_key": "sk_live_" + "9fK2vQ7xT1bN4mZ8", "webhook_secret": "whsec_" + "cD5gH3jL6pR0sV2y"},
    ),
    "adyen": ConnectorConfig(
        livemode=True,
        settings={"merchant_account": "BakeryECOM", "live_prefix": "5d1c0f2b9a3e7764-Bakery"},
        credentials={"api_key": "AQ" + "Eyhmfx4nMYhZGw0mn3Q5qf3VaY", "hmac_key": "7C5F1E9A03B2D486" * 4},
    ),
}


class Edit(msgspec.Struct, frozen=True):
    """One edit of a built-in package, the check that must find it, the field it names, a part of its sentence."""

    provider: str
    old: str
    new: str
    check: str
    said: str
    file: str = "manifest.toml"
    field: str = ""


def edits_in(path: Path) -> list[Edit]:
    """Return the edits that a TOML file lists."""
    return msgspec.toml.decode(path.read_bytes(), type=dict[str, list[Edit]])["edit"]


def edited(name: str, file: str, old: str, new: str, *more: tuple[str, str, str]) -> Package:
    """Return a built-in package with ``old`` replaced by ``new`` once in ``file``, and so on for ``more``."""
    files = dict(builtin_package(name).files)
    for target, before, after in [(file, old, new), *more]:
        text = files.get(target, b"").decode()
        assert before in text, f"{target} does not hold {before!r}"
        files[target] = text.replace(before, after, 1).encode()
    return Package(files)


def appended(name: str, file: str, text: str) -> Package:
    """Return the built-in package ``name`` with ``text`` at the end of ``file``."""
    files = dict(builtin_package(name).files)
    files[file] = files[file] + b"\n\n" + text.encode()
    return Package(files)


def report_of(package: Package, **subject: Any) -> GateReport:
    """Return the whole gate's report."""
    values = {"livemode": False, "now_ms": NOW_MS, **subject}
    return asyncio.run(run(Subject(package=package, **values), lambda *_: None))


_STEPS = {
    "assert": "flow",
    "currencies": "amounts",
    "defaults": "flow",
    "determinism": "reach",
    "dynamic_code": "reach",
    "exceptions": "flow",
    "hashes": "literals",
    "loops": "flow",
    "output": "reach",
    "outside_world": "reach",
    "patterns": "literals",
    "reads": "connector",
    "words": "connector",
}
_CODE = ("imports", "names", "reach", "state", "flow", "amounts", "paths", "literals", "signature", "connector")


def others_than(check: str) -> tuple[str, ...]:
    """Return the steps over code that have nothing to do with ``check``: leaving them out saves their time."""
    return tuple(step for step in _CODE if step != _STEPS.get(check, check))


def findings_of(package: Package, *, but: tuple[str, ...] = (), **subject: Any) -> tuple[Finding, ...]:
    """Return what the gate finds, without Bandit, which takes most of its time, and without the steps ``but``."""
    values = {"livemode": False, "now_ms": NOW_MS, **subject}
    notes = Notes()
    for name, step in gate._steps(Examined(subject=Subject(package=package, **values)), notes, None):
        if name not in {"security", *but}:
            step()
    return notes.findings()


def named(findings: tuple[Finding, ...], check: str) -> list[Finding]:
    """Return the findings of one check."""
    return [finding for finding in findings if finding.check == f"lint.{check}"]
