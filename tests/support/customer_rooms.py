"""Customers and instruments wired on a test's database, the way ``bootstrap`` does it."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from tests.support.announced import announced
from tests.support.recording import SCOPE, Recorder

from interlock.base.clock import ManualClock
from interlock.base.problems import Problem
from interlock.payments.customers.service import Customers
from interlock.payments.customers.sources import Sources
from interlock.payments.instruments.making import Maker
from interlock.payments.instruments.payment_methods import PaymentMethods
from interlock.payments.instruments.sealing import Sealer
from interlock.payments.instruments.security_codes import SecurityCodes
from interlock.payments.instruments.service import Instruments
from interlock.payments.instruments.test_cards import TestCards
from interlock.payments.instruments.tokens import ConfirmationTokens, Tokens
from interlock.payments.work import Answer, Respond, Work
from interlock.storage.database import Database
from interlock.vault.keys import generate_keys, parse_keys
from interlock.vault.service import Vault

V = TypeVar("V")
NOW_MS = 1_790_000_000_000


class CustomerRooms:
    """Every service of the two rooms, on a clock that tests move."""

    def __init__(self, database: Database) -> None:
        """Wire everything on ``database``."""
        self.database = database
        self.clock = ManualClock(NOW_MS)
        self.work = Work(database, self.clock)
        vault = Vault(database, parse_keys(generate_keys()), self.clock)
        self.codes = SecurityCodes(self.clock)
        sealer = Sealer(vault)
        self.maker = Maker(self.work, sealer, TestCards(vault), self.codes)
        self.methods = PaymentMethods(self.work, self.maker)
        self.tokens = Tokens(self.work, self.maker)
        self.confirmation_tokens = ConfirmationTokens(self.work, self.maker, self.codes)
        self.instruments = Instruments(self.work, self.maker, sealer, self.codes)
        self.customers = Customers(self.work, self.maker)
        self.sources = Sources(self.work, self.customers)

    async def done(self, call: Callable[[Respond], Awaitable[Answer | Problem]], kind: type[V]) -> V:
        """Return what a use case answered, which must be a ``kind``; time moves on, so that ids keep their order."""
        self.clock.advance(1)
        recorder = Recorder()
        return recorder.shown(await call(recorder), kind)

    async def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Return (type, data) of every event so far, oldest first."""
        events = await announced(self.database, SCOPE.account_id)
        return [(event.type, msgspec.json.decode(event.data)) for event in events]
