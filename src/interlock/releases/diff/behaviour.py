"""What two versions do otherwise in the same cases: requests, results, notifications, by operation and place.

Pure; used by ``comparing``. Traces hold keys and cards, so everything that comes out of here is masked by name of the
place, by shape and by the very values that the versions ran with.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from interlock.base.redaction import CARD, SECRET, scrub_value
from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Change, Manifest
from interlock.releases.diff.types import Behaviour, BehaviourChange, Example, Observed, Severity
from interlock.releases.gates.observation import Difference, Trace, differences, unannounced
from interlock.releases.showing import shown

EXAMPLES_MAX = 3
VALUE_MAX = 200
_SECRET_MIN = 4
_SECRET_HEADERS = frozenset({"authorization", "x-api-key", "proxy-authorization", "cookie", "set-cookie"})
_NUMBERS = frozenset({"number", "pan", "cardnumber", "card_number", "iban", "account_number"})
_DIGITS = re.compile(r"(?:[0-9][ -]?){8,}")
_SCHEME = re.compile(r"(?i)(bearer|basic) ")
_WORD = re.compile(r"[A-Za-z0-9_-]+")
_LAST = {severity: place for place, severity in enumerate(Severity)}
_RESULT_MONEY = ("result outcome", "result echo", "result captured", "result transfer", "notification", "error")
_RESULT_ROUTING = ("result decline_code", "result advice_code", "result network_decline_code")
_MONEY_WORDS = frozenset({"amount", "value", "currency", "amount_to_capture"})

_Key = tuple[Operation | None, str]


class _Secrets(msgspec.Struct, frozen=True):
    """What may not be shown: header names and literal values, longest first."""

    headers: frozenset[str]
    values: tuple[str, ...]


def behaviour_of(observed: Observed, before: Manifest, after: Manifest) -> Behaviour:
    """Return how the traces differ.

    Args:
        observed: the traces of both versions; cases are paired by operation and name.
        before: the manifest as it was: its places of money and headers count too.
        after: the manifest whose ``changes`` announce differences.

    """
    old, new = _by_case(observed.before), _by_case(observed.after)
    found: dict[_Key, list[Difference]] = {}
    for key in old:
        if key in new:
            for difference in differences(old[key], new[key]):
                found.setdefault((difference.operation, difference.place), []).append(difference)
    secrets = _secrets(observed.secrets, (before, after))
    changes = [_change(key, each, secrets, (before, after)) for key, each in found.items()]
    everything = [difference for each in found.values() for difference in each]
    return Behaviour(
        cases=sum(key in new for key in old),
        changes=tuple(sorted(changes, key=_order)),
        only_before=_names(key for key in old if key not in new),
        only_after=_names(key for key in new if key not in old),
        unseen=tuple(_text(each) for each in after.changes if len(unannounced(everything, [each])) == len(everything)),
    )


def _order(change: BehaviourChange) -> tuple[bool, int, str, str]:
    return change.announced, _LAST[change.severity], change.operation or "", change.place


def _by_case(traces: Sequence[Trace]) -> dict[_Key, Trace]:
    return {(trace.operation, trace.case): trace for trace in traces}


def _names(keys: Iterable[_Key]) -> tuple[str, ...]:
    return tuple(shown(f"{operation or 'notification'}: {case}") for operation, case in keys)


def _text(change: Change) -> str:
    return shown(f"{change.operation or 'any operation'}: {change.place}")


def _change(
    key: _Key, found: Sequence[Difference], secrets: _Secrets, manifests: tuple[Manifest, Manifest]
) -> BehaviourChange:
    operation, place = key
    examples: dict[tuple[str | None, str | None], Example] = {}
    for difference in found:
        pair = (difference.before, difference.after)
        if pair not in examples and len(examples) < EXAMPLES_MAX:
            examples[pair] = _example(difference, secrets)
    announcement = next((each for each in manifests[1].changes if not unannounced([found[0]], [each])), None)
    return BehaviourChange(
        operation=operation,
        place=shown(place),
        severity=_severity(place, operation, manifests),
        count=len(found),
        examples=tuple(examples.values()),
        announced=announcement is not None,
        why=None if announcement is None else shown(announcement.why),
    )


def _example(difference: Difference, secrets: _Secrets) -> Example:
    before, after = (_masked(difference.place, value, secrets) for value in (difference.before, difference.after))
    return Example(case=shown(difference.case), before=before, after=after, hidden=before == after)


# -- what may be shown ------------------------------------------------------------------------------------------------


def _secrets(values: Collection[str], manifests: Iterable[Manifest]) -> _Secrets:
    headers = {each.auth.header.lower() for each in manifests} | _SECRET_HEADERS
    long_enough = {value for value in values if len(value) >= _SECRET_MIN}
    return _Secrets(frozenset(headers), tuple(sorted(long_enough, key=len, reverse=True)))


def _masked(place: str, value: str | None, secrets: _Secrets) -> str | None:
    if value is None:
        return None
    kind, _, name = place.rpartition(" ")
    if kind.endswith(" header") and name in secrets.headers:
        scheme = _SCHEME.match(value)
        return f"{scheme[1] if scheme else ''} {SECRET}".strip()
    for secret in secrets.values:
        value = value.replace(secret, SECRET)
    words = _WORD.findall(name)
    word = words[-1].lower() if words else ""
    if word in _NUMBERS:
        value = _DIGITS.sub(CARD, value)
    (scrubbed,) = scrub_value({word: value}).values()
    return shown(scrubbed, longest=VALUE_MAX)


# -- what it touches --------------------------------------------------------------------------------------------------


def _severity(place: str, operation: Operation | None, manifests: tuple[Manifest, Manifest]) -> Severity:
    if place.startswith(_RESULT_MONEY) or place == "unfinished":
        return Severity.MONEY
    if place.startswith(_RESULT_ROUTING):
        return Severity.ROUTING
    if place.startswith("signature"):
        return Severity.SECURITY
    what, _, name = place.partition(" ")
    if not what.startswith("request"):
        return Severity.OTHER
    if name.startswith("header "):
        return _header_severity(name.removeprefix("header "), manifests)
    named = name in {"method", "path", "body"} or name in _money_places(operation, manifests)
    words = _WORD.findall(name)
    return Severity.MONEY if named or (words and words[-1].lower() in _MONEY_WORDS) else Severity.OTHER


def _header_severity(name: str, manifests: tuple[Manifest, Manifest]) -> Severity:
    if any(name == each.idempotency.header.lower() for each in manifests):
        return Severity.MONEY
    is_secret = name in _SECRET_HEADERS or any(name == each.auth.header.lower() for each in manifests)
    return Severity.SECURITY if is_secret else Severity.OTHER


def _money_places(operation: Operation | None, manifests: Iterable[Manifest]) -> set[str]:
    places = set()
    for manifest in manifests:
        sent: Mapping[Operation, object] = manifest.sent
        if operation is not None and operation in sent:
            money = manifest.sent[operation]
            places |= {f"/{each.removeprefix('/')}" for each in (money.amount, money.currency) if each}
    return places
