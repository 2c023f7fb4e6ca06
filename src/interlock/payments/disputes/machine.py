"""Which state a dispute may move to. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from interlock.payments.disputes.types import DisputeStatus as Status


class Trigger(StrEnum):
    """What can happen to a dispute."""

    SUBMIT = "submit"
    WIN = "win"
    LOSE = "lose"
    ESCALATE = "escalate"
    PREVENT = "prevent"


TRANSITIONS: Mapping[tuple[Status, Trigger], Status] = MappingProxyType(
    {
        (Status.WARNING_NEEDS_RESPONSE, Trigger.SUBMIT): Status.WARNING_UNDER_REVIEW,
        (Status.WARNING_NEEDS_RESPONSE, Trigger.WIN): Status.WARNING_CLOSED,
        (Status.WARNING_NEEDS_RESPONSE, Trigger.LOSE): Status.WARNING_CLOSED,
        (Status.WARNING_NEEDS_RESPONSE, Trigger.ESCALATE): Status.NEEDS_RESPONSE,
        (Status.WARNING_NEEDS_RESPONSE, Trigger.PREVENT): Status.PREVENTED,
        (Status.WARNING_UNDER_REVIEW, Trigger.WIN): Status.WARNING_CLOSED,
        (Status.WARNING_UNDER_REVIEW, Trigger.LOSE): Status.WARNING_CLOSED,
        (Status.WARNING_UNDER_REVIEW, Trigger.ESCALATE): Status.NEEDS_RESPONSE,
        # The shop may close an inquiry and the bank take the money all the same; a chargeback never ends in this state.
        (Status.WARNING_CLOSED, Trigger.ESCALATE): Status.NEEDS_RESPONSE,
        (Status.NEEDS_RESPONSE, Trigger.SUBMIT): Status.UNDER_REVIEW,
        (Status.NEEDS_RESPONSE, Trigger.WIN): Status.WON,
        (Status.NEEDS_RESPONSE, Trigger.LOSE): Status.LOST,
        (Status.NEEDS_RESPONSE, Trigger.PREVENT): Status.PREVENTED,
        (Status.UNDER_REVIEW, Trigger.WIN): Status.WON,
        (Status.UNDER_REVIEW, Trigger.LOSE): Status.LOST,
    }
)


def next_status(status: Status, trigger: Trigger) -> Status | None:
    """Return the state after ``trigger``, or None when it may not happen in ``status``."""
    return TRANSITIONS.get((status, trigger))


def is_inquiry(status: Status) -> bool:
    """Return True for a warning: the bank asks, and has not taken the money."""
    return status.startswith("warning")
