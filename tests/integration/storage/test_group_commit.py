"""Group commit against a real Postgres: all or nothing for each caller, whatever the others do."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from tests.support.storage import ACCOUNT, MARKS, SAMPLES, Colour, Part, Sample, mark, sample

from interlock.base.context import Scope
from interlock.base.errors import InvariantError, StorageError
from interlock.storage.database import Connection, Database
from interlock.storage.group_commit import GroupCommit
from interlock.storage.tables import Table
from interlock.storage.writes import Claim, Committed, Delete, Insert, Rejected, Update, Write

SCOPE = Scope(ACCOUNT, livemode=False)
DONE = Committed()


def changed(value: Sample, **fields: object) -> Sample:
    return msgspec.structs.replace(value, version=value.version + 1, **fields)


async def together(samples: Database, *callers: Sequence[Any]) -> list[Committed | Rejected]:
    return list(await asyncio.gather(*(samples.commit(writes) for writes in callers)))


async def marks_of(samples: Database, of: str) -> int:
    found: int = await samples.fetchval("SELECT count(*) FROM marks WHERE account_id = $1 AND of = $2", ACCOUNT, of)
    return found


async def test_all_writes_of_a_caller_are_made(samples: Database) -> None:
    old, doomed = sample(note="old"), mark("doomed")
    assert await samples.commit([Insert(SAMPLES, old), Insert(MARKS, doomed)]) == DONE
    claimed, inserted = sample(note="claimed", part=Part("p", (1, 2))), mark("new")
    writes: list[Write] = [
        Claim(SAMPLES, claimed),
        Update(SAMPLES, changed(old, note="newer", amount_minor=5)),
        Insert(MARKS, inserted),
        Delete(MARKS, (ACCOUNT, doomed.id)),
    ]
    assert await samples.commit(writes) == DONE
    found = await samples.get_many(SAMPLES, SCOPE, [old.id, claimed.id])
    assert found == {old.id: changed(old, note="newer", amount_minor=5), claimed.id: claimed}
    assert (await marks_of(samples, "new"), await marks_of(samples, "doomed")) == (1, 0)


async def test_nothing_to_write_is_committed_at_once(samples: Database) -> None:
    assert await samples.commit([]) == DONE
    assert samples.group.counters.flushes == 0


async def test_a_lost_claim_writes_nothing_of_its_caller_and_all_of_the_others(samples: Database) -> None:
    taken = sample()
    assert await samples.commit([Claim(SAMPLES, taken)]) == DONE
    doomed = mark("kept")
    await samples.commit([Insert(MARKS, doomed)])
    loser = [Insert(MARKS, mark("loser")), Claim(SAMPLES, taken), Delete(MARKS, (ACCOUNT, doomed.id))]
    winner = [Claim(SAMPLES, sample()), Insert(MARKS, mark("winner"))]
    ungated = [Insert(MARKS, mark("ungated"))]
    outcomes = await together(samples, loser, winner, ungated)
    assert outcomes == [Rejected(1, "exists", "samples"), DONE, DONE]
    counted = [await marks_of(samples, of) for of in ("loser", "winner", "ungated", "kept")]
    assert counted == [0, 1, 1, 1]


@pytest.mark.parametrize("callers", [2, 20])
async def test_of_concurrent_claims_of_one_key_exactly_one_wins(samples: Database, callers: int) -> None:
    wanted = sample()
    outcomes = await together(
        samples, *([Claim(SAMPLES, wanted), Insert(MARKS, mark(wanted.id))] for _ in range(callers))
    )
    assert outcomes.count(DONE) == 1
    assert await marks_of(samples, wanted.id) == 1


async def test_of_concurrent_updates_of_one_version_exactly_one_wins(samples: Database) -> None:
    value = sample()
    await samples.commit([Insert(SAMPLES, value)])
    outcomes = await together(
        samples,
        *([Update(SAMPLES, changed(value, amount_minor=n)), Insert(MARKS, mark(value.id))] for n in range(8)),
    )
    assert outcomes.count(DONE) == 1
    assert outcomes.count(Rejected(0, "version", "samples")) == 7
    assert await marks_of(samples, value.id) == 1


async def test_two_processes_updating_one_version_have_one_winner(samples: Database, samples_url: str) -> None:
    other = await Database.connect(samples_url, pool_size=1)
    for _ in range(20):
        value = sample()
        await samples.commit([Insert(SAMPLES, value)])
        outcomes = await asyncio.gather(
            samples.commit([Update(SAMPLES, changed(value)), Insert(MARKS, mark(value.id))]),
            other.commit([Update(SAMPLES, changed(value)), Insert(MARKS, mark(value.id))]),
        )
        assert list(outcomes).count(DONE) == 1
        assert await marks_of(samples, value.id) == 1
    await other.close()


async def test_an_update_of_a_missing_row_is_rejected(samples: Database) -> None:
    assert await samples.commit([Update(SAMPLES, changed(sample()))]) == Rejected(0, "version", "samples")


async def test_a_caller_that_passes_one_gate_and_loses_another_writes_nothing(samples: Database) -> None:
    value, fresh = sample(), sample()
    await samples.commit([Insert(SAMPLES, value)])
    stale = changed(changed(value))
    torn = [Claim(SAMPLES, fresh), Insert(MARKS, mark("torn")), Update(SAMPLES, stale)]
    others = [[Claim(SAMPLES, sample()), Insert(MARKS, mark("other"))] for _ in range(5)]
    outcomes = await together(samples, *others[:2], torn, *others[2:])
    assert outcomes == [DONE, DONE, Rejected(2, "version", "samples"), DONE, DONE, DONE]
    assert (await marks_of(samples, "torn"), await marks_of(samples, "other")) == (0, 5)
    assert await samples.get(SAMPLES, SCOPE, fresh.id) is None


POISON = {
    "a NUL in a text": (Insert(SAMPLES, sample(note="a\x00b")), "note"),
    "a NUL in JSON": (Insert(SAMPLES, sample(extra={"a": ["\x00"]})), "extra"),
    "a lone surrogate": (Insert(SAMPLES, sample(note="\ud800")), "note"),
    "a check": (Insert(SAMPLES, sample(amount_minor=-1)), "samples_amount_minor_check"),
    "a number too large": (Insert(SAMPLES, sample(count=2**63)), "DataError"),
    "a missing value": (Insert(SAMPLES, sample(colour=None)), "colour"),
    "a value of another type": (Insert(SAMPLES, sample(order=0)), "DataError"),
    "a unique constraint": (Insert(SAMPLES, sample(note="taken")), "samples_account_id_note_key"),
}


@pytest.mark.parametrize("poison", POISON)
async def test_a_row_that_breaks_a_rule_fails_its_caller_only(samples: Database, poison: str) -> None:
    await samples.commit([Insert(SAMPLES, sample(note="taken"))])
    write, detail = POISON[poison]
    callers: list[list[Write]] = [[Claim(SAMPLES, sample()), Insert(MARKS, mark("good"))] for _ in range(9)]
    callers.insert(4, [Claim(SAMPLES, sample()), Insert(MARKS, mark("bad")), write])
    outcomes = await together(samples, *callers)
    rejected = outcomes.pop(4)
    assert isinstance(rejected, Rejected)
    assert (rejected.write_index, rejected.reason) == (2, "constraint")
    assert detail in rejected.detail
    assert "taken" not in rejected.detail, "a value must never be told"
    assert outcomes == [DONE] * 9
    assert (await marks_of(samples, "good"), await marks_of(samples, "bad")) == (9, 0)


async def test_two_callers_who_break_a_unique_constraint_together_have_one_winner(samples: Database) -> None:
    outcomes = await together(samples, *([Insert(SAMPLES, sample(note="same"))] for _ in range(2)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Committed", "Rejected"]


async def test_concurrent_callers_share_statements(samples: Database) -> None:
    await together(samples, *([Claim(SAMPLES, sample()), Insert(MARKS, mark("m"))] for _ in range(500)))
    counters = samples.group.counters
    assert (counters.callers, counters.rows) == (500, 1000)
    assert counters.statements == counters.flushes <= 3
    assert counters.largest_flush == 256


async def test_touching_a_row_twice_in_one_commit_is_a_bug(samples: Database) -> None:
    value = sample()
    with pytest.raises(InvariantError):
        await samples.commit([Update(SAMPLES, changed(value)), Delete(SAMPLES, (ACCOUNT, value.id))])


async def test_a_caller_cancelled_in_the_queue_is_dropped(samples: Database) -> None:
    tasks = [asyncio.create_task(samples.commit([Insert(MARKS, mark(str(n)))])) for n in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes.pop(3), asyncio.CancelledError)
    assert outcomes == [DONE] * 9
    assert await marks_of(samples, "3") == 0


async def test_a_caller_cancelled_on_its_way_harms_nobody(samples: Database) -> None:
    for pause in range(12):
        tasks = [asyncio.create_task(samples.commit([Insert(MARKS, mark("n"))])) for _ in range(10)]
        for _ in range(pause):
            await asyncio.sleep(0)
        tasks[5].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        del outcomes[5]
        assert outcomes == [DONE] * 9


async def test_above_its_limit_the_queue_refuses(samples_url: str) -> None:
    group = GroupCommit(samples_url, waiting_max=5)
    outcomes = await asyncio.gather(
        *(group.commit([Insert(MARKS, mark("m"))]) for _ in range(8)), return_exceptions=True
    )
    assert outcomes[:5] == [DONE] * 5
    assert all(isinstance(outcome, StorageError) for outcome in outcomes[5:])
    await group.close()


async def test_close_finishes_what_was_accepted_and_refuses_more(samples_url: str) -> None:
    group = GroupCommit(samples_url, callers_max=2)
    tasks = [asyncio.create_task(group.commit([Insert(MARKS, mark("m"))])) for _ in range(9)]
    await asyncio.sleep(0)
    await group.close()
    assert await asyncio.gather(*tasks) == [DONE] * 9
    with pytest.raises(StorageError):
        await group.commit([Insert(MARKS, mark("m"))])


async def test_several_lanes_write_the_same_things(samples_url: str) -> None:
    database = await Database.connect(samples_url, lanes=3, callers_max=7)
    outcomes = await together(database, *([Claim(SAMPLES, sample()), Insert(MARKS, mark("m"))] for _ in range(200)))
    assert outcomes == [DONE] * 200
    assert await marks_of(database, "m") == 200
    await database.close()


async def test_a_row_locked_by_someone_else_delays_and_fails_only_its_caller(
    samples: Database, samples_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = sample()
    await samples.commit([Insert(SAMPLES, value)])
    await (await samples.group._writers[0].connect()).execute("SET lock_timeout = 100")
    locked, release = asyncio.Event(), asyncio.Event()

    async def hold(connection: Connection) -> None:
        await connection.execute(
            "SELECT 1 FROM samples WHERE account_id = $1 AND id = $2 FOR UPDATE", ACCOUNT, value.id
        )
        locked.set()
        await release.wait()

    holder = asyncio.create_task(samples.transaction(hold))
    await locked.wait()
    blocked = asyncio.create_task(samples.commit([Update(SAMPLES, changed(value))]))
    free = asyncio.create_task(samples.commit([Insert(MARKS, mark("free"))]))
    assert await free == DONE
    with pytest.raises(StorageError):
        await blocked
    release.set()
    await holder
    assert await samples.commit([Update(SAMPLES, changed(value))]) == DONE


async def test_updates_use_the_primary_key_however_the_table_grew(samples: Database) -> None:
    """On the empty table every index costs the same; plans must be renewed before that matters."""
    for _ in range(8):
        values = [sample() for _ in range(200)]
        await together(samples, *([Insert(SAMPLES, value)] for value in values))
        await together(samples, *([Update(SAMPLES, changed(value))] for value in values))
    read = await samples.fetchval("SELECT pg_stat_force_next_flush() IS NULL")
    assert read is not None
    before = await _index_reads(samples)
    values = [sample() for _ in range(200)]
    await together(samples, *([Insert(SAMPLES, value)] for value in values))
    await together(samples, *([Update(SAMPLES, changed(value))] for value in values))
    await asyncio.sleep(0)
    assert await _index_reads(samples) - before <= 0


async def _index_reads(samples: Database) -> int:
    await (await samples.group._writers[0].connect()).execute("SELECT pg_stat_force_next_flush()")
    found: int = await samples.fetchval(
        "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'samples_created'"
    )
    return found


async def test_an_update_leaves_fixed_columns_as_they_were(samples: Database) -> None:
    fixed = Table(Sample, SAMPLES.name, fixed=("livemode", "created_at_ms"))
    assert "created_at_ms" not in fixed.changes.names
    first = sample(note="first")
    assert await samples.commit([Insert(fixed, first)]) == DONE
    later = changed(first, note="second", created_at_ms=first.created_at_ms + 5)
    assert await samples.commit([Update(fixed, later)]) == DONE
    found = await samples.get(fixed, SCOPE, first.id)
    assert found == msgspec.structs.replace(later, created_at_ms=first.created_at_ms)


def random_fields(rng: random.Random, number: int) -> dict[str, object]:
    """Return fields of every kind; whatever may be None or alike in many rows often is."""
    return {
        "colour": rng.choice([Colour.RED, Colour.RED, Colour.BLUE]),
        "amount_minor": rng.choice([0, 0, 5, rng.randrange(10**12)]),
        "flag": rng.choice([None, None, True, False]),
        "count": rng.choice([None, 7, rng.randrange(99)]),
        "note": rng.choice([None, None, f"{number}", f"\x1f{number} Zoë", f"\x1e{number}"]),
        "blob": rng.choice([None, b"", b"\x00\xff"]),
        "part": rng.choice([None, Part("p", (1, 2)), Part("")]),
        "tags": rng.choice([(), ("a", "")]),
        "extra": rng.choice([{}, {"k": [None, "é", {"n": 1}]}]),
        "order": rng.choice(["", "", "x"]),
    }


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_is_written_in_whatever_groups_is_what_is_read(samples: Database, seed: int) -> None:
    """Statements leave out and share columns by the rows seen so far: no history of rows may show in what is stored."""
    rng = random.Random(seed)
    expected: dict[str, Sample] = {}
    for number in range(40):
        writes: list[list[Write]] = []
        touched: set[str] = set()
        for position in range(rng.choice([1, 1, 2, 9])):
            name = number * 100 + position
            if expected and rng.random() < 0.4:
                old = expected[rng.choice(sorted(expected))]
                if old.id in touched:
                    continue
                value = changed(old, **random_fields(rng, name))
                writes.append([Update(SAMPLES, value)])
            else:
                value = sample(**random_fields(rng, name))
                new: Write = Insert(SAMPLES, value) if rng.random() < 0.5 else Claim(SAMPLES, value)
                writes.append([new, Insert(MARKS, mark(value.id))])
            touched.add(value.id)
            expected[value.id] = value
        assert set(await together(samples, *writes)) <= {DONE}
    assert await samples.get_many(SAMPLES, SCOPE, list(expected)) == expected
