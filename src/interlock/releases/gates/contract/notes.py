"""What the checks of this gate write down: many cases that fail alike are one finding, with their number and examples.

Texts are scrubbed here, so that no check can put a secret or a card number into a report.
"""

from collections import Counter
from typing import Any

from interlock.base.redaction import scrub
from interlock.releases.gates.types import Finding, Verdict

FINDINGS_PER_CHECK_MAX = 20
_EXAMPLES = 3
_DETAILS_SHOWN = 6
_DETAILS_MAX = 100
_KINDS_MAX = 2_000
_TEXT_MAX = 400
_GATE = "contract"


class _Kind:
    """What failed alike."""

    __slots__ = ("count", "details", "examples", "problem", "remedy", "where")

    def __init__(self, where: str, problem: str, remedy: str) -> None:
        self.where = where
        self.problem = problem
        self.remedy = remedy
        self.count = 0
        self.details: dict[str, None] = {}
        self.examples: dict[str, None] = {}


class Notes:
    """Counts what was looked at, and keeps what was found by check and kind."""

    def __init__(self) -> None:
        """Begin with an empty page."""
        self.checks: Counter[str] = Counter()
        self.left_out: list[str] = []
        self.measured: dict[str, Any] = {}
        self._kinds: dict[str, dict[str, _Kind]] = {}
        self._alone: list[Finding] = []
        self._overflow: Counter[str] = Counter()

    def looked(self, check: str, cases: int = 1) -> None:
        """Count ``cases`` more that ``check`` looked at."""
        self.checks[f"{_GATE}.{check}"] += cases

    def fail(
        self,
        check: str,
        case: str,
        problem: str,
        remedy: str,
        *,
        where: str = "",
        about: str = "",
        detail: str = "",
    ) -> None:
        """Write down that something is wrong; what has the same ``problem`` and ``about`` becomes one finding.

        Args:
            check: the check's name without ``contract.``.
            case: in which case it was seen.
            problem: what it is, a short phrase without anything of this case alone.
            remedy: what to do, a short phrase.
            where: file and line, or what the finding speaks of; the first case without it.
            about: what else keeps findings apart.
            detail: what differs from case to case; a few of them are shown before ``problem``.

        """
        kinds = self._kinds.setdefault(check, {})
        key = f"{about}\n{problem}"
        kind = kinds.get(key)
        if kind is None:
            if len(kinds) >= _KINDS_MAX:
                self._overflow[check] += 1
                return
            kind = kinds[key] = _Kind(where or case, problem, remedy)
        kind.count += 1
        if detail and len(kind.details) < _DETAILS_MAX:
            kind.details[detail] = None
        if len(kind.examples) < _EXAMPLES:
            kind.examples[case] = None

    @property
    def has_failed(self) -> bool:
        """Return True once something is wrong."""
        return bool(self._kinds)

    def doubt(self, check: str, where: str, problem: str, remedy: str) -> None:
        """Write down that something could not be found out."""
        self._alone.append(_finding(check, Verdict.INCONCLUSIVE, where, problem, remedy, {}))

    def leave_out(self, what: str, why: str) -> None:
        """Write down that something had nothing to work on."""
        self.left_out.append(f"{what}: {why}")

    def findings(self) -> tuple[Finding, ...]:
        """Return the findings by check, those of most cases first, at most :data:`FINDINGS_PER_CHECK_MAX` a check."""
        found = list(self._alone)
        for check, kinds in sorted(self._kinds.items()):
            ranked = sorted(kinds.values(), key=lambda kind: -kind.count)
            kept, rest = ranked, []
            if len(ranked) > FINDINGS_PER_CHECK_MAX:
                kept, rest = ranked[: FINDINGS_PER_CHECK_MAX - 1], ranked[FINDINGS_PER_CHECK_MAX - 1 :]
            found.extend(_of(check, kind) for kind in kept)
            if rest:
                cases = sum(kind.count for kind in rest) + self._overflow[check]
                problem = f"{len(rest)} problems more of this check, in {cases} cases"
                found.append(_finding(check, Verdict.FAILED, "the rest", problem, "correct the others first", {}))
        return tuple(found)


def _of(check: str, kind: _Kind) -> Finding:
    facts = {"cases": kind.count, "examples": [_plain(example) for example in kind.examples]}
    said = kind.problem
    if kind.details:
        shown = list(kind.details)
        more = "" if len(shown) <= _DETAILS_SHOWN else f" and {_counted(len(shown) - _DETAILS_SHOWN)} more"
        said = f"{', '.join(shown[:_DETAILS_SHOWN])}{more} {said}"
    others = [example for example in kind.examples if example != kind.where][:2]
    such = f", such as {'; '.join(others)}" if others else ""
    if kind.count > 1:
        said += f" (in {kind.count} cases{such})"
    elif others:
        said += f" (in {others[0]})"
    return _finding(check, Verdict.FAILED, kind.where, said, kind.remedy, facts)


def _counted(number: int) -> str:
    """Return a number that may have been cut."""
    return f"{number} or" if number >= _DETAILS_MAX - _DETAILS_SHOWN else str(number)


def _finding(check: str, verdict: Verdict, where: str, problem: str, remedy: str, facts: dict[str, Any]) -> Finding:
    return Finding(
        check=f"{_GATE}.{check}",
        verdict=verdict,
        where=_plain(where),
        problem=_plain(problem),
        remedy=_plain(remedy),
        facts=facts,
    )


def _plain(text: str) -> str:
    """Return ``text`` scrubbed, on one line, cut to a length a person reads."""
    shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in scrub(text))
    return shown if len(shown) <= _TEXT_MAX else f"{shown[:_TEXT_MAX]}…"
