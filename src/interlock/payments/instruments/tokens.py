"""Use cases of card tokens and of confirmation tokens: single-use stand-ins made by a shop's page."""

from interlock.base.context import RequestContext, Scope
from interlock.base.ids import new_id
from interlock.base.problems import Problem, invalid
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.instruments import attachment
from interlock.payments.instruments.making import Made, Maker, holder_of
from interlock.payments.instruments.refusals import exclusive, no_such
from interlock.payments.instruments.security_codes import SecurityCodes
from interlock.payments.instruments.types import (
    CONFIRMATION_TOKENS,
    PAYMENT_METHODS,
    TOKENS,
    CardData,
    CardFacts,
    ConfirmationToken,
    CreateConfirmationToken,
    PaymentMethod,
    Token,
)
from interlock.payments.work import Answer, Change, Respond, Work

CONFIRMATION_TOKEN_LIVES_MS = 12 * 3_600_000


class Tokens:
    """What may be done with card tokens."""

    def __init__(self, work: Work, maker: Maker) -> None:
        """Commit through ``work``; seal cards with ``maker``."""
        self._work = work
        self._maker = maker

    async def create(
        self, ctx: RequestContext, card: CardData | None, client_ip: str | None, respond: Respond
    ) -> Answer | Problem:
        """Make a token of a raw card; None stands for a request for any other kind of token."""
        if card is None:
            return invalid(
                "You must supply a card. Tokens of bank accounts, persons and accounts are not offered.",
                code="parameter_missing",
                param="card",
            )
        card_id = new_id("card", self._work.clock.now_ms())
        made = self._maker.from_raw_card(ctx.scope, card, card_id=card_id)
        if isinstance(made, Problem):
            return made
        token = _token_of(made, holder_of(card), client_ip)
        change = Change(ctx.scope)
        change.insert(TOKENS, token)
        change.extend(made.writes)
        answer = await self._work.commit(ctx, change, token.id, respond, token)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def get(self, scope: Scope, token_id: str) -> Token | Problem:
        """Return a token; a test token's name shows a fresh one, which is stored no more than the name is used up."""
        named = self._maker.from_name(scope, token_id) if token_id.startswith("tok_") else None
        if named is not None:
            return _token_of(Made(named), {}, None)
        token = await self._work.database.get(TOKENS, scope, token_id)
        return no_such("token", token_id, param="token", status=404) if token is None else token


def _token_of(made: Made, holder: dict[str, str | None], client_ip: str | None) -> Token:
    method = made.payment_method
    assert isinstance(method.card, CardFacts)
    return Token(
        account_id=method.account_id,
        id=new_id("tok", method.created_at_ms),
        livemode=method.livemode,
        version=1,
        created_at_ms=method.created_at_ms,
        card_id="card_" + method.id.partition("_")[2],
        card=method.card,
        client_ip=client_ip,
        holder=holder,
    )


class ConfirmationTokens:
    """What may be done with confirmation tokens."""

    def __init__(self, work: Work, maker: Maker, codes: SecurityCodes) -> None:
        """Commit through ``work``; seal cards with ``maker``; keep their security codes in ``codes``."""
        self._work = work
        self._maker = maker
        self._codes = codes

    async def create(self, ctx: RequestContext, command: CreateConfirmationToken, respond: Respond) -> Answer | Problem:
        """Make a confirmation token from an existing payment method or from data."""
        source = await self._source(ctx.scope, command)
        if isinstance(source, Problem):
            return source
        made, stored_id = source
        token = self._token(made.payment_method, stored_id, command)
        self._codes.move(ctx.account_id, made.payment_method.id, token.id)
        change = Change(ctx.scope)
        change.insert(CONFIRMATION_TOKENS, token)
        change.extend(made.writes)
        answer = await self._work.commit(ctx, change, token.id, respond, token)
        return answer if isinstance(answer, Answer) else refused_commit(answer)

    async def get(self, scope: Scope, token_id: str) -> ConfirmationToken | Problem:
        """Return a confirmation token."""
        token = await self._work.database.get(CONFIRMATION_TOKENS, scope, token_id)
        if token is None:
            return no_such("ConfirmationToken", token_id, param="confirmation_token", status=404)
        return token

    async def _source(self, scope: Scope, command: CreateConfirmationToken) -> tuple[Made, str | None] | Problem:
        """Return what the token stands for, and the id of the stored method where it is one."""
        reference = command.payment_method
        if command.payment_method_data is not None:
            if reference is not None:
                return exclusive("payment_method", "payment_method_data")
            made = await self._maker.from_data(scope, command.payment_method_data)
            return made if isinstance(made, Problem) else (made, None)
        if reference is None:
            return invalid(
                "You must provide payment_method or payment_method_data.",
                code="parameter_missing",
                param="payment_method",
            )
        named = self._maker.from_name(scope, reference)
        if named is not None:
            return Made(named), None
        stored = await self._work.database.get(PAYMENT_METHODS, scope, reference)
        if stored is None:
            return no_such("PaymentMethod", reference, param="payment_method")
        return attachment.check_use(stored, stored.customer_id, None) or (Made(stored), stored.id)

    def _token(
        self, method: PaymentMethod, stored_id: str | None, command: CreateConfirmationToken
    ) -> ConfirmationToken:
        now_ms = self._work.clock.now_ms()
        return ConfirmationToken(
            account_id=method.account_id,
            id=new_id("ctoken", now_ms),
            livemode=method.livemode,
            version=1,
            created_at_ms=now_ms,
            expires_at_ms=now_ms + CONFIRMATION_TOKEN_LIVES_MS,
            payment_method_id=stored_id,
            type=method.type,
            card=method.card,
            billing_details=method.billing_details,
            metadata=method.metadata,
            allow_redisplay=method.allow_redisplay,
            return_url=command.return_url,
            setup_future_usage=command.setup_future_usage,
            use_stripe_sdk=command.use_stripe_sdk,
            details={**command.details, "customer": method.customer_id},
        )
