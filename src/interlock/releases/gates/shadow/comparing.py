"""What two releases do otherwise, and how that is said. Pure.

Differences are gathered by operation and place, so that a field that changed in four hundred recordings is one sentence
with its share of the traffic and one example.
"""

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from interlock.base.redaction import scrub
from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Change, Manifest
from interlock.releases.gates.observation import Difference, SentRequest, Trace, differences, unannounced
from interlock.releases.gates.shadow.strata import described_share, noun
from interlock.releases.gates.shadow.types import Observed, Recording, Slice
from interlock.releases.gates.types import Finding, Verdict

_SHOWN = 160
_LISTED_MAX = 5
_NUMBERED = re.compile(r"^request#\d+ ")
_MONEY = re.compile(
    r"amount|currency|exponent|\bminor|minor_units|remaining|(^|[/._])(value|total|captured)($|[/._])|^(result |)echo"
)
_SIDES = {
    "request": "request",
    "limits": "request",
    "capabilities": "coverage",
    "notification": "webhook",
    "notifications": "webhook",
    "signature": "webhook",
}
_MONEY_RESULTS = frozenset({"result outcome", "result captured"})
_OF_CERTIFY = "cross_version "
"""What is announced to the gate certify: no traffic can show it."""
_GUARDED = (
    "request method",
    "request path",
    "request host",
    "request /amount",
    "request /amount/value",
    "request /amount/currency",
    "request /currency",
    "result outcome",
    "result captured",
    "result echo.amount_minor",
    "result echo.currency",
    "echo",
    "echo mismatch",
)
"""Places that are money, decide an outcome, or decide where a request goes, at whatever provider."""


def all_differences(before: Observed, after: Observed) -> list[Difference]:
    """Return everything that ``after`` shows otherwise than ``before``: the traces', and the switch's own view."""
    found = differences(before.trace, after.trace)
    for number, (old, new) in enumerate(zip(before.trace.requests, after.trace.requests, strict=False)):
        name = "request" if number == 0 else f"request#{number + 1}"
        if _written_otherwise(old, new):
            found.append(_difference(before.trace, f"{name} encoding", repr(old.raw), repr(new.raw)))
    extras: list[tuple[str, Any, Any]] = [
        ("echo", _money(before), _money(after)),
        ("echo mismatch", before.echo_mismatch, after.echo_mismatch),
        ("limits", before.not_sendable, after.not_sendable),
    ]
    return found + [
        _difference(before.trace, place, None if old is None else str(old), None if new is None else str(new))
        for place, old, new in extras
        if old != new
    ]


def lost_abilities(recording: Recording, before: Manifest, after: Manifest) -> list[Difference]:
    """Return what the recorded payment needs that stable declares and the candidate does not: routing would no longer
    send it there.

    Args:
        recording: what was done.
        before: stable's manifest.
        after: the candidate's.

    """
    part = recording.slice
    needed: list[tuple[str, str | None, Callable[[Manifest], bool]]] = [
        ("operations", part.operation.value, lambda each: part.operation in each.capabilities.operations),
        ("networks", part.network, lambda each: part.network in each.capabilities.networks),
        ("methods", part.method, lambda each: part.method in each.capabilities.methods),
        ("currencies", part.currency, lambda each: each.supports_currency(part.currency)),
    ]
    return [
        Difference(
            case=recording.case, operation=part.operation, place=f"capabilities {name}", before=value, after=None
        )
        for name, value, has in needed
        if has(before) and not has(after)
    ]


def _difference(trace: Trace, place: str, before: str | None, after: str | None) -> Difference:
    return Difference(case=trace.case, operation=trace.operation, place=place, before=before, after=after)


def _money(observed: Observed) -> str | None:
    return None if observed.echo is None else f"{observed.echo.amount_minor} {observed.echo.currency}"


def _written_otherwise(old: SentRequest, new: SentRequest) -> bool:
    """Return True for the same fields in other bytes: white space, escapes, spelling of numbers. Only an order that
    changed is no difference: neither forms nor JSON objects have one."""
    return old.fields == new.fields and sorted(old.raw) != sorted(new.raw)


def is_money(place: str, manifests: Iterable[Manifest]) -> bool:
    """Return True where a difference is about how much money moves, or whether it does."""
    bare = _NUMBERED.sub("request ", place)
    if bare in _MONEY_RESULTS or _MONEY.search(bare.lower()):
        return True
    return any(bare in _sent_places(manifest) for manifest in manifests)


def _sent_places(manifest: Manifest) -> set[str]:
    """Return where the manifest says that requests name money, as places of differences."""
    return {
        f"request {field if field.startswith('/') else f'/{field}'}"
        for sent in manifest.sent.values()
        for field in (sent.amount, sent.currency)
        if field is not None
    }


class Group(msgspec.Struct, kw_only=True):
    """All differences of one operation at one place. ``numbers`` are the recordings (or cases) concerned."""

    operation: Operation | None
    place: str
    example: Difference
    numbers: list[int]


def grouped(found: Mapping[int, Sequence[Difference]]) -> list[Group]:
    """Return differences by operation and place, the most frequent first.

    Args:
        found: by number of the recording.

    """
    groups: dict[tuple[Operation | None, str], Group] = {}
    for number, several in found.items():
        for one in several:
            key = one.operation, one.place
            group = groups.setdefault(key, Group(operation=one.operation, place=one.place, example=one, numbers=[]))
            if number not in group.numbers[-1:]:
                group.numbers.append(number)
    return sorted(groups.values(), key=lambda group: -len(group.numbers))


def shown(value: str | None) -> str:
    """Return a value of a difference as it may be shown: scrubbed, not too long."""
    if not value:
        return "absent" if value is None else "empty"
    clean = scrub(value)
    return clean if len(clean) <= _SHOWN else f"{clean[:_SHOWN]}…"


