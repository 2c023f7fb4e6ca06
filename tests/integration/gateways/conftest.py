import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import msgspec
import pytest
import uvloop
from tests.support.sandboxes import Gateway, running
from tests.support.wire import SHORT

from interlock.gateways.loader import LoadedConnector, load
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


@pytest.fixture
def stripe() -> LoadedConnector:
    """Return the Stripe connector with short timeouts."""
    loaded = load("stripe")
    timeouts = msgspec.structs.replace(loaded.manifest.timeouts, **SHORT)
    limits = msgspec.structs.replace(loaded.manifest.limits, response_bytes=65_536)
    return msgspec.structs.replace(
        loaded, manifest=msgspec.structs.replace(loaded.manifest, timeouts=timeouts, limits=limits)
    )
