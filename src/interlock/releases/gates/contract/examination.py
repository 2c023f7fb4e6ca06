"""What runs in the isolated process: every case once forwards with its checks, and once backwards to compare.

The task ``contract`` of :mod:`interlock.releases.gates.isolation`; nobody else calls this, except tests, in the way the
isolation does.
"""

from pathlib import Path
from typing import Any

import msgspec

from interlock.gateways.loader import LoadedConnector, load_package
from interlock.gateways.manifest import read_manifest
from interlock.gateways.package import MANIFEST_FILE, unpack
from interlock.gateways.sent import SentExtractor
from interlock.releases.gates.contract.cases import Group, Performed, deliver, perform
from interlock.releases.gates.contract.checks.meaning import MeaningChecks
from interlock.releases.gates.contract.checks.money import MoneyChecks, places_of_money
from interlock.releases.gates.contract.checks.notices import NoticeChecks
from interlock.releases.gates.contract.checks.purity import PurityChecks
from interlock.releases.gates.contract.checks.reading import ReadingChecks
from interlock.releases.gates.contract.checks.wire import WireChecks
from interlock.releases.gates.contract.corpus import Corpus, corpus_of
from interlock.releases.gates.contract.documents import documents_of
from interlock.releases.gates.contract.knowledge import knowledge_of, known_providers
from interlock.releases.gates.contract.notes import Notes
from interlock.releases.gates.isolation.types import Report
from interlock.releases.gates.observation import Trace
from interlock.releases.gates.providers.tables import ProviderTable, provider_table
from interlock.releases.gates.types import Finding

_STEP = 200
"""So many cases are one step, whose processor time is limited."""
_prepared: dict[bytes, Corpus] = {}
"""Cases by manifest, built in the keeper: what a worker changes of them ends with it."""


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """The order: a packed package, how to examine it, and what the switch knows of its provider. ``corpus_manifest`` is
    the manifest that cases are built for, where it is not the package's own. ``stop_at_first`` ends after the first
    case in which something is wrong."""

    package: bytes
    livemode: bool
    specifications: str | None
    table: ProviderTable | None
    corpus_manifest: bytes | None = None
    stop_at_first: bool = False


class Preparation(msgspec.Struct, frozen=True, kw_only=True):
    """What to prepare a keeper with: the folder of published documents, whose, and manifests (of test mode) that many
    packages will share: their cases are built once."""

    specifications: str | None
    providers: tuple[str, ...] = ()
    manifests: tuple[bytes, ...] = ()


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """The answer."""

    checks: dict[str, int]
    findings: tuple[Finding, ...]
    left_out: tuple[str, ...]
    measured: dict[str, Any]


def warm(argument: bytes) -> None:
    """Parse the published documents and compile their schemas (:class:`Preparation` as MessagePack)."""
    preparation = msgspec.msgpack.decode(argument, type=Preparation)
    for provider in preparation.providers or known_providers():
        knowledge = knowledge_of(provider)
        if knowledge is not None and preparation.specifications is not None:
            documents = documents_of(provider, Path(preparation.specifications))
            if documents is not None:
                documents.warm(knowledge)
    for manifest in preparation.manifests:
        read = read_manifest(manifest, MANIFEST_FILE)
        specifications = Path(preparation.specifications) if preparation.specifications is not None else None
        _prepared[manifest] = corpus_of(read, specifications=specifications, table=provider_table(read.name))


def examine(argument: bytes, report: Report) -> bytes:
    """Examine a package (:class:`Examination`) and return :class:`Examined`, both as MessagePack.

    Raises:
        ConfigurationError: the manifest is wrong.
        ConnectorError: the code cannot be imported or does not keep the contract.

    """
    order = msgspec.msgpack.decode(argument, type=Examination)
    report("load", 0, 1)
    loaded = load_package(unpack(order.package))
    corpus = _corpus(order, loaded)
    return msgspec.msgpack.encode(examined(loaded, corpus, report, stop_at_first=order.stop_at_first))


def _corpus(order: Examination, loaded: LoadedConnector) -> Corpus:
    manifest = loaded.manifest
    own = unpack(order.package).manifest
    if own in _prepared and order.corpus_manifest is None and not order.livemode:
        return _prepared[own]
    if order.corpus_manifest is not None:
        manifest = read_manifest(order.corpus_manifest, MANIFEST_FILE)
    specifications = Path(order.specifications) if order.specifications is not None else None
    return corpus_of(manifest, livemode=order.livemode, specifications=specifications, table=order.table)


def examined(
    loaded: LoadedConnector, corpus: Corpus, report: Report, *, twice: bool = True, stop_at_first: bool = False
) -> Examined:
    """Run everything in ``corpus`` and return what the checks found.

    Args:
        loaded: the connector, which runs in this process.
        corpus: the cases.
        report: told of progress.
        twice: whether everything is run again, which shows what a connector keeps.
        stop_at_first: end after the first case in which something is wrong.

    """
    notes = Notes()
    _doubts(corpus, notes)
    run = _Run(loaded, corpus, notes, report, stop_at_first=stop_at_first)
    run.cases()
    run.deliveries()
    if twice:
        run.backwards()
    return Examined(
        checks=dict(sorted(notes.checks.items())),
        findings=notes.findings(),
        left_out=tuple(notes.left_out),
        measured=run.measured(),
    )


