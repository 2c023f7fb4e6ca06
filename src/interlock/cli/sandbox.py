"""``interlock sandbox``: simulated gateways, their faults and their books."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from interlock.base.settings import load_settings
from interlock.cli.output import ExitCode, JsonOption, RefusedError, print_json, print_rows, say
from interlock.cli.pairs import pairs
from interlock.cli.supervision.quickstart import read_quickstart
from interlock.cli.supervision.sandboxes import control

PROVIDERS = ("stripe", "adyen")
_START_EXAMPLES = """Examples:

  interlock sandbox start stripe --port 9001

  interlock sandbox start adyen --data-dir books/ --seed 7
"""
_ADD_EXAMPLES = """Examples:

  interlock sandbox faults add stripe refuse                         every payment is refused

  interlock sandbox faults add adyen timeout_after --probability 0.1   one in ten is booked and not answered

  interlock sandbox faults add stripe decline --match currency=jpy --match brand=visa

  interlock sandbox faults add stripe latency --set ms=800 --set sigma=0.5
"""

Provider = Annotated[str, typer.Argument(metavar="stripe|adyen", help="Which simulated gateway.")]
Url = Annotated[str | None, typer.Option("--url", help="Where it listens; that of `interlock up` without it.")]


def register(app: typer.Typer) -> None:
    """Add the verb to ``app``."""
    group = typer.Typer(help="Simulated gateways: start one, let it fail on purpose, read its books.")
    group.command("start", epilog=_START_EXAMPLES)(start)
    group.command("books", epilog="Example:  interlock sandbox books stripe > books.csv")(books)
    faults = typer.Typer(help="Faults a simulated gateway suffers.")
    faults.command("list", epilog="Example:  interlock sandbox faults list stripe")(list_faults)
    faults.command("add", epilog=_ADD_EXAMPLES)(add_fault)
    faults.command("clear", epilog="Example:  interlock sandbox faults clear adyen")(clear_faults)
    group.add_typer(faults, name="faults")
    app.add_typer(group, name="sandbox")


def start(
    provider: Provider,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 0,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where the books are kept; in memory without it.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the faults' random numbers.")] = 0,
) -> None:
    """Run one simulated gateway in the foreground until Ctrl-C. `interlock up` runs both."""
    arguments = [_checked(provider), "--port", str(port), "--seed", str(seed)]
    if data_dir is not None:
        data_dir.mkdir(parents=True, exist_ok=True)
        arguments += ["--data-dir", str(data_dir)]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "interlock.sandbox", *arguments])  # noqa: S606 - ourselves


def books(
    provider: Provider,
    url: Url = None,
    totals: Annotated[bool, typer.Option("--totals", help="Print sums per currency and kind only.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print what the simulated gateway itself booked (its settlement file), as CSV or JSON."""
    path = "books/totals" if totals else "books" if as_json else "books.csv"
    answer = _ask("GET", provider, url, path)
    if totals and not as_json:
        rows: list[dict[str, Any]] = msgspec.json.decode(answer)["totals"]
        print_rows(rows, tuple(rows[0]) if rows else (), as_json=False, empty="nothing is booked yet")
        return
    sys.stdout.buffer.write(answer)


def list_faults(provider: Provider, url: Url = None, as_json: JsonOption = False) -> None:
    """List the faults that are set, how often each matched and how often it struck."""
    rows = [_fault_row(fault) for fault in _faults(_ask("GET", provider, url, "faults"))]
    empty = "no faults: the gateway behaves; see `interlock sandbox faults add --help`"
    print_rows(rows, ("id", "kind", "probability", "match", "matched", "hits"), as_json=as_json, empty=empty)


def add_fault(
    provider: Provider,
    kind: Annotated[str, typer.Argument(help="What happens: refuse, decline, latency, timeout_after, html, down, …")],
    probability: Annotated[float, typer.Option("--probability", min=0, max=1, help="Share that it strikes.")] = 1.0,
    match: Annotated[
        list[str] | None,
        typer.Option(
            "--match", metavar="NAME=VALUE", help="Only these: operation, brand, currency, country, bin, path."
        ),
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Parameter of the fault: ms, status, decline_code, factor, …"),
    ] = None,
    url: Url = None,
    as_json: JsonOption = False,
) -> None:
    """Let a simulated gateway fail on purpose."""
    spec: dict[str, object] = {"kind": kind, "probability": probability, "match": pairs("--match", match)}
    spec |= {name: _number_or_text(value) for name, value in pairs("--set", parameters).items()}
    answer = _ask("POST", provider, url, "faults", spec)
    if as_json:
        print_json(msgspec.json.decode(answer))
    else:
        say(f"added: {provider} now suffers {kind}; `interlock sandbox faults clear {provider}` ends it")


def clear_faults(
    provider: Provider,
    fault_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only this one.")] = None,
    url: Url = None,
) -> None:
    """Remove one fault, or all of them."""
    _ask("DELETE", provider, url, "faults" if fault_id is None else f"faults/{fault_id}")
    say(f"cleared: {provider} behaves again" if fault_id is None else f"cleared {fault_id}")


def _checked(provider: str) -> str:
    if provider not in PROVIDERS:
        raise RefusedError("gateway", f"{provider!r} is unknown", f"choose {' or '.join(PROVIDERS)}", ExitCode.USAGE)
    return provider


def _ask(method: str, provider: str, url: str | None, path: str, body: dict[str, object] | None = None) -> bytes:
    base = url or _url_of(_checked(provider))
    return asyncio.run(control(method, f"{base.rstrip('/')}/_sandbox/{path}", body))


def _url_of(provider: str) -> str:
    """Return where `interlock up` runs the simulated gateway, or would."""
    settings = load_settings()
    quickstart = read_quickstart(settings.data_dir)
    known = {} if quickstart is None else {gateway.name: gateway.url for gateway in quickstart.gateways}
    ports = {"stripe": settings.sandbox_stripe_port, "adyen": settings.sandbox_adyen_port}
    return known.get(provider, f"http://127.0.0.1:{ports[provider]}")


def _number_or_text(value: str) -> object:
    """Return ``value`` as the JSON it looks like, else as text."""
    try:
        decoded = msgspec.json.decode(value)
    except msgspec.DecodeError:
        return value
    return decoded if isinstance(decoded, (bool, int, float)) else value


def _faults(answer: bytes) -> list[dict[str, Any]]:
    decoded = msgspec.json.decode(answer)
    faults: list[dict[str, Any]] = decoded["faults"] if isinstance(decoded, dict) else decoded
    return faults


def _fault_row(fault: dict[str, Any]) -> dict[str, Any]:
    spec = fault.get("spec", {})
    match = {name: value for name, value in spec.get("match", {}).items() if value is not None}
    return {
        **fault,
        "kind": spec.get("kind"),
        "probability": spec.get("probability", 1.0),
        "match": " ".join(f"{name}={value}" for name, value in match.items()) or "everything",
    }
