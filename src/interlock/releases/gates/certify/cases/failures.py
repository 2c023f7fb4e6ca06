"""The gateway fails: on each operation, before or after it has done what it was asked, in every way that is documented.

What is not known must be asked about, and only that: whatever the answer looked like, the payment ends as the gateway's
books have it, once.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Manifest
from interlock.payments.intents.types import Intent
from interlock.payments.refunds.types import Refund
from interlock.payments.setup.types import SetupIntent
from interlock.releases.gates.certify import deck
from interlock.releases.gates.certify.cases.holds import INCREMENTAL
from interlock.releases.gates.certify.cases.types import CORE, USUAL, Case
from interlock.releases.gates.certify.providers import Provider
from interlock.releases.gates.certify.stage import Stage
from interlock.releases.gates.certify.watching import impatient

_BEGINNINGS = (Operation.SALE, Operation.AUTHORISE, Operation.VERIFY)
_FOLLOW_ONS = (Operation.CAPTURE, Operation.INCREMENT, Operation.VOID, Operation.REFUND)


@dataclass(frozen=True, slots=True)
class Failure:
    """A way to fail. ``executes`` says whether the gateway has done what was asked by then, ``refuses`` that its answer
    is a clear no, ``silent`` that none comes."""

    name: str
    kind: str
    executes: bool
    refuses: bool = False
    silent: bool = False
    parameters: tuple[tuple[str, Any], ...] = ()


FAILURES = (
    Failure("refused with 400", "refuse", executes=False, refuses=True, parameters=(("status", 400),)),
    Failure("refused with 404", "refuse", executes=False, refuses=True, parameters=(("status", 404),)),
    Failure("refused with 429", "refuse", executes=False, refuses=True, parameters=(("status", 429),)),
    Failure("refused with 401", "refuse", executes=False, refuses=True, parameters=(("status", 401),)),
    Failure("503 before", "status_5xx", executes=False, parameters=(("status", 503),)),
    Failure("500 after", "status_5xx", executes=True, parameters=(("status", 500), ("executes", True))),
    Failure("HTML after", "html", executes=True),
    Failure("truncated", "truncated", executes=True),
    Failure("empty", "empty", executes=True),
    Failure("misencoded", "misencoded", executes=True, parameters=(("variant", "utf16"),)),
    Failure("no answer before", "timeout_before", executes=False, silent=True),
    Failure("no answer after", "timeout_after", executes=True, silent=True),
    Failure("reset before", "reset_before", executes=False),
    Failure("reset after", "reset_after", executes=True),
)
LYING = "answered with other"
"""What names of cases hold in which the gateway's answer is about other money than was asked for."""
_CORE = frozenset({("sale", "reset after"), ("capture", "reset after"), ("refund", "reset after")})


def cases(manifest: Manifest, provider: Provider) -> list[Case]:
    """Return a case for each operation and way to fail, and those of answers about other money."""
    del provider
    able = manifest.capabilities
    found: list[Case] = []
    if able.inquiry == "none":
        return found
    for operation in (*_BEGINNINGS, *_FOLLOW_ONS):
        if operation in able.operations:
            found += [_case(operation, failure) for failure in FAILURES]
    if able.three_d_secure:
        found += [
            Case(f"completion {failure.name}", "failures", partial(_completion, failure, position))
            for position, failure in enumerate(FAILURES)
        ]
    echoes = ((Operation.SALE, _lying_sale), (Operation.CAPTURE, _lying_capture), (Operation.REFUND, _lying_refund))
    for operation, play in echoes:
        if operation in able.operations:
            name = f"{operation} {LYING}"
            found.append(Case(f"{name} amount", "echo", partial(play, "wrong_amount")))
            found.append(Case(f"{name} currency", "echo", partial(play, "wrong_currency")))
    found.append(Case("sale lost, asked about at once", "failures", _at_once, CORE))
    return found


def _case(operation: Operation, failure: Failure) -> Case:
    rank = CORE if (operation.value, failure.name) in _CORE else USUAL
    play = _beginning if operation in _BEGINNINGS else _follow_on
    return Case(f"{operation} {failure.name}", "failures", partial(play, operation, failure), rank)


