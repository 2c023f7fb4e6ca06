"""Files on a real database: sealed for their account alone, and brought under a new master key without a loss."""

import pytest
from tests.support.recording import LIVE, SCOPE, Recorder, request

from interlock.base.clock import ManualClock
from interlock.base.context import Scope
from interlock.base.errors import VaultError
from interlock.base.problems import Problem
from interlock.payments.files.service import Files, rewrap_files, type_of
from interlock.payments.files.types import CreateFile, File
from interlock.payments.work import Work
from interlock.storage.database import Database
from interlock.vault.envelope import Envelope
from interlock.vault.keys import KeyRing

EVIDENCE = b"%PDF-1.4 the card was 4242424242424242"
OLD = Envelope(KeyRing({"k1": b"1" * 32}, b"f" * 32))
BOTH = Envelope(KeyRing({"k2": b"2" * 32, "k1": b"1" * 32}, b"f" * 32))
NEW = Envelope(KeyRing({"k2": b"2" * 32}, b"f" * 32))


def files(database: Database, envelope: Envelope = OLD) -> Files:
    return Files(Work(database, ManualClock(1_764_000_000_000)), envelope, "http://switch.test")


async def uploaded(database: Database) -> File:
    seen = Recorder()
    command = CreateFile(purpose="dispute_evidence", filename="a.pdf", data=EVIDENCE)
    return seen.shown(await files(database).create(request(), command, seen), File)


async def test_a_file_is_sealed_and_opens_for_its_own_account_only(database: Database) -> None:
    file = await uploaded(database)
    assert await files(database).contents(SCOPE, file.id) == EVIDENCE
    assert isinstance(await files(database).contents(Scope("acct_2", livemode=False), file.id), Problem)
    assert isinstance(await files(database).contents(LIVE, file.id), Problem)
    stored = await database.fetchval("SELECT sealed FROM file_contents")
    assert b"4242" not in stored


async def test_files_follow_a_change_of_the_master_key(database: Database) -> None:
    file = await uploaded(database)
    with pytest.raises(VaultError):
        await files(database, NEW).contents(SCOPE, file.id)
    assert (await rewrap_files(database, BOTH), await rewrap_files(database, BOTH)) == (1, 0)
    assert await files(database, NEW).contents(SCOPE, file.id) == EVIDENCE


@pytest.mark.parametrize(
    ("filename", "data", "kind"),
    [
        ("a.png", b"%PDF-1.7", "pdf"),
        ("scan.JPEG", b"\xff\xd8\xff\xe0", "jpg"),
        ("list.csv", b"a,b", "csv"),
        ("noend", b"x", None),
        (None, b"x", None),
        ("a.b/../../c", b"x", None),
    ],
)
def test_the_kind_of_a_file_is_what_it_begins_with_else_its_ending(
    filename: str | None, data: bytes, kind: str | None
) -> None:
    assert type_of(filename, data) == kind
