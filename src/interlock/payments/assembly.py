"""Puts the payment rooms together, in the order in which they know each other. Called by ``bootstrap`` only."""

from dataclasses import dataclass

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.gateways.transport import Transport
from interlock.ledger.service import Ledger
from interlock.payments.attempts.operating import Operator
from interlock.payments.attempts.routes import Routes
from interlock.payments.attempts.runner import Runner
from interlock.payments.attempts.service import Attempts
from interlock.payments.attempts.strays import Strays
from interlock.payments.attempts.walking import Limits
from interlock.payments.charges.service import Charges
from interlock.payments.checkout.goals import Goal, PaymentGoal, SetupGoal
from interlock.payments.checkout.products import Prices, Products
from interlock.payments.checkout.service import CheckoutSessions
from interlock.payments.customers.service import Customers
from interlock.payments.customers.sources import Sources
from interlock.payments.disputes.service import Disputes
from interlock.payments.events.service import Events
from interlock.payments.idempotency.service import Idempotency
from interlock.payments.instruments.making import Maker
from interlock.payments.instruments.mandates import Mandates
from interlock.payments.instruments.payment_methods import PaymentMethods
from interlock.payments.instruments.sealing import Sealer
from interlock.payments.instruments.security_codes import SecurityCodes
from interlock.payments.instruments.service import Instruments
from interlock.payments.instruments.test_cards import TestCards
from interlock.payments.instruments.tokens import ConfirmationTokens, Tokens
from interlock.payments.intents.challenges import Challenges
from interlock.payments.intents.confirmation import Confirmer
from interlock.payments.intents.follow_ons import FollowOns
from interlock.payments.intents.funding import Fundings
from interlock.payments.intents.outcome import Outcomes
from interlock.payments.intents.service import Intents
from interlock.payments.money import Books, FeeTerms
from interlock.payments.recovery.dispatch import Dispatch
from interlock.payments.recovery.expiry import Expiry
from interlock.payments.recovery.notifications import Notifications
from interlock.payments.recovery.rebuilding import Rebuilder
from interlock.payments.recovery.reviewing import Reviewer
from interlock.payments.recovery.service import Recovery
from interlock.payments.refunds.service import Refunds
from interlock.payments.setup.outcome import SetupOutcomes
from interlock.payments.setup.service import SetupIntents
from interlock.payments.work import Work
from interlock.routing.table import RoutingTable
from interlock.storage.database import Database
from interlock.vault.service import Vault


@dataclass(frozen=True, slots=True)
class Payments:
    """Every use case of the payment rooms, ready to be called."""

    work: Work
    idempotency: Idempotency
    intents: Intents
    follow_ons: FollowOns
    challenges: Challenges
    fundings: Fundings
    setup_intents: SetupIntents
    charges: Charges
    refunds: Refunds
    disputes: Disputes
    customers: Customers
    sources: Sources
    payment_methods: PaymentMethods
    tokens: Tokens
    confirmation_tokens: ConfirmationTokens
    mandates: Mandates
    sessions: CheckoutSessions
    products: Products
    prices: Prices
    attempts: Attempts
    events: Events
    notifications: Notifications
    recovery: Recovery
    reviewer: Reviewer
    expiry: Expiry


class _Base:
    """What the payment rooms share below their use cases."""

    def __init__(
        self, database: Database, clock: Clock, vault: Vault, transport: Transport, table: RoutingTable, limits: Limits
    ) -> None:
        self.work = Work(database, clock)
        self.books = Books(lambda scope, gateway_id: _fees(table, scope, gateway_id), self.work.posting_times)
        self.runner = Runner(transport, table, clock)
        self.routes = Routes(table)
        self.operator = Operator(self.work, self.runner, limits.budget_ms, limits.lease_ms)
        self.codes = SecurityCodes(clock)
        sealer = Sealer(vault)
        self.maker = Maker(self.work, sealer, TestCards(vault), self.codes)
        self.instruments = Instruments(self.work, self.maker, sealer, self.codes)
        self.customers = Customers(self.work, self.maker)
        self.ledger = Ledger(database, clock)
        self.mandates = Mandates(self.work)
        self.fundings = Fundings(self.work, self.runner, self.customers, limits.budget_ms)


