"""Currencies without decimals, with three, and those that the provider counts in its own way: on every money path."""

from functools import partial

from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Manifest
from interlock.payments.intents.types import ConfirmIntent
from interlock.releases.gates.certify import deck
from interlock.releases.gates.certify.cases.types import USUAL, Case, amount_in
from interlock.releases.gates.certify.providers import Provider
from interlock.releases.gates.certify.stage import RETURN_URL, Stage

_ZERO, _THREE = ("jpy", "krw"), ("kwd", "bhd")


def cases(manifest: Manifest, provider: Provider) -> list[Case]:
    """Return the cases of unusual currencies."""
    able = manifest.capabilities
    claimed = manifest.currencies.exponents
    wanted = dict.fromkeys((*_ZERO, *_THREE, *provider.exceptional, *claimed))
    currencies = [currency for currency in wanted if currency not in manifest.currencies.unsupported]
    found = []
    for currency in currencies:
        if able.partial_refund:
            found.append(Case(f"sale and refund {currency}", "currencies", partial(_sale, currency)))
        if able.partial_capture and Operation.AUTHORISE in able.operations:
            found.append(Case(f"capture partial {currency}", "currencies", partial(_capture, currency)))
        exceptional = currency in provider.exceptional or currency in claimed
        if able.three_d_secure and (exceptional or currency in {_ZERO[0], _THREE[0]}):
            found.append(Case(f"challenge passed {currency}", "currencies", partial(_challenge, currency), USUAL))
    return found


async def _sale(currency: str, stage: Stage) -> None:
    amount = amount_in(currency)
    intent = await stage.sale(amount, currency)
    await stage.refunded(intent, amount // 2)


async def _capture(currency: str, stage: Stage) -> None:
    amount = amount_in(currency)
    await stage.captured(await stage.hold(amount, currency), amount // 2)


async def _challenge(currency: str, stage: Stage) -> None:
    amount = amount_in(currency)
    paid = await stage.pay(amount, currency, stage.card(deck.CHALLENGED), confirm=ConfirmIntent(return_url=RETURN_URL))
    await stage.through_bank(await stage.challenged(paid))
    await stage.expect_taken(await stage.until_settled(paid.intent), amount)
