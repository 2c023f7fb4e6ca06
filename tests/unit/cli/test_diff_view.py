"""The terminal view of a release diff: complete when asked to be, folded otherwise, and never wider than the screen."""

import io
import json

import pytest
from rich.cells import cell_len
from rich.console import Console
from tests.support.gateways import CONFIGS
from tests.support.release_changes import edited, traces

from interlock.cli.releases.diff_view import LINES_FOLDED, ROWS_FOLDED, diff_facts, render_diff
from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.releases.diff.comparing import compare
from interlock.releases.diff.types import Observed, ReleaseDiff, Version

STRIPE = builtin_package("stripe")
MANY = "\n".join(f'made_up_{number} = "call_issuer"' for number in range(ROWS_FOLDED + 30))
CHANGED = edited(
    "stripe",
    ("manifest.toml", "isk = 2, ", ""),
    ("manifest.toml", "read_ms = 30000", "read_ms = 300"),
    ("manifest.toml", 'live.base_url = "https://api.stripe.com"', 'live.base_url = "https://api.stripe.example/v1"'),
    ("manifest.toml", "[codes.declines]", f"[codes.declines]\n{MANY}"),
    ("http.py", '"stripe-version": tables.api_version', '"stripe-version": "[bold]x[/bold]"'),
    ("http.py", "def post(", "def unused() -> None:\n" + "    pass\n" * (LINES_FOLDED + 30) + "\n\ndef post("),
)


def the_diff(package: Package = CHANGED) -> ReleaseDiff:
    secrets = tuple(CONFIGS["stripe"].credentials.values())
    seen = Observed(before=traces(STRIPE), after=traces(package), secrets=secrets)
    before = Version(package=STRIPE, settings={"account": "acct_1"}, credentials={"secret_key": "KEY_1"})
    after = Version(package=package, settings={"account": "acct_2"}, credentials={"secret_key": "KEY_2"})
    return compare(before, after, seen)


def drawn(diff: ReleaseDiff, *, width: int = 100, whole: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    render_diff(diff, console, whole=whole)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_change_is_drawn_with_its_severity_and_sentence() -> None:
    diff = the_diff()
    text = " ".join(drawn(diff, width=200, whole=True).split())
    told = [field.meaning for field in diff.fields] + [row.meaning for row in diff.rows]
    told += [value.meaning for value in (*diff.settings, *diff.credentials)]
    assert len(told) > ROWS_FOLDED
    for meaning in told:
        assert meaning in text
    for place in ("request /amount", "request header stripe-version", "timeouts.read_ms 30000 → 300", "isk 2 → 0"):
        assert place in text
    assert "KEY_1 → KEY_2" in text


def test_what_nobody_announced_is_said_at_the_top() -> None:
    lines = drawn(the_diff()).splitlines()
    assert "2 places behave otherwise without being announced" in lines[2]


def test_long_lists_and_texts_are_folded_and_the_rest_is_counted() -> None:
    diff = the_diff()
    text = drawn(diff)
    assert "… 30 more; --whole shows all" in text
    (http,) = [each for each in diff.files if each.name == "http.py"]
    assert f"… {len(http.text) - LINES_FOLDED} more; --whole shows all" in text
    assert "made_up_41" not in text
    assert "more; --whole" not in drawn(diff, whole=True)


@pytest.mark.parametrize("width", [40, 56, 80, 160])
@pytest.mark.parametrize("whole", [False, True])
def test_no_line_is_wider_than_the_screen(width: int, *, whole: bool) -> None:
    lines = drawn(the_diff(), width=width, whole=whole).splitlines()
    assert max(cell_len(line) for line in lines) <= width


def test_markup_in_a_release_is_drawn_as_it_is_written() -> None:
    assert "[bold]x[/bold]" in drawn(the_diff(), whole=True)


def test_nothing_reads_as_nothing() -> None:
    assert drawn(the_diff(STRIPE)).count("acct_1 → acct_2") == 1
    same = compare(Version(package=STRIPE), Version(package=STRIPE))
    assert drawn(same).endswith("nothing differs\n")


def test_a_diff_without_observations_says_so() -> None:
    assert "requests and results were not observed" in drawn(
        compare(Version(package=STRIPE), Version(package=CHANGED), None)
    )


def test_as_json_the_diff_has_its_counts_and_all_its_text() -> None:
    diff = the_diff()
    facts = json.loads(json.dumps(diff_facts(diff)))
    assert facts["unannounced"] == len(diff.unannounced)
    assert facts["severities"]["money"] == diff.severities()["money"]  # type: ignore[index]  # an enum of texts
    assert facts["files"][0]["text"] == list(diff.files[0].text)
    assert [each["path"] for each in facts["fields"]] == [each.path for each in diff.fields]
