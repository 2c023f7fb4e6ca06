"""Looks for processes by their command line; any test that must leave none behind may call it."""

import contextlib
from collections.abc import Callable
from pathlib import Path


def processes(of: Callable[[str], bool]) -> list[int]:
    """Return the ids of living processes whose command line ``of`` accepts."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if of(command) and "\nState:\tZ" not in (folder / "status").read_text():
                found.append(int(folder.name))
    return found
