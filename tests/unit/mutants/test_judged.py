"""What counts as equivalent, as stopped and as being about money, and what all of it comes to."""

import argparse
from typing import Any

import pytest
from benchmarks.mutants import report
from benchmarks.mutants.judged import Judged, Live, Stop, placed, row
from benchmarks.mutants.mutant import Mutant

from interlock.gateways.package import Package
from interlock.releases.gates.contract.comparing import Touch
from interlock.releases.gates.types import Gate, Verdict

_PACKAGE = Package({"connector.py": b"a = read(x)\nfield = 1\n", "manifest.toml": b""})


def judged(**changes: Any) -> Judged:
    facts: dict[str, Any] = {
        "id": "code:acme/connector.py:1:number:1",
        "family": "code",
        "gateway": "acme",
        "operator": "number",
        "diff": "--- a\n+++ b\n-x\n+y\n",
        "stop": None,
        "equivalent": False,
        "observed": 1,
        "touched": frozenset(),
        "placed": frozenset(),
    }
    return Judged(**{**facts, **changes})


def stopped(gate: Gate, **changes: Any) -> Judged:
    stop = Stop(gate=gate, check=f"{gate.value}.x", verdict=Verdict.FAILED, said="said")
    return judged(stop=stop, **changes)


def live(*hurt: str) -> Live:
    return Live(ended="not rolled back", purchases=100, on_candidate=20, hurt=hurt, seconds=1.0)


def mutant(file: str, place: str, content: bytes, **more: Any) -> Mutant:
    return Mutant(id="x", family="code", gateway="acme", file=file, place=place, operator="o", content=content, **more)


def value(results: Any, name: str) -> float | None:
    return next((one["value"] for one in results.figures() if one["name"] == name), None)


@pytest.mark.parametrize(
    ("place", "touch"),
    [
        ("currencies.exponents.jpy", Touch.CURRENCY),
        ("sent.sale.amount", Touch.AMOUNT),
        ("echo.capture", Touch.AMOUNT),
        ("idempotency.header", Touch.KEY),
        ("webhook.tolerance_ms", Touch.SIGNATURE),
        ("webhook", Touch.SIGNATURE),
    ],
)
def test_a_table_of_the_manifest_tells_that_a_change_is_about_money(place: str, touch: Touch) -> None:
    assert placed(mutant("manifest.toml", place, b"x"), _PACKAGE) == {touch}


@pytest.mark.parametrize("place", ["webhook.subscriptions", "timeouts.read_ms", "title"])
def test_other_tables_do_not(place: str) -> None:
    assert not placed(mutant("manifest.toml", place, b"x"), _PACKAGE)


def test_a_line_of_code_that_names_an_amount_a_key_or_a_signature_is_about_money() -> None:
    for line, touch in (
        (b"a = to_provider(x)", Touch.AMOUNT),
        (b"currency = 1", Touch.CURRENCY),
        (b"key = request.idempotency_key", Touch.KEY),
        (b"hmac.new(x)", Touch.SIGNATURE),
    ):
        assert placed(mutant("connector.py", "1", line + b"\nfield = 1\n"), _PACKAGE) == {touch}
    assert not placed(mutant("connector.py", "2", b"a = read(x)\nfield = 2\n"), _PACKAGE)


def test_what_the_operator_knows_goes_before_words() -> None:
    changed = mutant("connector.py", "1", b"amount = 1\n", touches="signature")
    assert placed(changed, _PACKAGE) == {Touch.SIGNATURE}


def test_an_equivalent_one_is_neither_stopped_nor_a_survivor_nor_about_money() -> None:
    same = stopped(Gate.LINT, equivalent=True, placed=frozenset({Touch.AMOUNT}))
    assert not same.survives
    assert not same.money
    counted = row("all", [same, stopped(Gate.LINT)])
    assert (counted.mutants, counted.equivalent, counted.stopped, counted.survived) == (2, 1, {Gate.LINT: 1}, 0)


def test_what_shadow_stops_is_stopped_by_shadow_and_a_survivor_of_the_others() -> None:
    seen = judged(shadow="money: 1 became 2")
    assert seen.survives
    assert seen.stopped_before_live
    assert row("all", [seen]).stopped == {Gate.SHADOW: 1}
    assert row("all", [judged(shadow="")]).survived == 1


def test_no_bad_release_has_no_share() -> None:
    assert row("all", [judged(equivalent=True)]).stopped_share is None


def test_the_figures_are_shares_of_bad_releases_and_the_worst_canary() -> None:
    money = {"touched": frozenset({Touch.AMOUNT})}
    everyone = [
        stopped(Gate.CONTRACT, **money),
        stopped(Gate.LINT),
        judged(live=live("order_1: failed", "order_2: charged twice")),
        judged(shadow="differs", live=live("order_3: failed")),
        judged(equivalent=True),
    ]
    results = report.results(everyone, live())
    assert value(results, "mutants") == 4
    assert value(results, "stopped_before_live_share") == 0.75
    assert value(results, "money_mutants_stopped_share") == 1
    assert value(results, "customers_hurt_by_survivors_max") == 2


def test_customers_who_are_hurt_without_any_mutant_make_the_figure_worthless() -> None:
    results = report.results([judged(live=live())], live("order_1: failed"))
    assert value(results, "customers_hurt_by_survivors_max") is None
    assert "without any mutant" in results.left_out()["customers_hurt_by_survivors_max"]


def test_a_survivor_that_never_went_live_has_hurt_nobody_knows_how_many() -> None:
    results = report.results([judged()], None)
    assert value(results, "customers_hurt_by_survivors_max") is None
    assert value(report.results([stopped(Gate.LINT)], None), "customers_hurt_by_survivors_max") == 0


def test_the_file_names_equivalents_and_shows_survivors_with_their_diffs() -> None:
    details = report.details([judged(id="s"), judged(id="e", equivalent=True), stopped(Gate.LINT)], None)
    assert details["equivalent"] == ["e"]
    assert [(one["id"], one["diff"]) for one in details["survivors"]] == [("s", judged().diff)]
    assert details["checks"] == {"lint.x": 1}
    assert details["stopped_without_shadow_share"] == 0.5


def test_the_command_that_a_file_names_can_be_given_again() -> None:
    asked = argparse.Namespace(id=[], all=False, sample=60, gateway=["adyen"], seed=7)
    assert report.arguments(asked, 1_800) == ' ARGS="--sample 60 --gateway adyen"'
    asked = argparse.Namespace(id=[], all=False, sample=1_800, gateway=[], seed=7)
    assert report.arguments(asked, 1_800) == ""
