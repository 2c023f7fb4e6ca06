"""Traffic of a shop with a little of everything, through one gateway of a :class:`~tests.support.payment_house.House`.

Real payments against the simulated gateways: what the shadow gate's recordings are made of in tests.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.payment_house import RETURN_URL, House
from tests.support.sandboxes import Gateway, running

from interlock.base.problems import Problem
from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.payments.customers.types import CreateCustomer, Customer
from interlock.payments.instruments.types import CardData, PaymentMethod, PaymentMethodData
from interlock.payments.intents.types import CancelIntent, CaptureIntent, ConfirmIntent, IncrementIntent, Intent
from interlock.payments.refunds.types import CreateRefund, Refund
from interlock.payments.setup.types import ConfirmSetup, CreateSetup
from interlock.releases.gates.shadow import Recordings, read_recordings, run
from interlock.releases.gates.types import GateReport, Subject, Verdict
from interlock.routing.service import Routing
from interlock.vault.keys import generate_keys, parse_keys
from interlock.vault.service import Vault

PROVIDERS = ("stripe", "adyen")
PUBLIC_URL = "http://127.0.0.1:9"
NAME, EMAIL = "Marguerite Delacroix-Ünal", "marguerite.delacroix@example.org"
STREET, FLAT, CITY = "12 Harbour Lane", "Flat 7, Stair B", "Leith"
BILLING: dict[str, Any] = {
    "name": NAME,
    "email": EMAIL,
    "phone": "+44 7700 900123",
    "address": {"line1": STREET, "line2": FLAT, "city": CITY, "postal_code": "EH6 6QQ", "country": "GB"},
}
NUMBERS = {"visa": "4242424242424242", "mastercard": "5555555555554444", "amex": "378282246310005"}
INCREMENTAL = {"payment_method_options": {"card": {"request_incremental_authorization": "if_available"}}}


async def only(house: House, name: str) -> None:
    """Leave one gateway enabled."""
    vault = Vault(house.database, parse_keys(generate_keys()), house.clock)
    routing = Routing(house.database, vault.envelope, house.clock)
    for other in house.gateways.values():
        changed = await routing.update_gateway(house.scope, other.id, enabled=other.name == name)
        assert not isinstance(changed, Problem)
    await house.table.refresh(force=True)


class Traffic:
    """Makes payments; every method returns when the gateway has answered."""

    def __init__(self, house: House, gateway: Gateway) -> None:
        """Pay in ``house``, whose one enabled gateway is ``gateway``."""
        self.house = house
        self.gateway = gateway

    async def everything(self) -> None:
        """Do a little of everything that both connectors can do."""
        await self.sales()
        await self.declines()
        await self.holds()
        await self.challenges()
        await self.stored_cards()
        await self.refunds()
        await self.card_checks()
        await self.trouble()

    async def sales(self) -> None:
        """Sell in several currencies with several networks, with and without an address."""
        for currency, amount in (("usd", 1099), ("eur", 2500), ("jpy", 5000), ("isk", 1200), ("gbp", 990)):
            await self.house.paid("pm_card_visa", amount, currency=currency)
        for brand in NUMBERS:
            method = await self.card(brand)
            await self.house.paid(method.id, 4200, currency="gbp", details={"description": f"Lamp for {NAME}"})

    async def declines(self) -> None:
        """Be told no by banks."""
        for reason in ("", "InsufficientFunds", "ExpiredCard"):
            assert isinstance(await self.house.pay(f"pm_card_chargeDeclined{reason}"), Problem)

    async def holds(self) -> None:
        """Hold money, then take it, part of it, more of it, or nothing."""
        follow_ons, follow, ctx = self.house.payments.follow_ons, self.house.follow, self.house.ctx
        whole, part, none = [await self._held() for _ in range(3)]
        await follow(lambda respond: follow_ons.capture(ctx(), whole.id, CaptureIntent(), respond))
        await follow(lambda respond: follow_ons.capture(ctx(), part.id, CaptureIntent(amount=400), respond))
        await follow(lambda respond: follow_ons.cancel(ctx(), none.id, CancelIntent(), respond))
        more = await self._held(details=INCREMENTAL)
        await follow(lambda respond: follow_ons.increment(ctx(), more.id, IncrementIntent(amount=2000), respond))

    async def _held(self, **more: Any) -> Intent:
        return await self.house.paid("pm_card_mastercard", 1099, capture_method="manual", **more)

    async def challenges(self) -> None:
        """Let shoppers pass and fail their bank's challenge."""
        for outcome in ("succeed", "fail"):
            intent = await self.house.paid("pm_card_authenticationRequired", 1099, currency="eur")
            await self.house.pass_challenge((await self.house.attempts(intent))[-1], outcome)

    async def stored_cards(self) -> None:
        """Store cards with a payment, charge them later without the shopper; and one that no network knows of."""
        for brand in ("visa", "mastercard"):
            customer = await self._customer()
            method = await self.card(brand)
            options = ConfirmIntent(return_url=RETURN_URL, setup_future_usage="off_session")
            await self.house.paid(method.id, 1500, customer=customer.id, options=options)
            for _ in range(2):
                later = ConfirmIntent(off_session=True)
                await self.house.paid(method.id, 1500, customer=customer.id, options=later)
        for brand in ("visa", "mastercard"):
            method = await self.card(brand)
            await self.house.paid(method.id, 1500, options=ConfirmIntent(off_session=True))

    async def refunds(self) -> None:
        """Give money back: all of it, and part of it."""
        for amount in (None, 300):
            intent = await self.house.paid("pm_card_visa", 1099, currency="usd")
            asked = CreateRefund(payment_intent=intent.id, amount=amount, reason="requested_by_customer")
            made = await self.house.follow(
                lambda respond, asked=asked: self.house.payments.refunds.create(self.house.ctx(), asked, respond)
            )
            assert isinstance(made, Refund), made

    async def card_checks(self) -> None:
        """Store cards without a payment."""
        for method in ("pm_card_visa", "pm_card_mastercard"):
            asked = CreateSetup(payment_method=method, confirm=ConfirmSetup(return_url=RETURN_URL))
            await self.house.follow(
                lambda respond, asked=asked: self.house.payments.setup_intents.create(self.house.ctx(), asked, respond)
            )

    async def trouble(self) -> None:
        """Meet a proxy's page instead of an answer, and a refusal."""
        self.gateway.fault("html", executes=True, schedule={"first": 1})
        await self.house.pay("pm_card_visa", 777)
        self.gateway.fault("refuse", status=400, schedule={"first": 2})
        await self.house.pay("pm_card_visa", 888)
        self.gateway.clear_faults()

    async def card(self, brand: str) -> PaymentMethod:
        """Return a payment method of a raw card, with a whole address."""
        data = PaymentMethodData(
            card=CardData(number=NUMBERS[brand], exp_month=11, exp_year=2034, cvc="1234" if brand == "amex" else "123"),
            billing_details=BILLING,
        )
        made = await self.house.follow(
            lambda respond: self.house.payments.payment_methods.create(self.house.ctx(), data, respond)
        )
        assert isinstance(made, PaymentMethod), made
        return made

    async def _customer(self) -> Customer:
        made = await self.house.follow(
            lambda respond: self.house.payments.customers.create(self.house.ctx(), CreateCustomer(), respond)
        )
        assert isinstance(made, Customer), made
        return made