@contextlib.asynccontextmanager
async def failing(stage: Stage, failure: Failure, **match: object) -> AsyncIterator[None]:
    """Let the gateway fail once inside the block, for what matches; end the case when it was never asked."""
    control = stage.house.control
    fault = await control.add_fault(failure.kind, match, **dict(failure.parameters))
    try:
        with impatient() if failure.silent else contextlib.nullcontext():
            yield
        stage.expect(await control.hits(fault), "the operation made no request that could fail")
    finally:
        await control.remove_fault(fault)


# Beginnings


async def _beginning(operation: Operation, failure: Failure, stage: Stage) -> None:
    number = stage.house.deck.plain()
    card, match = stage.card(number), {"bin": number[: deck.ISSUER_DIGITS], "operation": operation.value}
    if operation is Operation.VERIFY:
        await _verification(failure, stage, number)
        return
    async with failing(stage, failure, **match):
        hold = operation is Operation.AUTHORISE
        paid = await stage.pay(card=card, hold=hold, rooms=stage.house.hasty)
    attempt = await stage.attempt(paid.intent, operation)
    _expect_first_word(stage, failure, attempt.state, operation)
    await stage.recover(paid.intent)
    done = "requires_capture" if operation is Operation.AUTHORISE else "succeeded"
    wanted = (done,) if failure.executes else (done, "requires_payment_method")
    now = await stage.expect_status(paid.intent, *wanted)
    if now.status == "requires_capture":
        await stage.voided(now)


def _expect_first_word(stage: Stage, failure: Failure, state: str, operation: str) -> None:
    """End the case when an answer that says nothing was believed."""
    if failure.refuses:
        told = f"the {operation} is {state} although the gateway refused it"
        stage.expect(state in {"refused", "declined", "unknown", "not_sent"}, told)
        return
    told = f"the {operation} counts as {state} although the gateway's answer cannot be read or never came"
    # Webhooks may have told the truth by the time the case looks.
    stage.expect(state in {"unknown", "approved", "pending"}, told)


async def _verification(failure: Failure, stage: Stage, number: str) -> None:
    customer = await stage.customer()
    match = {"bin": number[: deck.ISSUER_DIGITS], "operation": "verify"}
    async with failing(stage, failure, **match):
        setup: SetupIntent = await stage.set_up(customer, stage.card(number), rooms=stage.house.hasty)
    setup = await stage.setup_settled(setup)
    wanted = {"succeeded"} if failure.executes else {"succeeded", "requires_payment_method"}
    told = f"the set-up is {setup.status}, not {' or '.join(sorted(wanted))}"
    stage.expect(setup.status in wanted, told)


# Follow-ons


async def _follow_on(operation: Operation, failure: Failure, stage: Stage) -> None:
    number = stage.house.deck.plain()
    match = {"bin": number[: deck.ISSUER_DIGITS], "operation": operation.value}
    card = stage.card(number)
    if operation is Operation.REFUND:
        intent = await stage.sale(card=card)
    else:
        details = dict(INCREMENTAL) if operation is Operation.INCREMENT else {}
        intent = await stage.hold(card=card, details=details)
    refund: Refund | None = None
    async with failing(stage, failure, **match):
        refund = await operate(stage, operation, intent)
    attempt = await stage.attempt(intent, operation)
    _expect_first_word(stage, failure, attempt.state, operation)
    await stage.recover(intent)
    await expect_done(stage, operation, failure, intent, refund)


async def operate(stage: Stage, operation: Operation, intent: Intent) -> Refund | None:
    """Ask for a follow-on of the whole payment, with little patience; return the refund, if it is one."""
    rooms = stage.house.hasty
    if operation is Operation.REFUND:
        return await stage.refund(intent, rooms=rooms)
    if operation is Operation.CAPTURE:
        await stage.capture(intent, rooms=rooms)
    elif operation is Operation.INCREMENT:
        await stage.increment(intent, intent.amount_minor + 700, rooms=rooms)
    else:
        await stage.cancel(intent, rooms=rooms)
    return None


