"""The tables of ``docs/statistics.md``, written into the page by ``make figures``. Pure but for that."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.statistics.work import APPROVALS

PAGE = Path("docs/statistics.md")
BEGIN = "<!-- written by `make figures` -->"
END = "<!-- to here -->"
_GROUPS = {
    "one_stratum": "one stratum",
    "twelve_strata": "twelve strata",
    "plain_with_budget": "equal weights, ½ product + ½ mean, parts of alpha as here",
    "plain_formula": "the same, and equal parts of alpha",
}


def tables(written: dict[str, Any]) -> str:
    """Return every figure with its bar, then what is measured beside them."""
    return "\n\n".join((_figures(written["figures"]), _over_bound(written["beside"]), _rest(written["beside"])))


def with_tables(page: str, written: dict[str, Any]) -> str:
    """Return the page with the tables of ``written`` between its two marks.

    Raises:
        ValueError: the page has no marks.

    """
    begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return f"{page[:begin]}\n\n{tables(written)}\n\n{page[end:]}"


def _figures(figures: Iterable[dict[str, Any]]) -> str:
    rows = [
        (
            f"`{one['name']}`",
            f"{one['value']:g}",
            f"{one['interval_99'][0]:g} to {one['interval_99'][1]:g}",
            one["bar"],
            "yes" if one["holds"] else "**no**",
            f"{one['simulated_canaries']:,}",
        )
        for one in figures
    ]
    return _table(("figure", "value", "99 % interval", "bar", "holds", "canaries"), rows)


def _over_bound(beside: dict[str, Any]) -> str:
    names = [f"q{name}" for name in APPROVALS]
    rows = [
        (
            title,
            *(
                f"{beside['over_bound'][group][name][0]:.2f}" if name in beside["over_bound"][group] else ""
                for name in names
            ),
        )
        for group, title in _GROUPS.items()
        if group in beside["over_bound"]
    ]
    return _table(("candidate payments until rollback, over the bound", *names), rows)


def _rest(beside: dict[str, Any]) -> str:
    rows = [
        ("candidate payments that failed and would not have on stable, " + name, f"{value:g}")
        for name, value in beside["excess_failed_candidate_payments"].items()
    ]
    rows += [
        (f"payments of a release that dies after 20,000 innocent ones, {_late(name)}", f"{value:g}")
        for name, value in beside["late_fault_candidate_payments"].items()
    ]
    for name, found in beside["promotion"].items():
        kind, _, share_ppm = name.partition("/")
        share = f"{int(share_ppm) / 1e4:g} %"
        if kind == "alike":
            text = f"{found['median_payments']:,} (nine in ten: {found['nine_in_ten_payments']:,})"
            rows.append((f"payments until two equal releases are found equal in approval, share {share}, median", text))
        else:
            low, high = (f"{100 * one:.2f}" for one in found[1:])
            text = f"{100 * found[0]:.2f} % ({low} to {high})"
            rows.append((f"releases worse by the margin that get it within 10,000 payments, share {share}", text))
    return _table(("beside them", ""), rows)


def _late(name: str) -> str:
    return "this test" if name == "product" else "without renewal"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
