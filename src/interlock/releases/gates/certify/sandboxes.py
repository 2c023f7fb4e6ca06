"""Starts the simulated gateway of a provider as a process of its own, or speaks to one that is given by its address."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from interlock.releases.gates.certify.control import Control, SandboxError
from interlock.releases.gates.certify.providers import PROVIDERS, Provider

VARIABLE = "INTERLOCK_CERTIFY_SANDBOX_"
"""Followed by the connector's name in capitals: the address of a sandbox to certify against."""

_READY_WITHIN_S = 30.0
_ENDS_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.01
_MODIFICATION_DELAY_MS = 20
_COMPLAINT_BYTES = 2_000


class Sandbox(msgspec.Struct, frozen=True):
    """A simulated gateway that runs."""

    provider: Provider
    url: str


class Sandboxes:
    """The simulated gateways of a workshop, each started when it is first asked for; close them with :meth:`close`."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Keep port files in ``folder``; addresses of given sandboxes come from ``environment``."""
        self._folder = folder
        self._environment = environment
        self._running: dict[str, Sandbox] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._starting = asyncio.Lock()

    async def of(self, name: str) -> Sandbox | None:
        """Return the running sandbox of the connector called ``name``, None when there is none for it.

        It remembers nothing of earlier runs, unless it is a given one that will not forget.

        Raises:
            SandboxError: it cannot be started, or does not answer.

        """
        async with self._starting:
            known = self._running.pop(name, None)
            if known is not None and await self._is_fresh(known):
                self._running[name] = known
                return known
            given = self._environment.get(f"{VARIABLE}{name.upper()}")
            if given:
                found = await self._given(name, given.rstrip("/"))
            elif name in PROVIDERS:
                found = Sandbox(PROVIDERS[name], await self._start(name))
            else:
                return None
            self._running[name] = found
            return found

    async def _is_fresh(self, sandbox: Sandbox) -> bool:
        """Return True for a sandbox that can be used again; one of ours that will not forget is ended."""
        process = self._processes.get(sandbox.provider.name)
        async with Control(sandbox.url) as control:
            if (process is None or process.returncode is None) and (await control.forget() or process is None):
                return True
        if process is not None:
            await _end(self._processes.pop(sandbox.provider.name))
        return False

    async def _given(self, name: str, url: str) -> Sandbox:
        async with Control(url) as control:
            await control.health()
            provider = await control.account() or PROVIDERS.get(name)
        if provider is None:
            raise SandboxError(f"the sandbox at {url} does not tell which account it plays (GET /_sandbox/account)")
        return Sandbox(provider, url)

    async def _start(self, name: str) -> str:
        port_file, log = self._folder / f"{name}.port", self._folder / f"{name}.log"
        port_file.unlink(missing_ok=True)
        with log.open("wb") as complaints:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "interlock.sandbox", name, "--no-validate"),
                *("--port-file", str(port_file), "--modification-delay-ms", str(_MODIFICATION_DELAY_MS)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=complaints,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        self._processes[name] = process
        end = time.monotonic() + _READY_WITHIN_S
        while not port_file.exists():
            if process.returncode is not None or time.monotonic() > end:
                said = log.read_bytes()[-_COMPLAINT_BYTES:].decode("utf-8", "replace").strip().splitlines()
                raise SandboxError(f"the sandbox of {name} does not start: {said[-1] if said else 'no word'}")
            await asyncio.sleep(_LOOK_EVERY_S)
        return f"http://127.0.0.1:{int(port_file.read_text(encoding='ascii'))}"

    async def close(self) -> None:
        """End every process that was started."""
        self._running.clear()
        for process in self._processes.values():
            await _end(process)
        self._processes.clear()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a process and wait for it."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_ENDS_WITHIN_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
