"""What a simulated gateway remembers: one SQLite file, written by group commit.

Everything that the requests of one event-loop turn change is written in one transaction, and their replies leave only
after it: a gateway killed with -9 comes back with every payment it acknowledged. ``synchronous`` is off, because the
kernel keeps written pages when a process dies; a power cut is not simulated. Only the gateways of this package call it.
"""

import asyncio
import fcntl
import os
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)

CACHED_OBJECTS = 20_000
CACHED_ANSWERS = 5_000
LOCK_WAIT_S = 3.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tags (name TEXT, value TEXT, id TEXT, PRIMARY KEY (name, value, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, fingerprint BLOB, status INTEGER, body BLOB);
CREATE TABLE IF NOT EXISTS books (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER, kind TEXT, status TEXT, payment_id TEXT, entry_id TEXT,
  reference TEXT, idempotency_key TEXT, currency TEXT, amount_minor INTEGER, amount_major TEXT, brand TEXT,
  bin TEXT, country TEXT, code TEXT, metadata TEXT);
CREATE INDEX IF NOT EXISTS books_payment ON books (payment_id);
CREATE TABLE IF NOT EXISTS timers (id INTEGER PRIMARY KEY, due_ms INTEGER, name TEXT, subject TEXT);
CREATE TABLE IF NOT EXISTS deliveries (id INTEGER PRIMARY KEY, due_ms INTEGER, attempts INTEGER, body BLOB);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_ms, id);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, body BLOB);
"""


class BookEntry(msgspec.Struct, kw_only=True, gc=False):
    """One line of the books. Never changed, never removed.

    ``kind`` is authorisation, increment, capture, void, refund, refund_reversal, dispute, dispute_won or setup;
    ``status`` approved or declined. ``amount_minor`` is the provider's integer, ``amount_major`` what it means.
    """

    at_ms: int
    kind: str
    status: str
    payment_id: str
    entry_id: str
    reference: str
    idempotency_key: str
    currency: str
    amount_minor: int
    amount_major: str
    brand: str = ""
    bin: str = ""
    country: str = ""
    code: str = ""
    metadata: str = "{}"


class Kept(msgspec.Struct, frozen=True, gc=False):
    """The first answer to an idempotency key."""

    fingerprint: bytes
    status: int
    body: bytes


class Timer(msgspec.Struct, frozen=True):
    """Something that happens later by itself: ``name`` to ``subject`` at ``due_ms``."""

    id: int
    due_ms: int
    name: str
    subject: str


BOOK_COLUMNS: tuple[str, ...] = BookEntry.__struct_fields__
_INSERT_BOOK = f"INSERT INTO books ({', '.join(BOOK_COLUMNS)}) VALUES ({', '.join('?' * len(BOOK_COLUMNS))})"  # noqa: S608 - constant names


class Store:
    """Objects, answers, books, timers and deliveries of one gateway."""

    def __init__(self, directory: Path | None) -> None:
        """Open or create the file in ``directory``; None keeps everything in memory."""
        self._lock = None if directory is None else _lock(directory)
        self._path = None if directory is None else directory / "sandbox.sqlite"
        self._db = self._connect()
        self._db.executescript(_SCHEMA)
        self._encoder = msgspec.msgpack.Encoder()
        self._objects: OrderedDict[str, msgspec.Struct] = OrderedDict()
        self._answers: OrderedDict[str, Kept] = OrderedDict()
        self._dirty: dict[str, msgspec.Struct] = {}
        self._tags: list[tuple[str, str, str]] = []
        self._new_answers: dict[str, Kept] = {}
        self._entries: list[BookEntry] = []
        self._statements: list[tuple[str, tuple[object, ...]]] = []
        self._callbacks: list[Callable[[], None]] = []
        self._scheduled = False
        self._next_id = self._largest_id() + 1
        self.has_timers = True

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(
            ":memory:" if self._path is None else self._path, isolation_level=None, check_same_thread=False, timeout=0.0
        )
        if self._path is not None:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = OFF")
            database.execute("PRAGMA wal_autocheckpoint = 0")
        return database

    def _largest_id(self) -> int:
        sql = "SELECT max((SELECT coalesce(max(id), 0) FROM timers), (SELECT coalesce(max(id), 0) FROM deliveries))"
        return int(self._db.execute(sql).fetchone()[0])

    # -- objects ---------------------------------------------------------------------------------------------------

    def put(self, object_id: str, value: msgspec.Struct) -> None:
        """Keep ``value`` (new or changed) under ``object_id``."""
        self._dirty[object_id] = value
        self._objects[object_id] = value
        self._objects.move_to_end(object_id)

    def get(self, object_id: str, kind: type[T]) -> T | None:
        """Return the object, or None when there is none of this ``kind``."""
        value = self._objects.get(object_id)
        if value is None:
            row = self._db.execute("SELECT body FROM objects WHERE id = ?", (object_id,)).fetchone()
            if row is None:
                return None
            try:
                value = msgspec.msgpack.decode(row[0], type=kind)
            except msgspec.ValidationError:
                return None
            self._objects[object_id] = value
        return value if isinstance(value, kind) else None

    def tag(self, name: str, value: str, object_id: str) -> None:
        """Make ``object_id`` findable by ``name`` = ``value``."""
        self._tags.append((name, value, object_id))

    def tagged(self, name: str, value: str, limit: int = 1000) -> list[str]:
        """Return the ids tagged ``name`` = ``value``, newest first."""
        self.flush()
        sql = "SELECT id FROM tags WHERE name = ? AND value = ? ORDER BY id DESC LIMIT ?"
        return [row[0] for row in self._db.execute(sql, (name, value, limit))]

    def ids(self, prefix: str, *, below: str | None = None, above: str | None = None) -> Iterator[str]:
        """Yield ids that start with ``prefix``, newest first, or oldest first from ``above``."""
        self.flush()
        low, high = above or prefix, below or prefix + "\x7f"
        order = "ASC" if above else "DESC"
        sql = f"SELECT id FROM objects WHERE id > ? AND id < ? ORDER BY id {order}"  # noqa: S608 - constant words
        for row in self._db.execute(sql, (low, high)):
            yield row[0]

    # -- idempotency -----------------------------------------------------------------------------------------------

    def kept(self, key: str) -> Kept | None:
        """Return the first answer given to ``key``."""
        answer = self._new_answers.get(key) or self._answers.get(key)
        if answer is not None:
            return answer
        row = self._db.execute("SELECT fingerprint, status, body FROM answers WHERE key = ?", (key,)).fetchone()
        return None if row is None else Kept(*row)

    def keep(self, key: str, answer: Kept) -> None:
        """Remember the first ``answer`` to ``key``."""
        self._new_answers[key] = answer

    # -- books, timers, settings -----------------------------------------------------------------------------------

    def book(self, entry: BookEntry) -> None:
        """Append one line to the books."""
        self._entries.append(entry)

    def fresh_connection(self) -> sqlite3.Connection:
        """Return a second connection for long reads (a consistent snapshot beside the writer)."""
        self.flush()
        return self._db if self._path is None else self._connect()

    def release(self, database: sqlite3.Connection) -> None:
        """Close a connection got from :meth:`fresh_connection`."""
        if database is not self._db:
            database.close()

    def add_timer(self, due_ms: int, name: str, subject: str) -> None:
        """Let ``name`` happen to ``subject`` at ``due_ms``."""
        self.has_timers = True
        self.write("INSERT INTO timers VALUES (?, ?, ?, ?)", (self._new_number(), due_ms, name, subject))

    def due_timers(self, now_ms: int, limit: int = 200) -> list[Timer]:
        """Return timers that are due, oldest first; the caller removes them."""
        self.flush()
        sql = "SELECT id, due_ms, name, subject FROM timers WHERE due_ms <= ? ORDER BY due_ms, id LIMIT ?"
        due = [Timer(*row) for row in self._db.execute(sql, (now_ms, limit))]
        if not due:
            self.has_timers = self._db.execute("SELECT 1 FROM timers LIMIT 1").fetchone() is not None
        return due

    def next_timer_ms(self) -> int | None:
        """Return when the next timer is due, None without any."""
        self.flush()
        due_ms: int | None = self._db.execute("SELECT min(due_ms) FROM timers").fetchone()[0]
        return due_ms

    def remove_timer(self, timer_id: int) -> None:
        """Forget a timer that has happened."""
        self.write("DELETE FROM timers WHERE id = ?", (timer_id,))

    def add_delivery(self, due_ms: int, body: bytes) -> int:
        """Queue a webhook delivery and return its number."""
        number = self._new_number()
        self.write("INSERT INTO deliveries VALUES (?, ?, 0, ?)", (number, due_ms, body))
        return number

    def due_deliveries(self, now_ms: int, limit: int) -> list[tuple[int, int, bytes]]:
        """Return deliveries that are due as (number, attempts, body), oldest first."""
        self.flush()
        sql = "SELECT id, attempts, body FROM deliveries WHERE due_ms <= ? ORDER BY due_ms, id LIMIT ?"
        return list(self._db.execute(sql, (now_ms, limit)))

    def waiting_deliveries(self) -> int:
        """Return how many deliveries are still owed."""
        self.flush()
        return int(self._db.execute("SELECT count(*) FROM deliveries").fetchone()[0])

    def setting(self, name: str) -> bytes | None:
        """Return a stored setting."""
        self.flush()
        row = self._db.execute("SELECT body FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def set_setting(self, name: str, body: bytes) -> None:
        """Store a setting."""
        self.write("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, body))

    def write(self, sql: str, values: tuple[object, ...]) -> None:
        """Run one small statement in the next commit."""
        self._statements.append((sql, values))
        self._schedule()

    def _new_number(self) -> int:
        number = self._next_id
        self._next_id += 1
        return number

    # -- group commit ----------------------------------------------------------------------------------------------

    def when_durable(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` after everything written so far is durable."""
        self._callbacks.append(callback)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        self.flush()
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def flush(self) -> None:
        """Write everything that waits, in one transaction."""
        if not (self._dirty or self._new_answers or self._entries or self._statements or self._tags):
            return
        execute, many = self._db.execute, self._db.executemany
        execute("BEGIN IMMEDIATE")
        if self._dirty:
            encode = self._encoder.encode
            rows = [(object_id, encode(value)) for object_id, value in self._dirty.items()]
            many("INSERT OR REPLACE INTO objects VALUES (?, ?)", rows)
        if self._tags:
            many("INSERT OR IGNORE INTO tags VALUES (?, ?, ?)", self._tags)
        if self._new_answers:
            kept = [(key, a.fingerprint, a.status, a.body) for key, a in self._new_answers.items()]
            many("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?)", kept)
        if self._entries:
            many(_INSERT_BOOK, [msgspec.structs.astuple(entry) for entry in self._entries])
        for sql, values in self._statements:
            execute(sql, values)
        execute("COMMIT")
        self._answers.update(self._new_answers)
        self._dirty, self._new_answers = {}, {}
        self._entries, self._statements, self._tags = [], [], []
        _trim(self._objects, CACHED_OBJECTS)
        _trim(self._answers, CACHED_ANSWERS)

    @property
    def is_durable(self) -> bool:
        """Return True when everything is kept in a file."""
        return self._path is not None

    def forget(self) -> None:
        """Forget every object, answer, line of the books and plan; only settings stay."""
        self.flush()
        for table in ("objects", "tags", "answers", "books", "timers", "deliveries"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        self._objects.clear()
        self._answers.clear()

    def checkpoint(self) -> None:
        """Move the log into the main file; runs on a thread, on its own connection, so payments do not wait."""
        if self._path is not None:
            database = self._connect()
            database.execute("PRAGMA wal_checkpoint(PASSIVE)")
            database.close()

    def restart_log(self) -> None:
        """Move the little that was written during :meth:`checkpoint` too, so that the log starts again from its
        beginning: under unceasing load it would grow without end otherwise."""
        if self._path is not None:
            self._db.execute("PRAGMA wal_checkpoint(RESTART)")

    def count(self, table: str) -> int:
        """Return how many rows ``table`` (a name of this file's schema) has."""
        self.flush()
        return int(self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own names

    def query(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Run a read after flushing."""
        self.flush()
        return list(self._db.execute(sql, tuple(values)))

    def close(self) -> None:
        """Write what waits and close the file."""
        self.flush()
        self._db.close()
        if self._lock is not None:
            os.close(self._lock)


def _lock(directory: Path) -> int:
    """Take the folder for this process; one that is just ending gets a moment to let go.

    Raises:
        OSError: another gateway keeps its books there.

    """
    directory.mkdir(parents=True, exist_ok=True)
    handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(handle)
                raise OSError(f"data-dir: {directory} is used by another gateway; give this one its own") from None
            time.sleep(0.02)
        else:
            return handle


def _trim(cache: "OrderedDict[str, T]", limit: int) -> None:
    while len(cache) > limit:
        cache.popitem(last=False)
