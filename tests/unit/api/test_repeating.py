"""What is done again when a concurrent change was faster, and what never is."""

import asyncio

import pytest

from interlock.api import answers
from interlock.api.call import Call
from interlock.api.endpoints import ENDPOINTS
from interlock.api.expansion import Expander
from interlock.api.repeating import ONE_COMMIT, REPEATS_MAX, Repeats
from interlock.api.router import Endpoint
from interlock.base.context import RequestContext, Scope
from interlock.base.problems import Problem
from interlock.payments.idempotency.service import KEY_TAKEN
from interlock.payments.work import CONFLICT, Answer

ANSWER = Answer(200, b"{}")
CUSTOMER = "/v1/customers/{customer}"


class Handler:
    """Answers with ``outcomes`` one after the other, the last one for ever."""

    def __init__(self, *outcomes: Answer | Problem) -> None:
        self.outcomes = list(outcomes)
        self.calls = 0

    async def __call__(self, call: Call[object]) -> Answer | Problem:
        self.calls += 1
        return self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]


async def perform(handler: Handler, path: str = CUSTOMER, repeats: Repeats | None = None) -> Answer | Problem:
    context = RequestContext(scope=Scope("acct_1", livemode=False), request_id="req_1", path="/v1/customers/cus_1")
    call: Call[object] = Call(None, Expander({}, {}), context, None, ("cus_1",), (), None, None)  # type: ignore[arg-type]
    outcome = await handler(call)
    if outcome is not CONFLICT:
        return outcome
    return await (repeats or Repeats()).again(Endpoint("POST", path, handler, "customer"), call)


async def test_a_change_that_lost_a_race_is_made_again() -> None:
    handler = Handler(CONFLICT, CONFLICT, ANSWER)
    assert await perform(handler) is ANSWER
    assert handler.calls == 3


async def test_it_is_given_up_after_a_few_times_and_the_client_may_go_on() -> None:
    handler = Handler(CONFLICT)
    outcome = await perform(handler)
    assert isinstance(outcome, Problem)
    assert handler.calls == 1 + REPEATS_MAX
    answer = answers.of_problem(outcome)
    assert (answer.status, answer.headers) == (429, {"stripe-should-retry": "true"})
    assert b'"type":"invalid_request_error"' in answer.body
    assert b'"code":"lock_timeout"' in answer.body


@pytest.mark.parametrize("outcome", [ANSWER, KEY_TAKEN])
async def test_what_was_answered_or_lost_its_idempotency_key_is_not_made_again(outcome: Answer | Problem) -> None:
    handler = Handler(outcome)
    assert await perform(handler) is outcome
    assert handler.calls == 1


@pytest.mark.parametrize(
    "path",
    [
        "/v1/payment_intents",
        "/v1/payment_intents/{intent}/confirm",
        "/v1/payment_intents/{intent}/capture",
        "/v1/payment_intents/{intent}/cancel",
        "/v1/payment_intents/{intent}/increment_authorization",
        "/v1/charges",
        "/v1/charges/{charge}/capture",
        "/v1/charges/{charge}/refund",
        "/v1/charges/{charge}/refunds",
        "/v1/refunds",
        "/v1/setup_intents",
        "/v1/setup_intents/{intent}/confirm",
        "/v1/checkout/sessions/{session}/expire",
        "/v1/payment_pages/{session}/confirm",
        "/v1/test_helpers/customers/{customer}/fund_cash_balance",
    ],
)
async def test_nothing_that_may_reach_a_gateway_is_made_again(path: str) -> None:
    assert path in {endpoint.path for endpoint in ENDPOINTS}
    handler = Handler(CONFLICT)
    assert await perform(handler, path) is CONFLICT
    assert handler.calls == 1


async def test_those_that_lost_take_turns() -> None:
    repeats, inside, most = Repeats(), 0, 0

    class Counting(Handler):
        async def __call__(self, call: Call[object]) -> Answer | Problem:
            nonlocal inside, most
            outcome = await super().__call__(call)
            if self.calls > 1:
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.001)
                inside -= 1
            return outcome

    await asyncio.gather(*(perform(Counting(CONFLICT, ANSWER), repeats=repeats) for _ in range(20)))
    assert most == 1


def test_every_endpoint_that_is_made_again_exists() -> None:
    assert {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS} >= ONE_COMMIT
