"""``previous_attributes`` of an ``*.updated`` event: what a rendered object said before. Pure."""

from collections.abc import Mapping
from typing import Any


def previous_attributes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the old values of the keys that changed, nested objects reduced to their changed keys.

    Args:
        before: the object as it was shown.
        after: the object as it is shown now; a key it gained was null before.

    """
    changed: dict[str, Any] = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        both = isinstance(old, Mapping) and isinstance(new, Mapping)
        changed[key] = previous_attributes(old, new) if both else old  # type: ignore[arg-type]  # `both` says so
    return dict(sorted(changed.items()))
