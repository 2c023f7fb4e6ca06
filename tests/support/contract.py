"""What the gate ``contract`` says of packages, in this process and over a part of its cases, which is quick."""

from functools import cache
from pathlib import Path

import msgspec

from interlock.gateways.loader import load_package
from interlock.gateways.manifest import read_manifest
from interlock.gateways.package import MANIFEST_FILE, Package
from interlock.releases.gates.contract.cases import Group
from interlock.releases.gates.contract.corpus import Corpus, corpus_of
from interlock.releases.gates.contract.examination import Examined, examined
from interlock.releases.gates.providers.tables import provider_table
from interlock.releases.gates.types import Finding


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One edit of a built-in package, the check that must find it, and a part of its sentence. ``among`` and ``only``
    (a part of their names) are cases that are enough to see it."""

    provider: str
    file: str
    old: str
    new: str
    check: str
    said: str
    also: tuple[tuple[str, str, str], ...] = ()
    among: tuple[Group, ...] = (Group.MATRIX,)
    only: str = ""


def edits_in(path: Path) -> list[Edit]:
    """Return the edits that a TOML file lists."""
    return msgspec.toml.decode(path.read_bytes(), type=dict[str, list[Edit]])["edit"]


@cache
def whole_corpus(manifest: bytes, specifications: Path | None) -> Corpus:
    """Return every case for a manifest."""
    read = read_manifest(manifest, MANIFEST_FILE)
    return corpus_of(read, specifications=specifications, table=provider_table(read.name))


@cache
def corpus_among(manifest: bytes, specifications: Path | None, groups: tuple[Group, ...], only: str = "") -> Corpus:
    """Return the cases of some groups, those with ``only`` in their names."""
    whole = whole_corpus(manifest, specifications)
    return Corpus(
        whole.stage,
        tuple(case for case in whole.cases if case.group in groups and only in case.name),
        tuple(delivery for delivery in whole.deliveries if delivery.group in groups and only in delivery.name),
    )


def examine(
    package: Package, specifications: Path | None, *groups: Group, twice: bool = True, only: str = ""
) -> Examined:
    """Return what the checks find.

    Args:
        package: what is examined.
        specifications: the published documents' folder.
        groups: the groups of cases to run, all of them without any.
        twice: whether everything is run again, to see that nothing is kept.
        only: a part of the names of the cases to run.

    """
    corpus = corpus_among(package.manifest, specifications, groups or tuple(Group), only)
    return examined(load_package(package), corpus, lambda *_: None, twice=twice)


def examine_some(package: Package, specifications: Path | None, *, every: int) -> Examined:
    """Return what the checks find in one of ``every`` so many cases, run twice."""
    whole = whole_corpus(package.manifest, specifications)
    some = Corpus(whole.stage, whole.cases[::every], whole.deliveries[::every])
    return examined(load_package(package), some, lambda *_: None)


def named(found: Examined, check: str) -> list[Finding]:
    """Return the findings of one check."""
    return [finding for finding in found.findings if finding.check == f"contract.{check}"]
