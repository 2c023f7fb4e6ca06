"""A client of the API under test: one call per request, with the key by its name."""

from typing import Any

import aiohttp


class Api:
    """A client of the API under test."""

    def __init__(self, http: aiohttp.ClientSession, url: str, keys: dict[str, str]) -> None:
        self.http = http
        self.url = url
        self.keys = keys

    async def ask(
        self, method: str, path: str, data: Any = None, *, key: str = "secret", headers: dict[str, str] | None = None
    ) -> tuple[int, Any, Any]:
        sent = {"Authorization": f"Bearer {self.keys[key]}", **(headers or {})}
        place = "params" if method == "GET" else "data"
        async with self.http.request(method, self.url + path, headers=sent, **{place: data}) as reply:
            return reply.status, await reply.json(), reply.headers

    async def get(self, path: str, data: Any = None, *, key: str = "secret") -> Any:
        status, body, _ = await self.ask("GET", path, data, key=key)
        assert status == 200, body
        return body

    async def post(self, path: str, data: Any = None, *, key: str = "secret") -> Any:
        status, body, _ = await self.ask("POST", path, data, key=key)
        assert status == 200, body
        return body
