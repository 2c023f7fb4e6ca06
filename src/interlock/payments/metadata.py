"""Metadata: the shop's own key-value pairs on an object. Pure; every payments room uses it.

Limits are Stripe's: at most 50 keys, keys of 40 characters without square brackets, values of 500 characters.
"""

from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from interlock.base.problems import Problem, invalid

MAX_KEYS = 50
MAX_KEY_CHARACTERS = 40
MAX_VALUE_CHARACTERS = 500
_SHOWN_CHARACTERS = 60


def check(metadata: Mapping[str, str]) -> Problem | None:
    """Return what is wrong with ``metadata`` as it would be stored, or None."""
    if not metadata:
        return None
    if len(metadata) > MAX_KEYS:
        return invalid(
            f"Metadata can have up to {MAX_KEYS} keys, but this object would have {len(metadata)}.", param="metadata"
        )
    for key, value in metadata.items():
        problem = _check_pair(key, value)
        if problem is not None:
            return problem
    return None


def merge(current: Mapping[str, str], change: Mapping[str, str] | UnsetType | None = UNSET) -> dict[str, str] | Problem:
    """Return ``current`` with ``change`` applied, or what is wrong with the result.

    Args:
        current: what is stored.
        change: pairs to set, where an empty value deletes its key; None clears everything; UNSET leaves all as it is.

    """
    if isinstance(change, UnsetType):
        return dict(current)
    if change is None:
        return {}
    merged = {**current, **change}
    for key, value in change.items():
        if value == "":
            del merged[key]
    return check(merged) or merged


def _check_pair(key: str, value: str) -> Problem | None:
    param = f"metadata[{key[:_SHOWN_CHARACTERS]}]"
    if not key:
        return invalid("Metadata keys cannot be empty.", param="metadata")
    if "[" in key or "]" in key:
        return invalid(f"Metadata keys cannot contain square brackets: {key[:_SHOWN_CHARACTERS]}", param="metadata")
    if len(key) > MAX_KEY_CHARACTERS:
        return invalid(
            f"Metadata keys can have up to {MAX_KEY_CHARACTERS} characters, but you passed in one that is "
            f"{len(key)} characters. Invalid key: {key[:_SHOWN_CHARACTERS]}",
            param=param,
        )
    if len(value) > MAX_VALUE_CHARACTERS:
        return invalid(
            f"Metadata values can have up to {MAX_VALUE_CHARACTERS} characters, but you passed in a value that is "
            f"{len(value)} characters. Invalid value: {value[:_SHOWN_CHARACTERS]}",
            param=param,
        )
    if "\x00" in key or "\x00" in value:
        return invalid("Metadata cannot contain NUL characters.", param="metadata")
    return None
