"""Use cases of files: upload, read, list, download; and the change of the master key their contents are sealed by.

Called by ``api`` and ``cli``. A file is kept as evidence the shop can show again; Interlock sends it to nobody.
"""

import msgspec

from interlock.base.context import RequestContext, Scope
from interlock.base.ids import new_id
from interlock.base.problems import Problem, invalid, missing
from interlock.payments.files.types import FILE_CONTENTS, FILES, CreateFile, File, FileContents
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.representation.file import file as shown
from interlock.payments.work import Answer, Change, Respond, Work
from interlock.storage.database import Database
from interlock.storage.pages import Page, PageResult
from interlock.storage.queries import load_queries
from interlock.storage.writes import Committed, Update
from interlock.vault.envelope import Envelope, belonging, pack, unpack

_QUERIES = load_queries(__package__)
_ROWS = 10
_KNOWN_BEGINNINGS = ((b"%PDF-", "pdf"), (b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpg"), (b"GIF8", "gif"))
_LONGEST_TYPE = 10


class Files:
    """What may be done with files."""

    def __init__(self, work: Work, envelope: Envelope, public_url: str) -> None:
        """Commit through ``work`` and seal with ``envelope``; contents are downloaded below ``public_url``."""
        self._work = work
        self._envelope = envelope
        self.public_url = public_url

    async def create(self, ctx: RequestContext, command: CreateFile, respond: Respond) -> Answer | Problem:
        """Keep a file."""
        if not command.data:
            return invalid("The file you uploaded is empty.", param="file")
        now_ms = self._work.clock.now_ms()
        file = File(
            account_id=ctx.account_id,
            id=new_id("file", now_ms),
            livemode=ctx.livemode,
            created_at_ms=now_ms,
            purpose=command.purpose,
            filename=command.filename,
            type=type_of(command.filename, command.data),
            size_bytes=len(command.data),
        )
        sealed = pack(self._envelope.seal(command.data, belonging(ctx.scope, file.id)))
        change = Change(ctx.scope)
        change.insert(FILES, file)
        change.insert(
            FILE_CONTENTS,
            FileContents(account_id=file.account_id, id=file.id, livemode=file.livemode, version=1, sealed=sealed),
        )
        change.event("file.created", shown(file, self.public_url))
        answer = await self._work.commit(ctx, change, file.id, respond, file)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def get(self, scope: Scope, file_id: str) -> File | Problem:
        """Return what is known of a file."""
        file = await self._work.database.get(FILES, scope, file_id)
        return missing("file", file_id, param="file") if file is None else file

    async def contents(self, scope: Scope, file_id: str) -> bytes | Problem:
        """Return what is in a file.

        Raises:
            VaultError: its key is not on the ring, or it was altered.

        """
        kept = await self._work.database.get(FILE_CONTENTS, scope, file_id)
        if kept is None:
            return missing("file", file_id, param="file")
        return self._envelope.open(unpack(kept.sealed), belonging(scope, file_id))

    async def list(self, scope: Scope, page: Page, *, purpose: str | None = None) -> PageResult[File]:
        """Return files, newest first, of one purpose when given."""
        where: dict[str, object] = {} if purpose is None else {"purpose": purpose}
        return await self._work.database.find(FILES, scope, page, where=where)


def type_of(filename: str | None, data: bytes) -> str | None:
    """Return what kind of file this is, by its first bytes, else by its name. Pure."""
    for beginning, kind in _KNOWN_BEGINNINGS:
        if data.startswith(beginning):
            return kind
    ending = (filename or "").rpartition(".")[2].lower() if "." in (filename or "") else ""
    return ending if ending.isalnum() and ending.isascii() and len(ending) <= _LONGEST_TYPE else None


async def rewrap_files(database: Database, envelope: Envelope) -> int:
    """Bring every file under the current master key; return how many changed. Safe to repeat."""
    changed = 0
    account_id = file_id = ""
    while True:
        rows = await database.fetch(_QUERIES["contents_after"], account_id, file_id, _ROWS)
        for row in rows:
            kept = FILE_CONTENTS.decode(row)
            account_id, file_id = kept.account_id, kept.id
            sealed = unpack(kept.sealed)
            if sealed.key_id == envelope.current_key_id:
                continue
            anew = envelope.rewrap(sealed, belonging(Scope(kept.account_id, kept.livemode), kept.id))
            renewed = msgspec.structs.replace(kept, version=kept.version + 1, sealed=pack(anew))
            changed += isinstance(await database.commit([Update(FILE_CONTENTS, renewed)]), Committed)
        if len(rows) < _ROWS:
            return changed
