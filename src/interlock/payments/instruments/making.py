"""Making payment methods: from a raw card, from a token, from a test card's name, from a bank account.

Used by the services of this room and by customers' sources. Nothing is written here: what must be durable with the new
method (its sealed card, the token's use) is handed back as writes for the caller's change.
"""

import msgspec

from interlock.base.context import Scope
from interlock.base.ids import new_id
from interlock.base.problems import Problem, invalid
from interlock.payments import metadata
from interlock.payments.instruments.card_rules import check_card
from interlock.payments.instruments.debits import check_account
from interlock.payments.instruments.method_types import check_type
from interlock.payments.instruments.refusals import no_such, token_already_used
from interlock.payments.instruments.sealing import Sealer
from interlock.payments.instruments.security_codes import SecurityCodes
from interlock.payments.instruments.test_cards import TestCards
from interlock.payments.instruments.types import TOKENS, CardData, Facts, PaymentMethod, PaymentMethodData, Token
from interlock.payments.work import Work
from interlock.storage.writes import Update, Write

replace = msgspec.structs.replace
_FLAT_ADDRESS = {
    "address_city": "city",
    "address_country": "country",
    "address_line1": "line1",
    "address_line2": "line2",
    "address_state": "state",
    "address_zip": "postal_code",
}


class Made(msgspec.Struct, frozen=True):
    """A payment method that is not stored yet, and what must be written with it (the method itself not included)."""

    payment_method: PaymentMethod
    writes: tuple[Write, ...] = ()


class Maker:
    """Makes payment methods."""

    def __init__(self, work: Work, sealer: Sealer, test_cards: TestCards, codes: SecurityCodes) -> None:
        """Read tokens through ``work``, seal cards with ``sealer``, hold security codes in ``codes``."""
        self._work = work
        self._sealer = sealer
        self._test_cards = test_cards
        self._codes = codes

    def from_name(self, scope: Scope, name: str) -> PaymentMethod | None:
        """Return a fresh method for a test card's name (``pm_card_visa``, ``tok_visa``), None for anything else."""
        return self._test_cards.resolve(scope, name, self._work.clock.now_ms())

    async def from_data(
        self, scope: Scope, data: PaymentMethodData, param: str = "payment_method_data"
    ) -> Made | Problem:
        """Return the method that ``data`` describes, or what is wrong with it.

        Args:
            scope: account and mode.
            data: as given by the client.
            param: the parameter that held it, "" where the fields are the request's own.

        """
        problem = check_type(data.type, f"{param}[type]" if param else "type")
        if problem is not None:
            return problem
        pairs = metadata.merge({}, data.metadata or {})
        if isinstance(pairs, Problem):
            return pairs
        if data.type == "sepa_debit":
            return self._from_account(scope, data, pairs, param)
        if data.type == "customer_balance":
            return Made(_described(_new_method(scope, None, self._work.clock.now_ms(), None), data, pairs))
        if data.card is None:
            where = f"{param}[card]" if param else "card"
            return invalid(f"Missing required param: {where}.", code="parameter_missing", param=where)
        if data.as_source and data.card.token is not None:
            return await self.from_token(scope, data.card.token, param="source", as_source=True)
        if data.as_source:
            return self.source_of(scope, data.card)
        made = await self._from_card(scope, data.card, f"{param}[card][token]" if param else "card[token]")
        if isinstance(made, Problem):
            return made
        method = made.payment_method
        billing = data.billing_details or method.billing_details
        described = replace(method, billing_details=billing, metadata=pairs, allow_redisplay=data.allow_redisplay)
        return Made(described, made.writes)

    def _from_account(self, scope: Scope, data: PaymentMethodData, pairs: dict[str, str], param: str) -> Made | Problem:
        iban = check_account(data.sepa_debit, data.billing_details, param)
        if isinstance(iban, Problem):
            return iban
        now_ms = self._work.clock.now_ms()
        sealed = self._sealer.seal_account(scope, iban, now_ms)
        return Made(_described(_new_method(scope, sealed.facts, now_ms, None), data, pairs), sealed.writes)

    async def _from_card(self, scope: Scope, card: CardData, token_param: str) -> Made | Problem:
        if card.token is not None:
            return await self.from_token(scope, card.token, param=token_param)
        return self.from_raw_card(scope, card)

    def source_of(self, scope: Scope, card: CardData) -> Made | Problem:
        """Return a card source for a card given in clear: a token made and used up on the spot."""
        return self.from_raw_card(scope, card, card_id=new_id("card", self._work.clock.now_ms()))

    def from_raw_card(self, scope: Scope, card: CardData, *, card_id: str | None = None) -> Made | Problem:
        """Return a method for a card given in clear, sealed.

        Args:
            scope: account and mode.
            card: the card.
            card_id: the id of the new method where it is a source; a payment method's otherwise.

        """
        now_ms = self._work.clock.now_ms()
        checked = check_card(card, now_ms)
        if isinstance(checked, Problem):
            return checked
        sealed = self._sealer.seal(scope, checked, card.name, now_ms)
        facts = replace(sealed.facts, preferred_network=card.preferred_network)
        method = _new_method(scope, facts, now_ms, card_id)
        if checked.cvc is not None:
            self._codes.put(scope.account_id, method.id, checked.cvc)
        return Made(replace(method, billing_details=billing_of(holder_of(card))), sealed.writes)

    async def from_token(self, scope: Scope, token_id: str, *, param: str, as_source: bool = False) -> Made | Problem:
        """Return a method for a token, which is used up by it.

        Args:
            scope: account and mode.
            token_id: a token of ours or a test token's name.
            param: the parameter to name.
            as_source: True to keep the token's own card id, as legacy sources and charges do.

        """
        named = self.from_name(scope, token_id) if token_id.startswith("tok_") else None
        if named is not None:
            return Made(_as_source(named, new_id("card", named.created_at_ms)) if as_source else named)
        token = await self._work.database.get(TOKENS, scope, token_id)
        if token is None:
            return no_such("token", token_id, param=param)
        if token.used:
            return token_already_used(token_id, param)
        now_ms = self._work.clock.now_ms()
        method = _new_method(scope, token.card, now_ms, token.card_id if as_source else None)
        self._codes.share(scope.account_id, token.card_id, method.id)
        used: Token = replace(token, version=token.version + 1, used=True)
        return Made(replace(method, billing_details=billing_of(token.holder)), (Update(TOKENS, used),))


