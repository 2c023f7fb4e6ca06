"""Which room an attempt's outcome belongs to. Built by bootstrap; used by recovery and inbound webhooks."""

from collections.abc import Mapping
from typing import Protocol

from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Result
from interlock.gateways.transport import Execution
from interlock.payments.attempts.types import Attempt


class Applies(Protocol):
    """A room that writes down outcomes nobody is waiting for."""

    async def apply(self, attempt: Attempt, result: Result, execution: Execution | None = None) -> object:
        """Write the outcome down; a falsy answer means that another writer was first or it no longer matters."""
        ...


class Dispatch:
    """Hands outcomes to their rooms."""

    def __init__(
        self, payments: Applies, follow_ons: Applies, refunds: Applies, setups: Applies, strays: Applies
    ) -> None:
        """Name the room of each kind of operation; every operation is classified here."""
        self._strays = strays
        self._rooms: Mapping[Operation, Applies] = {
            Operation.SALE: payments,
            Operation.AUTHORISE: payments,
            Operation.CAPTURE: follow_ons,
            Operation.INCREMENT: follow_ons,
            Operation.VOID: follow_ons,
            Operation.REFUND: refunds,
            Operation.VERIFY: setups,
        }

    async def apply(self, attempt: Attempt, result: Result, execution: Execution | None = None) -> bool:
        """Write ``result`` of ``attempt`` down in its room."""
        room = self._strays if "stray" in attempt.detail else self._rooms[attempt.operation]
        return bool(await room.apply(attempt, result, execution))
