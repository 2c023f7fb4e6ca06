"""The API on a port of its own, on a real database, with keys of two accounts and of both modes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
import uvicorn
from tests.support.api_client import Api
from tests.support.sandboxes import Gateway

from interlock.api.__main__ import make_application
from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.base.settings import Settings
from interlock.bootstrap import Rooms, open_rooms
from interlock.payments.access.types import KeyKind
from interlock.vault.keys import load_keys


async def _keys(rooms: Rooms) -> dict[str, str]:
    keys = {}
    for name, country in (("", "US"), ("other_", "DE")):
        account = await rooms.access.create_account(f"{name}shop", country=country, default_currency="usd")
        assert not isinstance(account, Problem)
        for word, kind, livemode in (
            ("secret", KeyKind.SECRET, False),
            ("publishable", KeyKind.PUBLISHABLE, False),
            ("live", KeyKind.SECRET, True),
        ):
            key = await rooms.access.create_key(Scope(account.id, livemode=livemode), kind)
            assert not isinstance(key, Problem)
            keys[name + word] = key.plaintext
    return keys


@asynccontextmanager
async def served(rooms: Rooms, settings: Settings) -> AsyncIterator[Api]:
    """Serve ``rooms`` on a port of their own and give a client."""
    application = make_application(rooms, settings)
    config = uvicorn.Config(
        application, host="127.0.0.1", port=0, ws="none", lifespan="off", access_log=False, log_config=None
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    with suppress(AttributeError):
        server.config.setup_event_loop()
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    ticking = asyncio.create_task(server.main_loop())
    async with aiohttp.ClientSession() as http:
        yield Api(http, f"http://127.0.0.1:{port}", await _keys(rooms))
    server.should_exit = True
    await ticking
    await server.shutdown()


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    settings = Settings(data_dir=tmp_path)
    load_keys(None, settings.key_file(), create=True)
    async with open_rooms(settings, database_url, pool_size=2) as rooms, served(rooms, settings) as client:
        yield client


class Shop:
    """The API in front of a simulated gateway, what is behind it, and a client."""

    def __init__(self, api: Api, rooms: Rooms, gateway: Gateway) -> None:
        self.api = api
        self.rooms = rooms
        self.gateway = gateway


@pytest.fixture(scope="session")
def stripe_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = Gateway("stripe", tmp_path_factory.mktemp("stripe"))
    gateway.start()
    yield gateway
    gateway.stop()


@pytest.fixture
async def shop(database_url: str, tmp_path: Path, stripe_process: Gateway) -> AsyncIterator[Shop]:
    settings = Settings(data_dir=tmp_path)
    load_keys(None, settings.key_file(), create=True)
    async with open_rooms(settings, database_url, pool_size=2) as rooms, served(rooms, settings) as client:
        for account in await rooms.access.list_accounts():
            await rooms.routing.create_gateway(
                Scope(account.account_id, livemode=False),
                name="stripe",
                connector="stripe",
                settings={"base_url": stripe_process.url},
                credentials={"secret_key": "sk_test_sandbox1234567890abcdefghij"},
            )
        await rooms.foundation.table.refresh(force=True)
        yield Shop(client, rooms, stripe_process)
    stripe_process.clear_faults()
