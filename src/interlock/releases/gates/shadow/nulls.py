"""Answers in which the gateway says *null* where it said nothing before. Pure.

A provider may begin to send a field empty that it used to leave out, without a word, at any time; a connector that
takes the absence of an error's key for success then reports charged payments as failed. So answers of every kind are
read once more with each key that other answers of the operation carry, as null.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from interlock.releases.gates.shadow.types import RecordedAnswer, Recording

replace = msgspec.structs.replace
Place = tuple[str, ...]


class NullProbe(msgspec.Struct, frozen=True, kw_only=True):
    """One recording whose last answer says null at ``place`` (keys from the document's top)."""

    recording: int
    place: Place

    @property
    def pointer(self) -> str:
        """Return the place as a JSON pointer."""
        return "".join(f"/{key}" for key in self.place)


def null_probes(recordings: Sequence[Recording], limit: int) -> list[NullProbe]:
    """Return what to try: for one recording of each operation and outcome, every key that it lacks and others have.

    Args:
        recordings: in the order in which examples are taken.
        limit: how many probes at most.

    """
    keys: dict[str, set[Place]] = {}
    examples: dict[tuple[str, str], int] = {}
    for number, recording in enumerate(recordings):
        document = _document(recording)
        if document is None:
            continue
        operation = recording.slice.operation.value
        examples.setdefault((operation, recording.slice.outcome), number)
        keys.setdefault(operation, set()).update(_places(document, ()))
    probes = [
        NullProbe(recording=number, place=place)
        for (operation, _), number in examples.items()
        for place in sorted(keys[operation])
        if _lacks(_document(recordings[number]), place)
    ]
    return probes[:limit]


def with_null(recording: Recording, place: Place) -> Recording:
    """Return ``recording`` with a null at ``place`` of its last answer."""
    last = recording.answers[-1]
    document = msgspec.json.decode(last.body)
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = None
    body = msgspec.json.encode(document).decode()
    return replace(recording, answers=(*recording.answers[:-1], replace(last, body=body)))


def _document(recording: Recording) -> Any:
    if not recording.answers or recording.unanswered:
        return None
    return _decoded(recording.answers[-1])


def _decoded(answer: RecordedAnswer) -> Any:
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        return None


def _places(document: Any, place: Place) -> Iterator[Place]:
    """Yield the place of every key, as far as only objects lead there."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield (*place, key)
            yield from _places(value, (*place, key))


def _lacks(document: Any, place: Place) -> bool:
    """Return True where the object that would carry the key is there and the key is not."""
    for key in place[:-1]:
        document = document.get(key) if isinstance(document, dict) else None
    return isinstance(document, dict) and place[-1] not in document
