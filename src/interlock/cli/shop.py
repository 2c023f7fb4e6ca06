"""``interlock shop``: a seeded crowd of shoppers that buys over HTTP, with a live view of how it fares."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from interlock.base.settings import load_settings
from interlock.cli.output import ExitCode, JsonOption, RefusedError, console, print_json
from interlock.cli.supervision.quickstart import read_quickstart
from interlock.cli.supervision.supervisor import answers
from interlock.sandbox.shoppers.crowd import Crowd, Plan
from interlock.sandbox.shoppers.journal import Journal
from interlock.sandbox.shoppers.tally import Tally

_BARS = "▁▂▃▄▅▆▇█"
_REFRESH_S = 0.25
_SHOWN_SECONDS = 60
_SURPRISES = 5
_SETTLE_WITHIN_S = 20.0
_KEY_VARIABLE = "SHOP_SECRET_KEY"
_EXAMPLES = """Examples:

  interlock shop                                   ten shoppers a second until Ctrl-C, against `interlock up`

  interlock shop --rate 50 --count 1000 --seed 7   always the same thousand

  interlock shop --day 600                         a day's rush and quiet in ten minutes

  interlock shop --count 500 --journal shop.jsonl  keep the shoppers' own record: what was asked, what was answered

  SHOP_SECRET_KEY=sk_test_… interlock shop --api-url http://shop:8420 --json --seconds 60

Let a gateway fail meanwhile: `interlock sandbox faults add stripe refuse`.
"""


def register(app: typer.Typer) -> None:
    """Add the verb to ``app``."""
    app.command("shop", epilog=_EXAMPLES)(shop)


def shop(
    rate: Annotated[float, typer.Option("--rate", min=0.01, max=2_000, help="Shoppers per second, on average.")] = 10.0,
    count: Annotated[int | None, typer.Option("--count", min=1, help="How many; until Ctrl-C without it.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.1, help="For how long; else no limit.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed brings the same shoppers.")] = 0,
    day: Annotated[float | None, typer.Option("--day", min=1, help="Seconds a day's rush and quiet take.")] = None,
    journal: Annotated[Path | None, typer.Option("--journal", help="File for the shoppers' own record.")] = None,
    api_url: Annotated[
        str | None, typer.Option("--api-url", help="The API; that of `interlock up` without it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Let shoppers buy: a mix of cards, currencies, 3-D Secure, captures, refunds and repeats; test mode only.

    They come at their own times, whether or not the switch keeps up, and ask again under the same idempotency key until
    they have an answer. In the end, what is still under way is looked at again. docs/shoppers.md tells all they do.
    Exit code 1 when a shopper with a good card could not pay.
    """
    url, key = _where(api_url)
    plan = Plan(seed=seed, rate_per_s=rate, count=count, seconds=seconds, day_s=day, see_gateways=True)
    record = Journal(journal)
    try:
        facts = asyncio.run(_run(Crowd(plan, url, key, record), url, quiet=as_json))
    finally:
        record.close()
    if as_json:
        print_json(facts)
    if facts["hurt"]:
        raise typer.Exit(ExitCode.FAILED)


def _where(api_url: str | None) -> tuple[str, str]:
    quickstart = read_quickstart(load_settings().data_dir)
    url = api_url or (None if quickstart is None else quickstart.api_url)
    key = os.environ.get(_KEY_VARIABLE) or (None if quickstart is None else quickstart.secret_key)
    if url is None:
        raise RefusedError("--api-url", "is not known", "start `interlock up` in this folder, or name the API")
    if key is None:
        raise RefusedError(_KEY_VARIABLE, "is not set", "export a secret test key in it")
    if "_live_" in key:
        raise RefusedError(_KEY_VARIABLE, "is a live key", "shoppers buy in test mode only", ExitCode.USAGE)
    return url, key


async def _run(crowd: Crowd, url: str, *, quiet: bool) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, crowd.stop)
    await _require_answer(url)
    began = time.monotonic()
    async with crowd:
        running = asyncio.create_task(crowd.run(keep=False))
        with Live(console=console, auto_refresh=False) if not quiet else contextlib.nullcontext() as live:
            while not running.done():
                await asyncio.wait([running], timeout=_REFRESH_S)
                if live is not None:
                    live.update(_view(crowd, url, time.monotonic() - began), refresh=True)
        await running
        took_s = time.monotonic() - began
        unsettled = await crowd.settle(_SETTLE_WITHIN_S, everybody=False)
    if crowd.broken is not None:
        raise crowd.broken
    return {**_facts(crowd.tally, took_s), "unsettled": unsettled}


async def _require_answer(url: str) -> None:
    """Shoppers are patient for minutes; a person who mistyped an address is not."""
    parts = urlsplit(url)
    if parts.scheme == "http" and not await answers(parts.hostname or "", parts.port or 80, "/healthz"):
        raise RefusedError("--api-url", f"nothing answers at {url}", "start `interlock up`", ExitCode.UNREACHABLE)


def _facts(tally: Tally, took_s: float) -> dict[str, Any]:
    return {
        "orders": tally.orders_done,
        "payments": tally.payments,
        "hurt": tally.hurt,
        "success_share": round(tally.success_share, 6),
        "failovers": tally.failovers,
        "repeated": tally.repeated,
        "p50_ms": tally.percentile_ms(0.5),
        "p99_ms": tally.percentile_ms(0.99),
        "by_outcome": {came.value: number for came, number in sorted(tally.by_came.items())},
        "by_gateway": dict(sorted(tally.by_gateway.items())),
        "by_decline": dict(tally.by_code.most_common()),
        "seconds": round(took_s, 1),
    }


def _view(crowd: Crowd, url: str, took_s: float) -> Group:
    tally = crowd.tally
    good = tally.hurt == 0
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("shoppers", f"{tally.orders_done} served, {crowd.in_flight} buying, {crowd.at_the_door} at the door")
    could = Text(f"{tally.success_share:.2%} could pay as their card deserves", style="green" if good else "bold red")
    grid.add_row("payments", Text.assemble(f"{tally.payments}  ", could))
    grid.add_row("outcomes", ", ".join(f"{number} {came.value}" for came, number in tally.by_came.most_common()) or "-")
    grid.add_row("gateways", ", ".join(f"{number} {name}" for name, number in tally.by_gateway.most_common()) or "-")
    codes = ", ".join(f"{number} {code}" for code, number in tally.by_code.most_common(_SURPRISES))
    grid.add_row("declined for", codes or "-")
    grid.add_row("failovers", f"{tally.failovers}, repeated after no answer {tally.repeated}")
    grid.add_row("wait", f"p50 {tally.percentile_ms(0.5)} ms, p99 {tally.percentile_ms(0.99)} ms")
    grid.add_row("per second", _bars(tally.per_second(time.monotonic(), _SHOWN_SECONDS)))
    surprises = [
        Text(f"{each.order} {each.step}: {each.came.value} {each.code}, expected {each.expected.value}", style="yellow")
        for each in list(tally.surprises)[-_SURPRISES:]
    ]
    return Group(Text(f"shopping at {url}, {took_s:.0f} s; Ctrl-C ends it", style="dim"), grid, *surprises)


def _bars(counts: list[int]) -> str:
    most = max(counts, default=0)
    if not most:
        return "-"
    return "".join(_BARS[round(count / most * (len(_BARS) - 1))] for count in counts) + f" at most {most}"
