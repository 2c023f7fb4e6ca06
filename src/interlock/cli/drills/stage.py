"""The scratch switch that drills play on: opened when the first drill needs it, used by all, gone afterwards."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

import msgspec

from interlock.cli.replay.acts import done
from interlock.cli.replay.scene import Scene, open_scene
from interlock.cli.supervision.sandboxes import control
from interlock.gateways.contract import ConnectorConfig
from interlock.routing.types import Gateway
from interlock.sandbox.faults import FaultSpec
from interlock.sandbox.shoppers.crowd import Crowd, Plan
from interlock.sandbox.shoppers.journal import Journal
from interlock.sandbox.shoppers.orders import Mix

_WHY = "drill"
_FIRST_ORDERS = 1
_ORDERS_OF_A_CROWD = 100_000
_CUSTOM_S = 9.0
_CUSTOM_PER_S = 18.0
_SETTLE_S = 12.0
_MOST_CUSTOM = Mix(manual=0.4, refunded=0.4, challenge_failed=0.05, challenge_abandoned=0.05)


class _Fault(msgspec.Struct):
    hits: int


class _Faults(msgspec.Struct):
    faults: list[_Fault]


class Stage:
    """One scratch switch. Whoever moves its gateways holds ``lock``."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self.lock = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._scene: Scene | None = None
        self._recorded: dict[str, tuple[bytes | None, ConnectorConfig]] = {}
        self._crowds = 0
        self.folder = Path()

    async def __aenter__(self) -> Self:
        """Prepare."""
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="interlock-drills-")))
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop what was started."""
        del error
        await self._stack.aclose()

    async def scene(self) -> Scene:
        """Return the switch, started where nobody needed it before. Call it with ``lock`` held."""
        if self._scene is None:
            self._scene = await self._stack.enter_async_context(open_scene())
        return self._scene

    async def recordings(self, provider: str) -> tuple[bytes | None, ConnectorConfig]:
        """Return recordings of shoppers who bought through the connector that came with this version."""
        async with self.lock:
            if provider not in self._recorded:
                scene = await self.scene()
                gateway = scene.gateways[provider]
                await self.only(provider)
                async with self.crowd(Plan(seed=self._crowds, rate_per_s=_CUSTOM_PER_S, mix=_MOST_CUSTOM)) as shoppers:
                    buying = asyncio.create_task(shoppers.run(keep=False))
                    await asyncio.sleep(_CUSTOM_S)
                    shoppers.stop()
                    await buying
                    await shoppers.settle(_SETTLE_S, everybody=False)
                serving = done(await scene.rooms.examiner.serving(scene.scope, gateway.id))
                recorded = await scene.rooms.examiner.recordings(gateway, serving.config)
                self._recorded[provider] = (recorded, serving.config)
            return self._recorded[provider]

    async def only(self, provider: str) -> None:
        """Let no other gateway take payments."""
        await self._arrange({name: name == provider for name in (await self.scene()).gateways}, provider)

    async def first(self, provider: str) -> None:
        """Let ``provider`` take payments first, and the others what it cannot."""
        await self._arrange(dict.fromkeys((await self.scene()).gateways, True), provider)

    async def _arrange(self, enabled: dict[str, bool], first: str) -> None:
        scene = await self.scene()
        for name, gateway in scene.gateways.items():
            changed = await scene.rooms.routing.update_gateway(
                scene.scope, gateway.id, why=_WHY, enabled=enabled[name], position=0 if name == first else 1
            )
            scene.gateways[name] = done(changed)
        await scene.rooms.foundation.table.refresh(force=True)

    def crowd(self, plan: Plan, journal: Path | None = None) -> Crowd:
        """Return shoppers of this switch whose orders nobody else has."""
        assert self._scene is not None
        self._crowds += 1
        mine = msgspec.structs.replace(plan, first=_FIRST_ORDERS + self._crowds * _ORDERS_OF_A_CROWD, all_s=25.0)
        return Crowd(mine, self._scene.quickstart.api_url, self._scene.quickstart.secret_key, Journal(journal))

    async def fail(self, provider: str, faults: tuple[FaultSpec, ...]) -> None:
        """Make a simulated gateway fail."""
        for spec in faults:
            await control("POST", f"{self._url(provider)}/_sandbox/faults", msgspec.to_builtins(spec))

    async def heal(self, provider: str) -> int:
        """End every fault of a simulated gateway and return how often they struck."""
        place = f"{self._url(provider)}/_sandbox/faults"
        struck = msgspec.json.decode(await control("GET", place), type=_Faults)
        await control("DELETE", place)
        return sum(fault.hits for fault in struck.faults)

    async def positions(self) -> dict[str, int]:
        """Return how many lines each gateway's books have."""
        found: dict[str, int] = {}
        for name in (await self.scene()).gateways:
            health = await control("GET", f"{self._url(name)}/_sandbox/health")
            found[name] = int(msgspec.json.decode(health)["payments_booked"])
        return found

    async def lines(self, since: dict[str, int]) -> dict[str, bytes]:
        """Return each gateway's books from a position on, as JSON."""
        return {
            name: await control("GET", f"{self._url(name)}/_sandbox/books?after_seq={position}")
            for name, position in since.items()
        }

    def gateway(self, provider: str) -> Gateway:
        """Return the gateway of ``provider``."""
        assert self._scene is not None
        return self._scene.gateways[provider]

    def _url(self, provider: str) -> str:
        assert self._scene is not None
        return next(one.url for one in self._scene.quickstart.gateways if one.name == provider)
