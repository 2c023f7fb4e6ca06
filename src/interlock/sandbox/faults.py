"""Faults: rules that make a gateway fail on purpose, for chosen payments, at chosen times, by seeded chance.

Rules are added, listed and removed over the control API. Choosing is pure and repeatable: the same seed and the same
order of requests give the same faults. What a fault does to a reply is in ``mischief``.
"""

import fnmatch
import random
from typing import Literal

import msgspec

from interlock.sandbox.engine import Facts

MAX_FAULTS = 200
MAX_DELAY_MS = 600_000

Kind = Literal[
    "refuse", "decline", "latency", "timeout_before", "timeout_after", "reset_before", "reset_after", "status_5xx",
    "html", "truncated", "empty", "misencoded", "wrong_amount", "wrong_currency", "webhook_duplicate", "webhook_late",
    "webhook_reordered", "webhook_lost", "webhook_bad_signature", "webhook_respaced", "down",
]  # fmt: skip
WEBHOOK_KINDS = frozenset(
    (
        "webhook_duplicate", "webhook_late", "webhook_reordered", "webhook_lost", "webhook_bad_signature",
        "webhook_respaced",
    )
)  # fmt: skip
Choice = str | list[str] | None


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which requests (or webhooks) a fault concerns: every field that is given must fit; a list means any of it.

    ``bin`` is a prefix of the card number's first digits, ``path`` a glob, ``event`` a webhook's type.
    """

    operation: Choice = None
    brand: Choice = None
    currency: Choice = None
    country: Choice = None
    bin: Choice = None
    path: Choice = None
    event: Choice = None


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a fault works: seconds since it was added, and which of the matching requests (counted from 1)."""

    from_s: float = 0.0
    until_s: float | None = None
    every: int = 1
    after: int = 0
    first: int | None = None


class FaultSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault as it is asked for. Parameters that a kind does not know are ignored.

    ``executes`` says whether the payment is booked before the failure is shown (status_5xx, html).
    """

    kind: Kind
    match: Match = Match()
    probability: float = 1.0
    schedule: Schedule = Schedule()
    status: int | None = None
    body: str | None = None
    code: str | None = None
    decline_code: str | None = None
    message: str | None = None
    ms: float = 1000.0
    sigma: float = 0.0
    executes: bool | None = None
    factor: float | None = None
    currency: str | None = None
    for_s: float = 5.0
    variant: str = ""


class Fault(msgspec.Struct):
    """A fault that was added, and how often it matched and hit."""

    id: str
    added_at_ms: int
    spec: FaultSpec
    matched: int = 0
    hits: int = 0


def problem(spec: FaultSpec) -> str | None:
    """Return what is wrong with ``spec`` in one line, or None."""
    if not 0 <= spec.probability <= 1:
        return "probability: must be between 0 and 1"
    if spec.schedule.every < 1 or spec.schedule.after < 0:
        return "schedule: every must be at least 1 and after at least 0"
    if not 0 <= spec.ms <= MAX_DELAY_MS or spec.sigma < 0:
        return f"ms: must be between 0 and {MAX_DELAY_MS}, sigma at least 0"
    if spec.status is not None and not 100 <= spec.status <= 599:
        return "status: must be an HTTP status"
    return None


def _fits(choice: Choice, value: str) -> bool:
    if choice is None:
        return True
    return value.lower() == choice.lower() if isinstance(choice, str) else any(_fits(one, value) for one in choice)


def _starts(choice: Choice, value: str) -> bool:
    if choice is None:
        return True
    choices = [choice] if isinstance(choice, str) else choice
    return any(value.startswith(one) for one in choices)


def _globs(choice: Choice, value: str) -> bool:
    if choice is None:
        return True
    choices = [choice] if isinstance(choice, str) else choice
    return any(fnmatch.fnmatchcase(value, one) for one in choices)


def matches(match: Match, facts: Facts, path: str, event: str) -> bool:
    """Return True when every given field of ``match`` fits."""
    return (
        _fits(match.operation, facts.operation)
        and _fits(match.brand, facts.brand)
        and _fits(match.currency, facts.currency)
        and _fits(match.country, facts.country)
        and _starts(match.bin, facts.bin)
        and _globs(match.path, path)
        and _fits(match.event, event)
    )


class Faults:
    """The faults of one gateway."""

    def __init__(self, seed: int) -> None:
        """Draw from a generator seeded with ``seed``."""
        self._random = random.Random(seed)
        self._faults: dict[str, Fault] = {}
        self._next = 1

    def add(self, spec: FaultSpec, now_ms: int) -> Fault | str:
        """Add a fault; returns it, or what is wrong with it."""
        wrong = problem(spec)
        if wrong is not None:
            return wrong
        if len(self._faults) >= MAX_FAULTS:
            return f"faults: at most {MAX_FAULTS} at a time; delete some first"
        fault = Fault(f"fault_{self._next}", now_ms, spec)
        self._next += 1
        self._faults[fault.id] = fault
        return fault

    def all(self) -> list[Fault]:
        """Return all faults in the order they were added."""
        return [*self._faults.values()]

    def remove(self, fault_id: str) -> bool:
        """Remove one fault; False when there is none of this id."""
        return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Remove every fault."""
        self._faults.clear()

    @property
    def any(self) -> bool:
        """True while there is at least one fault."""
        return bool(self._faults)

    def draw(self, facts: Facts, path: str, now_ms: int) -> list[FaultSpec]:
        """Return what befalls this request: any number of latencies and at most one other fault, in that order."""
        delays: list[FaultSpec] = []
        other: list[FaultSpec] = []
        for fault in self._faults.values():
            kind = fault.spec.kind
            if kind in WEBHOOK_KINDS or kind == "down" or (other and kind != "latency"):
                continue
            if self._strikes(fault, facts, path, "", now_ms):
                (delays if kind == "latency" else other).append(fault.spec)
        return delays + other

    def draw_webhook(self, facts: Facts, event: str, now_ms: int) -> list[FaultSpec]:
        """Return what befalls this webhook."""
        return [
            fault.spec
            for fault in self._faults.values()
            if fault.spec.kind in WEBHOOK_KINDS and self._strikes(fault, facts, "", event, now_ms)
        ]

    def delay_ms(self, spec: FaultSpec) -> float:
        """Return a delay of ``spec``: fixed, or log-normal with median ``ms`` when ``sigma`` is given."""
        if spec.sigma:
            return min(spec.ms * self._random.lognormvariate(0.0, spec.sigma), MAX_DELAY_MS)
        return spec.ms

    def uniform_ms(self, most: float) -> float:
        """Return a random delay between 0 and ``most``."""
        return self._random.uniform(0.0, most)

    def _strikes(self, fault: Fault, facts: Facts, path: str, event: str, now_ms: int) -> bool:
        spec, schedule = fault.spec, fault.spec.schedule
        age_s = (now_ms - fault.added_at_ms) / 1000
        if age_s < schedule.from_s or (schedule.until_s is not None and age_s >= schedule.until_s):
            return False
        if not matches(spec.match, facts, path, event):
            return False
        fault.matched += 1
        place = fault.matched - schedule.after
        if place < 1 or (place - 1) % schedule.every or (schedule.first is not None and fault.hits >= schedule.first):
            return False
        if spec.probability < 1 and self._random.random() >= spec.probability:
            return False
        fault.hits += 1
        return True
