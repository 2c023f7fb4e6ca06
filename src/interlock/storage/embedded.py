"""Embedded Postgres: a real server for trying, development and tests; called by ``bootstrap``, the CLI and tests.

A small supervisor around plain Postgres programs: data below one folder, a unix socket that only its owner (and root)
can open, no network port, a direct child that dies with its parent. Use any ``postgresql://`` URL for production.

Layout of ``data_dir``: ``cluster`` (the data directory), ``socket``, ``postgres.log``, ``lock``.
"""

import atexit
import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self
from urllib.parse import quote

from interlock.base.errors import ConfigurationError, StorageError
from interlock.storage.postgres_binaries import Binaries, copy_of, find_binaries
from interlock.storage.postgres_owner import Owner, give, initdb_owner, owner_of, reachable, shared_home
from interlock.storage.postgres_process import Keeper, LockFile
from interlock.storage.postgres_writeback import Writeback, kernel_start_writing

_SUPERUSER = "postgres"
_PORT = 5432
_SOCKET_PATH_MAX = 107
_LOG_MAX_BYTES = 8_000_000
_STOP_WITHIN_S = 20.0
_INITDB_WITHIN_S = 120.0
_SOCKET_PREFIX = "interlock-pg-"
_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "synchronous_commit": "on",
        "max_connections": "100",
        "shared_buffers": "256MB",
        "max_wal_size": "2GB",
        # Pages are written by the background writer before a commit needs their place.
        "bgwriter_delay": "50ms",
        "bgwriter_lru_maxpages": "500",
        "bgwriter_lru_multiplier": "4",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "cluster_name": "interlock",
        # Statements carry merchants' data: a failed one is logged without its text and without row values.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_checkpoints": "off",
        # A vacuum at its usual pace takes a tenth of a core and keeps the disk from the commits.
        "autovacuum_vacuum_cost_delay": "5ms",
    }
)
_NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


