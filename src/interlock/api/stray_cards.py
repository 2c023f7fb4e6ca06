"""Card numbers where no card is asked for: refused, before a row, an event or a gateway gets them.

Called by the request pipeline for every POST. Card numbers exist in the vault only (design promise 4); a description,
metadata, a name or evidence is stored and shown as it came, so that a number in it can only be kept out. What passes
for one is decided narrowly (:func:`interlock.base.card_numbers.holds_issued_card_number`): a payment must not fail
because of how a shop numbers its orders.
"""

from typing import Any

from interlock.api.forms import shown
from interlock.base.card_numbers import holds_issued_card_number
from interlock.base.problems import Problem, invalid
from interlock.base.redaction import scrub

# Where cards and accounts are asked for; what is there goes to the vault or under its keys.
_VAULTED = frozenset(
    {
        ("card", "number"),
        ("source", "number"),
        ("payment_method_data", "card", "number"),
        ("sepa_debit", "iban"),
        ("payment_method_data", "sepa_debit", "iban"),
        ("file", "data"),  # base64 of an upload
    }
)
_SHORTEST = 13
_NO_DIGITS = bytes(byte for byte in range(256) if not chr(byte).isdecimal())
_CLEAN_NAMES_MAX = 4_096
_CLEAN_NAMES: set[str] = set()

_Path = tuple[str, ...]


def refusal(values: dict[str, Any]) -> Problem | None:
    """Return the refusal of parameters that hold a card number, or None; the number itself is not shown."""
    texts: list[str] = []
    _gather(values, (), texts)
    # One look at all of them costs a fraction of one look at each; a line break holds no number together.
    if not texts or not _may_hold_one("\n".join(texts)):
        return None
    path = _find(values, ())
    if path is None:
        return None
    param = scrub(shown(path))
    return invalid(
        f"{param} holds what looks like a card number. Card numbers may only be given where a card is asked for "
        "(card[number], payment_method_data[card][number]): everything else is stored and shown as it is. If it is a "
        "number of your own, put a letter directly before it.",
        param=param,
    )


def _may_hold_one(text: str) -> bool:
    """Return True when ``text`` holds a card number; most have too few digits, and counting them is quicker."""
    if text.isascii() and len(text.encode().translate(None, _NO_DIGITS)) < _SHORTEST:
        return False
    return holds_issued_card_number(text)


def _gather(node: dict[str, Any], path: _Path, texts: list[str]) -> None:
    """Add to ``texts`` whatever in ``node`` is long enough to hold a card number; names were mostly seen before."""
    for name, value in node.items():
        if len(name) >= _SHORTEST and name not in _CLEAN_NAMES:
            _look_at_name(name, texts)
        if type(value) is str:
            if len(value) >= _SHORTEST and (*path, name) not in _VAULTED:
                texts.append(value)
        else:
            _gather(_hash(value), (*path, name), texts)


def _look_at_name(name: str, texts: list[str]) -> None:
    if holds_issued_card_number(name):
        texts.append(name)
    elif len(_CLEAN_NAMES) < _CLEAN_NAMES_MAX:
        _CLEAN_NAMES.add(name)


def _find(node: dict[str, Any], path: _Path) -> _Path | None:
    """Return the path of the first card number in ``node``."""
    for name, value in node.items():
        here = (*path, name)
        if holds_issued_card_number(name):
            return here
        if type(value) is str:
            if here not in _VAULTED and holds_issued_card_number(value):
                return here
        else:
            found = _find(_hash(value), here)
            if found is not None:
                return found
    return None


def _hash(value: Any) -> dict[str, Any]:
    """Return a hash or a list as a hash."""
    return value if isinstance(value, dict) else {str(place): item for place, item in enumerate(value)}
