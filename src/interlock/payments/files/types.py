"""Values and tables of files."""

import msgspec

from interlock.storage.tables import Table


class File(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of an uploaded file."""

    account_id: str
    id: str
    livemode: bool
    created_at_ms: int
    purpose: str
    filename: str | None
    type: str | None
    size_bytes: int


class FileContents(msgspec.Struct, frozen=True, kw_only=True):
    """What is in it, sealed for this file alone. It may show anything, a card number included."""

    account_id: str
    id: str
    livemode: bool
    version: int
    sealed: bytes


class CreateFile(msgspec.Struct, frozen=True, kw_only=True):
    """A new file."""

    purpose: str
    filename: str | None
    data: bytes


FILES = Table(File, "files")
FILE_CONTENTS = Table(FileContents, "file_contents")
