"""What became of one mutant, and what mutants come to together. Pure.

A mutant is *equivalent* where nothing that can be observed tells it from the original: every request, result and
notification over the whole corpus of the gate ``contract``, and every value that the switch reads in the manifest. One
that a gate after ``contract`` stops is none, whatever the corpus shows; nor is one that is ``hidden`` by its nature.
"""

import re
from collections.abc import Iterable

import msgspec
from benchmarks.mutants.mutant import Mutant

from interlock.gateways.package import MANIFEST_FILE, Package
from interlock.releases.gates.contract.comparing import Shown, Touch
from interlock.releases.gates.types import Gate, Verdict

_PLACES = {
    "currencies": Touch.CURRENCY,
    "sent": Touch.AMOUNT,
    "echo": Touch.AMOUNT,
    "idempotency": Touch.KEY,
}
_SIGNATURE_FIELDS = frozenset({"scheme", "credential", "signature_header", "tolerance_ms"})
_WORDS = (
    (Touch.AMOUNT, re.compile(r"amount|to_provider|from_provider|\bminor\b|_minor\b|\becho\b")),
    (Touch.CURRENCY, re.compile(r"currenc")),
    (Touch.KEY, re.compile(r"idempotency")),
    (Touch.SIGNATURE, re.compile(r"hmac|signature|compare_digest|\bsigned\b")),
)


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """Where a mutant was stopped: by which gate and check, with which verdict, and the sentence."""

    gate: Gate
    check: str
    verdict: Verdict
    said: str


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a mutant in a canary against shoppers; see ``live``."""

    ended: str
    purchases: int
    on_candidate: int
    hurt: tuple[str, ...]
    seconds: float


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a mutant. ``observed`` says how many cases of the corpus show it, None where it cannot be loaded.

    ``touched`` is what it does to money, by what was observed; ``placed`` what the changed place is about.
    ``certified`` says that ``certify`` was asked. ``shadow`` is the sentence with which that gate stopped it over
    recorded traffic: empty where it did not, None where it was not asked.
    """

    id: str
    family: str
    gateway: str
    operator: str
    diff: str
    stop: Stop | None
    equivalent: bool
    observed: int | None
    touched: frozenset[Touch]
    placed: frozenset[Touch]
    examples: tuple[Shown, ...] = ()
    certified: bool = False
    shadow: str | None = None
    live: Live | None = None
    errors: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def survives(self) -> bool:
        """Return True for a bad release that none of the gates stopped which need no traffic."""
        return self.stop is None and not self.equivalent

    @property
    def stopped_before_live(self) -> bool:
        """Return True where a gate stopped it before it could take money."""
        return self.stop is not None or bool(self.shadow)

    @property
    def money(self) -> bool:
        """Return True where an amount, a currency, an idempotency key or a signature check is not as it was."""
        return not self.equivalent and bool(self.touched or self.placed)


def placed(mutant: Mutant, original: Package) -> frozenset[Touch]:
    """Return what the changed place is about: by the manifest's table, or by the words of the changed lines of code."""
    if mutant.touches is not None:
        return frozenset({Touch(mutant.touches)})
    if mutant.file == MANIFEST_FILE:
        table, *rest = mutant.place.split(".")
        if table == "webhook" and (not rest or rest[0] in _SIGNATURE_FIELDS):
            return frozenset({Touch.SIGNATURE})
        return frozenset({_PLACES[table]} if table in _PLACES else ())
    text = "\n".join(changed_lines(mutant.diff(original)))
    return frozenset(touch for touch, words in _WORDS if words.search(text))


def changed_lines(diff: str) -> list[str]:
    """Return the lines that a unified diff takes away or adds."""
    lines = diff.splitlines()[2:]
    return [line[1:] for line in lines if line[:1] in {"-", "+"}]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table: how many bad releases of one kind were stopped where."""

    name: str
    mutants: int
    equivalent: int
    stopped: dict[Gate, int]
    survived: int

    @property
    def stopped_share(self) -> float | None:
        """Return which part of the bad releases was stopped before it could take money; None where there were none."""
        bad = self.mutants - self.equivalent
        return 1 - self.survived / bad if bad else None


def row(name: str, judged: Iterable[Judged]) -> Row:
    """Count ``judged``."""
    everyone = list(judged)
    bad = [one for one in everyone if not one.equivalent]
    stopped: dict[Gate, int] = {}
    for one in bad:
        gate = one.stop.gate if one.stop is not None else Gate.SHADOW if one.shadow else None
        if gate is not None:
            stopped[gate] = stopped.get(gate, 0) + 1
    return Row(
        name=name,
        mutants=len(everyone),
        equivalent=len(everyone) - len(bad),
        stopped=stopped,
        survived=len(bad) - sum(stopped.values()),
    )