class _Run:
    """One examination."""

    def __init__(
        self, loaded: LoadedConnector, corpus: Corpus, notes: Notes, report: Report, *, stop_at_first: bool
    ) -> None:
        stage = corpus.stage
        places = places_of_money(stage.table, stage.manifest)
        self._loaded = loaded
        self._corpus = corpus
        self._report = report
        self._notes = notes
        self._stop_at_first = stop_at_first
        self._accounts = stage.accounts
        self._wire = WireChecks(stage, notes, SentExtractor(places))
        self._money = MoneyChecks(stage, notes, places)
        self._meaning = MeaningChecks(stage, notes)
        self._reading = ReadingChecks(stage, notes, loaded)
        self._notices = NoticeChecks(notes)
        self._purity = PurityChecks(stage, notes, loaded)
        self._done: list[Performed] = []
        self._heard: list[Trace] = []
        self._seen: set[tuple[object, ...]] = set()

    @property
    def _is_over(self) -> bool:
        return self._stop_at_first and self._notes.has_failed

    def cases(self) -> None:
        """Run every case and check it."""
        total = len(self._corpus.cases)
        for number, case in enumerate(self._corpus.cases):
            if self._is_over:
                return
            if number % _STEP == 0:
                self._report(f"{case.group} {case.name}", number, total)
            performed = perform(self._loaded, self._accounts[case.account], case)
            self._purity.inputs(performed)
            if self._is_new(performed):
                self._wire.check(performed)
                self._money.check(performed)
                self._meaning.check(performed)
            self._reading.check(performed)
            self._done.append(performed)

    def _is_new(self, performed: Performed) -> bool:
        """Return False where nothing about the requests differs from those of an earlier hostile case."""
        if performed.case.group is not Group.HOSTILE:
            return True
        facts = (
            performed.case.account,
            *(request.idempotency_key for request in performed.asked),
            *(trace.result.outcome if trace.result else None for trace in performed.traces),
            *(
                (trace.operation, sent.method, sent.target, sent.raw, *sent.headers.items())
                for trace in performed.traces
                for sent in trace.requests
            ),
        )
        if facts in self._seen:
            return False
        self._seen.add(facts)
        return True

    def deliveries(self) -> None:
        """Run every delivery and check it."""
        total = len(self._corpus.deliveries)
        for number, delivery in enumerate(self._corpus.deliveries):
            if self._is_over:
                return
            if number % _STEP == 0:
                self._report(f"{delivery.group} {delivery.name}", number, total)
            trace = deliver(self._loaded, self._accounts[delivery.account], delivery)
            self._notices.check(delivery, trace)
            self._heard.append(trace)

    def backwards(self) -> None:
        """Run everything again from its end, and pairs of accounts in turn."""
        total = len(self._done)
        for number, performed in enumerate(reversed(self._done)):
            if self._is_over:
                return
            if number % _STEP == 0:
                self._report(f"again {performed.case.name}", number, total)
            self._purity.again(performed)
        self._report("webhooks again", 0, 1)
        for delivery, trace in zip(reversed(self._corpus.deliveries), reversed(self._heard), strict=True):
            self._purity.hear_again(delivery, trace)
        self._report("two accounts in turn", 0, 1)
        self._purity.interleave(self._done)

    def measured(self) -> dict[str, Any]:
        """Return how much was looked at."""
        groups: dict[str, int] = {}
        for case in self._corpus.cases:
            groups[case.group] = groups.get(case.group, 0) + 1
        for delivery in self._corpus.deliveries:
            groups[delivery.group] = groups.get(delivery.group, 0) + 1
        requests = sum(len(trace.requests) for performed in self._done for trace in performed.traces)
        return {"cases": groups, "requests": requests}


def _doubts(corpus: Corpus, notes: Notes) -> None:
    """Write down what cannot be known here."""
    stage = corpus.stage
    name, title = stage.manifest.name, stage.manifest.title
    if stage.table is None:
        problem = f"there is no table of {title}: amounts, keys and headers are held against the package's own manifest"
        remedy = f"lay {name}.toml into the folder of provider tables (docs/release_gates.md)"
        notes.doubt("table", f"{MANIFEST_FILE} name", problem, remedy)
    if stage.knowledge is None:
        problem = f"nobody wrote down what {title} answers and signs: only what holds for every provider was examined"
        notes.doubt("expectations", f"{MANIFEST_FILE} name", problem, "look at answers and webhooks by hand")
    elif stage.documents is None:
        problem = f"the published documents of {title} are not at hand: no request was held against them"
        remedy = f"give the folder that holds {stage.knowledge.documents.api}"
        notes.doubt("document", "specifications", problem, remedy)
    if stage.manifest.webhook is None:
        notes.leave_out("webhooks", "the manifest has no webhook")
