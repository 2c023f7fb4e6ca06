"""Speaks to a simulated gateway: its control API and its shoppers' pages. Used in the child and the parent."""

from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import aiohttp
import msgspec

from interlock.base.errors import InterlockError
from interlock.releases.gates.certify.providers import Provider

_TIMEOUT = aiohttp.ClientTimeout(total=20)
_CONNECTIONS = 64


class SandboxError(InterlockError):
    """The simulated gateway is not there, or does not do what it is told."""


class Control:
    """One simulated gateway, as a cardholder, a bank and an auditor meet it."""

    def __init__(self, url: str) -> None:
        """Speak to the gateway at ``url`` (no final slash); needs a running event loop."""
        self.url = url
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
        self._session = aiohttp.ClientSession(
            timeout=_TIMEOUT, connector=connector, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._session.close()

    async def health(self) -> dict[str, Any]:
        """Return what the gateway says of itself."""
        return await self._call("GET", "health")

    async def account(self) -> Provider | None:
        """Return what a sandbox of a provider that the gate does not know says of itself, None where it says nothing.

        Raises:
            SandboxError: it does not answer, or in words that cannot be read.

        """
        try:
            async with self._session.get(f"{self.url}/_sandbox/account") as response:
                answer = await response.read()
                return None if response.status >= 400 else msgspec.json.decode(answer, type=Provider)
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError) as error:
            raise SandboxError(f"the sandbox at {self.url} does not tell of itself ({type(error).__name__})") from None

    async def hook(self, url: str, secret: str, *, delay_ms: int) -> None:
        """Have webhooks sent to ``url``, ``delay_ms`` after what they tell of."""
        await self._call("POST", "webhooks", {"url": url, "secret": secret, "delay_ms": delay_ms})

    async def unhook(self) -> None:
        """Have no webhooks sent any more."""
        await self._call("DELETE", "webhooks")

    async def add_fault(self, kind: str, match: Mapping[str, object], **parameters: object) -> str:
        """Let requests (or webhooks) that ``match`` fail in the way ``kind``, once; return the fault's id."""
        spec = {"kind": kind, "match": dict(match), "schedule": {"first": 1}, **parameters}
        return str((await self._call("POST", "faults", spec))["id"])

    async def remove_fault(self, fault_id: str) -> None:
        """End a fault."""
        await self._call("DELETE", f"faults/{fault_id}")

    async def hits(self, fault_id: str) -> int:
        """Return how often a fault has struck."""
        faults = (await self._call("GET", "faults"))["faults"]
        return next((int(one["hits"]) for one in faults if one["id"] == fault_id), 0)

    async def clear_faults(self) -> None:
        """End every fault."""
        await self._call("DELETE", "faults")

    async def forget(self) -> bool:
        """Have the gateway forget everything, as if it had just been started; False when it will not."""
        try:
            await self._call("POST", "forget")
        except SandboxError:
            return False
        return True

    async def happen(self, what: str, payment: str) -> None:
        """Let a ``dispute`` or an ``expire`` happen to the payment."""
        await self._call("POST", "happen", {"what": what, "payment": payment})

    async def books(self, after_seq: int, **filters: str) -> list[dict[str, Any]]:
        """Return the lines of the books after ``after_seq`` that match ``filters``, oldest first."""
        query = urlencode({"after_seq": str(after_seq), **filters})
        entries = (await self._call("GET", f"books?{query}"))["entries"]
        return list(entries)

    async def call(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """Send a request of the merchant's own and return its status."""
        async with self._session.request(method, self.url + path, headers=headers, data=body) as response:
            await response.read()
            return response.status

    async def visit(self, url: str) -> str | None:
        """Open a page as a shopper's browser does; return where it sends the shopper, None when nowhere."""
        async with self._session.get(url, allow_redirects=False) as response:
            await response.read()
            return response.headers.get("location")

    def is_page(self, url: str) -> bool:
        """Return True for a page of this gateway."""
        return urlsplit(url).netloc == urlsplit(self.url).netloc

    async def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        data = None if body is None else msgspec.json.encode(body)
        try:
            async with self._session.request(method, f"{self.url}/_sandbox/{path}", data=data) as response:
                answer = await response.read()
                if response.status >= 400:
                    raise SandboxError(
                        f"the sandbox refuses {path.partition('?')[0]}: {answer[:200].decode(errors='replace')}"
                    )
                return dict(msgspec.json.decode(answer))
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError) as error:
            raise SandboxError(f"the sandbox at {self.url} does not answer ({type(error).__name__})") from None
