"""What the checks of this gate write down; every check is handed one :class:`Notes` and returns nothing.

Findings are scrubbed here, so that no check can put a secret or a card number into a report.
"""

from collections import Counter
from typing import Any

from interlock.base.errors import ConfigurationError
from interlock.base.redaction import scrub, scrub_value
from interlock.releases.gates.types import Finding, Verdict

FINDINGS_MAX = 200
_TEXT_MAX = 600
_GATE = "lint"


class Notes:
    """Counts what was looked at and keeps what was found, at most :data:`FINDINGS_MAX` findings."""

    def __init__(self) -> None:
        """Begin with an empty page."""
        self.checks: Counter[str] = Counter()
        self.left_out: list[str] = []
        self.measured: dict[str, Any] = {}
        self._findings: dict[tuple[str, str, str], Finding] = {}
        self._beyond = 0

    def looked(self, check: str, cases: int = 1) -> None:
        """Count ``cases`` more that ``check`` looked at."""
        self.checks[f"{_GATE}.{check}"] += cases

    def fail(self, check: str, where: str, problem: str, remedy: str, **facts: Any) -> None:
        """Write down that something is wrong.

        Args:
            check: the check's name without ``lint.``.
            where: file and field, or file and line.
            problem: what it is, a short phrase.
            remedy: what to do, a short phrase.
            facts: for programs.

        """
        self._add(check, Verdict.FAILED, where, problem, remedy, facts)

    def doubt(self, check: str, where: str, problem: str, remedy: str, **facts: Any) -> None:
        """Write down that something could not be found out; the arguments are those of :meth:`fail`."""
        self._add(check, Verdict.INCONCLUSIVE, where, problem, remedy, facts)

    def broke(self, check: str, where: str, problem: str, remedy: str) -> None:
        """Write down that the check itself could not do its work."""
        self._add(check, Verdict.ERROR, where, problem, remedy, {})

    def refuse(self, check: str, error: ConfigurationError, file: str = "") -> None:
        """Write down a configuration error as the finding it is."""
        where = error.field if not file or error.field.startswith(file) else f"{file} {error.field}"
        self.fail(check, where, error.problem, error.remedy)

    def leave_out(self, what: str, why: str) -> None:
        """Write down that something had nothing to work on."""
        self.left_out.append(f"{what}: {why}")

    def findings(self) -> tuple[Finding, ...]:
        """Return the findings by check and place; the last one counts those that were too many."""
        found = sorted(self._findings.values(), key=lambda each: (each.check, each.where))
        if self._beyond:
            found.append(
                Finding(
                    check=f"{_GATE}.findings",
                    verdict=Verdict.FAILED,
                    where="package",
                    problem=f"{self._beyond} findings more than the {FINDINGS_MAX} that are kept",
                    remedy="correct these first",
                )
            )
        return tuple(found)

    def _add(self, check: str, verdict: Verdict, where: str, problem: str, remedy: str, facts: dict[str, Any]) -> None:
        finding = Finding(
            check=f"{_GATE}.{check}",
            verdict=verdict,
            where=_plain(where),
            problem=_plain(problem),
            remedy=_plain(remedy),
            facts=scrub_value(facts),
        )
        key = (finding.check, finding.where, finding.problem)
        if key in self._findings:
            return
        if len(self._findings) >= FINDINGS_MAX:
            self._beyond += 1
            return
        self._findings[key] = finding


def _plain(text: str) -> str:
    """Return ``text`` scrubbed, on one line, cut to a length a person reads."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in scrub(text))
    return shown if len(shown) <= _TEXT_MAX else f"{shown[:_TEXT_MAX]}…"
