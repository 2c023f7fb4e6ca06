"""Group commit: the writes of concurrent callers, durable together; the one way rooms change rows on the payment path.

While a flush is on its way, arriving callers wait; the next flush takes all of them (up to a limit) and those that get
ready in the same turn of the event loop. There is no timer: an idle database is written to at once, a busy one in
larger groups. A flush is one statement (``composition``), yet each caller's writes are all-or-nothing and its failure
is its own:

- a caller that loses a race (claim or update) is ``Rejected``; nothing of it is written;
- a row that breaks a rule fails the flush, which is then halved until the guilty caller stands alone;
- a lost answer is ``CommitUnknownError`` for the callers of that flush: their idempotency keys settle it.

Cancelling a caller never harms the others: one that still waits is dropped, one on its way is written unseen.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

import msgspec

from interlock.base.errors import InvariantError, StorageError
from interlock.base.loops import running_loop
from interlock.storage.connections import CONNECT_FOR_S
from interlock.storage.packing import CLAIM, DELETE, INSERT, UPDATE, Batch, check_callers_max, key_of
from interlock.storage.tables import Cells, UnstorableError
from interlock.storage.writer import PreparedWrite, RuleBrokenError, Writer, lost_reason, statement_for
from interlock.storage.writes import Claim, Committed, Delete, Insert, Rejected, Update, Write

__all__ = ["Claim", "Committed", "Counters", "Delete", "GroupCommit", "Insert", "Rejected", "Update", "Write"]

_WRITES_MAX = 2_000
_COMMITTED = Committed()
_RowKey = tuple[str, Cells]


class Counters(msgspec.Struct):
    """What was done since the start. ``alone`` counts callers that had to be run by themselves."""

    callers: int = 0
    flushes: int = 0
    statements: int = 0
    rows: int = 0
    rejected: int = 0
    retries: int = 0
    alone: int = 0
    largest_flush: int = 0


class _Caller:
    """One call of ``commit``: its writes, encoded, and the future that waits for the outcome."""

    __slots__ = ("first_gate", "future", "gates", "keys", "writes")

    def __init__(self, writes: list[PreparedWrite], future: "asyncio.Future[Committed | Rejected]") -> None:
        self.writes = writes
        self.future = future
        self.gates = 0
        self.first_gate = -1
        self.keys: list[_RowKey] = []
        for index, write in enumerate(writes):
            operation, cells = write
            table, kind = operation
            if kind == INSERT:
                continue
            self.keys.append((table.name, cells if kind == DELETE else key_of(operation)(cells)))
            if kind <= UPDATE:
                self.gates += 1
                if self.first_gate < 0:
                    self.first_gate = index

    def answer(self, outcome: Committed | Rejected) -> None:
        if not self.future.done():
            self.future.set_result(outcome)

    def fail(self, error: BaseException) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class GroupCommit:
    """Gathers concurrent callers' writes into few statements."""

    def __init__(
        self,
        url: str,
        *,
        lanes: int = 1,
        callers_max: int = 256,
        waiting_max: int = 20_000,
        command_timeout_s: float = 15.0,
        connect_for_s: float = CONNECT_FOR_S,
    ) -> None:
        """Prepare to write to ``url``; connections open with the first commit (or ``connect``).

        Args:
            url: ``postgresql://…``.
            lanes: flushes that may be on their way at once; one groups best.
            callers_max: callers in one flush.
            waiting_max: callers that may wait; above it ``commit`` raises ``StorageError`` at once.
            command_timeout_s: how long a flush may take before its outcome counts as unknown.
            connect_for_s: how long to keep trying to reach the server before callers are told.

        """
        check_callers_max(callers_max)
        self._writers = [
            Writer(url, command_timeout_s=command_timeout_s, connect_for_s=connect_for_s) for _ in range(lanes)
        ]
        self._idle = list(self._writers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: deque[_Caller] = deque()
        self._callers_max = callers_max
        self._waiting_max = waiting_max
        self._closed = False
        self._counters = Counters()

    async def connect(self) -> None:
        """Open the connections now, so that a wrong URL is told at the start."""
        for writer in self._writers:
            await writer.connect()

    async def close(self) -> None:
        """Finish what was accepted, then close the connections."""
        self._closed = True
        while self._tasks:
            await asyncio.wait(self._tasks)
        for writer in self._writers:
            await writer.close()

    @property
    def counters(self) -> Counters:
        """Return a copy of the counters."""
        return msgspec.structs.replace(
            self._counters,
            statements=sum(writer.statements for writer in self._writers),
            retries=sum(writer.retries for writer in self._writers),
        )

    async def commit(self, writes: Sequence[Write]) -> Committed | Rejected:
        """Write all of ``writes`` or none; durable when it returns ``Committed``.

        Cancelling the wait does not say whether the writes were made.

        Raises:
            CommitUnknownError: the answer was lost; the writes may be durable.
            StorageError: nothing was written: the database is away, or too many callers wait.

        """
        if not writes:
            return _COMMITTED
        if self._closed or len(self._waiting) >= self._waiting_max:
            problem = "group commit is closed" if self._closed else "too many callers wait for the database"
            raise StorageError(problem)
        caller = _Caller(_prepare(writes), running_loop().create_future())
        if len(caller.keys) > 1 and len(set(caller.keys)) < len(caller.keys):
            problem = "one commit claims, updates or deletes the same row twice"
            raise InvariantError(problem)
        self._waiting.append(caller)
        if self._idle:
            self._start_lane()
        return await caller.future

    def _start_lane(self) -> None:
        task = running_loop().create_task(self._drain(self._idle.pop()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, writer: Writer) -> None:
        callers: list[_Caller] = []
        try:
            while self._waiting:
                # Who is about to commit in this turn of the loop joins this flush: on a busy loop it grows twofold.
                await asyncio.sleep(0)
                callers = self._take()
                if callers:
                    self._counters.flushes += 1
                    self._counters.largest_flush = max(self._counters.largest_flush, len(callers))
                    await self._flush(writer, callers)
        except BaseException as error:
            for caller in callers:
                caller.fail(StorageError(f"group commit stopped: {type(error).__name__}"))
            raise
        finally:
            self._idle.append(writer)
            if self._waiting and not self._closed:
                self._start_lane()

    def _take(self) -> list[_Caller]:
        """Return the next callers, oldest first; a row that one of them touches makes later ones wait their turn."""
        taken: list[_Caller] = []
        deferred: list[_Caller] = []
        touched: set[_RowKey] = set()
        while self._waiting and len(taken) < self._callers_max:
            caller = self._waiting.popleft()
            if caller.future.done():
                continue
            if touched.isdisjoint(caller.keys):
                taken.append(caller)
            else:
                deferred.append(caller)
            touched.update(caller.keys)
        self._waiting.extendleft(reversed(deferred))
        return taken

    async def _flush(self, writer: Writer, callers: list[_Caller]) -> None:
        """Write ``callers`` and answer each; on a broken rule find the guilty one. Raises nothing of the database's."""
        pending = [callers]
        while pending:
            group = pending.pop()
            try:
                if len(group) == 1 and group is not callers:
                    await self._alone(writer, group[0])
                else:
                    await self._together(writer, group)
            except RuleBrokenError as broken:
                storable = self._refuse_unstorable(group)
                if len(storable) == len(group):
                    pending.extend(_split(group, broken.caller))
                elif storable:
                    pending.append(storable)
            except StorageError as error:
                for caller in group:
                    caller.fail(type(error)(*error.args))

    def _refuse_unstorable(self, callers: list[_Caller]) -> list[_Caller]:
        """Reject the callers whose text Postgres cannot store; return the others.

        Looked for only when a flush was refused: a look at every text of every flush cost as much as encoding it.
        """
        storable = []
        for caller in callers:
            refused = _unstorable(caller.writes)
            if refused is None:
                storable.append(caller)
            else:
                self._counters.rejected += 1
                caller.answer(refused)
        return storable

    async def _together(self, writer: Writer, callers: list[_Caller]) -> None:
        batch = Batch()
        for caller in callers:
            batch.add_caller(caller.writes, caller.gates)
        try:
            layouts, arguments = batch.pack()
        except TypeError as error:
            raise RuleBrokenError("a cell of another type than its column, or one that must travel alone") from error
        passed = set(await writer.flush(statement_for(layouts), arguments, batch.rows))
        self._counters.callers += len(callers)
        self._counters.rows += batch.rows
        for number, caller in enumerate(callers):
            if not caller.gates or number in passed:
                caller.answer(_COMMITTED)
                continue
            self._counters.rejected += 1
            table, kind = caller.writes[caller.first_gate][0]
            caller.answer(Rejected(caller.first_gate, lost_reason(kind), table.name))

    async def _alone(self, writer: Writer, caller: _Caller) -> None:
        self._counters.alone += 1
        self._counters.callers += 1
        rejected = await writer.run_alone(caller.writes)
        if rejected is None:
            self._counters.rows += len(caller.writes)
            caller.answer(_COMMITTED)
        else:
            self._counters.rejected += 1
            caller.answer(rejected)


def _prepare(writes: Sequence[Write]) -> list[PreparedWrite]:
    """Encode ``writes`` in the caller's own turn, so that a bad value stops here."""
    if len(writes) > _WRITES_MAX:
        problem = f"one commit holds {len(writes)} writes; at most {_WRITES_MAX}"
        raise InvariantError(problem)
    prepared: list[PreparedWrite] = []
    for write in writes:
        table = write.table
        if isinstance(write, Delete):
            prepared.append(((table, DELETE), write.key))
        elif isinstance(write, Update):
            prepared.append(((table, UPDATE), table.changes.encode(write.value)))
        else:
            kind = CLAIM if isinstance(write, Claim) else INSERT
            prepared.append(((table, kind), table.whole.encode(write.value)))
    return prepared


def _unstorable(writes: Sequence[PreparedWrite]) -> Rejected | None:
    """Return the refusal of the first write that holds text which Postgres cannot store, None when all can be."""
    for index, ((table, kind), cells) in enumerate(writes):
        try:
            if kind != DELETE:
                (table.changes if kind == UPDATE else table.whole).refuse_unstorable(cells)
        except UnstorableError as error:
            return Rejected(index, "constraint", str(error))
    return None


def _split(group: list[_Caller], guilty: int | None) -> list[list[_Caller]]:
    """Return smaller groups to run after ``group`` failed, the first to run last."""
    if len(group) == 1:
        return [list(group)]
    if guilty is not None:
        return [[group[guilty]], group[:guilty] + group[guilty + 1 :]]
    middle = len(group) // 2
    return [group[middle:], group[:middle]]
