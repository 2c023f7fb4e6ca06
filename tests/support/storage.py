"""A table of every column type, for tests of storage."""

from enum import StrEnum
from typing import Any

import msgspec

from interlock.base.ids import new_id
from interlock.storage.tables import Table

ACCOUNT = "acct_1"


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Part(msgspec.Struct, frozen=True):
    name: str
    sizes: tuple[int, ...] = ()


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    account_id: str = ACCOUNT
    id: str
    livemode: bool = False
    version: int = 1
    created_at_ms: int = 1_700_000_000_000
    colour: Colour = Colour.RED
    amount_minor: int = 0
    flag: bool | None = None
    count: int | None = None
    note: str | None = None
    blob: bytes | None = None
    part: Part | None = None
    tags: tuple[str, ...] = ()
    extra: dict[str, Any] = {}
    order: str = "reserved words are quoted"


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    account_id: str = ACCOUNT
    id: str
    of: str


SAMPLES = Table(Sample, "samples")
MARKS = Table(Mark, "marks", version=None)

DDL = (
    """CREATE TABLE samples (
        account_id text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, livemode boolean NOT NULL,
        version bigint NOT NULL, created_at_ms bigint NOT NULL, colour text NOT NULL,
        amount_minor bigint NOT NULL CHECK (amount_minor >= 0), flag boolean, count bigint, note text, blob bytea,
        part jsonb, tags jsonb NOT NULL, extra jsonb NOT NULL, "order" text NOT NULL,
        PRIMARY KEY (account_id, id), UNIQUE (account_id, note)) WITH (fillfactor = 70)""",
    "CREATE INDEX samples_created ON samples (account_id, created_at_ms)",
    """CREATE TABLE marks (account_id text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL, of text NOT NULL,
        PRIMARY KEY (account_id, id))""",
)


def sample(**fields: Any) -> Sample:
    """Return a sample with a fresh id unless one is given."""
    return Sample(**{"id": new_id("sm"), **fields})


def mark(of: str) -> Mark:
    """Return a mark that belongs to ``of``."""
    return Mark(id=new_id("mk"), of=of)
