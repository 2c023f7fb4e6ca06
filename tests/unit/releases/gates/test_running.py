"""Gates are run in order, and nothing that becomes of one can pass a release."""

import os
import time
from pathlib import Path

import pytest

from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.loader import builtin_package
from interlock.releases.gates import running
from interlock.releases.gates.apart import run_apart
from interlock.releases.gates.child import Order, encode_order
from interlock.releases.gates.running import ABSENT, REGISTRY, Registered, run_gate, run_gates, specification_hash
from interlock.releases.gates.types import Finding, Gate, GateReport, Progress, Subject, Verdict
from interlock.releases.proposals import STATIC_GATES

SECRET = "sk_test_" + "q" * 30
SUBJECT = Subject(
    package=builtin_package("stripe"),
    livemode=False,
    config=ConnectorConfig(livemode=False, credentials={"secret_key": SECRET}),
    specifications=Path("/nowhere"),
)
HEAD = """
import asyncio, os, sys, time
from interlock.releases.gates.types import *

def report(verdict=Verdict.PASSED, gate=Gate.LINT, checks={"all": 3}, **more):
    return GateReport(gate=gate, verdict=verdict, checks=checks, **more)

async def run(subject, progress, recordings=None):
"""
GATES = {
    "good": "    progress('half', 1, 2)\n    return report(measured={'at': str(subject.specifications)})",
    "raises": "    raise ValueError('no such thing as ' + subject.config.credentials['secret_key'])",
    "sleeps": "    await asyncio.sleep(60)",
    "spins": "    while True: pass",
    "spins_in_a_thread": "    await asyncio.to_thread(lambda: [None for _ in iter(int, 1)])",
    "exits": "    os._exit(7)",
    "leaves": "    raise SystemExit(0)",
    "is_killed": "    os.kill(os.getpid(), 9)",
    "prints": "    print('{\"report\": 1}')\n    os.write(1, b'rubbish\\n')\n    return report()",
    "lies": "    return report(gate=Gate.SHADOW)",
    "says_nothing": "    return None",
    "looks_at_nothing": "    return report(checks={})",
    "fails": "    return report(Verdict.FAILED)",
    "looks_around": (
        "    return report(measured={'seen': sorted(os.environ), 'path': sys.path[0], 'nice': os.nice(0)})"
    ),
    "starts_another": (
        "    import subprocess\n    return report(measured={'pid': subprocess.Popen(['sleep', '300']).pid})"
    ),
}


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Registered]:
    for name, body in GATES.items():
        (tmp_path / f"gate_{name}.py").write_text(f"{HEAD}{body}\n")
    (tmp_path / "gate_broken_import.py").write_text("import no_such_module\n")
    (tmp_path / "gate_without_run.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    names = [*GATES, "broken_import", "without_run", "no_file"]
    return {
        name: Registered(module=f"gate_{name}", deadline_s=1 if "sp" in name or "sl" in name else 30) for name in names
    }


def no_progress(_what: str, _done: int, _total: int) -> None:
    pass


async def apart(registry: dict[str, Registered], name: str, progress: Progress = no_progress) -> GateReport:
    return await run_apart(Gate.LINT, SUBJECT, progress, registry={Gate.LINT: registry[name]})


def ended(pid: int) -> bool:
    """Wait a little; what is dead and not yet buried counts as ended."""
    stat = Path(f"/proc/{pid}/stat")
    for _ in range(100):
        if not stat.exists() or stat.read_text().rpartition(") ")[2].startswith("Z"):
            return True
        time.sleep(0.05)
    os.kill(pid, 9)
    return False


def sentence(report: GateReport) -> str:
    return " ".join(finding.sentence() for finding in report.findings)


async def test_a_gate_apart_gets_the_subject_tells_its_steps_and_reports(registry: dict[str, Registered]) -> None:
    steps: list[tuple[str, int, int]] = []
    report = await apart(registry, "good", lambda *step: steps.append(step))
    assert report == GateReport(gate=Gate.LINT, verdict=Verdict.PASSED, checks={"all": 3}, measured={"at": "/nowhere"})
    assert steps == [("half", 1, 2)]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("raises", "the gate broke: ValueError: no such thing as sk_test_[secret]"),
        ("sleeps", "had not ended after 1 s"),
        ("spins", "had not ended after 1 s"),
        ("spins_in_a_thread", "had not ended after 1 s"),
        ("exits", "its process ended with status 7"),
        ("leaves", "its process ended with status 0"),
        ("is_killed", "its process ended with signal SIGKILL"),
        ("lies", "no report of its own"),
        ("says_nothing", "no report of its own"),
        ("broken_import", "the gate broke: ModuleNotFoundError: No module named 'no_such_module'"),
        ("without_run", ABSENT),
        ("no_file", ABSENT),
    ],
)
async def test_whatever_becomes_of_a_gate_holds_the_release(
    registry: dict[str, Registered], name: str, says: str
) -> None:
    began_at = time.monotonic()
    report = await apart(registry, name)
    assert report.verdict is Verdict.ERROR
    assert says in sentence(report)
    assert SECRET not in repr(report)
    assert time.monotonic() - began_at < 20


