"""Which state a refund may move to, and what a refund does to its charge. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import msgspec

from interlock.payments.charges.types import Charge, ChargeStatus
from interlock.payments.refunds.types import Refund, RefundStatus

replace = msgspec.structs.replace


class Trigger(StrEnum):
    """What can happen to a refund."""

    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"


TRANSITIONS: Mapping[tuple[RefundStatus, Trigger], RefundStatus] = MappingProxyType(
    {
        (RefundStatus.PENDING, Trigger.SUCCEED): RefundStatus.SUCCEEDED,
        (RefundStatus.PENDING, Trigger.FAIL): RefundStatus.FAILED,
        (RefundStatus.PENDING, Trigger.CANCEL): RefundStatus.CANCELED,
        (RefundStatus.REQUIRES_ACTION, Trigger.SUCCEED): RefundStatus.SUCCEEDED,
        (RefundStatus.REQUIRES_ACTION, Trigger.FAIL): RefundStatus.FAILED,
        (RefundStatus.REQUIRES_ACTION, Trigger.CANCEL): RefundStatus.CANCELED,
        (RefundStatus.SUCCEEDED, Trigger.FAIL): RefundStatus.FAILED,
    }
)
"""A succeeded refund may still fail days later: the cardholder's bank can send it back."""


def next_status(status: RefundStatus, trigger: Trigger) -> RefundStatus | None:
    """Return the state after ``trigger``, or None when it may not happen in ``status``."""
    return TRANSITIONS.get((status, trigger))


def with_refund(charge: Charge) -> Charge:
    """Return the charge knowing that it has a refund of which no amount tells: a hold that is let go."""
    return replace(charge, version=charge.version + 1, details={**charge.details, "has_refunds": True})


def reserve(charge: Charge, amount_minor: int) -> Charge:
    """Return the charge with ``amount_minor`` set aside for a refund that is on its way.

    That there was one is kept: should it fail, no amount tells of it any more.
    """
    return replace(
        charge,
        version=charge.version + 1,
        amount_refund_pending_minor=charge.amount_refund_pending_minor + amount_minor,
        details={**charge.details, "has_refunds": True},
    )


def give_back(charge: Charge, refund: Refund) -> Charge:
    """Return the charge after ``refund`` succeeded."""
    return replace(
        charge,
        version=charge.version + 1,
        amount_refund_pending_minor=charge.amount_refund_pending_minor - refund.amount_minor,
        amount_refunded_minor=charge.amount_refunded_minor + refund.amount_minor,
    )


def take_back(charge: Charge, refund: Refund) -> Charge:
    """Return the charge after ``refund`` (in its state before) failed or was cancelled."""
    if refund.status is RefundStatus.SUCCEEDED:
        return replace(
            charge, version=charge.version + 1, amount_refunded_minor=charge.amount_refunded_minor - refund.amount_minor
        )
    return replace(
        charge,
        version=charge.version + 1,
        amount_refund_pending_minor=charge.amount_refund_pending_minor - refund.amount_minor,
    )


def is_held(charge: Charge) -> bool:
    """Return True for a charge that is authorised and neither captured nor released."""
    return charge.status is ChargeStatus.SUCCEEDED and not charge.captured and not charge.released


def refundable_minor(charge: Charge) -> int:
    """Return what may still be refunded of a charge, refunds on their way counted as gone."""
    return charge.amount_captured_minor - charge.amount_refunded_minor - charge.amount_refund_pending_minor
