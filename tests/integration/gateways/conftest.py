from collections.abc import AsyncIterator, Iterator

import pytest
from tests.support.sandboxes import Gateway, running

from interlock.gateways.transport import Transport


@pytest.fixture(scope="module")
def sandboxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Gateway]]:
    """Both simulated gateways, each a process of its own with its own books."""
    with (
        running("stripe", tmp_path_factory.mktemp("stripe"), "--seed", "7") as stripe,
        running("adyen", tmp_path_factory.mktemp("adyen"), "--seed", "7") as adyen,
    ):
        yield {"stripe": stripe, "adyen": adyen}


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    """A transport of this test's event loop."""
    made = Transport()
    yield made
    await made.close()
