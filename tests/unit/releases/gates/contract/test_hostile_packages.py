"""Whatever a package does when it is imported or asked, the gate ends with one finding that names its place."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.lint import appended, edited

from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.releases.gates.contract import gate, nursery_for, run
from interlock.releases.gates.isolation import Limits, Nursery
from interlock.releases.gates.types import GateReport, Subject, Verdict

pytestmark = pytest.mark.asyncio(loop_scope="module")
STRIPE = builtin_package("stripe")
IMPORT = "from collections.abc import Generator, Mapping\n"
MANIFEST = b'name = "stripe"\ntitle = 7\n'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nursery(specs: Path) -> AsyncIterator[Nursery]:
    subject = Subject(package=STRIPE, livemode=False, specifications=specs)
    async with nursery_for(subject, "stripe", manifests=(STRIPE.manifest,)) as warm:
        yield warm


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a step take less processor time, so that a loop without end is soon found."""
    monkeypatch.setattr(gate, "LIMITS", Limits(wall_ms=60_000, step_cpu_ms=1_500))


async def report_of(package: Package, specs: Path, nursery: Nursery) -> GateReport:
    subject = Subject(package=package, livemode=False, specifications=specs)
    return await run(subject, lambda *_: None, nursery=nursery, stop_at_first=True)


def at(line: str) -> Package:
    """Return Stripe's package with ``line`` where refunds are built."""
    old = "        built = self.refund_request(config, request)\n"
    return edited(
        "stripe",
        "connector.py",
        old,
        f"        {line}\n{old}",
        ("connector.py", IMPORT, f"import os\nimport sys\n{IMPORT}"),
    )


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("\ndef (:", "SyntaxError"),
        ("while True: pass", "of processor time in one step"),
        ("x = bytearray(1 << 30)", "MemoryError"),
        ("import os\nos._exit(0)", "ends the process (_exit)"),
        ("import socket\nsocket.socket()", "opens a socket"),
        ("open('/etc/passwd')", "opens a file"),
        ("raise SystemExit", "raised SystemExit"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
async def test_a_module_that_misbehaves_is_one_finding_with_its_file_and_line(
    specs: Path, nursery: Nursery, code: str, reason: str
) -> None:
    package = appended("stripe", "forms.py", code)
    report = await report_of(package, specs, nursery)
    (finding,) = report.findings
    last = package.files["forms.py"].count(b"\n") + 1
    assert (report.verdict, finding.check) == (Verdict.FAILED, "contract.run")
    assert finding.where == f"forms.py:{last}"
    assert reason in finding.problem


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("while True: pass", "of processor time in one step"),
        ("kept = bytearray(1 << 30)", "MemoryError"),
        ("os._exit(0)", "ends the process (_exit)"),
        ("sys.exit()", "SystemExit"),
        ("open('/tmp/left_behind', 'w')", "opens a file"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
async def test_an_operation_that_misbehaves_is_a_finding_with_its_file_and_line(
    specs: Path, nursery: Nursery, line: str, reason: str
) -> None:
    package = at(line)
    report = await report_of(package, specs, nursery)
    found = [f for f in report.findings if f.check in {"contract.run", "contract.exceptions"}]
    number = package.files["connector.py"].decode().splitlines().index(f"        {line}") + 1
    assert report.verdict is Verdict.FAILED
    assert len(found) == 1, report.findings
    assert found[0].where == f"connector.py:{number}"
    assert reason in found[0].problem


@pytest.mark.parametrize("content", [MANIFEST, b"", b"\xff\xfe", b"name = "])
async def test_a_manifest_that_cannot_be_read_is_one_finding(specs: Path, nursery: Nursery, content: bytes) -> None:
    report = await report_of(Package({**STRIPE.files, "manifest.toml": content}), specs, nursery)
    (finding,) = report.findings
    assert (report.verdict, finding.check) == (Verdict.FAILED, "contract.run")
    assert finding.where.startswith("manifest.toml")


async def test_a_package_without_code_is_one_finding(specs: Path, nursery: Nursery) -> None:
    report = await report_of(Package({"manifest.toml": STRIPE.manifest}), specs, nursery)
    (finding,) = report.findings
    assert (report.verdict, finding.check) == (Verdict.FAILED, "contract.run")


async def test_after_all_that_the_built_in_connector_still_passes(specs: Path, nursery: Nursery) -> None:
    assert (await report_of(STRIPE, specs, nursery)).verdict is Verdict.PASSED
