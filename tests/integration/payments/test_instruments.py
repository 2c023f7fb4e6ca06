"""Payment methods, tokens and their resolution for a payment, on a real database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import pytest
from tests.support.announced import announced
from tests.support.recording import LIVE, SCOPE, Recorder, request

from interlock.base.clock import SystemClock
from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.gateways.contract import Card
from interlock.payments.instruments.making import Maker
from interlock.payments.instruments.payment_methods import PaymentMethods
from interlock.payments.instruments.sealing import Sealer
from interlock.payments.instruments.security_codes import SecurityCodes
from interlock.payments.instruments.service import Instruments
from interlock.payments.instruments.test_cards import TestCards
from interlock.payments.instruments.tokens import ConfirmationTokens, Tokens
from interlock.payments.instruments.types import (
    CardData,
    CardFacts,
    ConfirmationToken,
    CreateConfirmationToken,
    PaymentMethod,
    PaymentMethodData,
    ResolvedInstrument,
    Token,
    UpdatePaymentMethod,
)
from interlock.payments.work import Answer, Change, Respond, Work
from interlock.storage.database import Database
from interlock.storage.pages import Page, PageResult
from interlock.vault.keys import generate_keys, parse_keys
from interlock.vault.service import Vault

_RAW = CardData(number="4000056655665556", exp_month=12, exp_year=2040, cvc="987", name="A Person")
_DATA = PaymentMethodData(card=_RAW, billing_details={"email": "a@example.com"}, metadata={"k": "v"})


V = TypeVar("V")


class _Room:
    """The room, wired as ``bootstrap`` does."""

    def __init__(self, database: Database) -> None:
        self.database = database
        clock = SystemClock()
        self.work = Work(database, clock)
        vault = Vault(database, parse_keys(generate_keys()), clock)
        self.codes = SecurityCodes(clock)
        sealer = Sealer(vault)
        self.maker = Maker(self.work, sealer, TestCards(vault), self.codes)
        self.methods = PaymentMethods(self.work, self.maker)
        self.tokens = Tokens(self.work, self.maker)
        self.confirmation_tokens = ConfirmationTokens(self.work, self.maker, self.codes)
        self.instruments = Instruments(self.work, self.maker, sealer, self.codes)

    async def method(self, data: PaymentMethodData = _DATA) -> PaymentMethod:
        return await _done(lambda respond: self.methods.create(request(), data, respond), PaymentMethod)

    async def token(self) -> Token:
        return await _done(lambda respond: self.tokens.create(request(), _RAW, "203.0.113.9", respond), Token)

    async def resolve(
        self, reference: str | None = None, *, scope: Scope = SCOPE, customer: str | None = None, intent: str = "pi_1"
    ) -> ResolvedInstrument:
        resolved = await self.instruments.resolve_for_payment(scope, reference, None, None, customer, intent_id=intent)
        assert isinstance(resolved, ResolvedInstrument), resolved
        return resolved

    async def reveal(self, method: PaymentMethod, *, authorising: bool = True) -> Card:
        card = await self.instruments.reveal(SCOPE, method, authorising=authorising)
        assert isinstance(card, Card)
        return card

    async def write(self, resolved: ResolvedInstrument) -> bool:
        change = Change(SCOPE)
        change.extend(resolved.writes)
        return await self.work.record(change) is None


async def _done(call: Callable[[Respond], Awaitable[Answer | Problem]], kind: type[V]) -> V:
    recorder = Recorder()
    return recorder.shown(await call(recorder), kind)


@pytest.fixture
def room(database: Database) -> _Room:
    return _Room(database)


async def test_a_raw_card_becomes_a_method_that_holds_no_number_and_no_code(room: _Room) -> None:
    method = await room.method()
    stored = await room.methods.get(SCOPE, method.id)
    assert stored == method
    assert isinstance(method.card, CardFacts)
    assert (method.card.brand, method.card.last4, method.card.funding) == ("visa", "5556", "debit")
    dump = await room.database.fetch("SELECT p::text || v::text AS row FROM payment_methods p, vault_cards v")
    assert len(dump) == 1
    assert "4000056655665556" not in dump[0]["row"]
    assert '"987"' not in msgspec.json.encode(method).decode()  # in quotes: an id may hold any three digits


async def test_the_first_authorisation_gets_the_security_code_and_no_other(room: _Room) -> None:
    method = await room.method()
    again = await room.reveal(method, authorising=False)
    first = await room.reveal(method)
    second = await room.reveal(method)
    assert [card.cvc for card in (again, first, second)] == [None, "987", None]
    assert first.number == _RAW.number
    assert (first.exp_month, first.exp_year, first.holder_name) == (12, 2040, "A Person")


async def test_modes_and_accounts_do_not_see_each_other(room: _Room) -> None:
    method = await room.method()
    for scope in (LIVE, Scope("acct_other", livemode=False)):
        problem = await room.methods.get(scope, method.id)
        assert isinstance(problem, Problem)
        assert problem.code == "resource_missing"


async def test_a_named_test_card_is_fresh_each_time_and_needs_no_query(room: _Room) -> None:
    first, second = await room.resolve("pm_card_visa"), await room.resolve("pm_card_visa")
    assert first.is_new
    assert first.payment_method.id != second.payment_method.id
    assert first.payment_method.used_by == "pi_1"
    assert len(first.writes) == 1
    assert await room.write(first)
    card = await room.reveal(first.payment_method)
    assert (card.number, card.cvc) == ("4242424242424242", "123")


async def test_named_test_cards_do_not_exist_in_live_mode(room: _Room) -> None:
    resolved = await room.instruments.resolve_for_payment(LIVE, "pm_card_visa", intent_id="pi_1")
    assert isinstance(resolved, Problem)
    assert (resolved.status, resolved.code) == (400, "resource_missing")


async def test_a_free_method_is_used_up_by_one_intent_even_when_two_race(room: _Room) -> None:
    method = await room.method()
    resolved = [await room.resolve(method.id, intent=intent) for intent in ("pi_1", "pi_2")]
    written = await asyncio.gather(*(room.write(each) for each in resolved))
    assert sorted(written) == [False, True]
    winner = resolved[written.index(True)].payment_method.used_by
    assert (await room.resolve(method.id, intent=winner or "")).writes == ()
    loser = await room.instruments.resolve_for_payment(SCOPE, method.id, intent_id="pi_3")
    assert isinstance(loser, Problem)
    assert loser.code == "payment_method_unexpected_state"


async def test_a_setup_intent_does_not_use_a_method_up(room: _Room) -> None:
    method = await room.method()
    resolved = await room.resolve(method.id, intent="seti_1")
    assert resolved.writes == ()
    assert (await room.resolve("pm_card_visa", intent="seti_1")).payment_method.used_by is None


async def test_data_for_a_payment_is_made_and_sealed_in_one_change(room: _Room) -> None:
    resolved = await room.instruments.resolve_for_payment(SCOPE, None, _DATA, intent_id="pi_1")
    assert isinstance(resolved, ResolvedInstrument)
    assert await room.write(resolved)
    stored = await room.methods.get(SCOPE, resolved.payment_method.id)
    assert isinstance(stored, PaymentMethod)
    assert stored.metadata == {"k": "v"}
    assert (await room.reveal(stored)).number == _RAW.number


@pytest.mark.parametrize("kind", ["us_bank_account", "ideal", "link", "paypal"])
async def test_other_types_get_a_clear_answer(room: _Room, kind: str) -> None:
    problem = await room.methods.create(request(), PaymentMethodData(type=kind), Recorder())
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code, problem.param) == (400, "payment_method_unactivated", "type")


async def test_a_bad_number_is_a_card_error(room: _Room) -> None:
    bad = PaymentMethodData(card=CardData(number="4242424242424241", exp_month=1, exp_year=2040))
    problem = await room.methods.create(request(), bad, Recorder())
    assert isinstance(problem, Problem)
    assert (problem.status, problem.type, problem.code) == (402, "card_error", "incorrect_number")


async def test_a_token_works_once_and_hands_its_code_over(room: _Room) -> None:
    token = await room.token()
    assert not token.used
    data = PaymentMethodData(card=CardData(token=token.id))
    method = await room.method(data)
    assert method.billing_details == {"name": "A Person"}
    assert (await room.reveal(method)).cvc == "987"
    used = await room.tokens.get(SCOPE, token.id)
    assert isinstance(used, Token)
    assert used.used
    problem = await room.methods.create(request(), data, Recorder())
    assert isinstance(problem, Problem)
    assert problem.code == "token_already_used"


@pytest.mark.parametrize("kind", ["token", "confirmation token"])
async def test_a_refused_commit_does_not_lose_the_code_of_a_token(room: _Room, kind: str) -> None:
    resolved = []
    asked = CreateConfirmationToken(payment_method_data=_DATA)
    if kind == "token":
        token_id, data = None, PaymentMethodData(card=CardData(token=(await room.token()).id))
    else:
        made = await _done(
            lambda respond: room.confirmation_tokens.create(request(), asked, respond), ConfirmationToken
        )
        token_id, data = made.id, None
    for _ in range(2):  # the first is never written: another request with its idempotency key was first, say
        found = await room.instruments.resolve_for_payment(SCOPE, None, data, token_id, intent_id="pi_1")
        assert isinstance(found, ResolvedInstrument)
        resolved.append(found)
    assert await room.write(resolved[1])
    assert (await room.reveal(resolved[1].payment_method)).cvc == "987"
    assert len(room.codes) == 0


async def test_a_token_pays_a_legacy_charge_under_its_own_card_id(room: _Room) -> None:
    token = await room.token()
    resolved = await room.resolve(token.id)
    assert resolved.payment_method.id == token.card_id
    assert resolved.payment_method.is_source
    assert await room.write(resolved)
    named = await room.resolve("tok_visa")
    assert named.is_new


async def test_an_unknown_token_is_missing(room: _Room) -> None:
    problem = await room.methods.create(request(), PaymentMethodData(card=CardData(token="tok_none")), Recorder())
    assert isinstance(problem, Problem)
    assert (problem.code, problem.param) == ("resource_missing", "card[token]")


@pytest.mark.parametrize("command", [{"payment_method": "pm_card_visa"}, {"payment_method_data": _DATA}])
async def test_a_confirmation_token_serves_one_intent(room: _Room, command: dict[str, object]) -> None:
    asked = CreateConfirmationToken(
        **command,  # type: ignore[arg-type]  # one of two fields
        return_url="https://shop.example/back",
        setup_future_usage="off_session",
        details={"shipping": {"name": "A"}},
    )
    token = await _done(lambda respond: room.confirmation_tokens.create(request(), asked, respond), ConfirmationToken)
    resolved = await room.instruments.resolve_for_payment(SCOPE, None, None, token.id, intent_id="pi_1")
    assert isinstance(resolved, ResolvedInstrument)
    assert (resolved.return_url, resolved.setup_future_usage) == ("https://shop.example/back", "off_session")
    assert resolved.shipping == {"name": "A"}
    assert await room.write(resolved)
    again = await room.instruments.resolve_for_payment(SCOPE, None, None, token.id, intent_id="pi_1")
    assert isinstance(again, ResolvedInstrument)
    assert again.payment_method == resolved.payment_method
    assert again.writes == ()
    other = await room.instruments.resolve_for_payment(SCOPE, None, None, token.id, intent_id="pi_2")
    assert isinstance(other, Problem)
    assert other.code == "token_already_used"
    seen = await room.confirmation_tokens.get(SCOPE, token.id)
    assert isinstance(seen, ConfirmationToken)
    assert seen.payment_intent_id == "pi_1"


async def test_data_goes_before_what_an_intent_had_and_nothing_is_a_problem(room: _Room) -> None:
    resolved = await room.instruments.resolve_for_payment(SCOPE, "pm_card_visa", _DATA, intent_id="pi_1")
    assert isinstance(resolved, ResolvedInstrument)
    assert resolved.payment_method.billing_details == {"email": "a@example.com"}
    nothing = await room.instruments.resolve_for_payment(SCOPE, intent_id="pi_1")
    assert isinstance(nothing, Problem)


async def test_a_confirmation_token_is_made_of_one_thing(room: _Room) -> None:
    both = CreateConfirmationToken(payment_method="pm_card_visa", payment_method_data=_DATA)
    problem = await room.confirmation_tokens.create(request(), both, Recorder())
    assert isinstance(problem, Problem)
    assert problem.code == "parameters_exclusive"


async def test_updating_a_method_tells_what_it_was(room: _Room) -> None:
    method = await room.method()
    command = UpdatePaymentMethod(exp_month=11, billing_details={"name": "B"}, metadata={"k": "", "n": "1"})
    updated = await _done(lambda respond: room.methods.update(request(), method.id, command, respond), PaymentMethod)
    assert updated.billing_details == {"email": "a@example.com", "name": "B"}
    assert updated.metadata == {"n": "1"}
    assert (await room.reveal(updated)).exp_month == 11
    [event] = await announced(room.database)
    data = msgspec.json.decode(event.data)
    assert event.type == "payment_method.updated"
    assert data["previous_attributes"] == {
        "billing_details": {"name": None},
        "card": {"exp_month": 12},
        "metadata": {"k": "v", "n": None},
    }


async def test_lists_are_newest_first_and_filtered(room: _Room) -> None:
    methods = []
    for _ in range(3):
        methods.append(await room.method())
        await asyncio.sleep(0.002)  # ids are ordered by millisecond
    page = await room.methods.list(SCOPE, Page(limit=2), kind="card")
    assert isinstance(page, PageResult)
    assert [item.id for item in page.items] == [methods[2].id, methods[1].id]
    assert page.has_more
    none = await room.methods.list(SCOPE, Page(), kind="sepa_debit")
    assert isinstance(none, PageResult)
    assert none.items == []
