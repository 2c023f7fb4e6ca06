"""What a failure on the wire means: decided by the phase it happened in, never by the exception's text.

Used by the transport. Before the first byte was written the request is provably not executed (``not_sent``); from then
on it may have been (``unknown``). The exception only chooses the code that people read.
"""

import socket
import ssl

import aiohttp

from interlock.base.redaction import scrub
from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Phase, Result, not_sent, unknown
from interlock.gateways.wire import BodyTooLargeError, StalledWriteError, WithdrawnError

_UNSENT = frozenset({Phase.BUILD, Phase.RESOLVE, Phase.CONNECT, Phase.TLS})
_MAX_MESSAGE = 300

# For these, "our request did not get through" proves nothing: the payment they ask about was begun long before.
_ABOUT_THE_PAST = frozenset({Operation.INQUIRE, Operation.COMPLETE})

WITHDRAWN = "release_withdrawn"
"""Code of a request that was not sent because its release was taken back meanwhile."""

_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "certificate"),
    (ssl.SSLError, "tls"),
    (socket.gaierror, "name_resolution"),
    (BodyTooLargeError, "answer_too_large"),
    (StalledWriteError, "timeout"),
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "refused"),
    (aiohttp.ServerDisconnectedError, "disconnected"),
    (aiohttp.ClientPayloadError, "truncated"),
    (aiohttp.ClientOSError, "reset"),
    (OSError, "network"),
)


def failure_code(error: BaseException, phase: Phase) -> str:
    """Return a stable word such as ``connect_refused``, ``tls_certificate``, ``read_timeout``.

    Args:
        error: what was raised.
        phase: how far the request had come.

    """
    if isinstance(error, WithdrawnError):
        return WITHDRAWN
    if phase is Phase.DONE or (phase is Phase.BUILD and not isinstance(error, TimeoutError)):
        return "connector_error"
    for kind, word in _KINDS:
        if isinstance(error, kind):
            return word if word.startswith(phase.value) else f"{phase.value}_{word}"
    return f"{phase.value}_unreadable"


def wire_failure(error: BaseException, phase: Phase, operation: Operation | None, *, first_request: bool) -> Result:
    """Return ``not_sent`` when the operation was provably not executed, else ``unknown``.

    Args:
        error: what was raised.
        phase: how far the request had come.
        operation: what was asked; an inquiry or completion that fails proves nothing about the payment.
        first_request: False when an earlier request of the same operation was answered.

    """
    code = failure_code(error, phase)
    message = failure_message(error)
    if phase in _UNSENT and first_request and operation not in _ABOUT_THE_PAST:
        return not_sent(code, message)
    return unknown(code, message)


def failure_message(error: BaseException) -> str:
    """Return the exception's kind and text, scrubbed of card data and cut short."""
    detail = f" (verify_code {error.verify_code})" if isinstance(error, ssl.SSLCertVerificationError) else ""
    return scrub(f"{type(error).__name__}: {error}{detail}")[:_MAX_MESSAGE]
