"""Rows of releases and what belongs to them, read; commits with their journal entry. For this room's use cases."""

from collections.abc import Sequence

import msgspec

from interlock.base.context import Scope
from interlock.base.problems import Problem, missing
from interlock.gateways.package import Package, unpack
from interlock.releases.gates.types import Gate, GateReport
from interlock.releases.types import EVIDENCE, TRIALS, Evidence, StoredTrial
from interlock.routing import store as routing_store
from interlock.routing.journal import JOURNAL, Entry, chained
from interlock.routing.releases import (
    CREDENTIALS,
    POINTERS,
    RELEASES,
    Pointer,
    Release,
    ReleaseState,
    StoredCredential,
)
from interlock.routing.types import GATEWAYS, Gateway
from interlock.storage.database import Database
from interlock.storage.pages import Page
from interlock.storage.queries import load_queries
from interlock.storage.writes import Committed, Insert, Write

_QUERIES = load_queries("interlock.releases")
_TURNS = 5
_LISTED_MAX = 1_000
_EVIDENCE_MAX = 100
_CERTIFICATES_MAX = 500
_TRIALS_MAX = 1_000
_decode_report = msgspec.json.Decoder(GateReport).decode
CHANGED = Problem(
    status=409,
    type="invalid_request_error",
    code="release_changed",
    message="Somebody changed this release or its gateway at the same moment. Look at it again and repeat.",
    retryable=True,
)


