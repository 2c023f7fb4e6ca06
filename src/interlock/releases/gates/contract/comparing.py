"""What a package does otherwise than one that is known, over the known one's corpus, and what of it is about money.

The task ``contract_compare`` of :mod:`interlock.releases.gates.isolation`, for the mutation benchmark. What the known
packages do is observed once, in the keeper: they must be code of ours, never a candidate's.
"""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import msgspec

from interlock.base.redaction import scrub
from interlock.gateways.contract import Operation
from interlock.gateways.loader import load_package
from interlock.gateways.manifest import Manifest
from interlock.gateways.package import unpack
from interlock.releases.gates.contract.cases import deliver, perform
from interlock.releases.gates.contract.corpus import Corpus, corpus_of, observe
from interlock.releases.gates.contract.documents import documents_of
from interlock.releases.gates.contract.knowledge import knowledge_of
from interlock.releases.gates.isolation.types import Report
from interlock.releases.gates.observation import Difference, Trace, differences
from interlock.releases.gates.providers.tables import provider_table

_STEP = 200
_KEPT_MAX = 12
_TEXT_MAX = 200
_LEAVES = frozenset({"amount", "value", "amount_to_capture", "amount_minor"})


class Touch(StrEnum):
    """What a difference is about, where it is about money."""

    AMOUNT = "amount"
    CURRENCY = "currency"
    KEY = "idempotency_key"
    SIGNATURE = "signature"


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What to prepare a keeper with: packages of ours by name, and the folder of published documents."""

    packages: dict[str, bytes]
    specifications: str | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The order: a packed package, and the name of the known one. ``whole``: go on after the first money difference."""

    package: bytes
    known: str
    whole: bool = False


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One difference, scrubbed, to be read by people."""

    case: str
    place: str
    before: str | None
    after: str | None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: cases seen and how many of them differ, what is touched, and one example for each of some places."""

    seen: int
    differing: int
    touched: frozenset[Touch]
    examples: tuple[Shown, ...]


class _Side(msgspec.Struct, frozen=True):
    """A known package: its cases, and what it does with each."""

    manifest: Manifest
    corpus: Corpus
    traces: tuple[Trace, ...]


_known: dict[str, _Side] = {}


def prepare(argument: bytes) -> None:
    """Observe the packages of ours that candidates are compared with (:class:`Known` as MessagePack)."""
    order = msgspec.msgpack.decode(argument, type=Known)
    specifications = Path(order.specifications) if order.specifications is not None else None
    for name, packed in order.packages.items():
        loaded = load_package(unpack(packed))
        provider = loaded.manifest.name
        if specifications is not None and (knowledge := knowledge_of(provider)) is not None:
            documents = documents_of(provider, specifications)
            if documents is not None:
                documents.warm(knowledge)
        corpus = corpus_of(loaded.manifest, specifications=specifications, table=provider_table(provider))
        _known[name] = _Side(loaded.manifest, corpus, tuple(observe(loaded, corpus)))


def compare(argument: bytes, report: Report) -> bytes:
    """Compare a package (:class:`Comparison`) with a known one and return :class:`Compared`, both as MessagePack.

    Raises:
        ConfigurationError: the manifest is wrong.
        ConnectorError: the code cannot be imported or does not keep the contract.
        KeyError: nothing of that name was prepared.

    """
    order = msgspec.msgpack.decode(argument, type=Comparison)
    report("load", 0, 1)
    return msgspec.msgpack.encode(compared(order.package, _known[order.known], report, whole=order.whole))


def compared(package: bytes, side: _Side, report: Report, *, whole: bool) -> Compared:
    """Return how a packed package differs from a known side."""
    touched: set[Touch] = set()
    examples: dict[tuple[Operation | None, str], Shown] = {}
    seen = differing = 0
    for before, after in _pairs(package, side, report):
        seen += 1
        if before == after:
            continue
        found = differences(before, after) or _in_bytes(before, after)
        if not found:
            continue
        differing += 1
        touched |= touches(before, after, found, side.manifest)
        for one in found:
            if len(examples) < _KEPT_MAX:
                examples.setdefault((one.operation, one.place), _shown(one))
        if touched and not whole:
            break
    return Compared(seen=seen, differing=differing, touched=frozenset(touched), examples=tuple(examples.values()))


