"""The faults of a soak: every kind the simulated gateways know, together about one request (and webhook) in ten."""

import asyncio
from typing import Any

import aiohttp
import msgspec
from benchmarks.soak.plan import FAULT_SHARE

Json = dict[str, Any]

_REQUEST_FAULTS: tuple[Json, ...] = (
    {"kind": "refuse"},
    {"kind": "refuse", "status": 401},
    {"kind": "decline"},
    {"kind": "latency", "ms": 400, "sigma": 0.8},
    {"kind": "timeout_before"},
    {"kind": "timeout_after"},
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "status_5xx"},
    {"kind": "status_5xx", "executes": True, "status": 502},
    {"kind": "html"},
    {"kind": "html", "status": 502, "executes": False},
    {"kind": "truncated"},
    {"kind": "empty"},
    {"kind": "misencoded"},
    {"kind": "misencoded", "variant": "utf16"},
    {"kind": "wrong_amount"},
    {"kind": "wrong_currency"},
)
_WEBHOOK_FAULTS: tuple[Json, ...] = (
    {"kind": "webhook_duplicate", "ms": 2_000},
    {"kind": "webhook_late", "ms": 3_000, "sigma": 0.7},
    {"kind": "webhook_reordered", "ms": 4_000},
    {"kind": "webhook_bad_signature"},
)
# A provider repeats a webhook until it is taken, so that losing one for good is only simulated for news that the answer
# to the request, or an inquiry, tells as well. Disputes and Adyen's captures and refunds are told by webhook alone.
_TOLD_OTHERWISE = {
    "stripe": ["payment_intent.succeeded", "payment_intent.payment_failed", "charge.succeeded", "charge.captured"],
    "adyen": ["AUTHORISATION"],
}
REFUSE_EVERYTHING: Json = {"kind": "refuse"}


def fault_mix(provider: str) -> list[Json]:
    """Return the faults of one gateway: the share of a request that suffers any is :data:`FAULT_SHARE`."""
    each = FAULT_SHARE / len(_REQUEST_FAULTS)
    faults = [{**fault, "probability": each} for fault in _REQUEST_FAULTS]
    faults += [{**fault, "probability": FAULT_SHARE} for fault in _WEBHOOK_FAULTS]
    lost = {"kind": "webhook_lost", "match": {"event": _TOLD_OTHERWISE[provider]}, "probability": FAULT_SHARE}
    return [*faults, lost]


class FaultControl:
    """Speaks to one simulated gateway's control API, on the port that stays open while the gateway is down."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        """Speak to the gateway at ``url``; :meth:`find` comes first."""
        self._session = session
        self._url = url.rstrip("/") + "/_sandbox"

    async def find(self) -> None:
        """Find the control port."""
        async with self._session.get(f"{self._url}/health") as response:
            port = msgspec.json.decode(await response.read())["control_port"]
        self._url = f"http://127.0.0.1:{port}/_sandbox"

    async def add(self, fault: Json) -> str:
        """Add a fault and return its id."""
        async with self._session.post(f"{self._url}/faults", data=msgspec.json.encode(fault)) as response:
            answer = await response.read()
            assert response.status == 201, answer
            return str(msgspec.json.decode(answer)["id"])

    async def remove(self, fault_id: str) -> None:
        """Remove one fault."""
        async with self._session.delete(f"{self._url}/faults/{fault_id}") as response:
            await response.read()

    async def down(self, for_s: float) -> None:
        """Refuse connections for a while."""
        fault_id = await self.add({"kind": "down", "for_s": for_s})
        await asyncio.sleep(for_s + 0.5)
        await self.remove(fault_id)

    async def clear(self) -> None:
        """Remove every fault."""
        async with self._session.delete(f"{self._url}/faults") as response:
            await response.read()

    async def hits(self) -> dict[str, int]:
        """Return how often each kind of fault struck."""
        found: dict[str, int] = {}
        async with self._session.get(f"{self._url}/faults") as response:
            for fault in msgspec.json.decode(await response.read())["faults"]:
                kind = fault["spec"]["kind"]
                found[kind] = found.get(kind, 0) + fault["hits"]
        return found

    async def webhooks_owed(self) -> int:
        """Return how many webhooks the gateway has still to deliver."""
        async with self._session.get(f"{self._url}/health") as response:
            return int(msgspec.json.decode(await response.read())["webhooks"]["owed"])

    async def books(self) -> list[Json]:
        """Return everything the gateway booked."""
        entries: list[Json] = []
        after = 0
        while True:
            async with self._session.get(f"{self._url}/books?after_seq={after}&limit=20000") as response:
                page: list[Json] = msgspec.json.decode(await response.read())["entries"]
            entries += page
            if len(page) < 20_000:
                return entries
            after = int(page[-1]["seq"])
