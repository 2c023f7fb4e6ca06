"""Simulated gateways for the money paths: one of each per test process, faults cleared between tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.support.payment_house import House, open_house
from tests.support.sandboxes import Gateway

from interlock.storage.database import Database


def _run(provider: str, folder: Path) -> Iterator[Gateway]:
    gateway = Gateway(provider, folder)
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


@pytest.fixture(scope="session")
def stripe_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    yield from _run("stripe", tmp_path_factory.mktemp("stripe"))


@pytest.fixture(scope="session")
def adyen_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    yield from _run("adyen", tmp_path_factory.mktemp("adyen"))


@pytest.fixture
def stripe_gateway(stripe_process: Gateway) -> Iterator[Gateway]:
    yield stripe_process
    stripe_process.clear_faults()


@pytest.fixture
def adyen_gateway(adyen_process: Gateway) -> Iterator[Gateway]:
    yield adyen_process
    adyen_process.clear_faults()


@pytest.fixture
async def house(database: Database, stripe_gateway: Gateway, adyen_gateway: Gateway) -> AsyncIterator[House]:
    async with open_house(database, stripe_gateway, adyen_gateway) as opened:
        yield opened