def difference_finding(
    group: Group, share: str, manifests: Sequence[Manifest], check: str = "", under: str = ""
) -> Finding:
    """Return the finding of a group of differences that nobody has announced.

    Args:
        group: what differs.
        share: how much of what was compared is concerned, in words.
        manifests: of both releases.
        check: the check's name where the place does not tell it.
        under: what was made different for this comparison (``, where the answer says null at /error``).

    """
    money = is_money(group.place, manifests)
    about = "money: " if money else ""
    before, after = shown(group.example.before), shown(group.example.after)
    problem = f"{about}{before} became {after} in {share}{under} (such as {group.example.case})"
    operation = "" if group.operation is None else f'operation = "{group.operation}", '
    return Finding(
        check=check or f"shadow.{_side(group.place)}",
        verdict=Verdict.FAILED,
        where=f"{'notification' if group.operation is None else group.operation} {group.place}",
        problem=problem,
        remedy="correct it, or announce it in manifest.toml: "
        f'changes = [{{ {operation}place = {msgspec.json.encode(group.place).decode()}, why = "…" }}]',
        facts={
            "operation": None if group.operation is None else group.operation.value,
            "place": group.place,
            "before": before,
            "after": after,
            "case": group.example.case,
            "count": len(group.numbers),
            "money": money,
        },
    )


def _side(place: str) -> str:
    return _SIDES.get(place.partition(" ")[0].partition("#")[0], "result")


def share_of(group: Group, compared: Mapping[int, Slice]) -> str:
    """Return how much of what was compared a group concerns, in words.

    Args:
        group: what differs.
        compared: the recordings that were compared, by number.

    """
    return described_share([compared[number] for number in group.numbers], list(compared.values()))


def share_of_cases(group: Group, cases: int) -> str:
    """Return how much of the synthetic cases a group concerns, in words."""
    kind = "webhooks" if group.operation is None else noun(group.operation)
    return f"{len(group.numbers)} of {cases} synthetic {kind}"


# Announcements


def covered(found: Iterable[Difference], announced: Sequence[Change]) -> list[int]:
    """Return how many of the differences each announcement covers."""
    several = list(found)
    return [len(several) - len(unannounced(several, [change])) for change in announced]


_DECIDING = ("error", "unfinished", "result outcome")


def causes(left: Sequence[Difference]) -> list[Difference]:
    """Return unannounced differences without those that only follow: where nothing was read any more, or another
    outcome, everything else about the result is another too; where nothing was built, the whole request is gone."""
    places = {one.place for one in left}
    first = next((place for place in _DECIDING if place in places), None)
    if first is None:
        return list(left)
    failed = first == "error"
    return [one for one in left if one.place == first or not (_is_read(one.place) or (failed and _is_gone(one)))]


def _is_gone(difference: Difference) -> bool:
    return difference.place.startswith("request") and difference.after is None


def _is_read(place: str) -> bool:
    return place.startswith(("result ", "echo"))


def sent_empty(found: Sequence[Difference], unannounced_ones: Sequence[Difference]) -> list[Difference]:
    """Return the announced differences that are a new field with nothing in it.

    That a field was announced says that it is wanted where an account has configured something for it; nobody wants it
    sent empty for the accounts that have not.
    """
    return [
        one
        for one in found
        if one not in unannounced_ones
        and one.place.startswith("request")
        and one.before is None
        and one.after in {"", "''", "None"}
    ]


def too_wide(change: Change, manifests: Sequence[Manifest], found: Iterable[Difference] = ()) -> list[str]:
    """Return which places a pattern covers that must be named letter for letter: money, outcomes, paths.

    A wildcard over them would let a hundredfold amount pass with a change of a description.

    Args:
        change: the announcement.
        manifests: of both releases.
        found: the differences that there are: whatever of them is about money counts, however it is called.

    """
    guarded = {*_GUARDED, *(place for manifest in manifests for place in _sent_places(manifest))}
    guarded |= {one.place for one in found if one.place not in guarded and _is_guarded(one.place, manifests)}
    return sorted(place for place in guarded if place != change.place and fnmatch.fnmatchcase(place, change.place))


def _is_guarded(place: str, manifests: Iterable[Manifest]) -> bool:
    return is_money(place, manifests) or _NUMBERED.sub("request ", place) in _GUARDED


def announcement_findings(
    changes: Sequence[Change], found: Iterable[Difference], manifests: Sequence[Manifest]
) -> list[Finding]:
    """Return what is wrong with the announcements themselves.

    Args:
        changes: the candidate's.
        found: all differences, announced or not.
        manifests: of both releases.

    """
    several = list(found)
    findings = []
    for number, (change, count) in enumerate(zip(changes, covered(several, changes), strict=True), 1):
        where = f"manifest.toml changes[{number}] {change.place}"
        if places := too_wide(change, manifests, several):
            findings.append(
                Finding(
                    check="shadow.announcements",
                    verdict=Verdict.FAILED,
                    where=where,
                    problem=f"covers {_listed(places)} by a wildcard",
                    remedy="announce money, outcomes and paths letter for letter, one entry each",
                )
            )
        elif not count and not change.place.startswith(_OF_CERTIFY):
            findings.append(
                Finding(
                    check="shadow.announcements",
                    verdict=Verdict.INCONCLUSIVE,
                    where=where,
                    problem="announces a difference that no recording and no case shows",
                    remedy="remove the entry if it is an old one, or wait until traffic has shown it",
                )
            )
    return findings


def _listed(places: Sequence[str]) -> str:
    few = ", ".join(places[:_LISTED_MAX])
    return few if len(places) <= _LISTED_MAX else f"{few} and {len(places) - _LISTED_MAX} more places"
