"""Values of the release diff. All of them can be written as JSON; no text in them holds a secret or a card number."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from interlock.gateways.contract import Operation
from interlock.gateways.package import Package
from interlock.releases.gates.observation import Trace


class Severity(StrEnum):
    """What a change touches, as a hint for whoever reads a diff; in the order in which it should be read.

    ``money``: what is charged, what counts as charged, or how that is found out. ``security``: who gets keys and cards,
    and what is believed. ``routing``: which payments come here, and which go on elsewhere.
    """

    MONEY = "money"
    SECURITY = "security"
    ROUTING = "routing"
    OTHER = "other"


class Group(StrEnum):
    """Parts of a manifest, in the order in which they are shown."""

    IDENTITY = "identity"
    HOSTS = "hosts_and_authentication"
    ACCOUNT = "credentials_and_settings"
    CAPABILITIES = "capabilities"
    LIMITS = "timeouts_and_limits"
    REPETITION = "idempotency_retry_inquiry"
    WEBHOOK = "webhook"
    MONEY = "echo_and_sent"
    CURRENCIES = "currencies"
    ANNOUNCED = "announced_changes"


class State(StrEnum):
    """What became of something between two releases."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


def state_of(before: object, after: object) -> State:
    """Return what became of something that was ``before`` and is ``after``; None is absence."""
    if before is None:
        return State.ADDED
    return State.REMOVED if after is None else State.CHANGED


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a diff: a package and how an account runs it.

    ``credentials`` is credential → *name* of what it refers to, never a value.
    """

    package: Package
    settings: dict[str, str] = {}
    credentials: dict[str, str] = {}
    release_id: str | None = None


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What both versions did in the same cases. ``secrets`` are the values that both ran with, so that they are shown
    nowhere; they are not kept."""

    before: Sequence[Trace]
    after: Sequence[Trace]
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return how many cases there are."""
        return f"Observed({len(self.before)} before, {len(self.after)} after)"

    __str__ = __repr__


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """Which version one side is."""

    package_id: str
    release_id: str | None
    name: str
    title: str
    api_version: str


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the manifest. ``added`` and ``removed`` are filled where the field is a set (operations, networks,
    subscriptions …); ``before`` and ``after`` are None where the field, or its whole entry, does not exist."""

    group: Group
    path: str
    severity: Severity
    before: Any
    after: Any
    meaning: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class RowChange(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a table: ``raw`` is the provider's word or the currency, ``before`` and ``after`` its meaning."""

    table: str
    raw: str
    severity: Severity
    before: str | None
    after: str | None
    meaning: str


class ValueChange(msgspec.Struct, frozen=True, kw_only=True):
    """One setting, or one credential by the name of what it refers to."""

    name: str
    severity: Severity
    before: str | None
    after: str | None
    meaning: str


class PartChange(msgspec.Struct, frozen=True, kw_only=True):
    """One function, class or constant of a module, by qualified name."""

    name: str
    kind: str
    state: State


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the package. ``only_text`` says that nothing but comments, formatting or docstrings changed;
    ``problem`` why a module could not be taken apart. ``text`` is the unified diff, line by line."""

    name: str
    state: State
    parts: tuple[PartChange, ...] = ()
    only_text: bool = False
    problem: str | None = None
    text: tuple[str, ...] = ()


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One case in which both versions differ. ``hidden`` says that both sides were masked and look alike now."""

    case: str
    before: str | None
    after: str | None
    hidden: bool = False


class BehaviourChange(msgspec.Struct, frozen=True, kw_only=True):
    """One place of requests or results that differs, over all cases of an operation (None: notifications).

    ``examples`` are different pairs of values, the first of ``count`` cases among them. ``why`` is the manifest's
    announcement where there is one.
    """

    operation: Operation | None
    place: str
    severity: Severity
    count: int
    examples: tuple[Example, ...]
    announced: bool
    why: str | None = None


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """What both versions do in the same cases. ``unseen`` are announcements that no case showed."""

    cases: int
    changes: tuple[BehaviourChange, ...] = ()
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


class ReleaseDiff(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that differs between two versions; ``behaviour`` is None where nothing was observed."""

    before: Side
    after: Side
    fields: tuple[FieldChange, ...] = ()
    rows: tuple[RowChange, ...] = ()
    settings: tuple[ValueChange, ...] = ()
    credentials: tuple[ValueChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    behaviour: Behaviour | None = None

    @property
    def is_empty(self) -> bool:
        """Return True where nothing differs."""
        parts = (self.fields, self.rows, self.settings, self.credentials, self.files)
        return not any(parts) and (self.behaviour is None or not self.behaviour.changes)

    @property
    def unannounced(self) -> tuple[BehaviourChange, ...]:
        """Return the changes of behaviour that the manifest does not announce."""
        return () if self.behaviour is None else tuple(each for each in self.behaviour.changes if not each.announced)

    def severities(self) -> dict[Severity, int]:
        """Return how many changes of each severity there are, most serious first; files have none."""
        seen = [each.severity for each in self.fields] + [each.severity for each in self.rows]
        seen += [each.severity for each in (*self.settings, *self.credentials)]
        seen += [] if self.behaviour is None else [each.severity for each in self.behaviour.changes]
        return {severity: seen.count(severity) for severity in Severity if severity in seen}
