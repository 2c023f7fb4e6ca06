"""Compares two manifests field by field; the tables of codes and currencies are ``tables``' business.

Pure; used by ``comparing``. Order and defaults do not show: a field that is written out with its default equals one
that is left out, and a set in another order is the same set.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from interlock.gateways.manifest import Manifest
from interlock.releases.diff.meanings import ROWS, Edit
from interlock.releases.diff.types import FieldChange, Group
from interlock.releases.showing import shown

NAMED = frozenset({"credentials", "settings", "echo", "sent"})
"""Fields that hold entries by name; an entry comes and goes as a whole."""

ORDERED = frozenset({"retry.inquiry_delays_ms"})
"""Lists whose order says something; every other list is a set."""

_IN_TABLES = frozenset({"codes", "currencies.exponents", "currencies.multiples"})
_GROUPS = {group: place for place, group in enumerate(Group)}


def field_changes(before: Manifest, after: Manifest) -> tuple[FieldChange, ...]:
    """Return every field that differs, by group and path."""
    old, new = _plain(before), _plain(after)
    found = [_told(path, mine, theirs) for path, mine, theirs in _walk((), old, new)]
    return tuple(sorted(found, key=lambda change: (_GROUPS[change.group], change.path)))


def _plain(manifest: Manifest) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(manifest))  # lists, where the manifest has tuples
    plain["changes"] = [_announcement(each) for each in plain["changes"]]
    return plain


def _announcement(change: dict[str, Any]) -> str:
    return f"{change['operation'] or 'any operation'}: {change['place']} ({change['why']})"


def _walk(path: tuple[str, ...], old: Any, new: Any) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield path, before and after of every field that differs; None where a whole entry is absent."""
    if ".".join(path) in _IN_TABLES or old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in (*old, *(name for name in new if name not in old)):
            yield from _walk((*path, name), old.get(name), new.get(name))
    elif ".".join(path) in ORDERED or not isinstance(old, list) or set(old) != set(new):
        yield path, old, new


def _told(path: tuple[str, ...], old: Any, new: Any) -> FieldChange:
    named = path[0] in NAMED
    row = ROWS[".".join((path[0], "*", *path[2:]) if named else path)]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    if isinstance(old, list) and isinstance(new, list) and ".".join(path) not in ORDERED:
        added = tuple(sorted(set(new) - set(old)))
        removed = tuple(sorted(set(old) - set(new)))
    edit = Edit(before=old, after=new, key=path[1] if named else "", added=added, removed=removed)
    return FieldChange(
        group=row.group,
        path=shown(".".join(path)),
        severity=row.severity,
        before=_kept(old),
        after=_kept(new),
        meaning=row.tell(edit),
        added=tuple(map(shown, added)),
        removed=tuple(map(shown, removed)),
    )


def _kept(value: Any) -> Any:
    """Return what the diff keeps of a value: numbers and truth values as they are, texts as they may be shown, of an
    entry what it says."""
    if isinstance(value, dict):
        return {shown(name): _kept(inner) for name, inner in value.items() if inner not in (None, [], (), "", False)}
    if isinstance(value, list):
        return [_kept(inner) for inner in value]
    return shown(value) if isinstance(value, str) else value
