"""The settlement file: what the gateway says it did with the money, as CSV or JSON lines, streamed; and totals."""

import csv
import io
from collections.abc import Iterator

import msgspec

from interlock.sandbox.http import Reply
from interlock.sandbox.store import BOOK_COLUMNS, Store

CHUNK_ROWS = 500
FILTERS = ("kind", "status", "payment_id", "entry_id", "reference", "idempotency_key", "currency", "brand", "country",
           "bin", "code")  # fmt: skip
_COLUMNS = ("seq", *BOOK_COLUMNS)


def _where(filters: dict[str, str]) -> tuple[str, list[object]]:
    clauses: list[str] = []
    values: list[object] = []
    for name in FILTERS:
        if name in filters:
            clauses.append(f"{name} = ?")
            values.append(filters[name])
    for name, operator in (("since_ms", ">="), ("until_ms", "<")):
        if filters.get(name, "").isdigit():
            clauses.append(f"at_ms {operator} ?")
            values.append(int(filters[name]))
    if filters.get("after_seq", "").isdigit():
        clauses.append("seq > ?")
        values.append(int(filters["after_seq"]))
    return (" WHERE " + " AND ".join(clauses) if clauses else ""), values


def _rows(store: Store, filters: dict[str, str]) -> Iterator[list[tuple[object, ...]]]:
    where, values = _where(filters)
    limit = f" LIMIT {int(filters['limit'])}" if filters.get("limit", "").isdigit() else ""
    sql = f"SELECT {', '.join(_COLUMNS)} FROM books{where} ORDER BY seq{limit}"  # noqa: S608 - names are ours, values bound
    database = store.fresh_connection()
    cursor = database.execute(sql, values)
    while rows := cursor.fetchmany(CHUNK_ROWS):
        yield rows
    store.release(database)


def _csv(store: Store, filters: dict[str, str]) -> Iterator[bytes]:
    yield (",".join(_COLUMNS) + "\r\n").encode()
    for rows in _rows(store, filters):
        buffer = io.StringIO()
        csv.writer(buffer).writerows(rows)
        yield buffer.getvalue().encode()


def _json(store: Store, filters: dict[str, str]) -> Iterator[bytes]:
    encode = msgspec.json.encode
    yield b'{"entries":['
    first = True
    for rows in _rows(store, filters):
        shown = []
        for row in rows:
            entry = dict(zip(_COLUMNS, row, strict=True))
            entry["metadata"] = msgspec.Raw(str(entry["metadata"]).encode())
            shown.append(encode(entry))
        yield (b"" if first else b",") + b",".join(shown)
        first = False
    yield b"]}"


def export(store: Store, filters: dict[str, str], *, as_csv: bool) -> Reply:
    """Return the books that match ``filters`` as a streamed reply."""
    if as_csv:
        return Reply(200, content_type="text/csv", stream=_csv(store, filters))
    return Reply(200, stream=_json(store, filters))


def totals(store: Store) -> list[dict[str, object]]:
    """Return count and sum per currency, kind and status."""
    sql = (
        "SELECT currency, kind, status, count(*), sum(amount_minor) FROM books "
        "GROUP BY currency, kind, status ORDER BY currency, kind, status"
    )
    names = ("currency", "kind", "status", "count", "amount_minor")
    return [dict(zip(names, row, strict=True)) for row in store.query(sql)]
