"""Refunds: whole, in part, several, of payments captured in part, refused later."""

from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Manifest
from interlock.releases.gates.certify import deck
from interlock.releases.gates.certify.cases.types import CORE, Case
from interlock.releases.gates.certify.providers import Provider
from interlock.releases.gates.certify.stage import Stage


def cases(manifest: Manifest, provider: Provider) -> list[Case]:
    """Return the cases of refunds."""
    del provider
    able = manifest.capabilities
    if Operation.REFUND not in able.operations:
        return []
    found = [
        Case("refund", "refunds", _whole, CORE),
        Case("refund that is pending", "refunds", _pending),
        Case("refund that fails later", "refunds", _fails_later),
    ]
    if able.partial_refund:
        found.append(Case("refund partial", "refunds", _partial, CORE))
    if able.partial_refund and able.multiple_refunds:
        found.append(Case("refund several times", "refunds", _several))
    if able.partial_capture and Operation.AUTHORISE in able.operations:
        found.append(Case("refund of a partial capture", "refunds", _of_partial_capture))
    return found


async def _whole(stage: Stage) -> None:
    intent = await stage.sale(3_100)
    refund = await stage.refunded(intent)
    stage.expect(refund.amount_minor == 3_100, f"{refund.amount_minor} is refunded, not 3100")


async def _partial(stage: Stage) -> None:
    intent = await stage.sale(4_200)
    await stage.refunded(intent, 1_300)
    charge = await stage.charge(intent)
    given_back = charge.amount_refunded_minor
    stage.expect(given_back == 1_300, f"{given_back} is refunded, not 1300")


async def _several(stage: Stage) -> None:
    intent = await stage.sale(5_000)
    for amount in (1_000, 1_000, 3_000):
        await stage.refunded(intent, amount)
    charge = await stage.charge(intent)
    given_back = charge.amount_refunded_minor
    stage.expect(given_back == 5_000, f"{given_back} is refunded, not 5000")


async def _of_partial_capture(stage: Stage) -> None:
    intent = await stage.captured(await stage.hold(5_000), 2_000)
    refund = await stage.refunded(intent)
    stage.expect(refund.amount_minor == 2_000, f"{refund.amount_minor} is refunded, not the 2000 that were captured")


async def _pending(stage: Stage) -> None:
    intent = await stage.sale(card=stage.card(deck.REFUND_PENDING))
    await stage.settled_refund(await stage.refund(intent), "succeeded")


async def _fails_later(stage: Stage) -> None:
    intent = await stage.sale(card=stage.card(deck.REFUND_FAILS))
    await stage.settled_refund(await stage.refund(intent), "failed")
    charge = await stage.charge(intent)
    stage.expect(charge.amount_refunded_minor == 0, "a refund that came back still counts as given")