def _in_bytes(before: Trace, after: Trace) -> list[Difference]:
    """Return the difference of requests whose fields are the same and their bytes are not; none where those are too."""
    pairs = zip(before.requests, after.requests, strict=True)
    if all((one.target, one.raw) == (other.target, other.raw) for one, other in pairs):
        return []
    one = Difference(case=before.case, operation=before.operation, place="request bytes", before=None, after=None)
    return [one]


def _pairs(package: bytes, side: _Side, report: Report) -> Iterator[tuple[Trace, Trace]]:
    """Yield for each case what the known package did and what this one does.

    A case of several acts may end sooner than it did; the act that is missing counts as one that did nothing.
    """
    loaded = load_package(unpack(package))
    accounts, known = side.corpus.stage.accounts, iter(side.traces)
    lengths = _lengths(side)
    for number, case in enumerate(side.corpus.cases):
        if number % _STEP == 0:
            report(f"compare {case.name}", number, len(side.corpus.cases))
        before = [next(known) for _ in range(lengths[number])]
        after = list(perform(loaded, accounts[case.account], case).traces)
        for index, trace in enumerate(before):
            missing = Trace(case=trace.case, operation=trace.operation, unfinished=True)
            yield trace, after[index] if index < len(after) else missing
        for trace in after[len(before) :]:
            yield Trace(case=trace.case, operation=trace.operation, unfinished=True), trace
    for number, delivery in enumerate(side.corpus.deliveries):
        if number % _STEP == 0:
            report(f"compare {delivery.name}", number, len(side.corpus.deliveries))
        yield next(known), deliver(loaded, accounts[delivery.account], delivery)


def _lengths(side: _Side) -> list[int]:
    """Return how many traces each case has: as many as it has acts, fewer where one raised."""
    lengths, at = [], 0
    for case in side.corpus.cases:
        count = 0
        while count < len(case.acts):
            count += 1
            if side.traces[at + count - 1].error is not None:
                break
        lengths.append(count)
        at += count
    return lengths


def touches(before: Trace, after: Trace, found: list[Difference], manifest: Manifest) -> set[Touch]:
    """Return which money facts two traces of a case do not share.

    A field counts where the request, result or notification that it belongs to is there in both and speaks of the same
    outcome: what is not asked at all, or is told as *unknown*, is another kind of difference.

    Args:
        before: what the known package did.
        after: what the other did.
        found: how they differ.
        manifest: of the known package: where money and keys stand.

    """
    if (before.signature_invalid is None) != (after.signature_invalid is None) and after.error is None:
        return {Touch.SIGNATURE}
    both = min(len(before.requests), len(after.requests))
    alike = before.result is not None and after.result is not None and before.result.outcome == after.result.outcome
    touched = set()
    for one in found:
        what, _, name = one.place.partition(" ")
        if what.startswith("request"):
            number = int(what.partition("#")[2] or 1)
            if number <= both:
                touched |= _in_request(name, one, manifest)
        elif (what == "result" and alike) or (what.startswith("notification#") and one.before is not None):
            touched |= _in_answer(name)
    return touched


def _in_request(name: str, one: Difference, manifest: Manifest) -> set[Touch]:
    if name == f"header {manifest.idempotency.header.lower()}":
        return {Touch.KEY}
    sent = manifest.sent.get(one.operation) if one.operation is not None else None
    if sent is not None:
        places = ((sent.amount, Touch.AMOUNT), (sent.currency, Touch.CURRENCY))
        for place, touch in places:
            if place and name == f"/{place.removeprefix('/')}":
                return {touch}
    word = name.rpartition("/")[2].rpartition("[")[2].rstrip("]").lower()
    if word == "currency":
        return {Touch.CURRENCY}
    return {Touch.AMOUNT} if word in _LEAVES else set()


def _in_answer(name: str) -> set[Touch]:
    parts = name.split(".")
    if parts[-1] == "currency":
        return {Touch.CURRENCY}
    return {Touch.AMOUNT} if parts[-1] in _LEAVES or name == "captured" else set()


def _shown(one: Difference) -> Shown:
    before, after = (None if text is None else scrub(text)[:_TEXT_MAX] for text in (one.before, one.after))
    operation = f"{one.operation} " if one.operation is not None else ""
    return Shown(
        case=scrub(one.case)[:_TEXT_MAX], place=scrub(f"{operation}{one.place}")[:_TEXT_MAX], before=before, after=after
    )
