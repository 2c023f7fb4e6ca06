"""Requests of older and unusual clients, over real HTTP on a real database: what needs no gateway."""

from tests.support.api_client import Api


async def test_sources_of_a_customer_that_does_not_exist_are_not_found(api: Api) -> None:
    for method in ("GET", "POST"):
        status, body, _ = await api.ask(
            method, "/v1/customers/cus_none/sources", {"source": "tok_visa"} if method == "POST" else None
        )
        assert (status, body["error"]["code"]) == (404, "resource_missing")
