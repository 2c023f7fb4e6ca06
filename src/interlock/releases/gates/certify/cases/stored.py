"""Cards that are kept: verified, stored with a first payment, used again by the customer and by the merchant."""

from functools import partial

from interlock.base.problems import Problem
from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Manifest
from interlock.payments.instruments.types import PAYMENT_METHODS, PaymentMethodData
from interlock.payments.intents.types import ConfirmIntent
from interlock.payments.setup.types import SetupIntent
from interlock.releases.gates.certify import deck
from interlock.releases.gates.certify.cases.types import CORE, Case
from interlock.releases.gates.certify.providers import Provider
from interlock.releases.gates.certify.stage import RETURN_URL, Stage

_OFF_SESSION = ConfirmIntent(off_session=True)


def cases(manifest: Manifest, provider: Provider) -> list[Case]:
    """Return the cases of verified and stored cards."""
    able = manifest.capabilities
    found: list[Case] = []
    verifies = Operation.VERIFY in able.operations
    if verifies:
        found += [
            Case("verify", "verify", _verify, CORE),
            Case("verify declined", "verify", _verify_declined),
        ]
    if verifies and able.three_d_secure:
        found.append(Case("verify challenged", "verify", _verify_challenged))
        found.append(Case("verify challenge failed", "verify", _verify_failed))
    for initiator in able.stored_credentials:
        if verifies:
            found.append(Case(f"stored by set-up, used by {initiator}", "stored", partial(_after_setup, initiator)))
        found.append(Case(f"stored by a payment, used by {initiator}", "stored", partial(_after_payment, initiator)))
    if "merchant" not in able.stored_credentials:
        return found
    found.append(Case("used by merchant, never stored", "stored", _never_stored))
    if able.three_d_secure:
        found.append(Case("used by merchant, never set up", "stored", _never_set_up))
    if able.three_d_secure and verifies:
        found.append(Case("challenged set-up, used by merchant", "stored", partial(_challenged_setup, provider)))
    if able.three_d_secure:
        found.append(Case("challenged payment, used by merchant", "stored", partial(_challenged_payment, provider)))
    if able.network_transaction_id:
        found.append(Case("network transaction id is kept", "stored", _network_transaction))
    return found


async def _verify(stage: Stage) -> None:
    await _stored(stage, await stage.customer(), stage.card())


async def _stored(stage: Stage, customer: str | None, card: PaymentMethodData) -> SetupIntent:
    setup = await stage.set_up(customer, card)
    setup = await stage.setup_settled(setup)
    attempt = await stage.attempt(setup, "verify")
    told = f"the card is not stored: the set-up is {setup.status}, its verify {attempt.state} ({attempt.code})"
    stage.expect(setup.status == "succeeded", told)
    return setup


async def _verify_declined(stage: Stage) -> None:
    setup = await stage.set_up(await stage.customer(), stage.card(deck.DECLINED["generic"]))
    stage.expect(setup.status == "requires_payment_method", f"the set-up with a declined card is {setup.status}")


async def _verify_challenged(stage: Stage) -> None:
    setup = await stage.set_up(await stage.customer(), stage.card(deck.CHALLENGED))
    await stage.through_bank(await stage.setup_waiting(setup))
    setup = await stage.setup_settled(setup)
    stage.expect(setup.status == "succeeded", f"the set-up is {setup.status} after a passed challenge")


async def _verify_failed(stage: Stage) -> None:
    setup = await stage.set_up(await stage.customer(), stage.card(deck.CHALLENGED))
    await stage.through_bank(await stage.setup_waiting(setup), "fail")
    setup = await stage.setup_settled(setup)
    stage.expect(setup.status == "requires_payment_method", f"the set-up is {setup.status} after a failed challenge")


async def used_again(stage: Stage, initiator: str, customer: str, method: str) -> None:
    """Pay with a card that is kept; end the case unless all is taken."""
    confirm = _OFF_SESSION if initiator == "merchant" else ConfirmIntent(return_url=RETURN_URL)
    await stage.sale(3_300, method=method, customer=customer, confirm=confirm)


async def _after_setup(initiator: str, stage: Stage) -> None:
    customer = await stage.customer()
    setup = await _stored(stage, customer, stage.card())
    await used_again(stage, initiator, customer, setup.payment_method_id or "")
    await used_again(stage, initiator, customer, setup.payment_method_id or "")


async def _after_payment(initiator: str, stage: Stage) -> None:
    customer = await stage.customer()
    usage = "off_session" if initiator == "merchant" else "on_session"
    first = await stage.sale(customer=customer, setup_future_usage=usage)
    await used_again(stage, initiator, customer, first.payment_method_id or "")


async def _never_stored(stage: Stage) -> None:
    """A card that no gateway was told to keep is charged all the same: from the vault, without anything to quote."""
    await stage.sale(2_700, confirm=_OFF_SESSION)


async def _never_set_up(stage: Stage) -> None:
    """Its issuer wants to see the cardholder, who is not there: declined, and nobody waits for a challenge."""
    paid = await stage.pay(card=stage.card(deck.CHALLENGED_UNLESS_SET_UP), confirm=_OFF_SESSION)
    attempt = await stage.expect_attempt(paid.intent, "sale", "declined", "challenge")
    stage.expect(isinstance(paid.problem, Problem), "a challenge is asked of a cardholder who is not there")
    if attempt.state == "declined":
        told = attempt.decline_code
        stage.expect(told == "authentication_required", f"the decline is told as {told}, not authentication_required")
    await stage.recover(paid.intent)
    await stage.expect_status(paid.intent, "requires_payment_method")


async def _challenged_setup(provider: Provider, stage: Stage) -> None:
    customer = await stage.customer()
    setup = await stage.set_up(customer, stage.card(provider.kept_after_challenge))
    await stage.through_bank(await stage.setup_waiting(setup))
    setup = await stage.setup_settled(setup)
    stage.expect(setup.status == "succeeded", f"the set-up is {setup.status} after a passed challenge")
    await used_again(stage, "merchant", customer, setup.payment_method_id or "")


async def _challenged_payment(provider: Provider, stage: Stage) -> None:
    customer = await stage.customer()
    paid = await stage.pay(
        card=stage.card(provider.kept_after_challenge), customer=customer, setup_future_usage="off_session"
    )
    await stage.through_bank(await stage.challenged(paid))
    first = await stage.expect_taken(await stage.until_settled(paid.intent), 2_400)
    await used_again(stage, "merchant", customer, first.payment_method_id or "")


async def _network_transaction(stage: Stage) -> None:
    first = await stage.sale(customer=await stage.customer(), setup_future_usage="off_session")
    method = await stage.house.database.get(PAYMENT_METHODS, stage.shop.scope, first.payment_method_id or "")
    kept = None if method is None else method.network_transaction_id
    stage.expect(
        kept, "the network's transaction id of the first payment is not kept, so that later ones cannot quote it"
    )
