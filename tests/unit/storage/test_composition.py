"""Packing rows into parameters, and the shape of the composed statement."""

import pglast
from tests.support.storage import ACCOUNT, MARKS, SAMPLES, mark, sample

from interlock.storage.composition import CLAIM, DELETE, INSERT, UPDATE, Batch, Operation, compose
from interlock.storage.tables import Cells


def batch_of(*values: object) -> Batch:
    batch = Batch()
    for value in values:
        batch.add_caller([((SAMPLES, INSERT), SAMPLES.encode(value))], 0)  # type: ignore[arg-type]  # samples
    return batch


def parameter(batch: Batch, column: str) -> object:
    separator_null_and_count = 3
    return batch.arguments()[separator_null_and_count + SAMPLES.names.index(column)]


def test_text_travels_joined() -> None:
    assert parameter(batch_of(sample(note="a"), sample(note="")), "note") == "a\x1f"


def test_a_column_of_none_travels_as_one_null() -> None:
    assert parameter(batch_of(sample(), sample()), "note") is None
    assert parameter(batch_of(sample(), sample()), "count") is None
    assert parameter(batch_of(sample(), sample()), "blob") is None


def test_equal_numbers_travel_once() -> None:
    assert parameter(batch_of(sample(count=7), sample(count=7)), "count") == (7,)
    assert parameter(batch_of(sample(count=7), sample(count=8)), "count") == (7, 8)
    assert parameter(batch_of(sample(count=7), sample()), "count") == (7, None)


def test_a_text_with_the_separator_changes_the_separator_for_all() -> None:
    plain = batch_of(sample(note="a"), sample(note="b")).arguments()
    odd = batch_of(sample(note="a\x1fb"), sample(note="c")).arguments()
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
    arguments = batch.arguments()
    assert "sm_1\x1fsm_2" in arguments
    assert arguments[3 + len(SAMPLES.columns)] == "1,0", "callers' numbers follow the order of the rows"
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
        statement = compose(batch.operations())
        assert len(pglast.parse_sql(statement.sql)) == 1
        arguments = len(batch.arguments())
        assert f"${arguments}::" in statement.sql
        assert f"${arguments + 1}::" not in statement.sql
