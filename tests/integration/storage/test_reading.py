"""Reading objects back: scopes, pages, and that every value survives the journey."""

import asyncio
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.storage import ACCOUNT, MARKS, SAMPLES, Colour, Part, Sample, sample

from interlock.base.context import Scope
from interlock.base.errors import CommitUnknownError, InvariantError
from interlock.base.ids import new_id
from interlock.storage.database import Connection, Database, Page
from interlock.storage.writes import Committed, Insert, Update

TEST = Scope(ACCOUNT, livemode=False)
LIVE = Scope(ACCOUNT, livemode=True)
OTHER = Scope("acct_2", livemode=False)

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
AWKWARD = st.sampled_from(["", "\x1f", "\x1e", "a\x1fb", ",", "NULL", "{}", '"', "\\", "\\u0000", "'", "\n", "é", "🚂"])
BIGINTS = st.integers(-(2**63), 2**63 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS | AWKWARD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | AWKWARD, inner, max_size=3),
    max_leaves=6,
)
ROWS = st.fixed_dictionaries(
    {
        "livemode": st.booleans(),
        "version": BIGINTS,
        "created_at_ms": BIGINTS,
        "colour": st.sampled_from(Colour),
        "amount_minor": st.integers(0, 2**63 - 1),
        "flag": st.none() | st.booleans(),
        "count": st.none() | BIGINTS,
        "blob": st.none() | st.binary(max_size=20),
        "part": st.none() | st.builds(Part, TEXTS | AWKWARD, st.lists(st.integers(0, 9), max_size=3).map(tuple)),
        "tags": st.lists(TEXTS | AWKWARD, max_size=3).map(tuple),
        "extra": st.dictionaries(TEXTS | AWKWARD, JSON, max_size=3),
        "order": TEXTS | AWKWARD,
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, min_size=1, max_size=6))
async def test_any_value_comes_back_as_it_was_written(samples: Database, rows: list[dict[str, Any]]) -> None:
    values = [sample(**row) for row in rows]
    outcomes = await asyncio.gather(*(samples.commit([Insert(SAMPLES, value)]) for value in values))
    assert list(outcomes) == [Committed()] * len(values)
    found = await samples.get_many(SAMPLES, TEST, [value.id for value in values])
    found |= await samples.get_many(SAMPLES, LIVE, [value.id for value in values])
    assert [found[value.id] for value in values] == values


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=ROWS, after=ROWS)
async def test_an_update_replaces_every_column(
    samples: Database, before: dict[str, Any], after: dict[str, Any]
) -> None:
    old = sample(**{**before, "version": 1})
    new = Sample(**{**after, "id": old.id, "version": 2})
    assert await samples.commit([Insert(SAMPLES, old)]) == Committed()
    assert await samples.commit([Update(SAMPLES, new)]) == Committed()
    assert await samples.get(SAMPLES, Scope(ACCOUNT, livemode=new.livemode), old.id) == new


async def test_nothing_is_read_across_accounts_or_modes(samples: Database) -> None:
    value = sample()
    await samples.commit([Insert(SAMPLES, value)])
    assert await samples.get(SAMPLES, TEST, value.id) == value
    for scope in (LIVE, OTHER):
        assert await samples.get(SAMPLES, scope, value.id) is None
        assert await samples.get_many(SAMPLES, scope, [value.id]) == {}
        assert (await samples.find(SAMPLES, scope, Page())).items == []


async def test_get_many_of_nothing_asks_nothing(samples: Database) -> None:
    assert await samples.get_many(SAMPLES, TEST, []) == {}


async def filled(samples: Database, number: int) -> list[str]:
    """Store ``number`` samples and return their ids, newest first."""
    values = [
        sample(id=new_id("sm", now_ms=1_000 + n), created_at_ms=1_000 + n, count=n % 3, note=f"n{n}" if n % 2 else None)
        for n in range(number)
    ]
    await samples.commit([Insert(SAMPLES, value) for value in values])
    return [value.id for value in reversed(values)]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 10, 100])
async def test_walking_pages_forwards_and_backwards_meets_every_object_once(samples: Database, limit: int) -> None:
    ids = await filled(samples, 10)
    forwards: list[str] = []
    cursor = None
    while True:
        page = await samples.find(SAMPLES, TEST, Page(limit=limit, starting_after=cursor))
        forwards += [item.id for item in page.items]
        assert page.has_more == (len(forwards) < len(ids))
        if not page.has_more:
            break
        cursor = forwards[-1]
    assert forwards == ids
    backwards: list[str] = []
    cursor = ids[-1]
    while True:
        page = await samples.find(SAMPLES, TEST, Page(limit=limit, ending_before=cursor))
        backwards = [item.id for item in page.items] + backwards
        assert page.has_more == (len(backwards) < len(ids) - 1)
        if not page.has_more:
            break
        cursor = backwards[0]
    assert backwards == ids[:-1]


