"""Group commit against a real Postgres."""

import asyncio

import pytest

from interlock.base.errors import CommitUnknownError, InvariantError, StorageError
from interlock.storage.database import Database


async def test_connects(database: Database) -> None:
    assert await database.fetchval("SELECT 1") == 1