def _described(method: PaymentMethod, data: PaymentMethodData, pairs: dict[str, str]) -> PaymentMethod:
    return replace(
        method,
        type=data.type,
        billing_details=data.billing_details,
        metadata=pairs,
        allow_redisplay=data.allow_redisplay,
    )


def _new_method(scope: Scope, facts: Facts | None, now_ms: int, card_id: str | None) -> PaymentMethod:
    return PaymentMethod(
        account_id=scope.account_id,
        id=new_id("pm", now_ms) if card_id is None else card_id,
        livemode=scope.livemode,
        version=1,
        created_at_ms=now_ms,
        is_source=card_id is not None,
        card=facts,
    )


def _as_source(method: PaymentMethod, card_id: str) -> PaymentMethod:
    return replace(method, id=card_id, is_source=True)


def holder_of(card: CardData) -> dict[str, str | None]:
    """Return name and address of a card in the flat form tokens keep, without what is not known."""
    flat = {flat: card.address.get(key) for flat, key in _FLAT_ADDRESS.items()}
    return {key: value for key, value in {"name": card.name, **flat}.items() if value}


def billing_of(holder: dict[str, str | None]) -> dict[str, object]:
    """Return billing details for the flat form; empty when nothing is known."""
    address = {key: holder[flat] for flat, key in _FLAT_ADDRESS.items() if holder.get(flat)}
    billing: dict[str, object] = {}
    if address:
        billing["address"] = address
    if holder.get("name"):
        billing["name"] = holder["name"]
    return billing
