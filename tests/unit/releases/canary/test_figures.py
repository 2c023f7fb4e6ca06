"""What the page about statistics shows was made by today's code, and its sentences say what was measured."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from benchmarks.statistics import drawing, page, summing
from benchmarks.statistics.fingerprint import fingerprint

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / drawing.FOLDER


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    numbers: dict[str, Any] = json.loads((FOLDER / drawing.NUMBERS).read_text(encoding="utf-8"))
    return numbers


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / page.PAGE).read_text(encoding="utf-8")


def test_the_numbers_were_measured_with_todays_code(written: dict[str, Any]) -> None:
    assert written["fingerprint"] == fingerprint(), "run `make figures`"
    assert written["command"] == "make bench-statistics", "a quick run is no evidence"
    assert [one["name"] for one in written["figures"]] == [bar.name for bar in summing.BARS]


def test_every_bar_holds(written: dict[str, Any]) -> None:
    assert [one["name"] for one in written["figures"] if not one["holds"]] == []


def test_the_pictures_are_drawn_from_these_numbers(written: dict[str, Any], tmp_path: Path) -> None:
    for drawn in drawing.draw(written, tmp_path):
        assert drawn.read_bytes() == (FOLDER / drawn.name).read_bytes(), f"{drawn.name}: run `make figures`"


def test_the_page_has_these_tables_and_shows_every_picture(written: dict[str, Any], text: str) -> None:
    assert page.with_tables(text, written) == text, "run `make figures`"
    shown = set(re.findall(r"\]\(figures/([\w-]+\.svg)\)", text))
    assert shown == {path.name for path in FOLDER.glob("canary-*.svg")}


def test_the_sentences_say_what_was_measured(written: dict[str, Any], text: str) -> None:
    beside = written["beside"]
    mean = {approval: value for approval, value, *_ in written["curves"]["delays"]}
    late, alike = beside["late_fault_candidate_payments"], beside["promotion"]
    plain = beside["innocent_share_rolled_back"]["plain"]
    stratum = next(one["value"] for one in written["figures"] if one["name"].startswith("stratum"))
    medians = [alike[f"alike/{share}"]["median_payments"] for share in (50_000, 200_000, 500_000)]
    sentences = (
        f"rolled back after {mean[0.0]:.0f} payments on average, one that approves half after {mean[0.5]:.0f},",
        f"one that loses seven points after {round(mean[0.85], -1):.0f}",
        f"rolled back after {late['product']:.0f} payments instead of {late['plain_with_budget']:.0f}",
        f"rolled back after {stratum:.0f} payments of the whole candidate, {0.028 * stratum:.0f} of them",
        f"Two points lost need {round(mean[0.9], -2):,.0f} payments",
        f"need {round(medians[0], -3):,} payments (median, approval),",
        f"at 20 % {round(medians[1], -2):,}, at 50 % {round(medians[2], -2):,}",
        f"(nearly: {100 * plain['z_test_once'][0]:.1f} % with 50 treated payments)",
        f"rolled back {100 * plain['z_test_at_every_payment'][0]:.0f} % of innocent releases after 1,000 payments",
    )
    flowing = " ".join(text.split())
    assert [sentence for sentence in sentences if sentence not in flowing] == []
