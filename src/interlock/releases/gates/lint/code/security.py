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

from interlock.releases.gates.lint.code.source import EXCUSABLE, Module
from interlock.releases.gates.lint.notes import Notes

CHECK = "security"
_BLOCKING = frozenset({"MEDIUM", "HIGH"})
_NOSEC = re.compile(r"#\s*nosec\b", re.IGNORECASE)
_one_at_a_time = Lock()


def check(modules: dict[str, Module], notes: Notes) -> None:
    """Run Bandit over ``modules``, which are written to a folder of their own for it."""
    notes.looked(CHECK, len(modules))
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="interlock_lint_") as folder:
        places = {}
        for number, module in enumerate(modules.values()):
            path = Path(folder) / f"module_{number}.py"
            path.write_text(module.text, encoding="utf-8", newline="")
            places[str(path)] = module
        manager = _run(list(places))
        issues = manager.get_issue_list()
        skipped = manager.get_skipped()
    for path, reason in skipped:
        module = places[str(path)]
        notes.broke(CHECK, module.file, f"Bandit could not read it ({reason})", "look at the module by hand")
    minor = 0
    for issue in issues:
        module = places[str(issue.fname)]
        if issue.severity not in _BLOCKING:
            minor += 1
        elif not module.excused(notes, CHECK, issue.lineno):
            problem = f"{issue.text.rstrip('. ')} ({issue.test_id}, {issue.severity.lower()})"
            notes.fail(CHECK, f"{module.file}:{issue.lineno}", problem, "see bandit.readthedocs.io", rule=issue.test_id)
    notes.measured["bandit_low"] = minor


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
