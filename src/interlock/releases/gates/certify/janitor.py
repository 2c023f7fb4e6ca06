"""A folder that is gone when its process is, however that ended: after kill -9 a waiting helper removes it.

The helper is a shell that reads a pipe nobody writes to. Its end of file means that the process which holds the other
end is no more; by then the database and the sandbox are ending too (each dies with its parent), and what they still
write is removed with the rest.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

_PREFIX = "interlock-certify-"
_SCRIPT = 'cat >/dev/null; for n in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$0" 2>/dev/null && exit; sleep 0.3; done'
_ENDS_WITHIN_S = 5.0


@contextlib.asynccontextmanager
async def vanishing_folder() -> AsyncIterator[Path]:
    """Give a new folder that is removed afterwards, and by a helper should this process be killed."""
    folder = _made()
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
        if janitor.stdin is not None:
            janitor.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ENDS_WITHIN_S):
                await janitor.wait()


def _made() -> Path:
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    folder.chmod(0o711)  # a database started by root runs as a user of its own, who must pass through
    return folder
