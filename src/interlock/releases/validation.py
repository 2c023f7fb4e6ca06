"""Gate ``validate``: every operation once, through the live path, with payments of our own.

Called by :mod:`interlock.releases.validating` after a promotion. The payments are real ones: an API call's use cases,
the pointer as it is, the gateway's account with the settings it has had all along. What they take they give back. In
live mode they need a card of the shop's own, stored beforehand; without one nothing was validated, and that is what the
report says.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from interlock.base.context import RequestContext
from interlock.base.ids import new_id
from interlock.base.money import Money
from interlock.base.problems import Problem
from interlock.gateways.contract import Operation
from interlock.payments.assembly import Payments
from interlock.payments.attempts.types import Attempt
from interlock.payments.intents.types import (
    CancelIntent,
    CaptureIntent,
    ConfirmIntent,
    CreateIntent,
    IncrementIntent,
    Intent,
    IntentStatus,
    IntentView,
)
from interlock.payments.refunds.service import Refunds
from interlock.payments.refunds.types import CreateRefund
from interlock.payments.setup.types import ConfirmSetup, CreateSetup, SetupStatus, SetupView
from interlock.payments.work import Answer, Respond
from interlock.releases.gates.types import Finding, Gate, GateReport, Progress, Verdict, worst
from interlock.releases.hearing import Hearing
from interlock.routing.types import ReadyGateway
from interlock.storage.pages import Page

PROBE_METHOD = "pm_card_visa"
"""What probes are paid with in test mode."""
_AMOUNT = Money(200, "usd")
_MORE_MINOR = 250
_PART_MINOR = 150
_METADATA = {"made_by": "interlock validate"}
_RETURN_URL = "https://127.0.0.1/"
_ATTEMPTS_MAX = 50
_GOOD = frozenset({"approved", "pending"})

Step = Callable[[], Awaitable[str | None]]


class Probe(msgspec.Struct, frozen=True):
    """What probes are made with: a payment method id, and its customer where it is stored with one."""

    payment_method: str = PROBE_METHOD
    customer: str | None = None


class Validator:
    """Validates what serves now. One per process."""

    def __init__(self, payments: Payments, hearing: Hearing) -> None:
        """Make probes through the same use cases as shops; wait with ``hearing`` for what the gateway tells of them."""
        self._payments = payments
        self._hearing = hearing

    async def run(self, ready: ReadyGateway, probe: Probe | None, progress: Progress) -> GateReport:
        """Make one probe of every operation that the gateway's stable release claims, and report.

        Args:
            ready: the gateway as it serves now.
            probe: what to pay with; None where no card is given (always so in live mode, unless one is named).
            progress: told of each operation.

        """
        started, began_ms = time.monotonic(), self._payments.work.clock.now_ms()
        used = probe or (None if ready.gateway.livemode else Probe())
        if used is None:
            finding = _finding("validate.card", Verdict.INCONCLUSIVE, ready, "no card is given to pay probes with")
            return GateReport(gate=Gate.VALIDATE, verdict=Verdict.INCONCLUSIVE, checks={}, findings=(finding,))
        round_ = _Round(self._payments, ready, used)
        findings: list[Finding] = []
        steps = round_.steps()
        for number, (name, step) in enumerate(steps):
            progress(name, number, len(steps))
            problem = await _tried(step)
            if problem is not None:
                findings.append(_finding(f"validate.{name}", Verdict.FAILED, ready, problem))
        findings += [_finding("validate.give_back", Verdict.FAILED, ready, said) for said in await round_.give_back()]
        checks = {name: 1 for name, _ in steps}
        if round_.made and self._hearing.is_expected(ready):
            progress("webhook", len(steps), len(steps) + 1)
            silence = await self._hearing.listen(ready, began_ms, round_.references)
            findings += [] if silence is None else [silence]
            checks["webhook"] = 1
        progress("done", len(checks), len(checks))
        found = tuple(findings)
        return GateReport(
            gate=Gate.VALIDATE,
            verdict=worst(found),
            checks=checks,
            findings=found,
            measured={"release": ready.release.id, "attempts": round_.made, "captures_to_refund": round_.pending},
            duration_ms=round((time.monotonic() - started) * 1000),
        )


class _Round:
    """One round of probes."""

    def __init__(self, payments: Payments, ready: ReadyGateway, probe: Probe) -> None:
        self._payments = payments
        self._ready = ready
        self._probe = probe
        self._scope = ready.gateway.scope
        self.made: list[str] = []
        self.references: set[str] = set()
        self._taken: list[str] = []
        self.pending: list[str] = []

    def steps(self) -> Sequence[tuple[str, Step]]:
        """Return the probes that the release's capabilities allow, by name."""
        able = self._ready.loaded.manifest.capabilities
        claimed = set(able.operations)
        steps: list[tuple[str, Step]] = [("sale", self._sale), ("refund", self._refund)]
        if {Operation.AUTHORISE, Operation.CAPTURE} <= claimed:
            steps.append(("capture", self._capture))
        if able.partial_capture:
            steps.append(("partial_capture", self._partial_capture))
        if {Operation.AUTHORISE, Operation.VOID} <= claimed:
            steps.append(("void", self._void))
        if able.incremental:
            steps.append(("increment", self._increment))
        if Operation.VERIFY in claimed:
            steps.append(("verify", self._verify))
        return [step for step in steps if _is_claimed(step[0], claimed)]

    async def give_back(self) -> list[str]:
        """Refund what the probes took, and return what could not be given back, in words.

        A capture that its gateway confirms later cannot be refunded yet: it is left in ``pending`` for the report.
        """
        problems: list[str] = []
        for intent_id in self._taken:
            intent = await self._payments.intents.get(self._scope, intent_id)
            if not isinstance(intent, Problem) and not intent.amount_received_minor:
                self.pending.append(intent_id)
                continue
            refunds, command = self._payments.refunds, CreateRefund(payment_intent=intent_id)
            shown = await _tried_refund(refunds, self._ctx(), command)
            if shown is not None:
                problems.append(f"{intent_id}: {shown}")
        return problems

    async def _sale(self) -> str | None:
        intent = await self._pay("automatic")
        problem = _is(intent, IntentStatus.SUCCEEDED)
        return problem or await self._through(intent)

    async def _refund(self) -> str | None:
        intent = await self._pay("automatic")
        if isinstance(intent, str):
            return f"the sale to be refunded failed: {intent}"
        refunds = self._payments.refunds
        answer = await _shown(
            lambda respond: refunds.create(self._ctx(), CreateRefund(payment_intent=intent.id, amount=100), respond)
        )
        return answer if isinstance(answer, str) else await self._through(intent)

    async def _capture(self) -> str | None:
        return await self._captured(CaptureIntent())

    async def _partial_capture(self) -> str | None:
        return await self._captured(CaptureIntent(amount=_PART_MINOR))

    async def _captured(self, command: CaptureIntent) -> str | None:
        intent = await self._pay("manual")
        problem = _is(intent, IntentStatus.REQUIRES_CAPTURE)
        if problem is not None or isinstance(intent, str):
            return problem
        ways = self._payments.follow_ons
        shown = await _shown(lambda respond: ways.capture(self._ctx(), intent.id, command, respond))
        if not isinstance(shown, str):
            self._taken.append(intent.id)
        return shown if isinstance(shown, str) else await self._through(intent)

    async def _void(self) -> str | None:
        intent = await self._pay("manual")
        if isinstance(intent, str):
            return intent
        ways = self._payments.follow_ons
        shown = await _shown(lambda respond: ways.cancel(self._ctx(), intent.id, CancelIntent(), respond))
        return shown if isinstance(shown, str) else await self._through(intent)

    async def _increment(self) -> str | None:
        options = {"payment_method_options": {"card": {"request_incremental_authorization": "if_available"}}}
        intent = await self._pay("manual", options)
        if isinstance(intent, str):
            return intent
        ways = self._payments.follow_ons
        command = IncrementIntent(amount=_MORE_MINOR)
        shown = await _shown(lambda respond: ways.increment(self._ctx(), intent.id, command, respond))
        problem = shown if isinstance(shown, str) else await self._through(intent)
        await _shown(lambda respond: ways.cancel(self._ctx(), intent.id, CancelIntent(), respond))
        return problem

    async def _verify(self) -> str | None:
        gateway_id = self._ready.gateway.id
        command = CreateSetup(
            customer=self._probe.customer,
            payment_method=self._probe.payment_method,
            metadata=_METADATA,
            confirm=ConfirmSetup(return_url=_RETURN_URL, probes=gateway_id),
        )
        setups = self._payments.setup_intents
        view = await _shown(lambda respond: setups.create(self._ctx(), command, respond))
        if isinstance(view, str):
            return view
        if not isinstance(view, SetupView) or view.setup_intent.status is not SetupStatus.SUCCEEDED:
            return "the card was not stored"
        return None

    async def _pay(self, capture_method: str, details: dict[str, Any] | None = None) -> Intent | str:
        command = CreateIntent(
            amount=_AMOUNT,
            customer=self._probe.customer,
            payment_method=self._probe.payment_method,
            capture_method=capture_method,
            metadata=_METADATA,
            details=details or {},
            confirm=ConfirmIntent(return_url=_RETURN_URL, probes=self._ready.gateway.id),
        )
        intents = self._payments.intents
        view = await _shown(lambda respond: intents.create(self._ctx(), command, respond))
        if isinstance(view, str):
            return view
        if not isinstance(view, IntentView):
            return "the payment was answered with something else"
        if view.intent.status is IntentStatus.SUCCEEDED:
            self._taken.append(view.intent.id)
        return view.intent

    async def _through(self, intent: Intent | str) -> str | None:
        """Return what is wrong with the attempts of a payment: their release, outcome or money."""
        if isinstance(intent, str):
            return intent
        page = await self._payments.attempts.list(self._scope, Page(limit=_ATTEMPTS_MAX), intent=intent.id)
        for attempt in page.items:
            self.made.append(attempt.id)
            self.references |= {attempt.id, *([attempt.gateway_reference] if attempt.gateway_reference else [])}
            problem = _attempt_problem(attempt, self._ready.release.id)
            if problem is not None:
                return problem
        return None

    def _ctx(self) -> RequestContext:
        return RequestContext(scope=self._scope, request_id=new_id("req"), path="/validate")


