"""Nothing that holds a card or a key shows it when printed, formatted or raised."""

import pytest
from tests.support.gateways import CARD, CONFIGS, answer, payment

from interlock.gateways.contract import HttpRequest, HttpResponse
from interlock.gateways.exchanges import Exchange
from interlock.gateways.loader import load


@pytest.mark.parametrize("name", ["stripe", "adyen"])
def test_no_value_of_the_contract_prints_what_it_holds(name: str) -> None:
    request: HttpRequest = next(load(name).connector.sale(CONFIGS[name], payment()))
    response = answer({"card": CARD.number})
    values = [CARD, payment(), CONFIGS[name], request, response, Exchange(request, response, 1)]
    for shown in (f"{values}", f"{values!r}", *map(str, values), *map(repr, values)):
        assert CARD.number not in shown
        assert all(secret not in shown for secret in CONFIGS[name].credentials.values())


@pytest.mark.parametrize("name", ["stripe", "adyen"])
def test_a_redacted_exchange_keeps_the_facts_without_card_code_and_key(name: str) -> None:
    request: HttpRequest = next(load(name).connector.sale(CONFIGS[name], payment()))
    kept = Exchange(request, answer({"echo": CARD.number, "id": "pi_1"}, request_id="req_1"), 7).redacted()
    whole = repr(kept)
    assert CARD.number not in whole
    assert "=123" not in whole
    assert '"123"' not in whole
    assert all(secret not in whole for secret in CONFIGS[name].credentials.values())
    assert kept.response_headers["request-id"] == "req_1"
    assert kept.request_headers["idempotency-key"] == request.headers["idempotency-key"]
    assert "1099" in kept.request_body
    assert "pi_1" in kept.response_body
    assert kept.latency_ms == 7


@pytest.mark.parametrize("before", range(16_384 - 20, 16_384 + 560, 7))
def test_a_number_cut_in_half_where_a_long_body_ends_is_not_kept_in_part(before: int) -> None:
    request: HttpRequest = next(load("stripe").connector.sale(CONFIGS["stripe"], payment()))
    body = ("é" * before + f' "number": "{CARD.number}" ' + "x" * 4_000_000).encode()
    kept = Exchange(request, HttpResponse(status=200, body=body), 7).redacted().response_body
    assert 15_000 < len(kept) <= 16_384
    assert CARD.number[:7] not in kept
