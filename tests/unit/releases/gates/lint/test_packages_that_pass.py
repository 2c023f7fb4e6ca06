"""Both built-in connectors and an honest one of another provider pass, quickly, and none of their code is run."""

import asyncio
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
from tests.support import acme
from tests.support.gateways import CONFIGS
from tests.support.lint import LIVE, NOW_MS, report_of

from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.loader import builtin_package, known_gateways
from interlock.gateways.package import Package
from interlock.releases.gates.lint import run
from interlock.releases.gates.types import Subject, Verdict

SECONDS_MAX = 3.0


@pytest.mark.parametrize("name", known_gateways())
@pytest.mark.parametrize("configs", [None, CONFIGS, LIVE], ids=["alone", "test", "live"])
def test_a_builtin_connector_passes_without_a_finding(name: str, configs: dict[str, ConnectorConfig] | None) -> None:
    config = configs[name] if configs else None
    package = builtin_package(name)
    serving = {"stable": package, "stable_config": config} if configs else {}
    report = report_of(package, livemode=bool(config and config.livemode), config=config, **serving)
    assert [finding.sentence() for finding in report.findings] == []
    assert report.verdict is Verdict.PASSED
    assert report.duration_ms < SECONDS_MAX * 1000
    assert ("configuration: no account is given" in report.left_out) is (config is None)
    assert len(report.checks) > 30
    assert all(count > 0 for count in report.checks.values())


def test_an_unknown_provider_is_inconclusive_and_says_what_nobody_could_check() -> None:
    report = report_of(acme.package())
    assert report.verdict is Verdict.INCONCLUSIVE
    assert [finding.check for finding in report.findings] == ["lint.table"]
    assert "currencies" in report.findings[0].problem
    assert "acme.toml" in report.findings[0].remedy


def test_an_operators_table_makes_an_unknown_provider_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme.toml").write_text(acme.TABLE)
    monkeypatch.setenv("INTERLOCK_PROVIDERS", str(tmp_path))
    assert report_of(acme.package()).findings == ()
    wrong = acme.package(manifest=acme.MANIFEST.replace("pay.acme.example/v3", "pay.acme.example"))
    report = report_of(wrong)
    assert [finding.where for finding in report.findings] == ["manifest.toml hosts.live.base_url"]
    assert "docs.acme.example/hosts" in report.findings[0].remedy


def test_the_folder_may_be_an_argument_too(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text(acme.TABLE)
    subject = Subject(package=acme.package(), livemode=False, now_ms=NOW_MS)
    assert asyncio.run(run(subject, lambda *_: None, providers=tmp_path)).verdict is Verdict.PASSED


def test_a_table_that_cannot_be_read_is_an_error_and_no_pass(tmp_path: Path) -> None:
    (tmp_path / "acme.toml").write_text("name = 3")
    subject = Subject(package=acme.package(), livemode=False, now_ms=NOW_MS)
    report = asyncio.run(run(subject, lambda *_: None, providers=tmp_path))
    assert report.verdict is Verdict.ERROR
    assert {finding.check for finding in report.findings} == {"lint.table"}


def test_no_code_of_a_package_is_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    code = f"{acme.CONNECTOR}\nopen({str(marker)!r}, 'w')\nraise SystemExit\n"
    before = set(sys.modules)
    report = report_of(acme.package(code))
    assert report.verdict is Verdict.FAILED
    assert not marker.exists()
    assert not [name for name in set(sys.modules) - before if "package_" in name]


async def test_progress_is_told_and_the_loop_is_not_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    busy_s = 0.4
    monkeypatch.setattr("interlock.releases.gates.lint.gate.state.check", lambda *_: time.sleep(busy_s))
    told: list[tuple[str, int, int]] = []
    beats: list[float] = []
    loop = asyncio.get_running_loop()

    async def heartbeat() -> None:
        while True:
            beats.append(loop.time())
            await asyncio.sleep(0.01)

    beating = asyncio.create_task(heartbeat())
    await run(
        Subject(package=acme.package(), livemode=False, now_ms=NOW_MS), lambda *step: told.append(step), providers=None
    )
    beating.cancel()
    assert [done for _, done, _ in told] == list(range(len(told)))
    assert told[-1][1] == told[-1][2]
    assert max(later - earlier for earlier, later in pairwise(beats)) < busy_s * 0.75


def test_files_without_code_may_hold_prose() -> None:
    files = {**builtin_package("adyen").files, "README.md": "Ask the team. Grüße!".encode()}
    assert report_of(Package(files)).findings == ()
