"""Mapping structs to columns."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from tests.support.storage import SAMPLES, Colour, Part, sample

from interlock.base.errors import InvariantError
from interlock.storage.tables import AS_TEXT, Table, UnstorableError


class Size(IntEnum):
    SMALL = 1


class Kinds(msgspec.Struct, frozen=True, kw_only=True):
    account_id: str
    id: str
    literal: Literal["a", "b"]
    size: Size
    annotated: Annotated[int, msgspec.Meta(ge=0)]
    mapping: Mapping[str, int]
    anything: Any
    either: Part | list[str] | None = None


def test_field_types_become_column_types() -> None:
    table = Table(Kinds, "kinds")
    assert [(column.name, column.type, column.nullable) for column in table.columns] == [
        ("account_id", "text", False),
        ("id", "text", False),
        ("literal", "text", False),
        ("size", "bigint", False),
        ("annotated", "bigint", False),
        ("mapping", "jsonb", False),
        ("anything", "jsonb", False),
        ("either", "jsonb", True),
    ]


def test_a_row_becomes_the_value_it_was_made_of() -> None:
    value = sample(colour=Colour.BLUE, part=Part("p", (1,)), tags=("a", "b"), blob=b"\x00", extra={"k": [None, 1]})
    decoded = SAMPLES.decode(SAMPLES.encode(value))
    assert decoded == value
    assert type(decoded.colour) is Colour
    assert type(decoded.tags) is tuple


def test_none_is_null_and_never_json_null() -> None:
    cells = dict(zip(SAMPLES.names, SAMPLES.encode(sample(part=None)), strict=True))
    assert cells["part"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("note", "\x00"), ("note", "a\ud800"), ("extra", {"\x00": 1}), ("extra", {"a": "\\\x00"}), ("tags", ("\x00",))],
)
def test_text_that_postgres_cannot_store_is_refused_by_name_and_without_its_value(field: str, value: object) -> None:
    cells = SAMPLES.encode(sample(**{field: value}))
    with pytest.raises(UnstorableError) as caught:
        SAMPLES.whole.refuse_unstorable(cells)
    assert caught.value.column == field
    assert str(caught.value).startswith(field)
    assert "\x00" not in str(caught.value)


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    value = sample(extra={"a": "\\u0000", "b": "\\\\u0000"}, note="\\u0000")
    SAMPLES.whole.refuse_unstorable(SAMPLES.encode(value))
    SAMPLES.whole.refuse_unstorable(SAMPLES.encode(sample(note="Zoë ✓", blob=b"\x00")))
    assert SAMPLES.decode(SAMPLES.encode(value)) == value


class WithFloat(msgspec.Struct, frozen=True):
    account_id: str
    id: str
    rate: float


class WithoutId(msgspec.Struct, frozen=True):
    account_id: str


def test_what_cannot_be_a_table_is_refused_when_declared() -> None:
    with pytest.raises(InvariantError, match="rate"):
        Table(WithFloat, "t")
    with pytest.raises(InvariantError, match="has no field id"):
        Table(WithoutId, "t")


def test_the_version_column_is_optional() -> None:
    assert Table(WithoutId, "t", key=("account_id",)).version is None


def test_reserved_words_may_be_column_names() -> None:
    assert '"order"' in SAMPLES.insert_sql()


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    account_id: str
    id: str
    details: Annotated[dict[str, Any], AS_TEXT] = {}
    part: Annotated[Part | None, AS_TEXT] = None


def test_json_kept_as_text_comes_back_as_the_value_it_was() -> None:
    table = Table(Kept, "kept")
    assert [(column.name, column.type, column.nullable) for column in table.columns[2:]] == [
        ("details", "text", False),
        ("part", "text", True),
    ]
    value = Kept(account_id="a", id="x", details={"k": ["é", None, {"n": 1}]}, part=Part("p", (1,)))
    assert table.decode(table.encode(value)) == value
    assert table.decode(table.encode(Kept(account_id="a", id="x"))) == Kept(account_id="a", id="x")


def test_only_json_can_be_kept_as_text() -> None:
    class Wrong(msgspec.Struct, frozen=True, kw_only=True):
        account_id: str
        id: str
        number: Annotated[int, AS_TEXT]

    with pytest.raises(InvariantError, match="number"):
        Table(Wrong, "wrong")
