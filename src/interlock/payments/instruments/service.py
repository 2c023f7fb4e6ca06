"""What intents ask of instruments: which payment method a payment is made with, and its card or account in clear.

The path of a payment with a test card's name touches no database here; one with a stored method reads it once.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from interlock.base.context import Scope
from interlock.base.ids import new_id
from interlock.base.problems import Problem, invalid
from interlock.gateways.contract import Instrument, SepaDebit
from interlock.payments.instruments import attachment
from interlock.payments.instruments.debits import acceptance_of
from interlock.payments.instruments.making import Made, Maker
from interlock.payments.instruments.refusals import no_such, token_already_used
from interlock.payments.instruments.sealing import Sealer, is_named
from interlock.payments.instruments.security_codes import KEPT_FOR_MS, SecurityCodes
from interlock.payments.instruments.transfers import transfer_of
from interlock.payments.instruments.types import (
    CONFIRMATION_TOKENS,
    PAYMENT_METHODS,
    ConfirmationToken,
    PaymentMethod,
    PaymentMethodData,
    ResolvedInstrument,
)
from interlock.payments.work import Work
from interlock.storage.writes import Insert, Update, Write

replace = msgspec.structs.replace
_SETUP_PREFIX = "seti_"


class Instruments:
    """Resolves and reveals instruments for everything that charges."""

    def __init__(self, work: Work, maker: Maker, sealer: Sealer, codes: SecurityCodes) -> None:
        """Read through ``work``, make new methods with ``maker``, open cards with ``sealer``."""
        self._work = work
        self._maker = maker
        self._sealer = sealer
        self._codes = codes

    async def resolve_for_payment(
        self,
        scope: Scope,
        reference: str | None = None,
        data: PaymentMethodData | None = None,
        confirmation_token: str | None = None,
        customer_id: str | None = None,
        *,
        intent_id: str | None = None,
    ) -> ResolvedInstrument | Problem:
        """Return what to pay with, or why it cannot be used.

        A confirmation token goes before data, data before a reference: the last may be what an intent had before. That
        a *request* names only one of them is for whoever parses requests to check.

        Args:
            scope: account and mode.
            reference: a payment method, card source or token by id, or a test card's name.
            data: a payment method to be made.
            confirmation_token: what a browser collected; brings its own return_url and the like.
            customer_id: the customer of the intent, to whom an attached method must belong.
            intent_id: the intent being *confirmed*: a method of nobody is used up by a payment intent (``pi_…``), not
                by a setup intent (``seti_…``), which is there to keep it. None uses nothing up.

        """
        if confirmation_token is not None:
            return await self._from_confirmation_token(scope, confirmation_token, customer_id, intent_id)
        if data is not None:
            made = await self._maker.from_data(scope, data)
            return made if isinstance(made, Problem) else _new(made, intent_id)
        if reference is None:
            return invalid(
                "You must provide a payment method: payment_method, payment_method_data or confirmation_token.",
                code="parameter_missing",
                param="payment_method",
            )
        return await self._from_reference(scope, reference, customer_id, intent_id)

    async def _from_reference(
        self, scope: Scope, reference: str, customer_id: str | None, intent_id: str | None
    ) -> ResolvedInstrument | Problem:
        fresh = self._maker.from_name(scope, reference)
        if fresh is not None:
            return _new(Made(fresh), intent_id)
        if reference.startswith("tok_"):
            made = await self._maker.from_token(scope, reference, param="source", as_source=True)
            return made if isinstance(made, Problem) else _new(made, intent_id)
        stored = await self._work.database.get(PAYMENT_METHODS, scope, reference)
        if stored is None:
            return no_such("PaymentMethod", reference, param="payment_method")
        return _stored(stored, customer_id, intent_id)

    async def _from_confirmation_token(
        self, scope: Scope, token_id: str, customer_id: str | None, intent_id: str | None
    ) -> ResolvedInstrument | Problem:
        token = await self._work.database.get(CONFIRMATION_TOKENS, scope, token_id)
        if token is None:
            return no_such("ConfirmationToken", token_id, param="confirmation_token")
        user = token.payment_intent_id or token.setup_intent_id
        if user is not None and user != intent_id:
            return token_already_used(token_id, "confirmation_token")
        if user is None and token.expires_at_ms <= self._work.clock.now_ms():
            return invalid("This ConfirmationToken has expired.", param="confirmation_token")
        if token.payment_method_id is None:
            now_ms = self._work.clock.now_ms()
            method = method_of_token(token, now_ms)
            self._codes.share(scope.account_id, token.id, method.id)
            resolved: ResolvedInstrument | Problem = _new(Made(method), intent_id)
        else:
            stored = await self._work.database.get(PAYMENT_METHODS, scope, token.payment_method_id)
            if stored is None:
                return no_such("PaymentMethod", token.payment_method_id, param="confirmation_token")
            resolved = _stored(stored, customer_id, intent_id)
        if isinstance(resolved, Problem):
            return resolved
        return _with_token(resolved, token, intent_id)

    async def reveal(
        self,
        scope: Scope,
        payment_method: PaymentMethod,
        terms: Mapping[str, Any] | None = None,
        *,
        authorising: bool = True,
    ) -> Instrument:
        """Return the card or the bank account in clear, for the wire to a gateway and nowhere else.

        Args:
            scope: account and mode.
            payment_method: the method.
            terms: what the attempt keeps of the mandate it debits under, or of the transfer it waits for.
            authorising: True for the first use, which takes the security code if one is held; False to rebuild a
                request for an inquiry, where only a named test card has one.

        Raises:
            VaultError: the card or account cannot be found or opened.

        """
        if payment_method.type == "sepa_debit":
            iban = await self._sealer.open_account(scope, payment_method)
            return SepaDebit(iban=iban, acceptance=acceptance_of(terms or {}))
        if payment_method.type == "customer_balance":
            return transfer_of(terms or {})
        code = self._codes.take(scope.account_id, payment_method.id) if authorising else None
        return await self._sealer.open(scope, payment_method, code)

    @staticmethod
    def is_whole(payment_method: PaymentMethod, sent_at_ms: int) -> bool:
        """Return True when a card opened again is the whole card that was sent at ``sent_at_ms``.

        That is so when no security code can have gone with it (codes are held for a while after the method was made,
        not longer), or when the code is that of a named test card. Bank accounts have no code.
        """
        return (
            payment_method.type != "card"
            or is_named(payment_method)
            or sent_at_ms - payment_method.created_at_ms >= KEPT_FOR_MS
        )


def _uses_up(intent_id: str | None) -> bool:
    return intent_id is not None and not intent_id.startswith(_SETUP_PREFIX)


def _new(made: Made, intent_id: str | None) -> ResolvedInstrument:
    method = made.payment_method
    if _uses_up(intent_id):
        method = replace(method, used_by=intent_id)
    return ResolvedInstrument(
        payment_method=method, is_new=True, writes=(*made.writes, Insert(PAYMENT_METHODS, method))
    )


def _stored(stored: PaymentMethod, customer_id: str | None, intent_id: str | None) -> ResolvedInstrument | Problem:
    problem = attachment.check_use(stored, customer_id, intent_id)
    if problem is not None:
        return problem
    method = attachment.used_by(stored, intent_id) if intent_id is not None and _uses_up(intent_id) else stored
    writes: tuple[Write, ...] = () if method is stored else (Update(PAYMENT_METHODS, method),)
    return ResolvedInstrument(payment_method=method, writes=writes)


def method_of_token(token: ConfirmationToken, now_ms: int) -> PaymentMethod:
    """Return the method that a confirmation token previews, as a new one."""
    return PaymentMethod(
        account_id=token.account_id,
        id=new_id("pm", now_ms),
        livemode=token.livemode,
        version=1,
        created_at_ms=now_ms,
        type=token.type,
        card=token.card,
        billing_details=token.billing_details,
        metadata=token.metadata,
        allow_redisplay=token.allow_redisplay,
    )


def _with_token(resolved: ResolvedInstrument, token: ConfirmationToken, intent_id: str | None) -> ResolvedInstrument:
    """Return ``resolved`` with what the token brings, and the token marked as used by the intent (a gate)."""
    setup = intent_id is not None and not _uses_up(intent_id)
    used = replace(
        token,
        version=token.version + 1,
        payment_method_id=resolved.payment_method.id,
        payment_intent_id=None if setup else intent_id,
        setup_intent_id=intent_id if setup else None,
    )
    changed = replace(used, version=token.version) != token
    return replace(
        resolved,
        writes=(*resolved.writes, Update(CONFIRMATION_TOKENS, used)) if changed else resolved.writes,
        setup_future_usage=token.setup_future_usage,
        return_url=token.return_url,
        shipping=token.details.get("shipping"),
        mandate_data=token.details.get("mandate_data"),
    )
