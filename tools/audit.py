"""Ask pip-audit about known vulnerabilities in the locks; say so, without failing, where its data cannot be reached.

Usage: ``python tools/audit.py requirements/runtime.txt …``. Exit 1 only when a vulnerability is known.
"""

import json
import subprocess
import sys
from pathlib import Path

_TIMEOUT_S = 120


def _audit(lock: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes", "--disable-pip"]
    return subprocess.run(  # noqa: S603 - a fixed program with a path of ours
        [*command, "--progress-spinner", "off", "--timeout", "10", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT_S,
    )


def _report(lock: Path) -> bool:
    """Print what is known of ``lock``; return True when it holds a vulnerable package."""
    try:
        answer = _audit(lock)
        found = json.loads(answer.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, json.JSONDecodeError, KeyError, TypeError):
        print(f"audit: {lock}: not checked, the vulnerability data cannot be reached from here")
        return False
    bad = [entry for entry in found if entry.get("vulns")]
    for entry in bad:
        names = ", ".join(vulnerability["id"] for vulnerability in entry["vulns"])
        print(f"audit: {lock}: {entry['name']} {entry['version']}: {names}")
    if not bad:
        print(f"audit: {lock}: {len(found)} packages, no known vulnerability")
    return bool(bad)


def main() -> int:
    """Audit every lock named on the command line."""
    vulnerable = [name for name in sys.argv[1:] if _report(Path(name))]
    return int(bool(vulnerable))


if __name__ == "__main__":
    sys.exit(main())
