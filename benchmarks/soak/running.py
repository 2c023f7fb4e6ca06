"""The switch under test: started by the very class behind `interlock up`, restarted by its supervisor, killed by us."""

import asyncio
import contextlib
import os
import random
import signal
import time
from io import StringIO
from pathlib import Path

import psutil
from rich.console import Console

from interlock.base.settings import Settings
from interlock.cli.supervision.running import Switch
from interlock.cli.supervision.screen import Screen
from interlock.cli.supervision.supervisor import answers

VICTIMS = ("api", "api", "worker")
_GROWN_UP_S = 2.0
_POLL_S = 0.1


class SoakSwitch(Switch):
    """`interlock up` whose children's process ids can be seen."""

    def pids(self) -> dict[str, int]:
        """Return every child's process id by name."""
        return {name: pid for supervisor in self._supervisors for name, pid in supervisor.pids().items()}


def new_switch(folder: Path, ports: tuple[int, int, int], budget_ms: int, hook: str) -> SoakSwitch:
    """Return the switch over an empty ``folder``; its notices go to ``up.log`` there."""
    api_port, stripe_port, adyen_port = ports
    settings = Settings(
        data_dir=folder / ".interlock",
        api_port=api_port,
        sandbox_stripe_port=stripe_port,
        sandbox_adyen_port=adyen_port,
        payment_budget_ms=budget_ms,
    )
    screen = Screen(Console(file=StringIO(), width=120))
    return SoakSwitch(settings, screen, hook)


class Killer:
    """Kills API and worker with -9, again and again, at moments drawn from a seed."""

    def __init__(self, switch: SoakSwitch, api_port: int, seed: int, every_s: float) -> None:
        """Kill about every ``every_s`` seconds."""
        self.kills: dict[str, int] = {}
        self._switch = switch
        self._api_port = api_port
        self._draw = random.Random(f"interlock kills {seed}")
        self._every_s = every_s

    @property
    def count(self) -> int:
        """Return how many processes were killed."""
        return sum(self.kills.values())

    async def run(self) -> None:
        """Kill until cancelled; a victim is at work when it is killed (or it would be no test)."""
        while True:
            await asyncio.sleep(self._every_s * self._draw.uniform(0.5, 1.5))
            name = self._draw.choice(VICTIMS)
            if await self._at_work(name):
                self._kill(name)

    async def _at_work(self, name: str) -> bool:
        pid = self._switch.pids().get(name)
        if pid is None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            if time.time() - psutil.Process(pid).create_time() < _GROWN_UP_S:
                return False
        return name != "api" or await answers("127.0.0.1", self._api_port, "/readyz")

    def _kill(self, name: str) -> None:
        pid = self._switch.pids().get(name)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.kills[name] = self.kills.get(name, 0) + 1


async def wait_ready(switch: SoakSwitch, api_port: int, within_s: float = 60.0) -> bool:
    """Return True when API and worker are there again."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        alive = switch.pids()
        if "worker" in alive and "api" in alive and await answers("127.0.0.1", api_port, "/readyz"):
            return True
        await asyncio.sleep(_POLL_S)
    return False
