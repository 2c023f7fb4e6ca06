"""What `interlock up` shows: steps and their times, the panel of addresses and keys, one curl that takes a payment."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from interlock.base.redaction import scrub
from interlock.cli.supervision.quickstart import Quickstart

_NAME_WIDTH = 11


class Screen:
    """Prints the start of the switch line by line; a spinner turns on a terminal, a pipe gets plain lines."""

    def __init__(self, console: Console) -> None:
        """Print on ``console``."""
        self._console = console
        self._started_at = time.monotonic()

    @contextmanager
    def step(self, name: str, doing: str) -> Iterator[list[str]]:
        """Show ``doing`` while the block runs and a line with its time when it ends well.

        Yields:
            a list; the last text put into it replaces ``doing`` in the finished line.

        """
        started_at = time.monotonic()
        done: list[str] = [doing]
        with self._console.status(f"{name}: {doing}"):
            yield done
        seconds = time.monotonic() - started_at
        line = Text.assemble(
            ("✓ ", "green"), (f"{name:<{_NAME_WIDTH}}", "bold"), done[-1], (f"  {seconds:.1f} s", "dim")
        )
        self._console.print(line, soft_wrap=True)

    def notice(self, text: str) -> None:
        """Show something that is not as wished for, without card data or secrets."""
        self._console.print(Text.assemble(("! ", "yellow"), scrub(text)), soft_wrap=True)

    def ready(self, quickstart: Quickstart, file: Path, logs: Path) -> None:
        """Show where everything is and how to take a payment."""
        rows = Table.grid(padding=(0, 2))
        rows.add_column(style="bold", no_wrap=True)
        rows.add_column(overflow="fold")
        rows.add_row("API", quickstart.api_url)
        for gateway in quickstart.gateways:
            rows.add_row(f"Gateway {gateway.name}", f"{gateway.url} (sandbox)")
        rows.add_row("Secret key", quickstart.secret_key)
        rows.add_row("Publishable key", quickstart.publishable_key)
        rows.add_row("Webhook secret", quickstart.webhook_secret)
        rows.add_row("Also in", os.path.relpath(file))
        rows.add_row("Logs", os.path.relpath(logs))
        seconds = time.monotonic() - self._started_at
        self._console.print()
        self._console.print(
            Panel(rows, title=f"Interlock is ready ({seconds:.1f} s)", border_style="green", expand=False)
        )
        self._console.print("\nTake a payment:\n")
        # Not inside the panel: what is copied must be one whole command.
        self._console.print(curl(quickstart), soft_wrap=True, markup=False)
        self._console.print("\nCtrl-C stops everything.", style="dim")


def curl(quickstart: Quickstart) -> str:
    """Return a command that takes a payment of 20.00 USD with a test card."""
    fields = (
        "amount=2000",
        "currency=usd",
        "payment_method=pm_card_visa",
        "confirm=true",
        "automatic_payment_methods[enabled]=true",
        "automatic_payment_methods[allow_redirects]=never",
    )
    data = " \\\n  ".join(f"-d '{field}'" if "[" in field else f"-d {field}" for field in fields)
    return f"curl {quickstart.api_url}/v1/payment_intents -u {quickstart.secret_key}: \\\n  {data}"
