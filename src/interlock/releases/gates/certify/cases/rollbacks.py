"""A rollback in the middle of payments: the release that began them has been taken back, and nothing is proven."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Manifest
from interlock.releases.gates.certify import deck
from interlock.releases.gates.certify.cases import crossing, lost
from interlock.releases.gates.certify.cases.failures import Failure, failing
from interlock.releases.gates.certify.stage import Stage

CHALLENGE, CAPTURE, WEBHOOK = "rollback during a challenge", "rollback during a capture", "rollback before a webhook"
_SLOW_MS = 500


def names(manifest: Manifest) -> list[str]:
    """Return the names of the cases in which a release is taken back in the middle of a payment."""
    able = manifest.capabilities
    found = [CHALLENGE] if able.three_d_secure else []
    if Operation.CAPTURE in able.operations:
        found.append(CAPTURE)
    if manifest.webhook is not None:
        found.append(WEBHOOK)
    return found


async def begin(stages: dict[str, Stage], roll_back: Callable[[], Awaitable[None]]) -> dict[str, Any]:
    """Begin payments, take their release back while they are under way, and return what was begun, by case."""
    begun: dict[str, Any] = {}
    challenge, webhook, capture = stages.get(CHALLENGE), stages.get(WEBHOOK), stages.get(CAPTURE)
    if webhook is not None:
        begun[WEBHOOK] = await lost.sale(webhook, "chf")
    if challenge is not None:
        begun[CHALLENGE] = await crossing.challenged(challenge)
    if capture is None:
        await roll_back()
        return begun
    number = capture.house.deck.plain()
    intent = await capture.hold(card=capture.card(number))
    slow = Failure("slow", "latency", executes=True, parameters=(("ms", _SLOW_MS),))
    async with failing(capture, slow, bin=number[: deck.ISSUER_DIGITS], operation="capture"):
        under_way = asyncio.create_task(capture.capture(intent))
        await asyncio.sleep(_SLOW_MS / 4_000)
        await roll_back()
        await under_way
    begun[CAPTURE] = intent
    return begun


async def ends_right(stage: Stage, begun: Any) -> None:
    """Finish what was begun before the rollback, as shoppers and webhooks do."""
    if stage.case == CHALLENGE:
        await crossing.completed(stage, begun)
        return
    if stage.case == WEBHOOK:
        await stage.release_webhooks(f'"{begun.currency}"')
    intent = await stage.until_settled(begun)
    await stage.expect_taken(intent, begun.amount_minor)
