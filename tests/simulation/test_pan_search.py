"""The soak's search of the database finds a card number wherever one is planted, whatever the column's type."""

import asyncpg
import pytest
from benchmarks.soak.reading import pans_in_database

PAN = "4242424242424242"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", f"card {PAN} was declined"),
        ("text", "4242 4242 4242 4242"),
        ("jsonb", f'{{"a": [{{"number": "{PAN}"}}]}}'),
        ("bytea", f'{{"number":"{PAN}"}}'.encode()),
        ("text[]", ["x", PAN]),
    ],
)
async def test_a_planted_number_is_found(database_url: str, kind: str, value: object) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"CREATE TABLE planted (id bigint, value {kind})")
    await connection.executemany("INSERT INTO planted VALUES ($1, $2)", [(number, value) for number in range(3)])
    await connection.close()

    assert await pans_in_database(database_url) == {"planted": 3}


async def test_an_empty_house_holds_none(database_url: str) -> None:
    assert await pans_in_database(database_url) == {}
