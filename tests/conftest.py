"""What every test may ask for."""

from pathlib import Path

import pytest


def _find_specs() -> Path | None:
    """Return the published specs' folder: ``shared/specs`` beside the checkout or any folder above it."""
    for parent in Path(__file__).resolve().parents:
        candidate = parent / "shared" / "specs"
        if candidate.is_dir():
            return candidate
    return None


@pytest.fixture(scope="session")
def specs() -> Path:
    """Return the folder of the providers' published specs, or skip where it is not laid beside the checkout."""
    found = _find_specs()
    if found is None:
        pytest.skip("spec data missing: no shared/specs folder above the checkout")
    return found
