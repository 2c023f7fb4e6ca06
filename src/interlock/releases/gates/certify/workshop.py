"""Everything a run of the gate needs around the confined child: database, sandbox, keeper. Warm between runs.

The parent's side. Nothing of it is left behind, however the process ends: what it starts dies with it, and its folder
is removed (:mod:`.janitor`).
"""

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import msgspec

from interlock.base.errors import ConfigurationError, InterlockError
from interlock.gateways.manifest import read_manifest
from interlock.gateways.package import MANIFEST_FILE, pack
from interlock.releases.gates.certify.control import Control
from interlock.releases.gates.certify.databases import Databases
from interlock.releases.gates.certify.janitor import vanishing_folder
from interlock.releases.gates.certify.sandboxes import VARIABLE, Sandbox, Sandboxes
from interlock.releases.gates.certify.types import Examined, Options, Order
from interlock.releases.gates.isolation import Broken, Limits, Nursery
from interlock.releases.gates.types import Finding, Gate, GateReport, Progress, Subject, Verdict, worst

_MEBIBYTE = 1024 * 1024
_LIMITS = Limits(memory_bytes=768 * _MEBIBYTE, open_files=512)
_EVERYTHING = Options()
_OURS = ("raised ",)
_REPORT_IT = "report it with this line; the release is held meanwhile"
_KEEP_THE_CONTRACT = "a connector builds requests, reads answers, and does nothing else (docs/connectors.md)"


class Workshop:
    """Certifies releases, one at a time, on one database server and one sandbox for each provider.

    ::

        async with Workshop() as workshop:
            report = await workshop.certify(subject, progress)
    """

    def __init__(self, *, server_url: str | None = None, environment: Mapping[str, str] | None = None) -> None:
        """Start nothing yet.

        Args:
            server_url: a running Postgres to make scratch databases on; an embedded one is started without it.
            environment: where addresses of given sandboxes are looked up; the process's own without it.

        """
        self._server_url = server_url
        self._environment = os.environ if environment is None else environment
        self._stack = AsyncExitStack()
        self._databases: Databases | None = None
        self._sandboxes: Sandboxes | None = None
        self._nursery = Nursery("certify")

    async def __aenter__(self) -> Self:
        """Make the folder; everything else starts with the first run."""
        await self._stack.__aenter__()
        try:
            folder = await self._stack.enter_async_context(vanishing_folder())
        except BaseException:
            await self._stack.aclose()
            raise
        self._folder = folder
        self._sandboxes = Sandboxes(folder, self._environment)
        self._stack.push_async_callback(self._sandboxes.close)
        self._stack.push_async_callback(self._nursery.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything that was started."""
        await self._stack.__aexit__(kind, error, trace)

    async def certify(self, subject: Subject, progress: Progress, options: Options = _EVERYTHING) -> GateReport:
        """Examine ``subject``.

        Args:
            subject: the candidate, and the stable release where there is one.
            progress: told of every case that has ended.
            options: how much of the gate to run.

        """
        began = time.monotonic()
        examined = await self._examined(subject, progress, options)
        return GateReport(
            gate=Gate.CERTIFY,
            verdict=worst(examined.findings),
            checks=examined.checks,
            findings=examined.findings,
            left_out=examined.left_out,
            measured=dict(examined.measured),
            duration_ms=round((time.monotonic() - began) * 1000),
        )

    async def _examined(self, subject: Subject, progress: Progress, options: Options) -> Examined:
        try:
            manifest = read_manifest(subject.package.manifest, MANIFEST_FILE)
        except ConfigurationError as error:
            return _only(_finding("manifest", Verdict.FAILED, error.field, error.problem, error.remedy))
        assert self._sandboxes is not None
        try:
            progress("certify: database and sandbox", 0, 1)
            sandbox, databases = await asyncio.gather(self._sandboxes.of(manifest.name), self._served())
            if sandbox is None:
                return _only(_no_sandbox(manifest.name))
            if not manifest.hosts.test_override:
                return _only(_no_override())
            return await self._run(subject, sandbox, databases, progress, options)
        except InterlockError as error:
            problem = f"cannot be run: {error}"
            return _only(_finding("setting", Verdict.ERROR, "the gate", problem, "see to what is named, then repeat"))

    async def _served(self) -> Databases:
        if self._databases is None:
            databases = Databases(self._folder, self._server_url)
            self._stack.push_async_callback(databases.close)
            await databases.open()
            self._databases = databases
        return self._databases

    async def _run(
        self, subject: Subject, sandbox: Sandbox, databases: Databases, progress: Progress, options: Options
    ) -> Examined:
        async with Control(sandbox.url) as control:
            await control.clear_faults()
            since = max((int(entry["seq"]) for entry in await control.books(0)), default=0)
        name, url = await databases.fresh()
        try:
            order = Order(
                package=pack(subject.package),
                stable=None if subject.stable is None else pack(subject.stable),
                provider=sandbox.provider,
                sandbox_url=sandbox.url,
                database_url=url,
                books_since=since,
                settings={} if subject.config is None else dict(subject.config.settings),
                stable_settings={} if subject.stable_config is None else dict(subject.stable_config.settings),
                options=options,
            )
            limits = msgspec.structs.replace(_LIMITS, wall_ms=options.wall_ms, step_cpu_ms=options.step_cpu_ms)
            ended = await self._nursery.run(msgspec.msgpack.encode(order), limits=limits, progress=progress)
        finally:
            await databases.drop(name)
        if isinstance(ended, Broken):
            return _only(_broken(ended))
        return msgspec.json.decode(ended.answer, type=Examined)


def _only(finding: Finding) -> Examined:
    return Examined(checks={finding.check: 1}, findings=(finding,), left_out=(), measured={})


def _finding(check: str, verdict: Verdict, where: str, problem: str, remedy: str) -> Finding:
    return Finding(check=f"certify.{check}", verdict=verdict, where=where, problem=problem, remedy=remedy)


def _no_sandbox(name: str) -> Finding:
    problem = f"there is no simulated gateway for {name!r}"
    remedy = f"start one and give its address in {VARIABLE}{name.upper()} (docs/release_gates_certify.md)"
    return _finding("sandbox", Verdict.INCONCLUSIVE, f"{MANIFEST_FILE} name", problem, remedy)


def _no_override() -> Finding:
    problem = "is false, so that no simulated gateway can take the provider's place in test mode"
    return _finding("sandbox", Verdict.INCONCLUSIVE, f"{MANIFEST_FILE} hosts.test_override", problem, "set it to true")


def _broken(ended: Broken) -> Finding:
    """Return the finding for a child that ended without an answer: the candidate's doing where its code was running."""
    ours = not ended.where and ended.reason.startswith(_OURS)
    verdict, remedy = (Verdict.ERROR, _REPORT_IT) if ours else (Verdict.FAILED, _KEEP_THE_CONTRACT)
    return _finding("run", verdict, ended.where or "the run", ended.reason, remedy)
