"""What may be asked of a checkout session, over real HTTP on a real database."""

import pytest
from tests.support.api_client import Api

SESSION = {
    "mode": "payment",
    "success_url": "https://shop.example/done",
    "line_items[0][price_data][currency]": "usd",
    "line_items[0][price_data][unit_amount]": "500",
    "line_items[0][price_data][product_data][name]": "Tea",
}
SWITCHES = (
    "adaptive_pricing[enabled]",
    "automatic_tax[enabled]",
    "invoice_creation[enabled]",
    "line_items[0][adjustable_quantity][enabled]",
    "tax_id_collection[enabled]",
)


async def test_what_interlock_does_not_do_may_be_switched_off(api: Api) -> None:
    session = await api.post("/v1/checkout/sessions", {**SESSION, **dict.fromkeys(SWITCHES, "false")})
    for name in ("adaptive_pricing", "automatic_tax", "invoice_creation"):
        assert session[name]["enabled"] is False


@pytest.mark.parametrize("switch", SWITCHES)
async def test_what_interlock_does_not_do_cannot_be_switched_on(api: Api, switch: str) -> None:
    status, body, _ = await api.ask("POST", "/v1/checkout/sessions", {**SESSION, switch: "true"})
    assert (status, body["error"]["param"]) == (400, switch)
    assert body["error"]["message"].startswith(f"Invalid {switch}: must be false. Interlock does not ")
