"""``lint.security``: Bandit's rules over a package's modules, and ``lint.suppressions``: comments that would hide.

Bandit is imported when first used, because that takes a while, and run one package at a time, because its plug-ins
keep their configuration in themselves. What it finds of medium severity or more blocks; the rest is counted.
"""

import logging
import re
import tempfile
import warnings
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from interlock.releases.gates.lint.code.source import EXCUSABLE, Module
from interlock.releases.gates.lint.notes import Notes

CHECK = "security"
_BLOCKING = frozenset({"MEDIUM", "HIGH"})
_NOSEC = re.compile(r"#\s*nosec\b", re.IGNORECASE)
_KNOWN_MAX = 64
_one_at_a_time = Lock()


class _Issue(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that Bandit found; ``rule`` is None where it could not read the module."""

    rule: str | None
    severity: str
    line: int
    text: str


_known: dict[str, tuple[_Issue, ...]] = {}


def check(modules: dict[str, Module], notes: Notes) -> None:
    """Run Bandit over ``modules``; one that was looked at before is not looked at again."""
    notes.looked(CHECK, len(modules))
    texts = {module.text for module in modules.values()}
    with _one_at_a_time:
        known = {text: _known[text] for text in texts if text in _known}
        known.update(_looked_at([text for text in texts if text not in known]))
        _remember(known)
    minor = 0
    for module in modules.values():
        for issue in known[module.text]:
            if issue.rule is None:
                remedy = "look at the module by hand"
                notes.broke(CHECK, module.file, f"Bandit could not read it ({issue.text})", remedy)
            elif issue.severity not in _BLOCKING:
                minor += 1
            elif not module.excused(notes, CHECK, issue.line):
                problem = f"{issue.text.rstrip('. ')} ({issue.rule}, {issue.severity.lower()})"
                notes.fail(CHECK, f"{module.file}:{issue.line}", problem, "see bandit.readthedocs.io", rule=issue.rule)
    notes.measured["bandit_low"] = minor


def _remember(known: dict[str, tuple[_Issue, ...]]) -> None:
    """Keep what was found, the latest last; what was not asked for longest goes."""
    for text, issues in known.items():
        _known.pop(text, None)
        _known[text] = issues
    while len(_known) > _KNOWN_MAX:
        del _known[next(iter(_known))]


def _looked_at(texts: list[str]) -> dict[str, tuple[_Issue, ...]]:
    """Return what Bandit finds in each text, which are written to a folder of their own for it."""
    found: dict[str, list[_Issue]] = {text: [] for text in texts}
    if not texts:
        return {}
    with tempfile.TemporaryDirectory(prefix="interlock_lint_") as folder:
        places = {}
        for number, text in enumerate(texts):
            path = Path(folder) / f"module_{number}.py"
            path.write_text(text, encoding="utf-8", newline="")
            places[str(path)] = text
        manager = _run(list(places))
        for issue in manager.get_issue_list():
            one = _Issue(rule=issue.test_id, severity=issue.severity, line=issue.lineno, text=issue.text)
            found[places[str(issue.fname)]].append(one)
        for path, reason in manager.get_skipped():
            found[places[str(path)]].append(_Issue(rule=None, severity="", line=0, text=str(reason)))
    return {text: tuple(issues) for text, issues in found.items()}


def _run(paths: list[str]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Bandit's own libraries say of each other is not about the package
        from bandit.core.config import BanditConfig  # noqa: PLC0415 - takes a fifth of a second, see above
        from bandit.core.manager import BanditManager  # noqa: PLC0415 - the same

        logging.getLogger("bandit").setLevel(logging.CRITICAL)
        logging.getLogger("stevedore").setLevel(logging.CRITICAL)
        manager = BanditManager(BanditConfig(), "file", quiet=True, ignore_nosec=True)
        manager.files_list = sorted(paths)
        manager.run_tests()
    return manager


def check_suppressions(modules: dict[str, Module], notes: Notes) -> None:
    """Look at the comments that excuse something; called last, when it is known which of them did."""
    for module in modules.values():
        notes.looked("suppressions")
        for line, comment in module.comments.items():
            if _NOSEC.search(comment):
                remedy = f"write # allow lint.{CHECK}: and the reason"
                notes.fail("suppressions", f"{module.file}:{line}", "hides from every security rule (nosec)", remedy)
        for excuse in module.excuses:
            where = f"{module.file}:{excuse.line}"
            if excuse.check not in EXCUSABLE:
                allowed = ", ".join(sorted(EXCUSABLE))
                notes.fail("suppressions", where, f"excuses {excuse.check}", f"only {allowed} can be excused")
            elif not excuse.valid:
                notes.fail("suppressions", where, "excuses without a reason", "say why in ten characters or more")
            elif not excuse.used:
                notes.fail("suppressions", where, f"excuses {excuse.check}, which found nothing here", "remove it")
