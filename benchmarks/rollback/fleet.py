"""The fleet under test: `interlock up` with four API processes of their own ports, and a gateway for the candidate.

The processes, settings and database are those of a user. What differs: each API process has a port of its own, so that
it is known who took a payment; it reaches the database through a door that can be shut; and a second simulated Stripe
stands beside the first, for the candidate alone: its books say what the candidate was sent, and when.
"""

import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from benchmarks.processes import connect, free_ports
from benchmarks.rollback.door import Door
from rich.console import Console

from interlock import bootstrap
from interlock.base.context import Scope
from interlock.base.settings import Settings
from interlock.cli.supervision.quickstart import Quickstart
from interlock.cli.supervision.running import Switch
from interlock.cli.supervision.sandboxes import control
from interlock.cli.supervision.screen import Screen
from interlock.cli.supervision.supervisor import ChildSpec, Supervisor
from interlock.releases.types import Actor

_LOOPBACK = "127.0.0.1"
_READY_WITHIN_S = 60.0
_CANDIDATE = "sandbox-candidate"
ACTOR = Actor("bench", verified=True)


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One API process; ``door`` is in its way to the database."""

    name: str
    url: str
    pid: int
    door: Door

    def stop(self) -> None:
        """Stop it as a machine that hangs: it notices nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on where it was."""
        os.kill(self.pid, signal.SIGCONT)


class BooksEntry(msgspec.Struct, frozen=True):
    """A line of a simulated gateway's books, as far as it is read here."""

    at_ms: int
    kind: str
    reference: str


class _Books(msgspec.Struct, frozen=True):
    entries: list[BooksEntry]


class SecondGateway:
    """The gateway that the candidate alone talks to."""

    def __init__(self, url: str) -> None:
        """Ask the one at ``url``."""
        self.url = url

    async def payments(self, since_ms: int) -> list[BooksEntry]:
        """Return what it took since then, approved or declined, as it says itself."""
        answer = await control("GET", f"{self.url}/_sandbox/books?since_ms={since_ms}")
        entries = msgspec.json.decode(answer, type=_Books).entries
        return [entry for entry in entries if entry.kind == "authorisation"]

    async def fail(self, fault: dict[str, object]) -> None:
        """Fail every request from now on."""
        await control("POST", f"{self.url}/_sandbox/faults", fault)

    async def recover(self) -> int:
        """Fail no more; return how many requests were failed."""
        answer = await control("GET", f"{self.url}/_sandbox/faults")
        await control("DELETE", f"{self.url}/_sandbox/faults")
        return sum(int(fault["hits"]) for fault in msgspec.json.decode(answer)["faults"])


class FleetSwitch(Switch):
    """`interlock up` with API processes that are told apart."""

    def __init__(self, settings: Settings, screen: Screen, ports: Sequence[int], folder: Path) -> None:
        """Start one API process for each of ``ports``, with doors below ``folder``."""
        super().__init__(settings, screen)
        self._api_ports = ports
        self._folder = folder
        self._fleet: list[tuple[Supervisor, ChildSpec, Door]] = []
        self.url = ""

    def nodes(self) -> list[Node]:
        """Return the API processes that run."""
        return [
            Node(name=spec.name, url=f"http://{_LOOPBACK}:{spec.port}", pid=supervisor.pids()[spec.name], door=door)
            for supervisor, spec, door in self._fleet
        ]

    async def second_gateway(self, port: int) -> SecondGateway:
        """Start the candidate's gateway."""
        folder = self._data_dir / _CANDIDATE
        folder.mkdir(parents=True, exist_ok=True)
        spec = ChildSpec(
            name=_CANDIDATE,
            module="interlock.sandbox",
            arguments=("stripe", "--port", str(port), "--data-dir", str(folder), "--detached"),
            port=port,
            ready_path="/_sandbox/health",
        )
        supervisor = self._supervisor({})
        await supervisor.start(spec)
        await supervisor.wait_ready(spec.name, within_s=_READY_WITHIN_S)
        return SecondGateway(f"http://{_LOOPBACK}:{port}")

    async def _database(self, settings: Settings) -> str:
        self.url = await super()._database(settings)
        return self.url

    async def _processes(self, switch: Supervisor, settings: Settings) -> None:
        await switch.start(ChildSpec(name="worker", module="interlock.worker"))
        for number, port in enumerate(self._api_ports):
            door = await self._door(number)
            own = settings.model_copy(update={"api_port": port})
            supervisor = self._supervisor(bootstrap.child_environment(own, door.url))
            spec = ChildSpec(name=f"api-{number + 1}", module="interlock.api", port=port, ready_path="/readyz")
            await supervisor.start(spec)
            self._fleet.append((supervisor, spec, door))
        for supervisor, spec, _ in self._fleet:
            await supervisor.wait_ready(spec.name, within_s=_READY_WITHIN_S)

    async def _door(self, number: int) -> Door:
        door = Door(self.url, self._folder / f"door-{number + 1}")
        await door.build()
        self._stack.push_async_callback(door.tear_down)
        return door


class Fleet:
    """Everything that runs, and the use cases of one more process: the operator's."""

    def __init__(
        self,
        rooms: bootstrap.Rooms,
        quickstart: Quickstart,
        nodes: list[Node],
        second: SecondGateway,
        connection: asyncpg.Connection,
        scope: Scope,
    ) -> None:
        """Keep the parts."""
        self.rooms = rooms
        self.nodes = nodes
        self.second = second
        self.connection = connection
        self.scope = scope
        self.key = quickstart.secret_key
        self.gateway_id = next(gateway.id for gateway in quickstart.gateways if gateway.name == "stripe")

    def addresses(self) -> list[tuple[str, str]]:
        """Return name and address of each API process."""
        return [(node.name, node.url) for node in self.nodes]


@asynccontextmanager
async def running(folder: Path, *, processes: int = 4) -> AsyncIterator[Fleet]:
    """Run a fleet in ``folder``, which is made."""
    folder.mkdir()  # noqa: ASYNC240 - nothing runs yet
    ports = free_ports(processes + 3)
    values: dict[str, Any] = {
        "data_dir": folder / "data",
        "api_port": ports[0],
        "sandbox_stripe_port": ports[-2],
        "sandbox_adyen_port": ports[-1],
    }
    settings = Settings(**values)
    with (folder / "up.log").open("a", encoding="utf-8") as log:
        switch = FleetSwitch(settings, Screen(Console(file=log, width=200)), ports[:processes], folder)
        try:
            quickstart = await switch.start()
            second = await switch.second_gateway(ports[processes])
            connection = await connect(switch.url)
            try:
                async with bootstrap.open_rooms(settings, switch.url, pool_size=2) as rooms:
                    account = (await rooms.access.list_accounts())[0]
                    scope = Scope(account.account_id, livemode=False)
                    yield Fleet(rooms, quickstart, switch.nodes(), second, connection, scope)
            finally:
                await connection.close()
        finally:
            await switch.stop()
