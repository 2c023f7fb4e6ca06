"""What the events of a change say, as it is kept: facts on the payment path, pictures elsewhere. Pure.

A payment announces its intent twice and its charge once; drawn in full those are six kilobytes, most of them nulls. So
an intent or charge is kept as the value it is, and drawn when somebody reads the event; an intent that was created and
confirmed at once is kept once for both of its events. Everything else is kept as the API showed it.

Called by ``payments.work`` (writing) and by ``events.reading``. Kept forms stay readable: fields may be added to the
values with a default, never renamed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from interlock.base.errors import InvariantError
from interlock.payments.charges.types import Charge
from interlock.payments.intents.creation import as_created, same_creation
from interlock.payments.intents.types import Intent
from interlock.payments.representation.charge import charge as show_charge
from interlock.payments.representation.payment_intent import payment_intent_json

SHOWN, INTENT, CREATED, CREATED_WITH, CHARGE = "shown", "intent", "created", "created_with", "charge"

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
EVENTS_MAX = len(DIGITS)
"""Events of one change: their position is one character of their id."""

_encode = msgspec.json.Encoder().encode
_decode_entries = msgspec.json.Decoder(list[tuple[str, msgspec.Raw]]).decode
_decode_intent = msgspec.json.Decoder(Intent).decode
_decode_charge = msgspec.json.Decoder(Charge).decode
_decode_position = msgspec.json.Decoder(int).decode


class Fact(msgspec.Struct, frozen=True):
    """One event before it is written: its type, the form it is kept in, and its content in that form."""

    type: str
    form: str
    content: Any


def fact_of(kind: str, value: Intent | Charge) -> Fact:
    """Return the fact of type ``kind`` about an intent or charge as it is now."""
    return Fact(kind, CHARGE if isinstance(value, Charge) else INTENT, value)


def fact_of_creation(intent: Intent) -> Fact:
    """Return the fact that ``intent`` was created, whatever happened to it since."""
    return Fact("payment_intent.created", CREATED, intent)


def fact_shown(kind: str, shown: Mapping[str, Any], previous: Mapping[str, Any] | None) -> Fact:
    """Return the fact of type ``kind`` about an object as the API shows it; ``previous`` are the values before."""
    data = {"object": shown} if previous is None else {"object": shown, "previous_attributes": previous}
    return Fact(kind, SHOWN, msgspec.Raw(_encode(data)))


def keep(facts: Sequence[Fact]) -> str:
    """Return the text that is stored of ``facts``.

    Raises:
        InvariantError: there are more than :data:`EVENTS_MAX`.

    """
    if len(facts) > EVENTS_MAX:
        raise InvariantError(f"one change announces {len(facts)} events; at most {EVENTS_MAX}")
    return _encode([_entry(fact, facts) for fact in facts]).decode()


def _entry(fact: Fact, facts: Sequence[Fact]) -> tuple[str, Any]:
    if fact.form == CREATED:
        for position, other in enumerate(facts):
            if other.form == INTENT and same_creation(other.content, fact.content):
                return CREATED_WITH, position
    return fact.form, fact.content


def draw(kept: str, position: int) -> bytes | None:
    """Return the ``data`` of the event at ``position``, as the API shows it; None when there is no such event."""
    entries = _decode_entries(kept)
    if position >= len(entries):
        return None
    form, content = entries[position]
    if form == CREATED_WITH:
        form, content = CREATED, entries[_decode_position(content)][1]
    if form == SHOWN:
        return bytes(content)
    return b'{"object":' + _DRAWN[form](content) + b"}"


def draw_object(kept: str, position: int) -> bytes:
    """Return the object of an event that has no previous attributes: the bytes an answer with it has.

    Raises:
        InvariantError: there is no such event.

    """
    drawn = draw(kept, position)
    if drawn is None:
        raise InvariantError(f"an answer is kept as event {position} of a change that has no such event")
    return drawn[len(b'{"object":') : -1]


def shows(fact: Fact, body: bytes) -> bool:
    """Tell whether the object of ``fact`` is, byte for byte, ``body``."""
    return fact.form == INTENT and payment_intent_json(fact.content) == body


_DRAWN: Mapping[str, Callable[[msgspec.Raw], bytes]] = {
    INTENT: lambda content: payment_intent_json(_decode_intent(content)),
    CREATED: lambda content: payment_intent_json(as_created(_decode_intent(content))),
    CHARGE: lambda content: _encode(show_charge(_decode_charge(content))),
}


def event_id(announcement_id: str, position: int) -> str:
    """Return the id of the event at ``position`` of an announcement."""
    return announcement_id[:-1] + DIGITS[position]


def announcement_of(event: str) -> tuple[str, int]:
    """Return the announcement's id and the position that an event's id names; no position is -1."""
    return event[:-1] + DIGITS[0], DIGITS.find(event[-1:]) if event else -1