def _is_claimed(name: str, claimed: set[Operation]) -> bool:
    needed = {"sale": Operation.SALE, "refund": Operation.REFUND}.get(name)
    return needed is None or needed in claimed


def _is(intent: Intent | str, status: IntentStatus) -> str | None:
    if isinstance(intent, str):
        return intent
    return None if intent.status is status else f"the payment is {intent.status}, not {status}"


def _attempt_problem(attempt: Attempt, release_id: str) -> str | None:
    name = f"{attempt.operation} ({attempt.id})"
    if attempt.release_id != release_id:
        return f"{name} went through release {attempt.release_id}"
    if attempt.echo_mismatch:
        return f"{name} was answered with another amount or currency than was asked for"
    if attempt.state not in _GOOD:
        said = f": {attempt.code} {attempt.message or ''}".rstrip() if attempt.code else ""
        return f"{name} came out {attempt.state}{said}"
    return None


async def _tried(step: Step) -> str | None:
    try:
        return await step()
    except Exception as error:  # noqa: BLE001 - whatever breaks a probe breaks shops too: it is a finding
        return f"failed with {type(error).__name__}"


async def _tried_refund(refunds: Refunds, ctx: RequestContext, command: CreateRefund) -> str | None:
    async def refund() -> str | None:
        shown = await _shown(lambda respond: refunds.create(ctx, command, respond))
        return shown if isinstance(shown, str) else None

    return await _tried(refund)


async def _shown(call: Callable[[Respond], Awaitable[Answer | Problem]]) -> Any:
    """Run a use case and return what it showed, or in words why it did not do it."""
    shown: list[Any] = []

    async def respond(view: Any) -> Answer:
        shown.append(view)
        return Answer(200, b"{}")

    answer = await call(respond)
    if isinstance(answer, Problem):
        return answer.message
    view = shown[-1] if shown else None
    return view.message if isinstance(view, Problem) else view


def _finding(check: str, verdict: Verdict, ready: ReadyGateway, problem: str) -> Finding:
    name = ready.gateway.name
    remedy = f"interlock release rollback {ready.release.id}"
    if verdict is Verdict.INCONCLUSIVE:
        remedy = "give one: --payment-method pm_… --customer cus_…"
    return Finding(check=check, verdict=verdict, where=f"gateway {name}", problem=problem, remedy=remedy)