class EmbeddedPostgres:
    """One server over one folder."""

    def __init__(
        self,
        data_dir: Path | str,
        *,
        settings: Mapping[str, str] = _NO_SETTINGS,
        template: Path | str | None = None,
        restart: bool = True,
        even_writes: bool = False,
    ) -> None:
        """Prepare; nothing is touched before :meth:`start`.

        Args:
            data_dir: a folder of our own, made when absent.
            settings: server settings over the defaults.
            template: another *stopped* server's ``data_dir``, copied instead of making a new cluster.
            restart: start the server again when it dies by itself.
            even_writes: have the kernel write tables steadily, for a server that takes payments.

        """
        self.data_dir = Path(data_dir).absolute()
        self._cluster = self.data_dir / "cluster"
        self._settings = {**_SETTINGS, **settings}
        self._template = None if template is None else Path(template).absolute()
        self._restart = restart
        self._even_writes = even_writes
        self._writeback: Writeback | None = None
        self._keeper: Keeper | None = None
        self._lock_fd: int | None = None
        self._cluster_fd: int | None = None
        self._socket: Path | None = None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    @property
    def pid(self) -> int | None:
        """Return the server's process id, None while it is down."""
        return None if self._keeper is None else self._keeper.pid

    @property
    def url(self) -> str:
        """Return the URL of the default database of the running server."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """Return the URL of ``database`` on the running server."""
        if self._socket is None:
            raise StorageError("the embedded Postgres is not running")
        return _url(self._socket, database)

    def start(self) -> str:
        """Start the server, making its cluster the first time, and return :attr:`url`.

        Raises:
            ConfigurationError: the folder is in use, or the machine has no fit programs or user.
            StorageError: the server does not come up.

        """
        if self._keeper is not None:
            return self.url
        owner = owner_of(self.data_dir)
        self._make_folder(owner)
        self._lock()
        try:
            self._start_locked(owner)
        except BaseException:
            self.stop()
            raise
        atexit.register(self.stop)
        return self.url

    def _start_locked(self, owner: Owner | None) -> None:
        leftover = LockFile(self._cluster)
        leftover.end_leftover(_STOP_WITHIN_S)
        binaries = self._binaries(owner)
        if not (self._cluster / "PG_VERSION").exists():
            self._make_cluster(binaries, owner)
        within_reach = reachable(self._cluster, owner)
        self._socket = self._make_socket_folder(owner, within_reach=within_reach)
        cluster = str(self._cluster)
        if not within_reach:
            self._cluster_fd = os.open(self._cluster, os.O_RDONLY | os.O_DIRECTORY)
            cluster = f"/proc/self/fd/{self._cluster_fd}"
        log = self.data_dir / "postgres.log"
        if log.exists() and log.stat().st_size > _LOG_MAX_BYTES:
            log.unlink()
        self._keeper = Keeper(
            self._command(binaries, cluster),
            cluster=self._cluster,
            log=log,
            owner=owner,
            pass_fds=[] if self._cluster_fd is None else [self._cluster_fd],
            restart=self._restart,
        )
        self._keeper.start()
        self._keeper.wait_ready()
        start_writing = kernel_start_writing() if self._even_writes else None
        if start_writing is not None:
            self._writeback = Writeback(self._cluster, start_writing)
            self._writeback.start()

    def _command(self, binaries: Binaries, cluster: str) -> list[str]:
        settings = dict(self._settings)
        if binaries.has_library("pg_stat_statements"):
            settings.setdefault("shared_preload_libraries", "pg_stat_statements")
        command = [str(binaries.postgres), "-D", cluster, "-k", str(self._socket), "-p", str(_PORT)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return command

    def stop(self) -> None:
        """Shut the server down and wait for its end; does nothing when it is not running."""
        writeback, self._writeback = self._writeback, None
        if writeback is not None:
            writeback.stop()
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            keeper.stop(_STOP_WITHIN_S)
        atexit.unregister(self.stop)
        if self._socket is not None and self._socket.name.startswith(_SOCKET_PREFIX):
            shutil.rmtree(self._socket, ignore_errors=True)
        self._socket = None
        for descriptor in (self._cluster_fd, self._lock_fd):
            if descriptor is not None:
                os.close(descriptor)
        self._cluster_fd = self._lock_fd = None

    def _make_folder(self, owner: Owner | None) -> None:
        if not self.data_dir.exists():
            self.data_dir.mkdir(parents=True, mode=0o700)
            give(self.data_dir, owner)

    def _lock(self) -> None:
        path = self.data_dir / "lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise ConfigurationError(
                "embedded Postgres",
                f"{self.data_dir} is in use by the process {holder}",
                "stop that process, or choose another data folder",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._lock_fd = descriptor

    def _binaries(self, owner: Owner | None) -> Binaries:
        source = self._cluster if self._cluster.exists() else None
        if source is None and self._template is not None:
            source = self._template / "cluster"
        version = source / "PG_VERSION" if source is not None else None
        major = version.read_text(encoding="ascii").strip() if version is not None and version.exists() else None
        binaries = find_binaries(major)
        if not reachable(binaries.postgres, owner):
            binaries = copy_of(binaries, shared_home(owner))
        return binaries

    def _make_cluster(self, binaries: Binaries, owner: Owner | None) -> None:
        unfinished = self.data_dir / "cluster.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        if self._template is not None:
            shutil.copytree(self._template / "cluster", unfinished, symlinks=True)
        else:
            with tempfile.TemporaryDirectory(prefix=_SOCKET_PREFIX) as folder:
                made = Path(folder) / "cluster"
                give(Path(folder), initdb_owner())
                _initdb(binaries, made)
                shutil.move(made, unfinished)
        unfinished.chmod(0o700)
        give(unfinished, owner)
        os.sync()
        unfinished.rename(self._cluster)

    def _make_socket_folder(self, owner: Owner | None, *, within_reach: bool) -> Path:
        self._remove_old_socket_folder()
        folder = self.data_dir / "socket"
        if not within_reach or len(os.fsencode(folder / f".s.PGSQL.{_PORT}")) > _SOCKET_PATH_MAX:
            folder = Path(tempfile.mkdtemp(prefix=_SOCKET_PREFIX))
        folder.mkdir(mode=0o700, exist_ok=True)
        give(folder, owner)
        (self.data_dir / "socket_folder").write_text(str(folder), encoding="utf-8")
        return folder

    def _remove_old_socket_folder(self) -> None:
        """Remove what a killed predecessor left: the stale socket, or its folder for temporary files."""
        with contextlib.suppress(OSError):
            old = Path((self.data_dir / "socket_folder").read_text(encoding="utf-8"))
            if old.name.startswith(_SOCKET_PREFIX) and old.parent == Path(tempfile.gettempdir()):
                shutil.rmtree(old, ignore_errors=True)


def running_url(data_dir: Path | str, database: str = "postgres") -> str | None:
    """Return the URL of the server that some process runs over ``data_dir``, or None."""
    folder = Path(data_dir).absolute()
    if LockFile(folder / "cluster").running_pid() is None:
        return None
    with contextlib.suppress(OSError):
        return _url(Path((folder / "socket_folder").read_text(encoding="utf-8")), database)
    return None


def _url(socket_folder: Path, database: str) -> str:
    return f"postgresql://{_SUPERUSER}@/{quote(database)}?host={quote(str(socket_folder))}&port={_PORT}"


def _initdb(binaries: Binaries, cluster: Path) -> None:
    owner = initdb_owner()
    options = [
        "--username",
        _SUPERUSER,
        "--auth=trust",
        "--locale=C",
        "--encoding=UTF8",
        "--data-checksums",
        "--no-sync",
        # A new server fills each file of its log with zeros before it uses it, and every commit waits: a small file is
        # 10 ms, one of the usual 16 MB 80 ms.
        "--wal-segsize=2",
    ]
    try:
        done = subprocess.run(  # noqa: S603 - Postgres's own program and our options
            [binaries.initdb, "-D", cluster, *options],
            capture_output=True,
            text=True,
            timeout=_INITDB_WITHIN_S,
            check=False,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            user=None if owner is None else owner.uid,
            group=None if owner is None else owner.gid,
            extra_groups=None if owner is None else [],
        )
    except (OSError, subprocess.SubprocessError) as error:
        problem = f"initdb could not be run: {error}"
        raise StorageError(problem) from error
    if done.returncode != 0:
        problem = f"initdb failed: {done.stderr.strip()[-500:]}"
        raise StorageError(problem)
    (cluster / "pg_hba.conf").write_text("local all all trust\n", encoding="ascii")


@contextlib.contextmanager
def temporary_postgres(template: Path | str | None = None, **settings: str) -> Iterator[EmbeddedPostgres]:
    """Run a server over a folder that is removed afterwards; for benchmarks and tests."""
    with tempfile.TemporaryDirectory(prefix=_SOCKET_PREFIX, ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder) / "postgres", settings=settings, template=template) as server:
            yield server
