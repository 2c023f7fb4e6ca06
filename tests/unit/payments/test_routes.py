from types import SimpleNamespace
from typing import Any, cast

import pytest

from interlock.base.context import Scope
from interlock.payments.attempts.routes import Routes
from interlock.payments.instruments.types import PaymentMethod
from interlock.payments.intents.types import Intent, IntentStatus
from interlock.routing.table import RoutingTable
from interlock.routing.types import Candidate, RequestFacts

_SCOPE = Scope("acct_1", livemode=False)
_ABLE = {"gw_both": frozenset({"multicapture", "incremental"}), "gw_none": frozenset[str]()}


class _Table:
    """Two gateways in this order, of which one has no features."""

    def rank(self, _scope: Scope, facts: RequestFacts, _now_ms: int) -> list[Candidate]:
        able = sorted(name for name, features in _ABLE.items() if facts.needs <= features)
        return [Candidate(gateway_id=name, connector="c", release_id="rel_1") for name in reversed(able)]


def _ranked(options: dict[str, Any]) -> list[str]:
    intent = Intent(
        account_id="acct_1",
        id="pi_1",
        livemode=False,
        version=1,
        created_at_ms=1,
        status=IntentStatus.REQUIRES_CONFIRMATION,
        amount_minor=1000,
        currency="usd",
        client_secret="pi_1_secret",
        details={"payment_method_options": {"card": options}},
    )
    method = cast("PaymentMethod", SimpleNamespace(type="card", card=None))
    return [route.gateway_id for route in Routes(cast("RoutingTable", _Table())).rank(_SCOPE, intent, method, 1)]


@pytest.mark.parametrize("feature", ["request_multicapture", "request_incremental_authorization"])
def test_a_feature_if_available_comes_first_and_prevents_no_failover(feature: str) -> None:
    assert _ranked({feature: "if_available"}) == ["gw_both", "gw_none"]


def test_without_a_wish_the_order_is_routing_s_own() -> None:
    assert _ranked({}) == ["gw_none", "gw_both"]
    assert _ranked({"request_multicapture": "never"}) == ["gw_none", "gw_both"]