async def test_what_a_gate_prints_is_no_report(registry: dict[str, Registered]) -> None:
    assert (await apart(registry, "prints")).verdict is Verdict.PASSED


async def test_no_data_is_never_a_pass(registry: dict[str, Registered]) -> None:
    report = await apart(registry, "looks_at_nothing")
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "nothing was looked at" in sentence(report)


async def test_a_gate_apart_sees_no_variable_that_could_hold_a_secret(
    registry: dict[str, Registered], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STRIPE_KEY", SECRET)
    monkeypatch.setenv("INTERLOCK_OPERATOR_TOKEN", "iop_" + "0" * 40)
    monkeypatch.setenv("INTERLOCK_VAULT_KEYS", "k1:abc")
    monkeypatch.chdir(tmp_path)
    report = await run_apart(
        Gate.LINT, SUBJECT, no_progress, gently=True, registry={Gate.LINT: registry["looks_around"]}
    )
    assert not {"STRIPE_KEY", "INTERLOCK_OPERATOR_TOKEN", "INTERLOCK_VAULT_KEYS"} & set(report.measured["seen"])
    assert report.measured["path"] != "", "the folder one stands in is no place for modules"
    assert report.measured["nice"] == 19


async def test_nothing_that_a_gate_started_is_left_running(registry: dict[str, Registered]) -> None:
    pid = (await apart(registry, "starts_another")).measured["pid"]
    assert ended(pid)


async def test_a_failed_gate_ends_the_run_unless_all_are_wanted(registry: dict[str, Registered]) -> None:
    places = {Gate.LINT: registry["good"], Gate.CONTRACT: registry["fails"], Gate.SHADOW: registry["good"]}

    async def run(gate: Gate, subject: Subject, progress: Progress) -> GateReport:
        report = await run_gate(gate, subject, progress, registry=places)
        return (
            report
            if report.verdict is Verdict.ERROR
            else GateReport(gate=gate, verdict=report.verdict, checks={"a": 1})
        )

    def told(_gate: Gate, _what: str, _done: int, _total: int) -> None:
        pass

    # Each of these modules speaks of lint: the second is held for that, which does not end a run.
    reports = await run_gates(SUBJECT, run, told, gates=places)
    assert [report.gate for report in reports] == list(places)

    async def failing(gate: Gate, _subject: Subject, _progress: Progress) -> GateReport:
        verdict = Verdict.FAILED if gate is Gate.CONTRACT else Verdict.PASSED
        return GateReport(gate=gate, verdict=verdict, checks={"a": 1})

    assert [one.gate for one in await run_gates(SUBJECT, failing, told)] == [Gate.LINT, Gate.CONTRACT]
    assert [one.gate for one in await run_gates(SUBJECT, failing, told, goes_on=True)] == list(STATIC_GATES)


def test_the_gates_run_in_the_order_in_which_a_release_passes_them() -> None:
    assert tuple(REGISTRY) == STATIC_GATES


def test_the_worst_verdict_counts_and_none_is_no_pass() -> None:
    order = (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.PASSED)
    for number, verdict in enumerate(order):
        assert running.verdict_of(order[number:]) is verdict
    assert running.verdict_of([]) is Verdict.INCONCLUSIVE


def test_an_order_survives_the_way_to_the_child() -> None:
    order = Order(gate=Gate.SHADOW, registered=REGISTRY[Gate.SHADOW], subject=SUBJECT, recordings=b"\x00\xff")
    assert SECRET.encode() in encode_order(order), "credentials go through the pipe, not through the environment"
    assert SECRET not in repr(order)


def test_the_hash_of_documents_tells_content_names_and_providers_apart(tmp_path: Path) -> None:
    assert specification_hash(None, "stripe") is None
    assert specification_hash(tmp_path, "stripe") is None
    (tmp_path / "adyen_checkout.json").write_text("{}")
    assert specification_hash(tmp_path, "stripe") is None
    (tmp_path / "stripe_api.json").write_text("{}")
    first = specification_hash(tmp_path, "stripe")
    assert first == specification_hash(tmp_path, "stripe")
    (tmp_path / "stripe_api.json").write_text("[]")
    second = specification_hash(tmp_path, "stripe")
    (tmp_path / "stripe_api.json").rename(tmp_path / "stripe_other.json")
    assert len({None, first, second, specification_hash(tmp_path, "stripe")}) == 4


async def test_findings_of_a_gate_in_this_process_name_the_place_in_the_program(
    registry: dict[str, Registered],
) -> None:
    report = await run_gate(Gate.LINT, SUBJECT, no_progress, registry={Gate.LINT: registry["raises"]})
    assert [type(finding) for finding in report.findings] == [Finding]
    assert report.verdict is Verdict.ERROR
