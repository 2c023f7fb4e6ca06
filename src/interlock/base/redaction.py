"""Redaction: takes card data and secrets out of anything that will be kept or shown.

Called by every room before a text, a payload or an exception leaves it for a log, a row, a page or an event. It is the
last net, not the first: card numbers are not supposed to reach these places (design promise 4).

What goes: card numbers (:mod:`interlock.base.card_numbers`), bank accounts (:mod:`interlock.base.ibans`), card
verification codes by field name, API keys, operators' tokens, webhook and client secrets, credential headers. What must
stay: our ids, amounts, times, hashes.
"""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import msgspec

from interlock.base.card_numbers import card_number_spans, is_card_number
from interlock.base.ibans import iban_spans

CARD = "[card]"
IBAN = "[iban]"
CODE = "[cvc]"
SECRET = "[secret]"  # noqa: S105 - the marker that replaces a secret

Plain = Any
"""What JSON can hold: the caller knows the shape that went in, and the same comes out."""

_MAX_DEPTH = 40

_KEY = re.compile(r"(?<![0-9A-Za-z])((?:[spr]k)_(?:live|test)_|whsec_|iop_)[0-9A-Za-z+/=_]{6,}")
_CLIENT_SECRET = re.compile(r"((?<![0-9A-Za-z])[a-z]{2,8}_[0-9A-Za-z]{8,64}_secret_)[0-9A-Za-z]{4,}")
_QUOTES = r"(?:\\{0,3}[\"']|%(?:25)?2[27]|\]|%(?:25)?5[Dd]){0,3}"
_IS = (  # what stands between a field's name and its value, in forms, JSON, headers and reprs, escaped or not
    rf"{_QUOTES}\s{{0,4}}(?:=>|=|:|%(?:25)?3[DdAa]|,(?=\s?[\"'b]))\s{{0,4}}"
    r"(?:%20|\+)?(?:b(?=[\"']))?(?:\\{0,3}[\"']|%(?:25)?2[27])?"
)
_CODE_FIELD = re.compile(  # begins with a character class, see card_numbers; "5B" ends an encoded bracket
    r"([cs](?:(?<![A-Za-z0-9][cs])|(?<=5B[cs]))"
    r"(?:(?<=c)(?:ard[._\-\[]?(?:cvc|cvv)|vc2?|vv2?|vn|sc|id|av2?|ard_?verification(?:_?(?:value|code|number))?|ard_?code)"
    rf"|(?<=s)ecurity_?code){_IS})(?:[0-9]|%3[0-9]|\\u003[0-9]){{3,4}}(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_CODE_HINTS = ("cv", "csc", "cid", "cav", "card", "securit")
_OUR_ID = r"[a-z]{2,9}_[0-9A-Za-z]{24}(?![0-9A-Za-z_])"
_HEADER_FIELD = re.compile(
    rf"((?:(?<![A-Za-z0-9])|(?<=5B))(?:(?:proxy-)?authorization{_IS}(?=(?:basic|bearer)\b|[^\s\"']{{16}})"
    rf"|(?:x-api-key|api[_-]?key|client_secret|password|secret_key|hmac_?key|webhook_secret){_IS}))"
    rf"((?:(?:basic|bearer)(?:\s|%20|\+){{1,3}})?)(?!\[secret\]|null\b|{_OUR_ID})[^\s\"'&,;\\}}%]{{4,}}",
    re.IGNORECASE,
)
_HEADER_HINTS = ("authorization", "api-key", "api_key", "apikey", "secret", "password", "hmac")

# fmt: off
_CODE_KEYS = frozenset({
    "cvc", "cvc2", "cvv", "cvv2", "cvn", "csc", "cid", "security_code", "securitycode", "card_code",
    "card_verification_value",
})
_SECRET_KEYS = frozenset({
    "authorization", "proxy-authorization", "x-api-key", "api_key", "apikey", "api-key", "client_secret", "password",
    "secret", "secret_key", "webhook_secret", "hmac_key", "private_key", "credentials", "sealed_credentials",
})
# fmt: on


def _without(text: str, spans: Sequence[tuple[int, int]], marker: str) -> str:
    if not spans:
        return text
    kept: list[str] = []
    position = 0
    for start, end in spans:
        kept += (text[position:start], marker)
        position = end
    kept.append(text[position:])
    return "".join(kept)


def scrub(text: str) -> str:
    """Return ``text`` without card numbers, IBANs, verification codes and secrets; the rest is left as it is."""
    lowered = text.lower()
    if "_test_" in lowered or "_live_" in lowered or "whsec_" in lowered or "iop_" in lowered:
        text = _KEY.sub(rf"\1{SECRET}", text)
    if "_secret_" in lowered:
        text = _CLIENT_SECRET.sub(rf"\1{SECRET}", text)
    if any(hint in lowered for hint in _HEADER_HINTS):
        text = _HEADER_FIELD.sub(rf"\1\2{SECRET}", text)
    if any(hint in lowered for hint in _CODE_HINTS):
        text = _CODE_FIELD.sub(rf"\1{CODE}", text)
    text = _without(text, iban_spans(text), IBAN)  # first: a part of one may pass for a card number
    return _without(text, card_number_spans(text), CARD)


def scrub_bytes(data: bytes) -> bytes:
    """Return ``data`` scrubbed byte for byte: any encoding that keeps ASCII as ASCII survives unharmed."""
    return scrub(data.decode("latin-1")).encode("latin-1")


def _scrub_field(name: object, value: object, depth: int) -> Plain:
    if isinstance(name, str) and value is not None and not isinstance(value, bool):
        lowered = name.lower()
        if lowered in _CODE_KEYS:
            return CODE
        if lowered in _SECRET_KEYS:
            return SECRET
    return _scrub_any(value, depth)


def _scrub_any(value: object, depth: int) -> Plain:
    if isinstance(value, str):
        return scrub(value)
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return CARD if is_card_number(str(abs(value))) else value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return scrub_bytes(bytes(value))
    if depth >= _MAX_DEPTH:
        return "[too deep]"
    if isinstance(value, Mapping):
        return {_scrub_any(name, depth + 1): _scrub_field(name, inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_scrub_any(inner, depth + 1) for inner in value]
    if isinstance(value, msgspec.Struct):
        return {name: _scrub_field(name, getattr(value, name), depth + 1) for name in value.__struct_fields__}
    return scrub(repr(value))


def scrub_value(value: object) -> Plain:
    """Return plain data (dict, list, text, numbers) made from ``value`` with card data and secrets taken out.

    Fields are judged by name too: a verification code or a credential goes whatever it looks like. Structs become
    dicts, tuples and sets become lists, anything unknown becomes its scrubbed ``repr``.
    """
    return _scrub_any(value, 0)


def exception_text(error: BaseException) -> str:
    """Return the scrubbed traceback of ``error`` with the whole chain of causes and contexts."""
    return scrub("".join(traceback.format_exception(error)))


# --- logging ---------------------------------------------------------------------------------------------------------

_PLAIN_RECORD_FIELDS = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message",
    "asctime",
    "taskName",
}


def scrub_record(record: logging.LogRecord) -> logging.LogRecord:
    """Scrub one log record in place: message with its arguments, traceback, stack and extra fields."""
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001 - a wrong format string must not stop what was being logged
        message = f"{record.msg!r} (its arguments do not fit)"
    record.msg, record.args = scrub(message), None
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = exception_text(record.exc_info[1])
    elif record.exc_text:
        record.exc_text = scrub(record.exc_text)
    record.exc_info = None  # a formatter that renders it again would render it unscrubbed
    if record.stack_info:
        record.stack_info = scrub(record.stack_info)
    for name in record.__dict__.keys() - _PLAIN_RECORD_FIELDS:
        record.__dict__[name] = _scrub_field(name, record.__dict__[name], 0)
    return record


class RedactingFilter(logging.Filter):
    """A filter for handlers that lets everything pass, scrubbed."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Scrub ``record`` and keep it."""
        scrub_record(record)
        return True


def _redacting_factory(*args: Plain, **kwargs: Plain) -> logging.LogRecord:
    return scrub_record(logging.LogRecord(*args, **kwargs))


def _report_uncaught(_kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
    sys.stderr.write(exception_text(error))


def _report_thread(uncaught: threading.ExceptHookArgs) -> None:
    if uncaught.exc_value is not None and not isinstance(uncaught.exc_value, SystemExit):
        _report_uncaught(uncaught.exc_type, uncaught.exc_value, None)


def _report_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    if unraisable.exc_value is not None:
        _report_uncaught(unraisable.exc_type, unraisable.exc_value, None)


def install_redaction() -> None:
    """Scrub every log record of this process, warnings and uncaught exceptions included. Safe to call again.

    Records are scrubbed where they are made, so that a handler added later by anybody sees nothing else; handlers
    present now also get a filter, because ``extra`` fields are attached after that point.
    """
    logging.setLogRecordFactory(_redacting_factory)
    logging.captureWarnings(capture=True)
    for handler in logging.getLogger().handlers:
        if not any(isinstance(present, RedactingFilter) for present in handler.filters):
            handler.addFilter(RedactingFilter())
    sys.excepthook = _report_uncaught
    threading.excepthook = _report_thread
    sys.unraisablehook = _report_unraisable