async def expect_done(
    stage: Stage, operation: Operation, failure: Failure, intent: Intent, refund: Refund | None
) -> None:
    """End the case unless the follow-on ended as its first or a later try says; then tidy up what is still held."""
    attempt = await stage.attempt(intent, operation)
    if failure.executes:
        stage.expect(
            attempt.state == "approved", f"the {operation} was done at the gateway and is {attempt.state} here"
        )
    now = await stage.intent(intent.id)
    if refund is not None:
        wanted = ("succeeded",) if failure.executes else ("succeeded", "failed")
        await stage.settled_refund(refund, *wanted)
    elif operation is Operation.VOID:
        await stage.expect_status(now, "canceled")
    elif operation is Operation.CAPTURE and attempt.state == "approved":
        await stage.expect_taken(now, intent.amount_minor)
    elif now.status == "requires_capture":
        await stage.voided(now)


# Completions


_CURRENCIES = (
    "sek", "nok", "dkk", "pln", "czk", "mxn", "aud", "cad", "nzd", "sgd", "hkd", "inr", "zar", "try", "thb", "myr",
)  # fmt: skip
"""One for each completion that fails: of the return from a challenge, a fault can match nothing but the currency."""


async def _completion(failure: Failure, position: int, stage: Stage) -> None:
    currency = _CURRENCIES[position]
    paid = await stage.pay(24_000, currency, stage.card(deck.CHALLENGED), rooms=stage.house.hasty)
    attempt = await stage.challenged(paid)
    stage.hold_webhooks(attempt.id)  # or the completion finds that a webhook has told all already
    brought = await stage.at_bank(attempt, "succeed")
    async with failing(stage, failure, operation=["complete", "inquire"], currency=currency):
        await stage.come_back(attempt, brought, rooms=stage.house.hasty)
    await stage.release_webhooks(attempt.id)
    await stage.recover(paid.intent)
    await stage.expect_taken(paid.intent, 24_000)


# Answers about other money


async def _lying_sale(kind: str, stage: Stage) -> None:
    number = stage.house.deck.plain()
    lie = Failure("lies", kind, executes=True)
    async with failing(stage, lie, bin=number[: deck.ISSUER_DIGITS], operation="sale"):
        paid = await stage.pay(card=stage.card(number), rooms=stage.house.hasty)
    await _expect_noticed(stage, paid.intent, "sale")
    await stage.recover(paid.intent)
    await stage.expect_taken(paid.intent, 2_400)


async def _lying_capture(kind: str, stage: Stage) -> None:
    number = stage.house.deck.plain()
    intent = await stage.hold(card=stage.card(number))
    lie = Failure("lies", kind, executes=True)
    async with failing(stage, lie, bin=number[: deck.ISSUER_DIGITS], operation="capture"):
        await stage.capture(intent, rooms=stage.house.hasty)
    await _expect_noticed(stage, intent, "capture")
    await stage.recover(intent)
    await stage.expect_taken(intent, 2_400)


async def _lying_refund(kind: str, stage: Stage) -> None:
    number = stage.house.deck.plain()
    intent = await stage.sale(card=stage.card(number))
    lie = Failure("lies", kind, executes=True)
    async with failing(stage, lie, bin=number[: deck.ISSUER_DIGITS], operation="refund"):
        refund = await stage.refund(intent, rooms=stage.house.hasty)
    await _expect_noticed(stage, intent, "refund")
    await stage.recover(intent)
    await stage.settled_refund(refund, "succeeded")


async def _expect_noticed(stage: Stage, intent: Intent, operation: str) -> None:
    """End the case unless the switch has seen that the answer spoke of other money than was asked for."""
    attempt = await stage.attempt(intent, operation)
    told = f"the answer to the {operation} names other money than was asked for, and nobody notices"
    stage.expect(attempt.echo_mismatch or attempt.state == "unknown", told)


async def _at_once(stage: Stage) -> None:
    """A lost answer is asked about within the request, while everything needed to send it again is at hand."""
    number = stage.house.deck.plain()
    lost = Failure("lost", "reset_after", executes=True)
    async with failing(stage, lost, bin=number[: deck.ISSUER_DIGITS], operation="sale"):
        paid = await stage.pay(card=stage.card(number))
    await stage.expect_taken(await stage.until_settled(paid.intent), 2_400)
