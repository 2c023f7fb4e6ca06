"""Sends mutants through the gates in their order, and stops each at the first gate that does not pass it.

What the gates need is kept warm: keepers with parsed documents, a database server, simulated gateways. The gates
themselves are the product's; they end at the first fault, which changes no verdict.
"""

import asyncio
import contextlib
import time
import zlib
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
from benchmarks.mutants.judged import Judged, Stop, placed
from benchmarks.mutants.mutant import Mutant
from benchmarks.mutants.pauses import Pauses

from interlock.base.errors import ConfigurationError
from interlock.base.money import iso_exponent
from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.loader import builtin_package
from interlock.gateways.manifest import Codes, Manifest, read_manifest
from interlock.gateways.package import MANIFEST_FILE, Package, pack
from interlock.releases.gates import contract, lint
from interlock.releases.gates.certify import Options, Workshop
from interlock.releases.gates.contract.accounts import FIRST, made_up_accounts
from interlock.releases.gates.contract.comparing import Compared, Comparison, Known
from interlock.releases.gates.contract.gate import LIMITS
from interlock.releases.gates.contract.knowledge import knowledge_of
from interlock.releases.gates.isolation import Broken, Nursery
from interlock.releases.gates.running import checked
from interlock.releases.gates.types import Gate, GateReport, Subject, Verdict

GATES = (Gate.LINT, Gate.CONTRACT, Gate.CERTIFY)
"""Those that need no traffic, in their order."""
_TRIES = 2
_LOOK_AGAIN_EVERY = 5
_PAUSES_MAX = 4
_SOON = Options(stop_at_first=True)


class UnfitError(Exception):
    """The original does not pass the gates here, so that stopping a mutant would prove nothing."""


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """What mutants are made of and compared with: the connector that came with this version, and an account."""

    package: Package
    manifest: Manifest
    config: ConnectorConfig


def original_of(gateway: str) -> Original:
    """Return the built-in connector of ``gateway`` with a made-up account in test mode."""
    package = builtin_package(gateway)
    manifest = read_manifest(package.manifest, MANIFEST_FILE)
    accounts = made_up_accounts(manifest, knowledge_of(manifest.name), livemode=False)
    return Original(package=package, manifest=manifest, config=accounts[FIRST])


class Gauntlet:
    """The gates with everything they need. Made by :func:`open_gauntlet`."""

    def __init__(
        self,
        originals: Mapping[str, Original],
        specifications: Path,
        lanes: list["_Lane"],
        workshop: Workshop,
        pauses: Pauses,
    ) -> None:
        """Work with what is open already."""
        self.originals = originals
        self._specifications = specifications
        self._lanes: asyncio.Queue[_Lane] = asyncio.Queue()
        for lane in lanes:
            self._lanes.put_nowait(lane)
        self._workshop = workshop
        self._pauses = pauses
        self._certifying = asyncio.Lock()
        # CPython 3.11 counts the depth of a syntax tree once for all threads: two that parse at once break each other.
        self._linting = asyncio.Lock()

    async def check_originals(self) -> None:
        """See that nothing stops the originals.

        Raises:
            UnfitError: something does, twice.

        """
        for name, original in self.originals.items():
            subject = self._subject(original, original.package)
            for gate in GATES:
                report = await self._gate(gate, subject)
                if report.verdict is not Verdict.PASSED:
                    report = await self._gate(gate, subject)
                if report.verdict is not Verdict.PASSED:
                    found = report.findings[0].sentence() if report.findings else "it says nothing"
                    raise UnfitError(f"the original {name} connector: {gate.value} {report.verdict.value}: {found}")
            if (compared := await self._compared(name, original.package, whole=True)) is None or compared.differing:
                raise UnfitError(f"the original {name} connector is not the same when it is observed twice")

    async def judge(self, mutant: Mutant) -> Judged:
        """Return what became of ``mutant``; what was under way while this process was held is judged again."""
        before, judged = self._pauses.look(), await self._judged(mutant)
        for _ in range(_PAUSES_MAX):
            now = self._pauses.look()
            if now == before:
                return judged
            before, judged = now, await self._judged(mutant)
        return msgspec.structs.replace(judged, errors=(*judged.errors, "the machine was held, again and again"))

    async def _judged(self, mutant: Mutant) -> Judged:
        began = time.monotonic()
        original = self.originals[mutant.gateway]
        package = mutant.package(original.package)
        subject = self._subject(original, package)
        errors: list[str] = []
        stop = await self._stopped_by(Gate.LINT, subject, errors)
        if stop is None:
            stop = await self._stopped_by(Gate.CONTRACT, subject, errors)
        compared = await self._compared(mutant.gateway, package, whole=stop is None)
        alike = (
            compared is not None
            and not compared.differing
            and mutant.hidden is None
            and _same_manifest(package, original.manifest)
        )
        certified = stop is None and (not alike or self._looks_again(mutant))
        if certified:
            stop = await self._certified(subject, errors, doubted=alike)
        after_contract = stop is not None and stop.gate in {Gate.CONTRACT, Gate.CERTIFY}
        return Judged(
            id=mutant.id,
            family=mutant.family,
            gateway=mutant.gateway,
            operator=mutant.operator,
            diff=mutant.diff(original.package),
            stop=stop,
            equivalent=alike and not after_contract,
            observed=None if compared is None else compared.differing,
            touched=frozenset() if compared is None else compared.touched,
            placed=placed(mutant, original.package),
            examples=() if compared is None else compared.examples,
            certified=certified,
            errors=tuple(errors),
            seconds=round(time.monotonic() - began, 2),
        )

    async def passed_reports(self, mutant: Mutant) -> list[GateReport]:
        """Return the reports of a mutant that no gate stopped, as they would be kept with a release."""
        original = self.originals[mutant.gateway]
        subject = self._subject(original, mutant.package(original.package))
        return [await self._gate(gate, subject) for gate in GATES]

    @staticmethod
    def _looks_again(mutant: Mutant) -> bool:
        """Return True for those of the mutants that observation cannot tell from the original which are certified all
        the same: whether that finds anything is told in the report."""
        return zlib.crc32(mutant.id.encode()) % _LOOK_AGAIN_EVERY == 0

    async def _certified(self, subject: Subject, errors: list[str], *, doubted: bool) -> Stop | None:
        """Return where ``certify`` stops; one that shows in no other way (``doubted``) has to be stopped twice."""
        stop = await self._stopped_by(Gate.CERTIFY, subject, errors)
        if stop is not None and doubted:
            again = await self._stopped_by(Gate.CERTIFY, subject, errors)
            if again is None:
                errors.append(f"certify stopped it once and not again: {stop.said}")
            return again
        return stop

    async def _stopped_by(self, gate: Gate, subject: Subject, errors: list[str]) -> Stop | None:
        """Return why ``gate`` stops, None where it passes; a gate that breaks is asked again, then counts as passed."""
        for _ in range(_TRIES):
            report = await self._gate(gate, subject)
            if report.verdict is Verdict.PASSED:
                return None
            found = next((one for one in report.findings if one.verdict is report.verdict), None)
            check, said = (found.check, found.sentence()) if found is not None else (gate.value, "")
            if report.verdict is not Verdict.ERROR:
                return Stop(gate=gate, check=check, verdict=report.verdict, said=said)
            errors.append(f"{gate.value}: {said}")
        return None

    async def _gate(self, gate: Gate, subject: Subject) -> GateReport:
        if gate is Gate.LINT:
            async with self._linting:
                report = await lint.run(subject, _quietly)
        elif gate is Gate.CONTRACT:
            async with self._lane() as lane:
                report = await contract.run(subject, _quietly, nursery=lane.contract, stop_at_first=True)
        else:
            async with self._certifying:
                report = await self._workshop.certify(subject, _quietly, _SOON)
        return checked(gate, report)

    async def _compared(self, gateway: str, package: Package, *, whole: bool) -> Compared | None:
        """Return how the package behaves otherwise, None where it cannot be run."""
        order = Comparison(package=pack(package), known=gateway, whole=whole)
        async with self._lane() as lane:
            ended = await lane.compare.run(msgspec.msgpack.encode(order), limits=LIMITS)
        return None if isinstance(ended, Broken) else msgspec.msgpack.decode(ended.answer, type=Compared)

    @asynccontextmanager
    async def _lane(self) -> AsyncIterator["_Lane"]:
        lane = await self._lanes.get()
        try:
            yield lane
        finally:
            self._lanes.put_nowait(lane)

    def _subject(self, original: Original, package: Package) -> Subject:
        return Subject(
            package=package,
            livemode=False,
            config=original.config,
            stable=original.package,
            stable_config=original.config,
            specifications=self._specifications,
            now_ms=time.time_ns() // 1_000_000,
        )


