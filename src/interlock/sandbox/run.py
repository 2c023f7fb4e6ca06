"""Runs one simulated gateway as a process: its event loop, its end, its port file. The CLI calls :func:`run`."""

import asyncio
import contextlib
import ctypes
import gc
import ipaddress
import os
import signal
import sys
from pathlib import Path

import uvloop

from interlock.sandbox.app import Sandbox
from interlock.sandbox.options import Options

_PR_SET_PDEATHSIG = 1
_LAST_PORT = 65_535


def die_with_parent() -> None:
    """Ask the kernel to end this process when the one that started it ends (Linux; elsewhere nothing happens)."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)


def _write_port(path: Path, port: int) -> None:
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(f"{port}\n")
    temporary.replace(path)  # a reader never sees half a number


async def serve(options: Options) -> None:
    """Serve until SIGTERM or SIGINT."""
    sandbox = Sandbox(options)
    await sandbox.start()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if options.port_file is not None:
        _write_port(options.port_file, sandbox.server.port)
    sys.stdout.write(f"{options.provider} sandbox on {sandbox.context.base_url}\n")
    sys.stdout.flush()
    await stopped.wait()
    await sandbox.stop()


def _problem(options: Options) -> str | None:
    if not _is_loopback(options.host):
        return f"host: {options.host} is no loopback address; a simulated gateway serves this machine only"
    if not 0 <= options.port <= _LAST_PORT:
        return f"port: {options.port} is no port; choose 1 to {_LAST_PORT}, or 0 for a free one"
    if options.specs is not None and not options.specs.is_dir():
        return f"specs: {options.specs} is no folder; name the one that holds the published specifications"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def run(options: Options) -> None:
    """Run one simulated gateway in this process until it is told to end.

    Raises:
        ValueError: when an option is wrong; the text names it, what is wrong and what to do.
        OSError: when the port is taken or the data folder cannot be written.

    """
    problem = _problem(options)
    if problem is not None:
        raise ValueError(problem)
    if options.die_with_parent:
        die_with_parent()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # tens of thousands of cached payments are no garbage to look through
    uvloop.run(serve(options))
