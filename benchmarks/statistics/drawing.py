"""``python -m benchmarks.statistics.drawing`` (`make figures`): the pictures of ``docs/statistics.md``.

Draws ``build/bench/statistics.json`` into ``docs/figures/*.svg``, writes its tables into the page, and lays the numbers
beside the pictures as ``canary.json``; simulates first where that file is absent or of other code. The same numbers
give the same files, byte for byte: no date, no random ids, letters as paths.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from benchmarks import figures
from benchmarks.statistics import __main__ as program
from benchmarks.statistics import page
from benchmarks.statistics.delays import BASE_BAD
from benchmarks.statistics.fingerprint import fingerprint
from benchmarks.statistics.innocence import NOMINAL, ONCE, PEEKING, PRODUCT, UNCOUNTED, YESTERDAY
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FOLDER = Path("docs/figures")
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


NUMBERS = "canary.json"
"""The numbers that the pictures and the page were made from."""


def delays(curves: dict[str, Any]) -> Figure:
    """Return candidate payments until rollback against the bound, over the approval that the candidate loses."""
    approval, mean, low, high, least = zip(*curves["delays"], strict=True)
    lost = [100.0 * (1.0 - BASE_BAD - one) for one in approval]
    figure, axes = _empty("Payments a bad candidate gets until it is rolled back (share 5 %, alpha 1e-4)")
    axes.fill_between(lost, low, high, color=_COLOURS[PRODUCT], alpha=0.15, label="eight in ten canaries")
    axes.plot(lost, mean, "o-", color=_COLOURS[PRODUCT], label="Interlock's canary, mean")
    axes.plot(lost, least, "s--", color="#333333", label="least that any test needs, mean")
    for at, ours, bound in zip(lost, mean, least, strict=True):
        text = f"{ours:,.0f}\n\N{MULTIPLICATION SIGN}{ours / bound:.2f}"
        axes.annotate(text, (at, ours), (5, 5), textcoords="offset points", ha="left", fontsize=8)
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(1.7, 125.0),
        xlabel="approval that the candidate loses, in percentage points (stable approves 92 %)",
        ylabel="payments on the candidate",
    )
    axes.set_xticks(lost, [f"{one:.0f}" for one in lost])
    axes.set_yticks([10, 100, 1_000, 10_000], ["10", "100", "1,000", "10,000"])
    axes.minorticks_off()
    axes.legend(frameon=False, loc="lower left")
    return figure


def false_rollbacks(beside: dict[str, Any]) -> Figure:
    """Return how often each test rolls an innocent release back, by scenario."""
    figure, axes = _empty("Innocent releases rolled back within 1,000 payments; every test claims 1 % at most")
    found, width = beside["innocent_share_rolled_back"], 0.17
    for place, test in enumerate(_NAMES):
        at = [number for number, scene in enumerate(_SCENES) if test in found[scene]]
        scenes = [list(_SCENES)[number] for number in at]
        shares = [100.0 * found[scene][test][0] for scene in scenes]
        where = [number + (place - 2) * width for number in at]
        axes.bar(where, shares, width * 0.92, color=_COLOURS[test], label=_NAMES[test])
        for x, share in zip(where, shares, strict=True):
            text = f"{share:.1f}" if share < 10.0 else f"{share:.0f}"
            axes.annotate(text, (x, share), (0, 2), textcoords="offset points", ha="center", fontsize=8)
    axes.axhline(100.0 * NOMINAL, color="#333333", linestyle=":", linewidth=1.2)
    axes.set(
        yscale="log", ylim=(0.1, 900.0), ylabel="% of innocent releases (log scale)", xlabel="what happens meanwhile"
    )
    axes.set_yticks([0.1, 1.0, 10.0, 100.0], ["0.1", "1", "10", "100"])
    axes.set_xticks(range(len(_SCENES)), list(_SCENES.values()))
    axes.minorticks_off()
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
    axes.axhline(100 * NOMINAL, color="#333333", linestyle=":", linewidth=1.2, label="what every test claims: 1 %")
    axes.set(xlabel="payments seen, both arms together", ylabel="% of innocent releases", ylim=(0, None))
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


def of_today(path: Path) -> bool:
    """Tell whether the numbers in ``path`` are there and today's code gives them."""
    if not path.exists():
        return False
    written = json.loads(path.read_text(encoding="utf-8"))
    return bool(written.get("fingerprint") == fingerprint())


def main() -> None:
    """Simulate where nothing was measured with this code yet, then draw."""
    parser = argparse.ArgumentParser(prog="make figures", description=__doc__)
    parser.add_argument("--input", type=Path, default=program.OUTPUT)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--page", type=Path, default=page.PAGE)
    asked = parser.parse_args()
    if not of_today(asked.input):
        program.main(["--output", str(asked.input)])
    written = json.loads(asked.input.read_text(encoding="utf-8"))
    for path in draw(written, asked.folder):
        print(path)
    figures.write(asked.folder / NUMBERS, written)
    asked.page.write_text(page.with_tables(asked.page.read_text(encoding="utf-8"), written), encoding="utf-8")
    print(asked.folder / NUMBERS, asked.page, sep="\n")


if __name__ == "__main__":
    main()
