"""``python -m benchmarks.mutants`` (`make mutants`): hundreds of bad releases, and the gate that stops each.

Breaks the connectors that come with this version in mechanical ways, sends every broken one through the gates ``lint``,
``contract`` and ``certify`` until one stops it, and lets those that none stops be canaries against shoppers. Prints
tables and the survivors, and writes ``build/bench/mutants.json``. A benchmark reports and does not judge: its exit
status is 0 even where a bar is missed. It takes 25 minutes on two idle cores, ``--sample 60 --live 2`` three.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import figures
from benchmarks.mutants import report
from benchmarks.mutants.catalogue import catalogue, sample
from benchmarks.mutants.gauntlet import Gauntlet, open_gauntlet
from benchmarks.mutants.judged import Judged, Live
from benchmarks.mutants.live import Stage, Suspect, open_stage
from benchmarks.mutants.mutant import Mutant
from benchmarks.telling import Tell, telling
from msgspec.structs import replace
from rich.console import Console

from interlock.gateways.loader import known_gateways
from interlock.sandbox.specs import find

OUTPUT = Path("build/bench/mutants.json")
_FULL = 1_200
_LANES = 2
_AT_ONCE = 3
_LIVE_MAX = 10
_LIVE_SECONDS = 25.0
_TELL_EVERY_S = 5.0


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(prog="make mutants ARGS=…", description=__doc__)
    how_many = parser.add_mutually_exclusive_group()
    how_many.add_argument("--sample", type=int, default=_FULL, metavar="N", help=f"so many mutants ({_FULL})")
    how_many.add_argument("--all", action="store_true", help="every mutant there is: some hours")
    how_many.add_argument("--id", action="append", default=[], help="only this mutant, as a report names it")
    parser.add_argument(
        "--gateway", action="append", choices=known_gateways(), default=[], help="only this connector's"
    )
    parser.add_argument("--live", type=int, default=_LIVE_MAX, metavar="N", help="at most so many canaries (0: none)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--specs", type=Path, help="the folder of the providers' published documents")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    return parser.parse_args(argv)


def chosen(asked: argparse.Namespace) -> list[Mutant]:
    """Return the mutants to judge."""
    everything = catalogue(asked.gateway)
    if asked.id:
        wanted = [one for one in everything if one.id in asked.id]
        missing = set(asked.id) - {one.id for one in wanted}
        if missing:
            raise SystemExit(f"there is no mutant {', '.join(sorted(missing))}")
        return wanted
    return everything if asked.all else sample(everything, asked.sample, asked.seed)


async def judge_all(gauntlet: Gauntlet, mutants: Sequence[Mutant], tell: Tell) -> list[Judged]:
    """Return what became of each mutant, in their order, several at a time."""
    judged: dict[str, Judged] = {}
    waiting = iter(mutants)
    told_s = 0.0

    async def work() -> None:
        nonlocal told_s
        for mutant in waiting:
            judged[mutant.id] = one = await gauntlet.judge(mutant)
            if one.survives:
                tell(f"no gate without traffic stops {one.id}")
            if time.monotonic() - told_s > _TELL_EVERY_S or len(judged) == len(mutants):
                told_s = time.monotonic()
                tell(f"{len(judged)} of {len(mutants)} judged, {report.standing(judged.values())}")

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return [judged[mutant.id] for mutant in mutants]


async def go_live(
    gauntlet: Gauntlet, mutants: Sequence[Mutant], judged: list[Judged], asked: argparse.Namespace, tell: Tell
) -> tuple[list[Judged], Live | None]:
    """Let survivors be seen by ``shadow`` and be canaries, those about money first; return the judged with what came
    of it, and what shoppers come to without any mutant."""
    survivors = sorted((one for one in judged if one.survives), key=lambda one: not one.money)
    if not survivors or not asked.live:
        return judged, None
    by_id = {one.id: one for one in mutants}
    found: dict[str, Judged] = {}
    async with open_stage(asked.seed, _LIVE_SECONDS) as stage:
        tell("shoppers buy from the connectors as they are")
        calm = await stage.begin()
        for number, one in enumerate(survivors):
            tell(f"survivor {number + 1} of {len(survivors)}: {one.id}")
            found[one.id] = await _tried(stage, gauntlet, by_id[one.id], one, live=number < asked.live)
    return [found.get(one.id, one) for one in judged], calm


async def _tried(stage: Stage, gauntlet: Gauntlet, mutant: Mutant, judged: Judged, *, live: bool) -> Judged:
    package = mutant.package(gauntlet.originals[mutant.gateway].package)
    reports = await gauntlet.passed_reports(mutant)
    suspect = Suspect(id=mutant.id, gateway=mutant.gateway, package=package, reports=reports)
    release = await stage.propose(suspect)
    shadow = await stage.shadow(suspect, release)
    return replace(judged, shadow=shadow, live=await stage.canary(release) if live else None)


async def measure(asked: argparse.Namespace, tell: Tell) -> tuple[list[Judged], Live | None]:
    """Return what became of every mutant, and what shoppers come to when there is none."""
    specifications = find(asked.specs)
    if specifications is None:
        raise SystemExit("the providers' published documents are needed: name their folder with --specs")
    tell("breaking the connectors")
    mutants = chosen(asked)
    tell(f"{len(mutants)} mutants; the originals go first")
    async with open_gauntlet(asked.gateway or known_gateways(), specifications, _LANES) as gauntlet:
        await gauntlet.check_originals()
        judged = await judge_all(gauntlet, mutants, tell)
        return await go_live(gauntlet, mutants, judged, asked, tell)


def main(argv: list[str] | None = None) -> None:
    """Judge, print, write."""
    asked, console, began = parse(argv), Console(), time.monotonic()
    with telling(console) as tell, asyncio.Runner() as runner:
        judged, calm = runner.run(measure(asked, tell))
    results = report.results(judged, calm)
    written = figures.document(
        results,
        command="make mutants" + report.arguments(asked, _FULL),
        seconds=time.monotonic() - began,
        seed=asked.seed,
        machine=figures.machine("embedded"),
        commit=figures.commit(),
    )
    figures.write(asked.output, {**written, **report.details(judged, calm)})
    report.show(console, judged)
    figures.show(console, results, "mutants")
    console.print(f"written to {asked.output} after {written['seconds']:.0f} s", highlight=False)


if __name__ == "__main__":
    main()
