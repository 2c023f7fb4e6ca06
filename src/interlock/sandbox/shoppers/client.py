"""The shop's side of the wire: a form POST under an idempotency key, repeated until the API gives a definite answer.

Definite is everything but a lost connection, a timeout, 5xx, 429 and 409. The pauses grow, the time is bounded.
"""

import asyncio
import random
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote_plus

import aiohttp
import msgspec

_FIRST_PAUSE_S = 0.15
_LONGEST_PAUSE_S = 5.0
_IN_DOUBT = frozenset({409, 429})
_CONNECTIONS = 2_000

Value = str | int | bool
Pairs = Iterable[tuple[str, Value]]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a call: ``status`` 0 when there was no definite answer; ``doubt`` is then the last thing heard."""

    status: int
    body: Any = None
    tries: int = 1
    wait_ms: int = 0
    doubt: str = ""
    location: str | None = None
    text: str = ""

    @property
    def ok(self) -> bool:
        """Return True for a success."""
        return self.status == 200

    @property
    def answered(self) -> bool:
        """Return True for any definite answer."""
        return self.status != 0

    def get(self, name: str) -> Any:
        """Return a field of the object, None when there is none."""
        return self.body.get(name) if isinstance(self.body, dict) else None

    @property
    def error(self) -> Mapping[str, Any]:
        """Return the error object, empty for a success."""
        error = self.get("error")
        return error if isinstance(error, dict) else {}


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long one try waits for its answer, and for how long a call is repeated.

    A shopper who is impatient at first (``first_try_s``) waits longer when asking again.
    """

    first_try_s: float = 30.0
    try_s: float = 60.0
    all_s: float = 180.0


class Client:
    """Calls the API and follows pages."""

    def __init__(self, api_url: str, secret_key: str, seed: int = 0) -> None:
        """Speak to ``api_url`` with ``secret_key``; ``seed`` decides the jitter of pauses."""
        self.api_url = api_url.rstrip("/")
        self._headers = {"authorization": f"Bearer {secret_key}"}
        self._draw = random.Random(f"interlock pauses {seed}")
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Open the connection pool."""
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)

    async def close(self) -> None:
        """Close it."""
        if self._session is not None:
            await self._session.close()

    async def post(self, path: str, pairs: Pairs, key: str, patience: Patience) -> Reply:
        """Return the definite answer to a POST; every try sends the same body under the same ``key``."""
        headers = {
            **self._headers,
            "idempotency-key": key,
            "content-type": "application/x-www-form-urlencoded",
        }
        return await self._repeat("POST", self.api_url + path, headers, form(pairs), patience)

    async def get(self, path: str, patience: Patience) -> Reply:
        """Return the definite answer to a GET."""
        return await self._repeat("GET", self.api_url + path, self._headers, None, patience)

    async def page(self, method: str, url: str, body: bytes | None, patience: Patience) -> Reply:
        """Return a page of the shopper's browser, reloaded until it comes; redirects are told, not followed."""
        headers = {} if body is None else {"content-type": "application/x-www-form-urlencoded"}
        return await self._repeat(method, url, headers, body, patience)

    async def _repeat(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, patience: Patience
    ) -> Reply:
        began = time.monotonic()
        tries, doubt = 0, ""
        pause_s, wait_s = _FIRST_PAUSE_S, patience.first_try_s
        while True:
            left_s = patience.all_s - (time.monotonic() - began)
            if left_s <= 0:
                return Reply(status=0, tries=tries, wait_ms=_since(began), doubt=doubt)
            tries += 1
            reply = await self._once(method, url, headers, body, min(wait_s, left_s))
            if isinstance(reply, Reply):
                return msgspec.structs.replace(reply, tries=tries, wait_ms=_since(began))
            doubt = reply
            await asyncio.sleep(pause_s * self._draw.uniform(0.6, 1.4))
            pause_s, wait_s = min(pause_s * 1.8, _LONGEST_PAUSE_S), patience.try_s

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, wait_s: float
    ) -> Reply | str:
        """Return a definite answer, or why there is none."""
        assert self._session is not None
        try:
            async with asyncio.timeout(wait_s):
                async with self._session.request(
                    method, url, data=body, headers=headers, allow_redirects=False
                ) as response:
                    raw = await response.read()
                    status, location = response.status, response.headers.get("location")
        except TimeoutError:
            return "timeout"
        except (aiohttp.ClientError, OSError) as error:
            return type(error).__name__
        if status >= 500 or status in _IN_DOUBT:
            return f"{status} {_code(raw)}".strip()
        return _reply(status, raw, location)


def _reply(status: int, raw: bytes, location: str | None) -> Reply:
    try:
        return Reply(status=status, body=msgspec.json.decode(raw), location=location)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Reply(status=status, location=location, text=raw.decode(errors="replace"))


def _code(raw: bytes) -> str:
    try:
        return str(msgspec.json.decode(raw)["error"].get("code") or "")
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return ""


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def form(pairs: Pairs) -> bytes:
    """Return ``pairs`` as a form body."""
    return "&".join(f"{quote_plus(name)}={quote_plus(_text(value))}" for name, value in pairs).encode()


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
