"""Builds the request of an attempt again, from what is stored, for gateways that are asked by sending it again."""

from interlock.base.context import Scope
from interlock.base.errors import VaultError
from interlock.gateways.contract import Operation
from interlock.payments.attempts.requests import complete_request, follow_on_request, payment_request
from interlock.payments.attempts.runner import Request
from interlock.payments.attempts.types import Attempt
from interlock.payments.instruments.service import Instruments
from interlock.payments.instruments.types import PAYMENT_METHODS
from interlock.payments.intents.confirmation import redirect_url
from interlock.payments.intents.types import INTENTS
from interlock.payments.setup.service import SetupIntents
from interlock.payments.setup.types import SETUP_INTENTS
from interlock.storage.database import Database

_FROM_ATTEMPT = frozenset({Operation.CAPTURE, Operation.INCREMENT, Operation.VOID, Operation.REFUND})


class Rebuilder:
    """Rebuilds requests; the card comes from the vault, without its security code."""

    def __init__(self, database: Database, instruments: Instruments, setups: SetupIntents, public_url: str) -> None:
        """Wire the parts."""
        self._database = database
        self._instruments = instruments
        self._setups = setups
        self._public_url = public_url

    async def rebuild(self, scope: Scope, attempt: Attempt) -> Request | None:
        """Return the attempt's request, or None when it cannot be built any more."""
        if attempt.stage is Operation.COMPLETE:
            return complete_request(attempt, capture=attempt.operation is Operation.SALE)
        if attempt.operation in _FROM_ATTEMPT:
            return follow_on_request(attempt)
        method = await self._database.get(PAYMENT_METHODS, scope, attempt.payment_method_id or "")
        if method is None or method.card is None:
            return None
        try:
            card = await self._instruments.reveal(scope, method, authorising=False)
        except VaultError:
            return None
        if attempt.operation is Operation.VERIFY:
            setup = await self._database.get(SETUP_INTENTS, scope, attempt.subject_id)
            return None if setup is None else self._setups.verification(setup, attempt, method, card)
        intent = await self._database.get(INTENTS, scope, attempt.subject_id)
        if intent is None:
            return None
        return payment_request(attempt, intent, method, card, redirect_url(self._public_url, attempt, "return"))
