"""The event loop that runs, found without asking the kernel. For the hot paths of any room."""

import asyncio
import threading


class _Known(threading.local):
    loop: asyncio.AbstractEventLoop | None = None


_KNOWN = _Known()


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running loop of this thread.

    ``asyncio.get_running_loop`` asks for the process's id at each call (Python 3.11), which was a twentieth of what a
    payment costs. A thread runs one loop at a time: the one known from before is right as long as it runs.

    Raises:
        RuntimeError: no loop runs in this thread.

    """
    loop = _KNOWN.loop
    if loop is None or not loop.is_running():
        loop = _KNOWN.loop = asyncio.get_running_loop()
    return loop
