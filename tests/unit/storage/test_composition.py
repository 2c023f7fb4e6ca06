"""Packing rows into parameters, and the layout of the composed statement."""

import pglast
import pytest
from tests.support.storage import ACCOUNT, MARKS, SAMPLES, mark, sample

from interlock.storage import packing
from interlock.storage.composition import compose
from interlock.storage.packing import CLAIM, DELETE, INSERT, UPDATE, Batch, Operation, UnpackableError
from interlock.storage.tables import Cells


@pytest.fixture(autouse=True)
def no_habits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as a fresh process does: nothing is known of the rows."""
    monkeypatch.setattr(packing, "_HABITS", {})


def batch_of(*values: object) -> Batch:
    batch = Batch()
    for value in values:
        batch.add_caller([((SAMPLES, INSERT), SAMPLES.encode(value))], 0)  # type: ignore[arg-type]  # samples
    return batch


LEFT_OUT = object()


def parameter(batch: Batch, column: str) -> object:
    [layout], arguments = batch.pack()
    at = SAMPLES.names.index(column)
    separator_and_null = 2
    before = sum(layout.named >> earlier & 1 for earlier in range(at))
    return arguments[separator_and_null + before] if layout.named >> at & 1 else LEFT_OUT


def test_text_that_varies_travels_joined() -> None:
    assert parameter(batch_of(sample(note="a"), sample(note="")), "note") == "a\x1f"
    assert parameter(batch_of(sample(note="b"), sample(note="b")), "note") == "b\x1fb"


def test_what_was_alike_in_all_flushes_travels_as_one_value() -> None:
    assert parameter(batch_of(sample(note="a", count=7), sample(note="a", count=7)), "note") == "a"
    assert parameter(batch_of(sample(count=7), sample(count=7)), "count") == 7
    assert parameter(batch_of(sample(count=8)), "count") == 8
    assert parameter(batch_of(sample(count=7), sample(count=8)), "count") == (7, 8)
    assert parameter(batch_of(sample(count=7), sample(count=7)), "count") == (7, 7)
    assert parameter(batch_of(sample(count=7), sample()), "count") == (7, None)


def test_a_column_that_nobody_has_filled_is_left_out_until_somebody_fills_it() -> None:
    for column in ("note", "count", "blob"):
        assert parameter(batch_of(sample(), sample()), column) is LEFT_OUT
    assert parameter(batch_of(sample(note="a"), sample()), "note") == f"a\x1f{packing._NULL}"
    assert parameter(batch_of(sample(), sample()), "note") == f"{packing._NULL}\x1f{packing._NULL}"
    assert parameter(batch_of(sample(), sample()), "count") is LEFT_OUT


def test_an_update_names_every_column_it_may_set_to_null() -> None:
    batch = Batch()
    batch.add_caller([((SAMPLES, UPDATE), SAMPLES.changes.encode(sample()))], 1)
    [layout], arguments = batch.pack()
    assert layout.named == (1 << len(SAMPLES.changes.columns)) - 1
    assert arguments[2 + SAMPLES.changes.names.index("note")] is None


def test_an_empty_text_by_itself_in_a_column_that_varies_travels_alone() -> None:
    batch_of(sample(note="a"), sample(note="b")).pack()
    with pytest.raises(UnpackableError):
        batch_of(sample(note="")).pack()


def test_a_text_with_the_separator_changes_the_separator_for_all() -> None:
    _, plain = batch_of(sample(note="a"), sample(note="b")).pack()
    _, odd = batch_of(sample(note="a\x1fb"), sample(note="c")).pack()
    assert plain[0] == "\x1f"
    assert odd[0] != "\x1f"
    assert f"a\x1fb{odd[0]}c" in odd


def test_gates_come_first_and_rows_in_key_order() -> None:
    batch = Batch()
    later, earlier = sample(id="sm_2"), sample(id="sm_1")
    batch.add_caller(
        [((MARKS, INSERT), MARKS.encode(mark("m"))), ((SAMPLES, UPDATE), SAMPLES.changes.encode(later))], 1
    )
    batch.add_caller([((SAMPLES, UPDATE), SAMPLES.changes.encode(earlier))], 1)
    assert batch.operations() == ((SAMPLES, UPDATE), (MARKS, INSERT))
    layouts, arguments = batch.pack()
    assert "sm_1\x1fsm_2" in arguments
    assert arguments[2 + layouts[0].named.bit_count()] == "1,0", "callers' numbers follow the order of the rows"
    assert arguments[-1] == [1, 1]


def test_equal_flushes_have_equal_statements_whatever_the_order_of_callers() -> None:
    one, other = Batch(), Batch()
    insert = ((MARKS, INSERT), MARKS.encode(mark("m")))
    claim = ((SAMPLES, CLAIM), SAMPLES.encode(sample()))
    one.add_caller([insert], 0)
    one.add_caller([claim], 1)
    other.add_caller([claim], 1)
    other.add_caller([insert], 0)
    assert one.operations() == other.operations()


def test_every_mix_of_operations_is_one_statement_with_a_parameter_for_each_argument() -> None:
    value, belonging = SAMPLES.encode(sample()), MARKS.encode(mark("m"))
    possible: list[tuple[Operation, Cells]] = [
        ((SAMPLES, CLAIM), value),
        ((SAMPLES, UPDATE), value),
        ((SAMPLES, INSERT), value),
        ((MARKS, INSERT), belonging),
        ((MARKS, DELETE), (ACCOUNT, "mk_1")),
    ]
    for mix in range(1, 2 ** len(possible)):
        writes = [write for bit, write in enumerate(possible) if mix >> bit & 1]
        batch = Batch()
        batch.add_caller(writes, sum(operation[1] <= UPDATE for operation, _ in writes))
        layouts, packed = batch.pack()
        statement = compose(layouts)
        assert len(pglast.parse_sql(statement.sql)) == 1
        arguments = len(packed)
        assert f"${arguments}::" in statement.sql
        assert f"${arguments + 1}::" not in statement.sql
