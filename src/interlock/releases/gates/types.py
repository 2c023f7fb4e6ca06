"""Values of the gates: what is examined, and what was found."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import msgspec

from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.package import Package


class Gate(StrEnum):
    """The gates, in the order in which a release passes them."""

    LINT = "lint"
    CONTRACT = "contract"
    CERTIFY = "certify"
    SHADOW = "shadow"
    CANARY = "canary"
    VALIDATE = "validate"


class Verdict(StrEnum):
    """What a gate, or one check of it, says. Only ``passed`` lets a release go on by itself: ``inconclusive`` (too
    little to judge by) holds it, ``error`` (the gate itself could not do its work) too."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


_WORST_FIRST = (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE)


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a check found wrong, or could not find out.

    ``check`` names the check (``lint.imports``, ``contract.amount``), ``where`` the file and field or line
    (``manifest.toml hosts.live.base_url``, ``answers.py:12``) or the case (``sale jpy visa``). ``facts`` are for
    programs. No text holds a secret or a card number.
    """

    check: str
    verdict: Verdict
    where: str
    problem: str
    remedy: str
    facts: dict[str, Any] = {}

    def sentence(self) -> str:
        """Return all of it in one line."""
        return f"{self.where}: {self.problem}; {self.remedy}"


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one gate found: its verdict, how many cases each check looked at, and everything that was not right.

    ``left_out`` names checks that had nothing to work on here, each with the reason (``configuration: no account is
    given``). ``measured`` holds the gate's figures.
    """

    gate: Gate
    verdict: Verdict
    checks: dict[str, int]
    findings: tuple[Finding, ...] = ()
    left_out: tuple[str, ...] = ()
    measured: dict[str, Any] = {}
    duration_ms: int = 0


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What is examined: a package, how an account would run it, and what serves now.

    ``config`` is None where no account is given (a folder checked on its own); ``stable`` is None where nothing serves
    yet. ``specifications`` is the folder of the providers' published documents, None where it is not at hand: whatever
    needs it is then *inconclusive*. ``credentials_expire_at_ms`` holds what is known of expiries, by credential.
    """

    package: Package
    livemode: bool
    config: ConnectorConfig | None = None
    stable: Package | None = None
    stable_config: ConnectorConfig | None = None
    specifications: Path | None = None
    credentials_expire_at_ms: dict[str, int] = {}
    now_ms: int = 0


Progress = Callable[[str, int, int], None]
"""Told of progress: what is being done, how many of how many steps are behind."""


class RunGate(Protocol):
    """What each gate's module exports as ``run``."""

    async def __call__(self, subject: Subject, progress: Progress) -> GateReport:
        """Examine ``subject``; raises nothing that the subject can cause."""
        ...


def worst(findings: tuple[Finding, ...]) -> Verdict:
    """Return the gate's verdict: its worst finding's, *passed* without any."""
    found = {finding.verdict for finding in findings}
    return next((verdict for verdict in _WORST_FIRST if verdict in found), Verdict.PASSED)
