"""`interlock drill`: the page's own example, a gate, a canary and an innocent change in a gateway's outage."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def drill(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "interlock.cli.main", "drill", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def ran(folder: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    ended = drill(folder, "run", *arguments, "--json")
    assert ended.stdout, ended.stderr[-2000:]
    return {one["id"]: one for one in json.loads(ended.stdout)["drills"]}


def test_the_drill_of_the_page_is_stopped_by_the_stage_it_names(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "drills.md").read_text(encoding="utf-8")
    [manifest] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "my_drills" / "F001_yen").mkdir(parents=True)
    (tmp_path / "my_drills" / "F001_yen" / "drill.toml").write_text(manifest, encoding="utf-8")

    ended = drill(tmp_path, "run", "--all", "--folder", "my_drills")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    words = " ".join(ended.stdout.split())
    assert "F001_yen lint static_lint 0 0 0" in words
    assert "1 of 1 drills came out as they must" in words


def test_a_wrong_manifest_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "F999_mine").mkdir()
    (tmp_path / "F999_mine" / "drill.toml").write_text('title = "x"\n', encoding="utf-8")
    ended = drill(tmp_path, "list", "--folder", str(tmp_path))
    assert ended.returncode == 3
    assert ended.stderr.strip().splitlines() == [
        "interlock: F999_mine/drill.toml: Object missing required field `provider`; see docs/drills.md"
    ]


def test_a_release_that_is_dead_is_rolled_back_by_its_canary_and_no_purchase_is_lost(tmp_path: Path) -> None:
    one = ran(tmp_path, "I003_dead_in_the_canary")["I003_dead_in_the_canary"]
    assert (one["stopped_by"], one["in_time"], one["holds"]) == ("canary", True, True), one
    assert one["harm"]["payments"] > 0
    assert (one["harm"]["lost"], one["harm"]["wrong"]) == (0, 0)
    assert one["told"][0].startswith("the canary: ")
