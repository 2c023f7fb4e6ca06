"""Payments that are taken at once, and payments with a test card that is declined."""

from functools import partial

from interlock.gateways.manifest import Manifest
from interlock.payments.intents.types import ConfirmIntent
from interlock.releases.gates.certify import deck
from interlock.releases.gates.certify.cases.types import CORE, USUAL, Case
from interlock.releases.gates.certify.providers import Declined, Provider
from interlock.releases.gates.certify.stage import RETURN_URL, Stage

_AWKWARD = {
    "description": "Grüße & <b>„Söhne“</b> 100 % +\u200b 注文\u2028'; --",
    "statement_descriptor_suffix": "ÉTÉ* 7 <x>",
    "receipt_email": "zoe+tag@exämple.com",
}


def cases(manifest: Manifest, provider: Provider) -> list[Case]:
    """Return the cases of plain sales and of declines."""
    networks = [name for name in manifest.capabilities.networks if name in deck.APPROVED]
    found = [
        Case(f"sale {network}", "sales", partial(_sale, deck.APPROVED[network]), CORE if network == "visa" else USUAL)
        for network in networks
    ]
    found.append(Case("sale eur", "sales", partial(_sale_in, "eur"), CORE))
    found.append(Case("sale awkward text", "sales", _awkward))
    found.append(Case("declined, then paid otherwise", "declines", _paid_otherwise, CORE))
    for name, number in deck.DECLINED.items():
        wanted = provider.declines[name]
        rank = CORE if name == "generic" else USUAL
        found.append(Case(f"declined {name}", "declines", partial(_declined, number, wanted), rank))
    found.append(
        Case(
            "declined generic hold",
            "declines",
            partial(_declined, deck.DECLINED["generic"], provider.declines["generic"], hold=True),
        )
    )
    return found


async def _sale(number: str, stage: Stage) -> None:
    intent = await stage.sale(card=stage.card(number))
    await stage.expect_attempt(intent, "sale", "approved")


async def _sale_in(currency: str, stage: Stage) -> None:
    await stage.sale(1_999, currency)


async def _awkward(stage: Stage) -> None:
    await stage.sale(details=dict(_AWKWARD))


async def _declined(number: str, wanted: Declined, stage: Stage, *, hold: bool = False) -> None:
    paid = await stage.pay(card=stage.card(number), hold=hold)
    operation = "authorise" if hold else "sale"
    attempt = await stage.expect_attempt(paid.intent, operation, wanted.state)
    if wanted.code is not None:
        told = attempt.decline_code
        stage.expect(told == wanted.code, f"the decline is told as {told}, not {wanted.code}")
    await stage.expect_status(paid.intent, "requires_payment_method")
    stage.expect(paid.problem is not None, "the declined shopper is not told so")


async def _paid_otherwise(stage: Stage) -> None:
    """The cart changes after a decline, and another card pays: nothing of the first try may be in the way."""
    paid = await stage.pay(2_400, card=stage.card(deck.DECLINED["insufficient_funds"]))
    intent = await stage.expect_status(paid.intent, "requires_payment_method")
    intent = await stage.reprice(intent, 2_100)
    again = await stage.confirm(intent, ConfirmIntent(payment_method_data=stage.card(), return_url=RETURN_URL))
    await stage.expect_taken(again.intent, 2_100)
