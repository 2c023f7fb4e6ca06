"""The quickstart file: what `interlock up` prints, for programs; and the lock that keeps a data folder to one `up`."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from interlock.base.errors import ConfigurationError
from interlock.cli.output import ExitCode, RefusedError

QUICKSTART_FILE = "quickstart.json"
_LOCK_FILE = "up.lock"


class QuickstartGateway(msgspec.Struct, frozen=True, kw_only=True):
    """One sandbox gateway and where it listens."""

    id: str
    name: str
    url: str


class Quickstart(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a client needs. The secrets are test-mode ones of this folder's own account."""

    api_url: str
    secret_key: str
    publishable_key: str
    webhook_secret: str
    gateways: list[QuickstartGateway]
    ports: dict[str, int] = {}

    def __repr__(self) -> str:
        """Return a text without keys."""
        return f"Quickstart({self.api_url})"

    __str__ = __repr__


def read_quickstart(data_dir: Path) -> Quickstart | None:
    """Return what an earlier `up` wrote into ``data_dir``; None when it never ran or the file is damaged."""
    try:
        return msgspec.json.decode((data_dir / QUICKSTART_FILE).read_bytes(), type=Quickstart)
    except (OSError, msgspec.DecodeError):
        return None


def write_quickstart(data_dir: Path, quickstart: Quickstart) -> Path:
    """Write the file, readable by its owner only, all at once; return its path."""
    path = data_dir / QUICKSTART_FILE
    unfinished = path.with_suffix(".new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(quickstart), indent=2) + b"\n")
    unfinished.replace(path)
    return path


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel gives it back however this process ends.

    Raises:
        ConfigurationError: the folder cannot be written.
        RefusedError: another `up` has it.

    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(data_dir / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        problem = f"{data_dir} cannot be written ({error.strerror})"
        raise ConfigurationError("data_dir", problem, "set INTERLOCK_DATA_DIR to a folder of yours") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            raise RefusedError(
                str(data_dir),
                f"is served by another `interlock up` (process {holder})",
                "stop that one, or set INTERLOCK_DATA_DIR to another folder",
                ExitCode.FAILED,
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
