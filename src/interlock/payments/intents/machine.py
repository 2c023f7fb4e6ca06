"""Which state a payment intent may move to, as a table. Pure; nothing else in the house decides this.

The states are Stripe's. ``requires_confirmation`` and ``requires_payment_method`` differ only in whether a payment
method is attached, which :func:`resting_status` tells.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from interlock.payments.intents.types import IntentStatus as Status


class Trigger(StrEnum):
    """What can happen to an intent."""

    CONFIRM = "confirm"
    CHALLENGE = "challenge"
    RESUME = "resume"
    RETURN = "return"
    AUTHORISE = "authorise"
    TAKE = "take"
    FAIL = "fail"
    CAPTURE_ACCEPTED = "capture_accepted"
    CAPTURE_PART = "capture_part"
    CAPTURE_LAST = "capture_last"
    CAPTURE_FAIL = "capture_fail"
    CANCEL = "cancel"
    EXPIRE = "expire"
    RELEASE_REST = "release_rest"


TRANSITIONS: Mapping[tuple[Status, Trigger], Status] = MappingProxyType(
    {
        (Status.REQUIRES_PAYMENT_METHOD, Trigger.CONFIRM): Status.PROCESSING,
        (Status.REQUIRES_CONFIRMATION, Trigger.CONFIRM): Status.PROCESSING,
        (Status.REQUIRES_ACTION, Trigger.CONFIRM): Status.PROCESSING,
        (Status.PROCESSING, Trigger.CHALLENGE): Status.REQUIRES_ACTION,
        (Status.REQUIRES_ACTION, Trigger.RESUME): Status.PROCESSING,
        # Confirmed by hand: back from the challenge the shop has to confirm again. What the gateway tells meanwhile
        # of the challenged attempt (it ran out, it was charged by hand) settles the intent all the same.
        (Status.REQUIRES_ACTION, Trigger.RETURN): Status.REQUIRES_CONFIRMATION,
        (Status.REQUIRES_CONFIRMATION, Trigger.AUTHORISE): Status.REQUIRES_CAPTURE,
        (Status.REQUIRES_CONFIRMATION, Trigger.TAKE): Status.SUCCEEDED,
        (Status.REQUIRES_CONFIRMATION, Trigger.FAIL): Status.REQUIRES_PAYMENT_METHOD,
        (Status.PROCESSING, Trigger.AUTHORISE): Status.REQUIRES_CAPTURE,
        (Status.REQUIRES_ACTION, Trigger.AUTHORISE): Status.REQUIRES_CAPTURE,
        (Status.PROCESSING, Trigger.TAKE): Status.SUCCEEDED,
        (Status.REQUIRES_ACTION, Trigger.TAKE): Status.SUCCEEDED,
        (Status.PROCESSING, Trigger.FAIL): Status.REQUIRES_PAYMENT_METHOD,
        (Status.REQUIRES_ACTION, Trigger.FAIL): Status.REQUIRES_PAYMENT_METHOD,
        (Status.REQUIRES_CAPTURE, Trigger.CAPTURE_ACCEPTED): Status.PROCESSING,
        (Status.REQUIRES_CAPTURE, Trigger.CAPTURE_PART): Status.REQUIRES_CAPTURE,
        (Status.PROCESSING, Trigger.CAPTURE_PART): Status.REQUIRES_CAPTURE,
        (Status.REQUIRES_CAPTURE, Trigger.CAPTURE_LAST): Status.SUCCEEDED,
        (Status.PROCESSING, Trigger.CAPTURE_LAST): Status.SUCCEEDED,
        (Status.REQUIRES_CAPTURE, Trigger.CAPTURE_FAIL): Status.REQUIRES_CAPTURE,
        (Status.PROCESSING, Trigger.CAPTURE_FAIL): Status.REQUIRES_CAPTURE,
        (Status.REQUIRES_PAYMENT_METHOD, Trigger.CANCEL): Status.CANCELED,
        (Status.REQUIRES_CONFIRMATION, Trigger.CANCEL): Status.CANCELED,
        (Status.REQUIRES_ACTION, Trigger.CANCEL): Status.CANCELED,
        (Status.REQUIRES_CAPTURE, Trigger.CANCEL): Status.CANCELED,
        (Status.REQUIRES_CAPTURE, Trigger.EXPIRE): Status.CANCELED,
        # Captured in part: what was taken was paid, only the rest is given up.
        (Status.REQUIRES_CAPTURE, Trigger.RELEASE_REST): Status.SUCCEEDED,
    }
)

UPDATABLE = frozenset({Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_CONFIRMATION, Status.REQUIRES_ACTION})
"""States in which amount, currency, customer and payment method may change."""


def next_status(status: Status, trigger: Trigger) -> Status | None:
    """Return the state after ``trigger``, or None when it may not happen in ``status``."""
    return TRANSITIONS.get((status, trigger))


def resting_status(payment_method_id: str | None) -> Status:
    """Return the state of an intent that nobody has confirmed."""
    return Status.REQUIRES_PAYMENT_METHOD if payment_method_id is None else Status.REQUIRES_CONFIRMATION
