"""Builds the request of an attempt again, from what is stored, for gateways that are asked by sending it again."""

import msgspec

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


ORPHANED = "orphaned"
"""Mark of an attempt whose request died before anybody was told anything."""


class Rebuilt(msgspec.Struct, frozen=True):
    """A request built again; ``request`` is None when it cannot be. ``identical`` says that it is what was sent and may
    be sent again: to a shopper who was told *processing* that is what was promised, of an orphan nobody knows."""

    request: Request | None
    identical: bool = False


class Rebuilder:
    """Rebuilds requests; the card comes from the vault, without its security code."""

    def __init__(self, database: Database, instruments: Instruments, setups: SetupIntents, public_url: str) -> None:
        """Wire the parts."""
        self._database = database
        self._instruments = instruments
        self._setups = setups
        self._public_url = public_url

    async def rebuild(self, scope: Scope, attempt: Attempt) -> Rebuilt:
        """Return the attempt's request, as far as it can be built again."""
        if attempt.stage is Operation.COMPLETE:
            return Rebuilt(complete_request(attempt), identical=True)
        if attempt.operation in _FROM_ATTEMPT:
            return Rebuilt(follow_on_request(attempt), identical=True)
        method = await self._database.get(PAYMENT_METHODS, scope, attempt.payment_method_id or "")
        if method is None:
            return Rebuilt(None)
        try:
            terms = attempt.detail.get("terms")
            instrument = await self._instruments.reveal(scope, method, terms, authorising=False)
        except VaultError:
            return Rebuilt(None)
        whole = ORPHANED not in attempt.detail and self._instruments.is_whole(method, attempt.created_at_ms)
        if attempt.operation is Operation.VERIFY:
            setup = await self._database.get(SETUP_INTENTS, scope, attempt.subject_id)
            request = None if setup is None else self._setups.verification(setup, attempt, method, instrument)
            return Rebuilt(request, identical=whole)
        intent = await self._database.get(INTENTS, scope, attempt.subject_id)
        if intent is None:
            return Rebuilt(None)
        url = redirect_url(self._public_url, attempt, "return")
        return Rebuilt(payment_request(attempt, intent, method, instrument, url), identical=whole)
