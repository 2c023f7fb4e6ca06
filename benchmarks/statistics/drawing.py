"""``python -m benchmarks.statistics.drawing`` (`make figures`): the pictures of ``docs/statistics.md``.

Draws ``build/bench/statistics.json`` into ``docs/figures/*.svg``; simulates first where that file is absent. The same
numbers give the same files, byte for byte: no date, no random ids, letters as paths.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from benchmarks.statistics import __main__ as program
from benchmarks.statistics.innocence import NOMINAL, ONCE, PEEKING, PRODUCT, UNCOUNTED, YESTERDAY
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_FOLDER = Path("docs/figures")
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "interlock",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "figure.facecolor": "white",
}
_NAMES = {
    PRODUCT: "Interlock's canary",
    ONCE: "z-test, once at the end",
    PEEKING: "z-test after every payment",
    YESTERDAY: "against yesterday's rate",
    UNCOUNTED: "Interlock's test, were every retry counted",
}
_COLOURS = {
    PRODUCT: "#0b6e4f",
    ONCE: "#8da9c4",
    PEEKING: "#d1495b",
    YESTERDAY: "#edae49",
    UNCOUNTED: "#6a994e",
}
_SCENES = {
    "plain": "nothing happens",
    "drift": "rates drift,\nshare is raised",
    "gateway_outage": "gateway outage,\nshare is raised",
    "sticky_retries": "declined payers\ntry again",
}


def delays(curves: dict[str, Any]) -> Figure:
    """Return candidate payments until rollback against the bound, over the candidate's approval."""
    approval, mean, low, high, least = zip(*curves["delays"], strict=True)
    figure, axes = _empty("Candidate payments until rollback (stable approves .92, share 5 %, alpha 1e-4)")
    axes.fill_between(approval, low, high, color=_COLOURS[PRODUCT], alpha=0.15, label="eight in ten canaries")
    axes.plot(approval, mean, "o-", color=_COLOURS[PRODUCT], label="Interlock's canary, mean")
    axes.plot(approval, least, "s--", color="#333333", label="least that any test needs, mean")
    for at, ours, bound in zip(approval, mean, least, strict=True):
        axes.annotate(
            f"\N{MULTIPLICATION SIGN}{ours / bound:.2f}",
            (at, ours),
            (-4, 7),
            textcoords="offset points",
            ha="right",
            fontsize=8,
        )
    axes.set(yscale="log", xlabel="approval of the bad candidate", ylabel="candidate payments")
    axes.set_xlim(-0.06, 0.95)
    axes.legend(frameon=False, loc="upper left")
    return figure


def false_rollbacks(beside: dict[str, Any]) -> Figure:
    """Return how often each test rolls an innocent release back, by scenario."""
    figure, axes = _empty("Innocent releases rolled back; every test claims 1 %")
    found, width = beside["innocent_share_rolled_back"], 0.17
    for place, test in enumerate(_NAMES):
        at = [number for number, scene in enumerate(_SCENES) if test in found[scene]]
        scenes = [list(_SCENES)[number] for number in at]
        shares = [found[scene][test][0] for scene in scenes]
        where = [number + (place - 2) * width for number in at]
        axes.bar(where, shares, width * 0.92, color=_COLOURS[test], label=_NAMES[test])
        for x, share in zip(where, shares, strict=True):
            axes.annotate(f"{share:.1%}", (x, share), (0, 2), textcoords="offset points", ha="center", fontsize=6.5)
    axes.axhline(NOMINAL, color="#333333", linestyle=":", linewidth=1.2)
    axes.set(yscale="log", ylim=(0.001, 9.0), ylabel="share of canaries")
    axes.set_yticks([0.001, 0.01, 0.1, 1.0], ["0.1 %", "1 %", "10 %", "100 %"])
    axes.set_xticks(range(len(_SCENES)), list(_SCENES.values()))
    axes.grid(visible=False, axis="x")
    axes.legend(frameon=False, loc="upper left", ncols=2, fontsize=8)
    return figure


def peeking(curves: dict[str, Any]) -> Figure:
    """Return what looking after every payment does to an innocent release while nothing happens."""
    figure, axes = _empty("Nothing happens: innocent releases rolled back so far")
    for test in (PEEKING, PRODUCT):
        shares = curves["alarms"]["plain"][test]
        axes.plot(curves["payments"], [100 * one for one in shares], color=_COLOURS[test], label=_NAMES[test])
    once = 100 * curves["alarms"]["plain"][ONCE][-1]
    axes.plot(curves["payments"][-1:], [once], "D", color=_COLOURS[ONCE], label=_NAMES[ONCE])
    axes.axhline(100 * NOMINAL, color="#333333", linestyle=":", linewidth=1.2, label="what every test claims")
    axes.set(xlabel="payments seen, both arms together", ylabel="% of canaries", ylim=(0, None))
    axes.legend(frameon=False, loc="upper left")
    return figure


def _empty(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    return figure, axes


def draw(written: dict[str, Any], folder: Path) -> list[Path]:
    """Write the pictures of one benchmark into ``folder``; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with mpl.rc_context(_STYLE):
        for name, figure in (
            ("canary-delay", delays(written["curves"])),
            ("canary-false-rollbacks", false_rollbacks(written["beside"])),
            ("canary-peeking", peeking(written["curves"])),
        ):
            paths.append(folder / f"{name}.svg")
            figure.savefig(paths[-1], format="svg", metadata={"Date": None, "Creator": None})
    return paths


def main() -> None:
    """Simulate where nothing was measured yet, then draw."""
    parser = argparse.ArgumentParser(prog="make figures", description=__doc__)
    parser.add_argument("--input", type=Path, default=program.OUTPUT)
    parser.add_argument("--folder", type=Path, default=_FOLDER)
    asked = parser.parse_args()
    if not asked.input.exists():
        program.main(["--output", str(asked.input)])
    for path in draw(json.loads(asked.input.read_text(encoding="utf-8")), asked.folder):
        print(path)


if __name__ == "__main__":
    main()
