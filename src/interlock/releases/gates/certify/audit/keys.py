"""Idempotency keys, as they were sent: whatever changes something carries one, for one operation alone. Pure."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import msgspec

from interlock.releases.gates.certify.audit.comparing import Difference
from interlock.releases.gates.certify.watching import Sent

_SENDS = re.compile(r"-\d{1,3}(?=$|-)")
"""What a key ends with when a refused operation is deliberately sent again."""


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider promises of keys: the header they travel in, and how long they may be."""

    header: str
    key_max_length: int


def check_keys(
    sent: Iterable[Sent], promises: Mapping[str, Promise], case_of: Callable[[str], str]
) -> list[Difference]:
    """Return what is wrong with the keys of ``sent``.

    Args:
        sent: every request, oldest first.
        promises: by release.
        case_of: returns the case of an attempt.

    """
    found: dict[tuple[str, str], Difference] = {}

    def differs(what: str, one: Sent, problem: str) -> None:
        case = case_of(one.reference)
        difference = Difference(check="keys", case=case, problem=problem, facts={"attempt": one.reference})
        found.setdefault((what, case), difference)

    users: dict[str, set[str]] = defaultdict(set)
    places: dict[str, set[tuple[str, str]]] = defaultdict(set)
    keys: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for one in sent:
        promise = promises.get(one.release_id)
        if one.method == "GET" or promise is None:
            continue
        if not one.key:
            told = f"{one.asked} sends {one.method} {_shape(one)} without an idempotency key ({promise.header})"
            differs("missing", one, told)
            continue
        if len(one.key) > promise.key_max_length:
            told = f"{one.asked} sends a key of {len(one.key)} characters, {promise.key_max_length} are allowed"
            differs("length", one, told)
        users[one.key].add(one.reference)
        places[one.key].add((one.method, one.path))
        keys[one.reference, one.method, one.path].add(_SENDS.sub("", one.key))
        if len(users[one.key]) > 1:
            differs("shared", one, f"{one.asked} uses the idempotency key of another operation")
        elif len(places[one.key]) > 1:
            differs("place", one, f"{one.asked} uses one idempotency key for two requests of different meaning")
        if len(keys[one.reference, one.method, one.path]) > 1:
            told = f"{one.asked} sends {one.method} {_shape(one)} again under another key: it can be executed twice"
            differs("changed", one, told)
    return list(found.values())


def _shape(one: Sent) -> str:
    """Return the path without ids."""
    path = one.path.partition("?")[0]
    return "/".join("…" if any(character.isdigit() for character in part[3:]) else part for part in path.split("/"))
