"""Progress of a benchmark for whoever waits: a spinner on a terminal, plain lines with their times elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Tell = Callable[[str], None]
"""Says what is being done now."""


@contextmanager
def telling(console: Console) -> Iterator[Tell]:
    """Show on ``console`` what the block tells."""
    started = time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(pulse_style="cyan"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)

        def tell(doing: str) -> None:
            progress.update(task, description=doing)
            if not console.is_terminal:
                console.print(f"{time.monotonic() - started:6.1f} s  {doing}", highlight=False)

        yield tell
