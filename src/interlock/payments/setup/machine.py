"""Which state a setup intent may move to. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from interlock.payments.setup.types import SetupStatus as Status


class Trigger(StrEnum):
    """What can happen to a setup intent."""

    CONFIRM = "confirm"
    CHALLENGE = "challenge"
    RESUME = "resume"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"


TRANSITIONS: Mapping[tuple[Status, Trigger], Status] = MappingProxyType(
    {
        (Status.REQUIRES_PAYMENT_METHOD, Trigger.CONFIRM): Status.PROCESSING,
        (Status.REQUIRES_CONFIRMATION, Trigger.CONFIRM): Status.PROCESSING,
        (Status.REQUIRES_ACTION, Trigger.CONFIRM): Status.PROCESSING,
        (Status.PROCESSING, Trigger.CHALLENGE): Status.REQUIRES_ACTION,
        (Status.REQUIRES_ACTION, Trigger.RESUME): Status.PROCESSING,
        (Status.PROCESSING, Trigger.SUCCEED): Status.SUCCEEDED,
        (Status.REQUIRES_ACTION, Trigger.SUCCEED): Status.SUCCEEDED,
        (Status.PROCESSING, Trigger.FAIL): Status.REQUIRES_PAYMENT_METHOD,
        (Status.REQUIRES_ACTION, Trigger.FAIL): Status.REQUIRES_PAYMENT_METHOD,
        (Status.REQUIRES_PAYMENT_METHOD, Trigger.CANCEL): Status.CANCELED,
        (Status.REQUIRES_CONFIRMATION, Trigger.CANCEL): Status.CANCELED,
        (Status.REQUIRES_ACTION, Trigger.CANCEL): Status.CANCELED,
    }
)


def next_status(status: Status, trigger: Trigger) -> Status | None:
    """Return the state after ``trigger``, or None when it may not happen in ``status``."""
    return TRANSITIONS.get((status, trigger))


def resting_status(payment_method_id: str | None) -> Status:
    """Return the state of a setup intent that nobody has confirmed."""
    return Status.REQUIRES_PAYMENT_METHOD if payment_method_id is None else Status.REQUIRES_CONFIRMATION
