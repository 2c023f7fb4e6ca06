"""``GET /v1/events?delivery_success=…`` where no worker runs: what nobody was told of yet is in neither list."""

import pytest
from tests.support.api_client import Api


@pytest.mark.parametrize("delivered", ["true", "false"])
async def test_events_that_are_still_to_be_told_are_in_neither_list(api: Api, delivered: str) -> None:
    await api.post("/v1/webhook_endpoints", {"url": "https://shop.example/hook", "enabled_events[]": "*"})
    await api.post("/v1/customers", {"name": "Ada"})
    assert (await api.get("/v1/events", {"delivery_success": delivered}))["data"] == []
    assert len((await api.get("/v1/events"))["data"]) == 1
