import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest
import uvloop
from tests.support.sandboxes import Gateway, running

from interlock.gateways.transport import Transport


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run on both event loops: the product runs on uvloop, and the two tell broken connections differently."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


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
