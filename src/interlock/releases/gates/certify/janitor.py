"""A folder that is gone when its process is, however that ended: after kill -9 a waiting helper removes it.

The helper is a shell that reads a pipe nobody writes to. Its end of file means that the process which holds the other
end is no more; by then the database and the sandbox are ending too (each dies with its parent), and what they still
write is removed with the rest. Where the helper was killed too (a machine that stops), the next run removes the folder:
an owner holds a lock on a file in it for as long as it lives.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

_PREFIX = "interlock-certify-"
_SCRIPT = 'cat >/dev/null; for n in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$0" 2>/dev/null && exit; sleep 0.3; done'
_ENDS_WITHIN_S = 5.0
_LOCK = "owner"
_WITHOUT_LOCK_S = 60.0


@contextlib.asynccontextmanager
async def vanishing_folder() -> AsyncIterator[Path]:
    """Give a new folder that is removed afterwards, and by a helper should this process be killed."""
    await asyncio.to_thread(_remove_left_over)
    folder, lock = _made()
    janitor = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", _SCRIPT, str(folder)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath},
        start_new_session=True,
    )
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        if janitor.stdin is not None:
            janitor.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ENDS_WITHIN_S):
                await janitor.wait()


def _made() -> tuple[Path, int]:
    """Return a new folder, and the open file by whose lock others see that it has an owner."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    folder.chmod(0o711)  # a database started by root runs as a user of its own, who must pass through
    lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return folder, lock


def _remove_left_over() -> None:
    """Remove folders of this kind whose owner is no more."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == os.getuid() and _has_no_owner(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _has_no_owner(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > _WITHOUT_LOCK_S  # one that is new gets its lock in a moment
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
