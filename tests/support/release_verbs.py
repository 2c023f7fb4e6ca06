"""What tests of the command line, the control API and the documents share around releases."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from interlock.base.clock import SystemClock
from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.gateways import loader
from interlock.gateways.loader import builtin_package
from interlock.releases.gates.types import Gate, GateReport, Verdict
from interlock.releases.proposals import STATIC_GATES, Proposals
from interlock.releases.types import Actor
from interlock.routing.releases import Release
from interlock.storage.database import Database
from interlock.vault.envelope import Envelope
from interlock.vault.keys import KeyRing

T = TypeVar("T")
SECRET_KEY = "sk_test_sandbox_1234567890"
LIVE_KEY = "sk_live_" + "Q7rT2vX9" * 4
_RING = KeyRing({"k1": b"1" * 32}, b"f" * 32)
ROWS = ("release_packages", "gateway_credentials", "releases", "release_pointers", "change_journal", "release_evidence")


def copied_connector(folder: Path, name: str = "stripe", mark: str = "a new text") -> Path:
    """Copy the connector that came with this version into ``folder``, changed by a comment: another release of it."""
    target = folder / name
    shutil.copytree(Path(loader.__file__).parent / name, target, ignore=shutil.ignore_patterns("__pycache__"))
    connector = target / "connector.py"
    connector.write_text(f"{connector.read_text()}# {mark}\n")
    assert builtin_package(name).files["connector.py"] != connector.read_bytes()
    return target


def with_database(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run ``work`` with the database at ``url``; for tests that are not asynchronous."""

    async def run() -> T:
        database = await Database.connect(url, pool_size=2)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


async def record(
    database: Database, scope: Scope, release_id: str, verdict: Verdict, gates: Sequence[Gate] = STATIC_GATES
) -> Release:
    """Keep a report of each gate, as whoever ran it elsewhere would."""
    proposals = Proposals(database, Envelope(_RING), SystemClock())
    kept: Release | Problem | None = None
    for gate in gates:
        report = GateReport(gate=gate, verdict=verdict, checks={"all": 1})
        kept = await proposals.record(scope, release_id, report, Actor("ci", verified=True))
    assert isinstance(kept, Release), kept
    return kept


async def counts(database: Database) -> dict[str, int]:
    """Return how many rows there are of everything that a release writes."""
    return {table: await database.fetchval(f"SELECT count(*) FROM {table}") for table in ROWS}  # noqa: S608 - ours


async def everything(database: Database) -> str:
    """Return every row of the account's configuration as text."""
    texts: list[str] = []
    for table in (*ROWS, "release_trials", "operators", "gateways"):
        rows: list[Any] = await database.fetch(f"SELECT t::text AS row FROM {table} AS t")  # noqa: S608 - ours
        texts += [row["row"] for row in rows]
    return "\n".join(texts)