class ReleaseStore:
    """Reads and commits."""

    def __init__(self, database: Database) -> None:
        """Read from and commit to ``database``."""
        self.database = database

    async def gateway(self, scope: Scope, gateway_id: str) -> Gateway | Problem:
        """Return the gateway called so, by id or name."""
        found = await self.database.get(GATEWAYS, scope, gateway_id)
        if found is not None:
            return found
        page = await self.database.find(GATEWAYS, scope, Page(limit=_LISTED_MAX))
        named = [gateway for gateway in page.items if gateway.name == gateway_id]
        return named[0] if len(named) == 1 else missing("gateway", gateway_id)

    async def pointer(self, scope: Scope, gateway_id: str) -> Pointer | Problem:
        """Return what the gateway runs."""
        return await self.database.get(POINTERS, scope, gateway_id) or missing("pointer", gateway_id)

    async def release(self, scope: Scope, release_id: str) -> Release | Problem:
        """Return one release."""
        return await self.database.get(RELEASES, scope, release_id) or missing("release", release_id)

    async def releases(self, scope: Scope, gateway_id: str | None = None) -> list[Release]:
        """Return the newest releases, newest first; of one gateway when it is given."""
        return await self.page_of_releases(scope, gateway_id=gateway_id, limit=_LISTED_MAX)

    async def page_of_releases(
        self,
        scope: Scope,
        *,
        gateway_id: str | None = None,
        state: ReleaseState | None = None,
        after: Release | None = None,
        limit: int,
    ) -> list[Release]:
        """Return releases by the time of their making, newest first: ids are hashes and tell no age.

        Args:
            scope: account and mode.
            gateway_id: only of this one.
            state: only those that stand so.
            after: only those that come after (are older than) this one.
            limit: at most so many.

        """
        at_ms, after_id = (None, "") if after is None else (after.created_at_ms, after.id)
        rows = await self.database.fetch(
            _QUERIES["releases_page"], scope.account_id, scope.livemode, gateway_id, state, at_ms, after_id, limit
        )
        return [RELEASES.decode(row) for row in rows]

    async def releases_that_begin(self, account_id: str, text: str) -> list[Release]:
        """Return releases of either mode whose id begins with ``text``: two are enough to see that it is not one."""
        after_all = f"{text}~"  # comes after every digit
        rows = await self.database.fetch(_QUERIES["releases_that_begin"], account_id, text, after_all, 2)
        return [RELEASES.decode(row) for row in rows]

    async def package(self, release: Release) -> Package | Problem:
        """Return the code and manifest of a release."""
        found = await routing_store.read_packages(self.database, release.account_id, [release.package_id])
        stored = found.get(release.package_id)
        return missing("package", release.package_id) if stored is None else unpack(stored.content)

    async def has_package(self, account_id: str, package_id: str) -> bool:
        """Return True when the account keeps this package."""
        return bool(await routing_store.read_packages(self.database, account_id, [package_id]))

    async def credentials_called(self, gateway: Gateway, name: str, limit: int) -> list[StoredCredential]:
        """Return the newest secrets of a name that were ever given for a gateway, sealed."""
        rows = await self.database.fetch(_QUERIES["credentials_of"], gateway.account_id, gateway.id, name, limit)
        return [CREDENTIALS.decode(row) for row in rows]

    async def evidence(self, release: Release) -> list[Evidence]:
        """Return what the gates found about a release, newest first."""
        rows = await self.database.fetch(_QUERIES["evidence_of"], release.account_id, release.id, _EVIDENCE_MAX)
        return [EVIDENCE.decode(row) for row in rows]

    async def newest_evidence(self, release: Release) -> list[Evidence]:
        """Return the newest word of each gate about a release."""
        rows = await self.database.fetch(_QUERIES["newest_evidence_of"], release.account_id, release.id)
        return [EVIDENCE.decode(row) for row in rows]

    async def page_of_evidence(
        self, release: Release, *, gate: Gate | None = None, after_id: str | None = None, limit: int
    ) -> list[Evidence]:
        """Return every word of the gates about a release, newest first.

        Args:
            release: which.
            gate: only of this one.
            after_id: only what is older than this.
            limit: at most so many.

        """
        rows = await self.database.fetch(
            _QUERIES["evidence_page"], release.account_id, release.id, gate, after_id, limit
        )
        return [EVIDENCE.decode(row) for row in rows]

    async def has_evidence(self, release: Release, evidence_id: str) -> bool:
        """Return True when a report of that id is about the release."""
        found = await self.database.get(EVIDENCE, Scope(release.account_id, release.livemode), evidence_id)
        return found is not None and found.release_id == release.id

    async def certificates(self, gateway: Gateway) -> list[tuple[str, GateReport]]:
        """Return the certify reports of a gateway's releases with their release's id, newest first."""
        rows = await self.database.fetch(_QUERIES["certificates"], gateway.account_id, gateway.id, _CERTIFICATES_MAX)
        return [(row["release_id"], _decode_report(row["report"])) for row in rows]

    async def running_trials(self) -> list[StoredTrial]:
        """Return every trial that runs, of all accounts."""
        return [TRIALS.decode(row) for row in await self.database.fetch(_QUERIES["running_trials"], _TRIALS_MAX)]

    async def trials(self, release: Release) -> list[StoredTrial]:
        """Return the trials of a release, newest first."""
        rows = await self.database.fetch(_QUERIES["trials_of_release"], release.account_id, release.id, _EVIDENCE_MAX)
        return [TRIALS.decode(row) for row in rows]

    async def commit(
        self, scope: Scope, writes: Sequence[Write], entries: Sequence[Entry], now_ms: int
    ) -> Problem | None:
        """Commit ``writes`` together with their journal entries; two changes at one moment take turns."""
        for _ in range(_TURNS):
            chain = await chained(self.database, scope, entries, now_ms)
            result = await self.database.commit([*writes, *(Insert(JOURNAL, each) for each in chain)])
            if isinstance(result, Committed):
                return None
            if result.reason != "constraint" or "change_journal" not in result.detail:
                break
        return CHANGED


def latest(evidence: Sequence[Evidence]) -> dict[Gate, Evidence]:
    """Return the newest evidence of each gate; ``evidence`` is newest first."""
    found: dict[Gate, Evidence] = {}
    for one in evidence:
        found.setdefault(one.gate, one)
    return found
