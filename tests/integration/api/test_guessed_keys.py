"""Guessing keys: bounded by address before the database is asked, and without harm to who has a key."""

import asyncio
from typing import Any

from tests.integration.api.conftest import Shop


async def test_guessed_keys_ask_the_database_no_more_often_than_their_address_may_be_wrong(shop: Shop) -> None:
    authenticator: Any = shop.rooms.authenticator
    asked: list[str] = []
    ask = authenticator._ask

    async def counted(key_hash: str) -> Any:
        asked.append(key_hash)
        return await ask(key_hash)

    authenticator._ask = counted
    statuses: list[int] = []

    async def guess(number: int) -> None:
        headers = {"Authorization": f"Bearer sk_test_{number:024d}"}
        async with shop.api.http.get(shop.api.url + "/v1/balance", headers=headers) as reply:
            statuses.append(reply.status)

    await shop.api.get("/v1/balance")
    for start in range(0, 600, 100):
        await asyncio.gather(*(guess(start + number) for number in range(100)))
    allowed = statuses.count(401)
    assert 100 <= allowed < 500
    assert set(statuses) == {401, 429}
    assert len(asked) <= allowed + 3
    await shop.api.get("/v1/balance")  # from the same address
