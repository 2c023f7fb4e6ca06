"""Authorisations: captured whole, in part, several times, raised, released, left alone."""

from functools import partial

from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Manifest
from interlock.payments.intents.types import Intent
from interlock.releases.gates.certify.cases.types import CORE, Case
from interlock.releases.gates.certify.providers import Call, Provider
from interlock.releases.gates.certify.stage import Stage

INCREMENTAL = {"payment_method_options": {"card": {"request_incremental_authorization": "if_available"}}}
_MULTICAPTURE = {"payment_method_options": {"card": {"request_multicapture": "if_available"}}}


def cases(manifest: Manifest, provider: Provider) -> list[Case]:
    """Return the cases of authorisations."""
    able = manifest.capabilities
    can = able.operations.__contains__
    if not can(Operation.AUTHORISE):
        return []
    found = [Case("hold left to expire", "holds", _expired)]
    if can(Operation.CAPTURE):
        found.append(Case("capture", "holds", _capture, CORE))
    if can(Operation.CAPTURE) and able.partial_capture:
        found.append(Case("capture partial", "holds", _partial, CORE))
    if can(Operation.CAPTURE) and able.multicapture:
        found.append(Case("capture several times", "holds", _several))
    if can(Operation.VOID):
        found.append(Case("void", "holds", _void, CORE))
        found.append(Case("refund of unsettled", "holds", _refund_unsettled))
    if can(Operation.VOID) and provider.capture_aside is not None:
        found.append(Case("void after settlement cut-off", "holds", partial(_void_too_late, provider.capture_aside)))
    if able.incremental and can(Operation.CAPTURE):
        found.append(Case("increment", "holds", _increment, CORE))
    if able.incremental and can(Operation.VOID):
        found.append(Case("increment, then void", "holds", _increment_void))
    return found


async def _capture(stage: Stage) -> None:
    await stage.captured(await stage.hold())


async def _partial(stage: Stage) -> None:
    intent = await stage.captured(await stage.hold(5_000), 1_900)
    stage.expect(intent.amount_capturable_minor == 0, "something of a payment captured in part can still be captured")


async def _several(stage: Stage) -> None:
    intent = await stage.hold(6_000, details=dict(_MULTICAPTURE))
    intent = await stage.captured(intent, 1_000, final=False)
    intent = await stage.captured(intent, 2_000, final=False)
    await stage.captured(intent, 500)


async def _void(stage: Stage) -> None:
    await stage.voided(await stage.hold())


async def _increment(stage: Stage) -> None:
    intent = await _raised(stage)
    await stage.captured(intent)


async def _increment_void(stage: Stage) -> None:
    await stage.voided(await _raised(stage))


async def _raised(stage: Stage) -> Intent:
    intent = await stage.hold(2_000, details=dict(INCREMENTAL))
    await stage.increment(intent, 3_300)
    intent = await stage.until_settled(intent)
    await stage.expect_attempt(intent, "increment", "approved")
    raised = intent.amount_capturable_minor
    stage.expect(raised == 3_300, f"{raised} can be captured after the increment, not 3300")
    return intent


async def _refund_unsettled(stage: Stage) -> None:
    intent = await stage.hold()
    refund = await stage.refund(intent)
    await stage.settled_refund(refund, "succeeded")
    await stage.until_settled(intent)
    await stage.expect_status(intent, "canceled")


async def _expired(stage: Stage) -> None:
    intent = await stage.hold()
    charge = await stage.charge(intent)
    await stage.house.control.happen("expire", charge.gateway_reference or "")
    await stage.until_status(intent, "canceled")


async def _void_too_late(aside: Call, stage: Stage) -> None:
    """The gateway has captured by itself what the switch still holds: the void fails and the money is given back, or
    the payment stands as taken; it is not forgotten."""
    intent = await stage.hold()
    charge = await stage.charge(intent)
    call = aside.filled(charge.gateway_reference or "", intent.amount_minor, intent.currency)
    status = await stage.house.control.call(call.method, call.path, call.headers, call.body.encode())
    stage.expect(status < 300, f"the sandbox answers the merchant's own capture with {status}")
    taken = await stage.house.books_show(charge.gateway_reference or "", "capture")
    stage.expect(taken, "the sandbox does not carry out the merchant's own capture")
    await stage.cancel(intent)
    await stage.recover(intent)
    # Given back, or still to be seen to: that the switch agrees with the books is the auditor's question.
    if (await stage.intent(intent.id)).status == "requires_capture":
        stage.house.captured_aside.add(charge.gateway_reference or "")
