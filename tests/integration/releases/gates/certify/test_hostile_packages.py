"""Code that misbehaves ends as one finding with its file and line; nothing of it, or of the run, is left behind."""

import asyncio
import os
import tempfile
from pathlib import Path

import asyncpg
import pytest
from tests.support.certify import Certifier, edited
from tests.support.processes import processes

from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.releases.gates.types import Verdict
from interlock.storage.embedded import EmbeddedPostgres

VOID = "        response = yield self.void_request(config, request)\n"
LINE = (builtin_package("stripe").files["connector.py"].decode().partition(VOID)[0]).count("\n") + 1
WITHIN_MS = 60_000


def in_a_void(code: str) -> Package:
    return edited("stripe", ("connector.py", VOID, f"        {code}\n{VOID}"))


def on_import(code: str) -> Package:
    return Package({**builtin_package("stripe").files, "answers.py": f"{code}\n".encode()})


@pytest.mark.parametrize(
    ("package", "where", "said"),
    [
        (in_a_void("while True: pass"), f"connector.py:{LINE}", "processor time in one step"),
        (in_a_void("kept = bytearray(1 << 32)"), f"connector.py:{LINE}", "MemoryError"),
        (in_a_void("import os; os._exit(0)"), f"connector.py:{LINE}", "ends the process"),
        (in_a_void("import os; os.fork()"), f"connector.py:{LINE}", "forks"),
        (in_a_void("import threading; threading.Thread(target=print).start()"), f"connector.py:{LINE}", "a thread"),
        (in_a_void("import socket; socket.create_connection(('127.0.0.1', 1))"), f"connector.py:{LINE}", "socket"),
        (in_a_void("open('/tmp/left_behind', 'w')"), f"connector.py:{LINE}", "opens a file"),
        (in_a_void("import time; time.sleep(60)"), f"connector.py:{LINE}", "sleeps"),
        (in_a_void("print('x' * 10_000_000)"), f"connector.py:{LINE}", "prints without end"),
        (in_a_void("raise SystemExit(3)"), f"connector.py:{LINE}", "raised SystemExit: 3"),
        (in_a_void("raise BaseException('out')"), f"connector.py:{LINE}", "raises BaseException in void (out)"),
        (in_a_void("import asyncio; raise asyncio.CancelledError"), f"connector.py:{LINE}", "raises CancelledError"),
        (in_a_void("{}['lost']"), f"connector.py:{LINE}", "raises KeyError in void ('lost'); seen in void"),
        (in_a_void("return None"), f"connector.py:{LINE - 2}", "the connector returned no Result"),
        (
            in_a_void("while True: yield self.void_request(config, request)"),
            f"connector.py:{LINE - 2}",
            "made more than 8 requests",
        ),
        (on_import("\n\n1 / 0"), "answers.py:3", "cannot be imported: ZeroDivisionError"),
        (on_import("kept = bytearray(1 << 40)"), "answers.py:1", "cannot be imported: MemoryError"),
        (Package({**builtin_package("stripe").files, "__init__.py": b""}), "the run", "exports no CONNECTOR"),
        (
            Package({**builtin_package("stripe").files, "manifest.toml": b"x = 1"}),
            "manifest.toml (top)",
            "unknown field",
        ),
    ],
)
def test_misbehaviour_ends_as_one_finding_that_names_its_place(
    certifier: Certifier, package: Package, where: str, said: str
) -> None:
    report = certifier.certify(package, "void", "sale visa", wall_ms=WITHIN_MS, step_cpu_ms=1_500)
    assert report.verdict is Verdict.FAILED
    assert len(report.findings) == 1, [finding.sentence() for finding in report.findings]
    sentence = report.findings[0].sentence()
    assert said in sentence
    assert where in sentence
    assert "\n" not in sentence


def test_a_required_setting_that_the_simulated_account_has_not_is_not_judged(certifier: Certifier) -> None:
    manifest = builtin_package("stripe").manifest + b'\n[settings.till]\ntitle = "till"\nrequired_in = ["test"]\n'
    package = Package({**builtin_package("stripe").files, "manifest.toml": manifest})
    report = certifier.certify(package, "sale visa")
    assert [(one.check, one.where) for one in report.findings] == [("certify.account", "settings.till")]
    assert report.verdict is Verdict.INCONCLUSIVE


def test_a_provider_without_a_sandbox_is_not_judged(certifier: Certifier) -> None:
    report = certifier.certify(edited("stripe", ("manifest.toml", 'name = "stripe"\n', 'name = "acme"\n')))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "INTERLOCK_CERTIFY_SANDBOX_ACME" in report.findings[0].remedy


def test_between_runs_no_process_and_no_database_of_a_run_is_left(
    certifier: Certifier, postgres: EmbeddedPostgres
) -> None:
    certifier.certify(in_a_void("import os; os._exit(0)"), "void")
    assert len(asyncio.run(databases(postgres.url))) == 1, "the template alone"
    mark = f" -m interlock.releases.gates.isolation {os.getpid()}"
    workers = processes(lambda command: command.rstrip().endswith(mark))
    assert len(workers) == 1, "the keeper alone"
    assert not Path("/tmp/left_behind").exists()  # noqa: S108 - that very place
    assert len(list(Path(tempfile.gettempdir()).glob("interlock-certify-*/owner"))) >= 1


async def databases(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'interlock_certify_%'")
        return [row["datname"] for row in rows]
    finally:
        await connection.close()