def assemble(
    database: Database,
    clock: Clock,
    vault: Vault,
    transport: Transport,
    table: RoutingTable,
    *,
    public_url: str,
    checkout_url: str,
    limits: Limits,
) -> Payments:
    """Return the payment rooms.

    Args:
        database: to read from and commit to.
        clock: tells the time everywhere.
        vault: seals and opens cards.
        transport: speaks to gateways.
        table: what is configured, in memory.
        public_url: where shoppers reach our pages around a challenge.
        checkout_url: where the hosted page is served.
        limits: how long and how often one request may try.

    """
    base = _Base(database, clock, vault, transport, table, limits)
    work, runner, maker, customers = base.work, base.runner, base.maker, base.customers
    outcomes, verified = Outcomes(work, base.books, public_url), SetupOutcomes(work, public_url)
    intents = _paying(base, outcomes, public_url, limits)
    follow_ons, refunds = _after_payment(base, outcomes)
    setups = SetupIntents(work, runner, base.routes, base.instruments, customers, verified, public_url, limits)
    strays, products, disputes = Strays(work), Products(work), Disputes(work, base.books, base.ledger)
    rebuilder = Rebuilder(database, base.instruments, setups, public_url)
    dispatch = Dispatch(outcomes, follow_ons, refunds, verified, strays)
    return Payments(
        work=work,
        idempotency=Idempotency(database),
        intents=intents,
        follow_ons=follow_ons,
        challenges=Challenges(work, runner, {"pi": outcomes, "seti": verified}, (limits.budget_ms, limits.lease_ms)),
        fundings=base.fundings,
        setup_intents=setups,
        charges=Charges(work, intents, follow_ons),
        refunds=refunds,
        disputes=disputes,
        customers=customers,
        sources=Sources(work, customers),
        payment_methods=PaymentMethods(work, maker),
        tokens=Tokens(work, maker),
        confirmation_tokens=ConfirmationTokens(work, maker, base.codes),
        mandates=base.mandates,
        sessions=CheckoutSessions(work, customers, _goals(intents, follow_ons, setups), checkout_url),
        products=products,
        prices=Prices(work, products),
        attempts=Attempts(database),
        events=Events(database),
        notifications=Notifications(work, dispatch, strays, refunds, disputes, follow_ons),
        recovery=Recovery(work, runner, rebuilder, dispatch),
        reviewer=Reviewer(work, runner, table, rebuilder, dispatch, strays, disputes, follow_ons),
        expiry=Expiry(work, follow_ons),
    )


def _paying(base: _Base, outcomes: Outcomes, public_url: str, limits: Limits) -> Intents:
    work, instruments = base.work, base.instruments
    confirmer = Confirmer(work, base.runner, base.routes, instruments, outcomes, public_url, limits)
    return Intents(work, confirmer, outcomes, instruments, base.customers, base.mandates)


def _goals(intents: Intents, follow_ons: FollowOns, setups: SetupIntents) -> dict[str, Goal]:
    return {"payment": PaymentGoal(intents, follow_ons), "setup": SetupGoal(setups)}


def _after_payment(base: _Base, outcomes: Outcomes) -> tuple[FollowOns, Refunds]:
    follow_ons = FollowOns(base.work, base.operator, outcomes, base.books)
    return follow_ons, Refunds(base.work, base.operator, base.books, follow_ons)


def _fees(table: RoutingTable, scope: Scope, gateway_id: str) -> FeeTerms:
    ready = table.gateway(scope, gateway_id)
    if ready is None:
        return FeeTerms()
    return FeeTerms(ready.gateway.fee_basis_points, ready.gateway.fee_fixed_minor)
