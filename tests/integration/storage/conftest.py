"""A database with the sample tables of ``tests.support.storage``."""

from collections.abc import AsyncIterator

import pytest
from tests.support.storage import DDL

from interlock.storage.database import Database


@pytest.fixture
async def samples_url(empty_database_url: str) -> str:
    database = await Database.connect(empty_database_url, pool_size=1)
    for statement in DDL:
        await database.execute(statement)
    await database.close()
    return empty_database_url


@pytest.fixture
async def samples(samples_url: str) -> AsyncIterator[Database]:
    database = await Database.connect(samples_url, pool_size=4)
    yield database
    await database.close()