async def test_a_cursor_is_found_whether_or_not_the_filter_lets_it_through(samples: Database) -> None:
    ids = await filled(samples, 6)
    for cursor, count in ((ids[2], 0), (ids[2], 1), (ids[2], 2)):
        listed = await samples.find(SAMPLES, TEST, Page(starting_after=cursor), where={"count": count})
        assert listed.cursor_found
        assert all(item.id < cursor for item in listed.items)
    for page in (Page(starting_after="smp_none"), Page(ending_before="smp_none")):
        assert not (await samples.find(SAMPLES, TEST, page)).cursor_found


async def test_a_page_can_be_bounded_by_both_cursors(samples: Database) -> None:
    ids = await filled(samples, 6)
    page = await samples.find(SAMPLES, TEST, Page(starting_after=ids[1], ending_before=ids[4]))
    assert ([item.id for item in page.items], page.has_more) == (ids[2:4], False)
    page = await samples.find(SAMPLES, TEST, Page(starting_after=ids[1], ending_before=ids[0]))
    assert [item.id for item in page.items] == []


async def test_filters_and_times_narrow_a_list(samples: Database) -> None:
    ids = await filled(samples, 9)

    async def found(page: Page, **where: object) -> list[str]:
        return [item.id for item in (await samples.find(SAMPLES, TEST, page, where=where)).items]

    oldest_first = ids[::-1]
    assert await found(Page(), count=1) == [oldest_first[n] for n in (7, 4, 1)]
    assert await found(Page(), note=None) == [oldest_first[n] for n in (8, 6, 4, 2, 0)]
    assert await found(Page(), note="n3", count=0) == [oldest_first[3]]
    assert await found(Page(created_gte=1_003, created_lt=1_005)) == [oldest_first[4], oldest_first[3]]
    assert await found(Page(created_gt=1_003, created_lte=1_005)) == [oldest_first[5], oldest_first[4]]


async def test_a_table_without_id_cannot_be_looked_up(samples: Database) -> None:
    assert await samples.get_many(MARKS, TEST, ["mk_1"]) == {}
    with pytest.raises(InvariantError):
        await samples.find(SAMPLES, TEST, Page(), where={"nothing": 1})


async def test_single_statements(samples: Database) -> None:
    assert await samples.execute("INSERT INTO marks VALUES ($1, 'mk_1', 'x')", ACCOUNT) == "INSERT 0 1"
    row = await samples.fetchrow("SELECT of FROM marks WHERE account_id = $1", ACCOUNT)
    assert row is not None
    assert row["of"] == "x"
    with pytest.raises(asyncpg.UniqueViolationError):
        await samples.execute("INSERT INTO marks VALUES ($1, 'mk_1', 'x')", ACCOUNT)


async def test_a_read_survives_the_loss_of_its_connection_and_a_write_says_unknown(samples: Database) -> None:
    async def lose(sql: str) -> object:
        waiting = asyncio.create_task(samples.fetchval(sql))
        await asyncio.sleep(0.1)
        abort_connections_in_use(samples)
        return await waiting

    assert await lose("SELECT 1 FROM pg_sleep(0.3)") == 1
    with pytest.raises(CommitUnknownError):
        await lose("INSERT INTO marks SELECT 'a', 'b', 'c' FROM pg_sleep(0.3)")


async def test_a_transaction_lost_before_its_commit_is_repeated(samples: Database) -> None:
    tries = 0

    async def work(connection: Connection) -> int:
        nonlocal tries
        tries += 1
        await connection.execute("INSERT INTO marks VALUES ($1, 'mk_1', 'tx')", ACCOUNT)
        if tries == 1:
            abort_connections_in_use(samples)
        return int(await connection.fetchval("SELECT count(*) FROM marks"))

    assert (await samples.transaction(work), tries) == (1, 2)


async def test_an_exception_goes_on_even_when_the_connection_is_lost(samples: Database) -> None:
    async def work(connection: Connection) -> None:
        abort_connections_in_use(samples)
        await asyncio.sleep(0.01)
        raise KeyError("ours")

    with pytest.raises(KeyError):
        await samples.transaction(work)


def abort_connections_in_use(database: Database) -> None:
    for holder in database._pool._holders:  # type: ignore[attr-defined]  # asyncpg's own, to lose a connection
        if holder._con is not None and holder._in_use:
            holder._con._transport.abort()
