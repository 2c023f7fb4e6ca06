"""Finds the providers' published specifications; without them the gateways fall back to their built-in checks."""

import os
from pathlib import Path
from typing import Any

import msgspec

VARIABLE = "INTERLOCK_SPECS"
STRIPE_FILE = "stripe_openapi_2026-05-27.json"
ADYEN_FILE = "adyen_checkout_v72.json"


def find(explicit: Path | None) -> Path | None:
    """Return the specifications' folder: the one given, that of the environment, or a ``shared/specs`` above us."""
    named = explicit if explicit is not None else os.environ.get(VARIABLE)
    if named is not None:
        folder = Path(named)
        return folder if folder.is_dir() else None
    for start in (Path.cwd(), Path(__file__).resolve()):
        for parent in (start, *start.parents):
            folder = parent / "shared" / "specs"
            if folder.is_dir():
                return folder
    return None


def load(folder: Path, name: str) -> dict[str, Any] | None:
    """Return one specification, or None when the folder does not hold it."""
    path = folder / name
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Any]) if path.is_file() else None