def config_of(house: House, name: str) -> ConnectorConfig:
    """Return how the house's gateway is configured."""
    ready = house.table.gateway(house.scope, house.gateways[name].id)
    assert ready is not None
    return ready.config


async def recorded(house: House, name: str) -> Recordings:
    """Return the recordings of the house's gateway."""
    now_ms = house.clock.now_ms()
    gateway, config = house.gateways[name], config_of(house, name)
    return await read_recordings(house.database, gateway, config, public_url=PUBLIC_URL, now_ms=now_ms)


def some(recordings: Recordings, **wanted: Any) -> Sequence[Any]:
    """Return the recordings whose slice is as wanted."""
    return [
        each
        for each in recordings.recordings
        if all(getattr(each.slice, name) == value for name, value in wanted.items())
    ]


@contextmanager
def both_gateways(folder: Path) -> Iterator[dict[str, Gateway]]:
    """Run the simulated gateways, with their data below ``folder``."""
    for name in PROVIDERS:
        (folder / name).mkdir()
    with running("stripe", folder / "stripe") as stripe, running("adyen", folder / "adyen") as adyen:
        yield {"stripe": stripe, "adyen": adyen}


async def shadow_over(recordings: Recordings, config: ConnectorConfig, package: Package) -> GateReport:
    """Run the gate over ``recordings``, with the connector that came with this version as stable."""
    subject = Subject(
        package=package,
        livemode=False,
        config=config,
        stable=builtin_package(recordings.connector),
        stable_config=config,
    )
    return await run(subject, lambda *_: None, recordings)


def sentences(report: GateReport) -> list[str]:
    """Return what failed."""
    return [finding.sentence() for finding in report.findings if finding.verdict is Verdict.FAILED]
