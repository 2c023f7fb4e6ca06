"""The founding outage, replayed by the command that the README shows."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def canary_undone(document: dict[str, Any]) -> bool:
    """Tell whether the release on canary was met by payments and taken back."""
    return document["acts"][1]["first_bad_to_undone_s"] is not None


def test_the_same_bad_release_costs_purchases_unprotected_and_none_in_a_canary_or_at_the_gates(tmp_path: Path) -> None:
    figures_file, picture = tmp_path / "nov7.json", tmp_path / "nov7.svg"
    command = [sys.executable, "-m", "interlock.cli.main", "replay", "nov7", "--json", str(figures_file)]
    ended = subprocess.run(
        [*command, "--picture", str(picture)],
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    document = json.loads(figures_file.read_bytes())
    # How quick the undo is depends on what else the machine does; `interlock replay nov7` by itself says it.
    missed = {figure["name"] for figure in document["figures"] if not figure["holds"]} - {"first_bad_to_undone_s"}
    assert missed == set()
    assert canary_undone(document), "the canary was taken back"
    assert document["not_measured"] == {}
    unprotected, canary, protected = document["acts"]
    assert unprotected["lost"] > 100
    assert (canary["lost"], protected["lost"]) == (0, 0)
    assert canary["stopped_by"].startswith("the canary: ")
    assert protected["stopped_by"].startswith("gate ")
    assert protected["first_bad_to_undone_s"] is None, "it never met a shopper"
    assert "of" in picture.read_text(encoding="utf-8")
    assert "never went live" in " ".join(ended.stdout.split()), "the table is read by people"
