"""The transition tables, exhaustively: what is listed may happen, everything else may not, and ends are ends."""

from enum import StrEnum
from types import ModuleType

import pytest

from interlock.payments.disputes import machine as disputes
from interlock.payments.disputes.types import DisputeStatus
from interlock.payments.intents import machine as intents
from interlock.payments.intents.types import IntentStatus
from interlock.payments.refunds import machine as refunds
from interlock.payments.refunds.types import RefundStatus
from interlock.payments.setup import machine as setups
from interlock.payments.setup.types import SetupStatus

MACHINES: list[tuple[ModuleType, type[StrEnum], set[StrEnum]]] = [
    (intents, IntentStatus, {IntentStatus.SUCCEEDED, IntentStatus.CANCELED}),
    (setups, SetupStatus, {SetupStatus.SUCCEEDED, SetupStatus.CANCELED}),
    (refunds, RefundStatus, {RefundStatus.FAILED, RefundStatus.CANCELED}),
    # An inquiry that was closed is no end: the bank may take the money all the same.
    (disputes, DisputeStatus, {DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.PREVENTED}),
]


@pytest.mark.parametrize(("machine", "statuses", "ends"), MACHINES)
def test_only_listed_transitions_happen(machine: ModuleType, statuses: type[StrEnum], ends: set[StrEnum]) -> None:
    for status in statuses:
        for trigger in machine.Trigger:
            assert machine.next_status(status, trigger) == machine.TRANSITIONS.get((status, trigger))


@pytest.mark.parametrize(("machine", "statuses", "ends"), MACHINES)
def test_final_states_are_final_and_all_others_can_be_left(
    machine: ModuleType, statuses: type[StrEnum], ends: set[StrEnum]
) -> None:
    left = {status for status, _ in machine.TRANSITIONS}
    assert {status for status in statuses if status not in left} == ends


@pytest.mark.parametrize(("machine", "statuses", "ends"), MACHINES)
def test_every_trigger_is_used(machine: ModuleType, statuses: type[StrEnum], ends: set[StrEnum]) -> None:
    assert {trigger for _, trigger in machine.TRANSITIONS} == set(machine.Trigger)


def test_money_cannot_be_taken_from_an_intent_that_nobody_confirmed() -> None:
    for status in (IntentStatus.REQUIRES_PAYMENT_METHOD, IntentStatus.CANCELED):
        for trigger in (intents.Trigger.TAKE, intents.Trigger.AUTHORISE, intents.Trigger.CAPTURE_LAST):
            assert intents.next_status(status, trigger) is None
    # One that is confirmed by hand rests there with a challenged attempt, of which a gateway may bring news.
    assert intents.next_status(IntentStatus.REQUIRES_CONFIRMATION, intents.Trigger.CAPTURE_LAST) is None


def test_a_payment_in_the_hands_of_a_gateway_cannot_be_cancelled() -> None:
    assert intents.next_status(IntentStatus.PROCESSING, intents.Trigger.CANCEL) is None
