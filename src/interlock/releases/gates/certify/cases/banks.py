"""Bank debits and transfers: paid, sent back, disputed, funded in parts. Only where the manifest claims the method."""

from functools import partial
from typing import Any

from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Manifest
from interlock.payments.instruments.types import PaymentMethodData, SepaDebitData
from interlock.payments.intents.types import ConfirmIntent, FundBalance, Intent
from interlock.releases.gates.certify import deck
from interlock.releases.gates.certify.cases.types import Case
from interlock.releases.gates.certify.providers import Provider
from interlock.releases.gates.certify.stage import RETURN_URL, Stage

_AGREED: dict[str, Any] = {"customer_acceptance": {"type": "offline", "accepted_at": 1_590_590_577}}
_BILLING: dict[str, Any] = {"name": "Jenny Rosen", "email": "jenny@example.com"}
_TRANSFER: dict[str, Any] = {
    "customer_balance": {"funding_type": "bank_transfer", "bank_transfer": {"type": "jp_bank_transfer"}}
}


def cases(manifest: Manifest, provider: Provider) -> list[Case]:
    """Return the cases of bank debits and bank transfers."""
    del provider
    able = manifest.capabilities
    found: list[Case] = []
    if "sepa_debit" in able.methods:
        found.append(Case("debit paid", "banks", _paid))
        found += [
            Case(f"debit sent back: {why}", "banks", partial(_sent_back, iban))
            for why, iban in deck.SENT_BACK_ACCOUNTS.items()
        ]
        if Operation.REFUND in able.operations:
            found.append(Case("debit paid, then refunded", "banks", _paid_refunded))
    if "customer_balance" in able.methods:
        found.append(Case("transfer", "banks", partial(_transfer, (20_000,))))
        found.append(Case("transfer in parts", "banks", partial(_transfer, (5_000, 15_000))))
        found.append(Case("transfer given up", "banks", _transfer_given_up))
    return found


async def debited(stage: Stage, iban: str) -> Intent:
    """Pay by a debit of the account, and end the case unless it is accepted."""
    account = PaymentMethodData(type="sepa_debit", sepa_debit=SepaDebitData(iban=iban), billing_details=_BILLING)
    paid = await stage.pay(
        1_099, "eur", account, confirm=ConfirmIntent(return_url=RETURN_URL, mandate_data=dict(_AGREED))
    )
    return await stage.expect_status(paid.intent, "processing")


async def _paid(stage: Stage) -> None:
    intent = await stage.until_status(await debited(stage, deck.PAID_ACCOUNT), "succeeded")
    await stage.expect_taken(intent, 1_099)


async def _paid_refunded(stage: Stage) -> None:
    intent = await stage.until_status(await debited(stage, deck.PAID_ACCOUNT), "succeeded")
    await stage.refunded(intent)


async def _sent_back(iban: str, stage: Stage) -> None:
    """Accepted at first, and not paid in the end: goods must not be on their way by then."""
    await stage.until_status(await debited(stage, iban), "requires_payment_method")


async def awaited(stage: Stage) -> tuple[str, Intent]:
    """Ask for a transfer of 20,000 yen; return the customer and the payment that waits for it."""
    customer = await stage.customer()
    paid = await stage.pay(
        20_000,
        "jpy",
        PaymentMethodData(type="customer_balance"),
        customer=customer,
        details={"payment_method_options": dict(_TRANSFER)},
        confirm=ConfirmIntent(),
    )
    return customer, await stage.expect_status(paid.intent, "requires_action")


async def _transfer(parts: tuple[int, ...], stage: Stage) -> None:
    customer, intent = await awaited(stage)
    left = intent.amount_minor
    for part in parts:
        await fund(stage, customer, part)
        left -= part
        await stage.until(partial(_remains, stage, intent, left), f"the payment does not learn that {left} jpy remain")
    await stage.expect_taken(intent, 20_000)


async def fund(stage: Stage, customer: str, amount_minor: int) -> None:
    """Let a transfer of yen arrive."""
    command = FundBalance(amount=amount_minor, currency="jpy")
    answer = await stage.show(lambda respond: stage.payments.fundings.fund(stage.ctx(), customer, command, respond))
    stage.expect(getattr(answer, "money", None), f"the transfer does not arrive: {getattr(answer, 'message', '')}")


async def _remains(stage: Stage, intent: Intent, left: int) -> bool:
    now = await stage.intent(intent.id)
    if not left:
        return now.status == "succeeded"
    shown = (now.next_action or {}).get("display_bank_transfer_instructions") or {}
    return shown.get("amount_remaining") == left


async def _transfer_given_up(stage: Stage) -> None:
    _, intent = await awaited(stage)
    await stage.cancel(intent)
    await stage.recover(intent)
    await stage.expect_status(intent, "canceled")
