"""Outcomes: the vocabulary that everything shares (design section 3)."""

from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from interlock.base.money import Money


class Outcome(StrEnum):
    """What one try at one gateway came to."""

    APPROVED = "approved"
    DECLINED = "declined"
    CHALLENGE = "challenge"
    PENDING = "pending"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"

    @property
    def is_technical_failure(self) -> bool:
        """Return True where the gateway or the integration, not the issuer, is at fault and nothing was charged."""
        return self in _TECHNICAL

    @property
    def may_try_elsewhere(self) -> bool:
        """Return True when another route may be tried without asking anyone."""
        return self in _TECHNICAL

    @property
    def is_settled(self) -> bool:
        """Return True when this try will not change by itself any more."""
        return self not in _OPEN


ALREADY_CAPTURED = "already_captured"
"""Code of a void that was declined because nothing is held any more: the money was taken. A refund gives it back."""

_TECHNICAL = frozenset({Outcome.REFUSED, Outcome.NOT_SENT})
_OPEN = frozenset({Outcome.CHALLENGE, Outcome.PENDING, Outcome.UNKNOWN})


class Phase(StrEnum):
    """How far a request came on the wire; recorded because exception texts do not tell it reliably."""

    BUILD = "build"
    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    WRITE = "write"
    READ = "read"
    DONE = "done"


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What the shopper must do: a redirect by GET or POST. ``continuation`` is the connector's own state, stored
    with the attempt and handed back to ``complete``."""

    url: str
    method: str = "GET"
    data: dict[str, str] = {}
    continuation: dict[str, str] = {}


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Where the shopper sends money by bank transfer, and how much of it is still to come.

    ``account`` is the gateway's own name of the account that receives it; ``addresses`` are that account as banks know
    it, in Stripe's form; ``reference`` belongs into the transfer, ``page`` shows all of it to the shopper.
    """

    kind: str
    account: str
    remaining: Money
    reference: str | None = None
    page: str | None = None
    addresses: tuple[dict[str, Any], ...] = ()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector made of the gateway's answer.

    ``echo`` is the money the answer speaks of (None when the answer carries none); the switch compares it with
    what was asked for through its own extractor too. ``code`` and ``message`` are the gateway's raw words, already
    free of card data. ``decline_code``/``advice_code`` use Stripe's vocabulary. ``network_transaction_id`` and
    ``stored_credential_reference`` are kept for later merchant-initiated payments. ``transfer`` comes with ``pending``
    where the shopper has to send the money.
    """

    outcome: Outcome
    gateway_reference: str | None = None
    echo: Money | None = None
    code: str | None = None
    message: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    challenge: Challenge | None = None
    transfer: Transfer | None = None
    network_transaction_id: str | None = None
    stored_credential_reference: str | None = None
    authorisation_code: str | None = None
    cvc_check: str | None = None
    postal_code_check: str | None = None
    address_line1_check: str | None = None
    three_d_secure: dict[str, str] | None = None
    captured: bool | None = None


S = TypeVar("S", bound=msgspec.Struct)


def holds_nul(body: bytes) -> bool:
    """Return True when text made of ``body`` may hold a NUL: plain, or as JSON writes it."""
    return b"\0" in body or b"\\u0000" in body


def storable(value: S) -> S:
    """Return ``value`` (a result or a notification) with every NUL in its texts replaced.

    No row can hold one, and nothing that a gateway says may keep an outcome from being written down.
    """
    return msgspec.convert(_without_nul(msgspec.to_builtins(value)), type=type(value))


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(inner) for name, inner in value.items()}
    return [_without_nul(inner) for inner in value] if isinstance(value, list | tuple) else value


def unknown(code: str, message: str | None = None, *, gateway_reference: str | None = None) -> Result:
    """Return the result for an answer that cannot be classified: it may have been executed.

    Args:
        code: a short machine word, the gateway's own where it has one.
        message: the gateway's words, without card data.
        gateway_reference: the payment or follow-on object, when the answer named it.

    """
    return Result(outcome=Outcome.UNKNOWN, code=code, message=message, gateway_reference=gateway_reference)


def refused(code: str, message: str | None = None, *, gateway_reference: str | None = None) -> Result:
    """Return the result for a request that the gateway rejected and certainly did not execute.

    Args:
        code: the gateway's error code.
        message: the gateway's words, without card data.
        gateway_reference: the payment or follow-on object, when the answer named it.

    """
    return Result(outcome=Outcome.REFUSED, code=code, message=message, gateway_reference=gateway_reference)


def not_sent(code: str, message: str | None = None) -> Result:
    """Return the result for an operation that was certainly never executed because it never got there.

    Args:
        code: a short machine word (``amount_not_expressible``, ``connect``, ``not_found``).
        message: what happened, without card data.

    """
    return Result(outcome=Outcome.NOT_SENT, code=code, message=message)
