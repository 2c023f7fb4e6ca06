"""Every ``Table`` that the code declares, found by importing the modules that mention the class."""

from importlib import import_module
from pathlib import Path
from typing import Any

import interlock
from interlock.storage.tables import Table

SOURCE = Path(interlock.__file__).parent


def declared_tables() -> dict[str, Table[Any]]:
    """Return the tables by name."""
    found: dict[str, Table[Any]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        if "= Table(" not in path.read_text(encoding="utf-8"):
            continue
        module = import_module(".".join(("interlock", *path.relative_to(SOURCE).with_suffix("").parts)))
        for value in vars(module).values():
            if isinstance(value, Table):
                found.setdefault(value.name, value)
    return found