class _Lane(msgspec.Struct, frozen=True):
    """What one mutant at a time is run with."""

    contract: Nursery
    compare: Nursery


@contextlib.asynccontextmanager
async def open_gauntlet(gateways: Iterable[str], specifications: Path, lanes: int) -> AsyncIterator[Gauntlet]:
    """Start everything and give it; nothing is left behind.

    Args:
        gateways: whose connectors.
        specifications: the folder of the providers' published documents.
        lanes: how many mutants are run at once.

    """
    originals = {gateway: original_of(gateway) for gateway in gateways}
    known = Known(
        packages={name: pack(one.package) for name, one in originals.items()}, specifications=str(specifications)
    )
    manifests = tuple(one.package.manifest for one in originals.values())
    names = tuple(one.manifest.name for one in originals.values())
    some = next(iter(originals.values()))
    prepared = Subject(package=some.package, livemode=False, specifications=specifications)
    async with AsyncExitStack() as stack:
        opened = [
            _Lane(
                await stack.enter_async_context(contract.nursery_for(prepared, *names, manifests=manifests)),
                await stack.enter_async_context(Nursery("contract_compare", warm=msgspec.msgpack.encode(known))),
            )
            for _ in range(lanes)
        ]
        workshop = await stack.enter_async_context(Workshop())
        pauses = await stack.enter_async_context(Pauses())
        yield Gauntlet(originals, specifications, opened, workshop, pauses)


def _same_manifest(package: Package, manifest: Manifest) -> bool:
    try:
        read = read_manifest(package.files.get(MANIFEST_FILE, b""), MANIFEST_FILE)
    except ConfigurationError:
        return False
    return _as_the_switch_reads(read) == _as_the_switch_reads(manifest)


def _as_the_switch_reads(manifest: Manifest) -> Manifest:
    """Return a manifest without what no payment depends on but through the connector, which is observed: its tables of
    codes; without what is for gates and people alone; and without decimals that are those of ISO 4217 anyway."""
    exponents = {
        currency: exponent
        for currency, exponent in manifest.currencies.exponents.items()
        if exponent != iso_exponent(currency)
    }
    return msgspec.structs.replace(
        manifest,
        title="",
        documentation="",
        api_version="",
        codes=Codes(statuses={}),
        currencies=msgspec.structs.replace(manifest.currencies, exponents=exponents),
        sent={},
        changes=(),
    )


def _quietly(_: str, __: int, ___: int) -> None:
    pass
