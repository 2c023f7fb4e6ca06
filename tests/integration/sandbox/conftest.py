from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.sandboxes import Gateway, running


@pytest.fixture(scope="module")
def stripe_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A simulated Stripe for all tests of a module."""
    with running("stripe", tmp_path_factory.mktemp("stripe")) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def adyen_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A simulated Adyen for all tests of a module."""
    with running("adyen", tmp_path_factory.mktemp("adyen")) as gateway:
        yield gateway


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for a gateway that one test starts and kills itself."""
    return tmp_path
