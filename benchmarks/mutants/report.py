"""Tables, figures and the JSON file's details of a run. Pure but for printing."""

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from benchmarks.figures import Bar, Results, rounded
from benchmarks.mutants.judged import Judged, Live, Row, row
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table

from interlock.releases.gates.types import Gate

BARS = (
    Bar("mutants", "bad releases", ">= 300"),
    Bar("stopped_before_live_share", "ratio", ">= 0.97"),
    Bar("money_mutants_stopped_share", "ratio", "== 1"),
    Bar("customers_hurt_by_survivors_max", "customers", "<= 10"),
)
_GATES = (Gate.LINT, Gate.CONTRACT, Gate.CERTIFY, Gate.SHADOW)
_SHOWN_MAX = 40
_CHECKS_MAX = 12
_SAID_MAX = 200


def standing(judged: Iterable[Judged]) -> str:
    """Return how it stands, in a few words."""
    counts = Counter(_fate(one) for one in judged)
    return ", ".join(f"{counts[fate]} {fate}" for fate in (*_GATES, "equivalent", "survivors") if counts[fate])


def _fate(one: Judged) -> str:
    if one.equivalent:
        return "equivalent"
    return "survivors" if one.stop is None else one.stop.gate.value


def results(judged: Sequence[Judged], calm: Live | None) -> Results:
    """Return the figures."""
    found = Results(BARS)
    bad = [one for one in judged if not one.equivalent]
    money = [one for one in bad if one.money]
    survivors = [one for one in bad if one.survives]
    found.add("mutants", len(bad))
    for name, of in (("stopped_before_live_share", bad), ("money_mutants_stopped_share", money)):
        value = row(name, of).stopped_share
        if value is None:
            found.not_measured[name] = "no such mutant in this sample"
        else:
            found.add(name, value)
    tried = [one.live for one in survivors if one.live is not None and one.live.on_candidate]
    if calm is not None and calm.hurt:
        found.not_measured["customers_hurt_by_survivors_max"] = f"{len(calm.hurt)} were hurt without any mutant"
    elif tried or not survivors:
        found.add("customers_hurt_by_survivors_max", max((len(live.hurt) for live in tried), default=0))
    else:
        found.not_measured["customers_hurt_by_survivors_max"] = "no survivor had a payment"
    return found


def details(judged: Sequence[Judged], calm: Live | None) -> dict[str, Any]:
    """Return what the JSON file holds beside the figures."""
    survivors = [one for one in judged if one.survives]
    tried = [one for one in survivors if one.live is not None]
    return {
        "table": [msgspec.to_builtins(one) for one in rows(judged)],
        "checks": dict(Counter(one.stop.check for one in judged if one.stop and not one.equivalent).most_common()),
        "looked_at_again": _looked_at_again(judged),
        "stopped": {one.id: f"{one.stop.check}: {one.stop.said[:_SAID_MAX]}" for one in judged if one.stop},
        "equivalent": [one.id for one in judged if one.equivalent],
        "survivors": [msgspec.to_builtins(one) for one in survivors],
        "survivors_tried_live": len(tried),
        "stopped_without_shadow_share": _without_shadow(judged),
        "shoppers_without_a_mutant": msgspec.to_builtins(calm),
        "gates_that_broke": {one.id: list(one.errors) for one in judged if one.errors},
    }


def _looked_at_again(judged: Sequence[Judged]) -> dict[str, int]:
    """Return how many that nothing observed tells from the original were certified, and how many of them stopped."""
    alike = [one for one in judged if one.observed == 0 and one.certified]
    return {"certified": len(alike), "stopped": sum(one.stop is not None for one in alike)}


def _without_shadow(judged: Sequence[Judged]) -> float | None:
    """Return the share that the gates stop which need no traffic of the shop."""
    bad = [one for one in judged if not one.equivalent]
    return rounded(sum(one.stop is not None for one in bad) / len(bad)) if bad else None


def rows(judged: Sequence[Judged]) -> list[Row]:
    """Return the table's lines: by family and connector, those about money, and everything."""
    kinds = dict.fromkeys((one.family, one.gateway) for one in judged)
    found = [
        row(f"{family} {gateway}", (one for one in judged if (one.family, one.gateway) == (family, gateway)))
        for family, gateway in kinds
    ]
    return [*found, row("about money", (one for one in judged if one.money)), row("all", judged)]


def show(console: Console, judged: Sequence[Judged]) -> None:
    """Print the table, the checks that stop most, and the survivors."""
    table = Table(title="bad releases, and where each was stopped", title_justify="left", box=None, pad_edge=False)
    for heading in ("", "made", "equal", *(gate.value for gate in _GATES), "survived", "stopped"):
        table.add_column(heading, justify="left" if not heading else "right", no_wrap=True)
    for one in rows(judged):
        stopped = "" if one.stopped_share is None else f"{100 * one.stopped_share:.1f} %"
        counts = (str(one.stopped.get(gate, 0)) for gate in _GATES)
        table.add_row(one.name, str(one.mutants), str(one.equivalent), *counts, str(one.survived), stopped)
    console.print(table)
    checks = Counter(one.stop.check for one in judged if one.stop and not one.equivalent)
    said = ", ".join(f"{check} {count}" for check, count in checks.most_common(_CHECKS_MAX))
    console.print(f"the checks that stop most: {said}", style="dim", highlight=False)
    survivors = [one for one in judged if one.survives]
    for survivor in survivors[:_SHOWN_MAX]:
        _survivor(console, survivor)
    if len(survivors) > _SHOWN_MAX:
        console.print(f"{len(survivors) - _SHOWN_MAX} survivors more stand in the JSON file", style="dim")


def _survivor(console: Console, one: Judged) -> None:
    about = f" (about {', '.join(sorted({*one.touched, *one.placed}))})" if one.money else ""
    console.print(f"[bold]survived:[/] {one.id}{about}", highlight=False)
    console.print(Syntax(one.diff, "diff", background_color="default"))
    for example in one.examples[:2]:
        console.print(f"  {example.case}: {example.place}: {example.before} → {example.after}", markup=False)
    if one.shadow:
        console.print(f"  shadow: {one.shadow}", markup=False, highlight=False)
    if one.live is not None:
        live = one.live
        told = (
            f"  live: {live.ended}; {live.on_candidate} of {live.purchases} payments, {len(live.hurt)} customers hurt"
        )
        console.print(told, markup=False, highlight=False)


def arguments(asked: argparse.Namespace, usual: int) -> str:
    """Return the arguments that matter, as ``make`` is given them."""
    words = [f"--id {one}" for one in asked.id]
    if asked.all:
        words.append("--all")
    elif asked.sample != usual and not asked.id:
        words.append(f"--sample {asked.sample}")
    words += [f"--gateway {one}" for one in asked.gateway]
    return f' ARGS="{" ".join(words)}"' if words else ""
