"""Many requests that change one object at the same moment, over real HTTP on a real database: none is refused."""

import asyncio
from typing import Any

import pytest
from tests.support.api_client import Api

AT_ONCE = 8


async def _at_once(api: Api, path: str, headers: dict[str, str] | None = None) -> Any:
    """Give the object at ``path`` eight pairs, each by a request of its own, and return it."""

    async def add(number: int) -> tuple[int, Any, Any]:
        own = {name: f"{value}{number}" for name, value in (headers or {}).items()}
        return await api.ask("POST", path, {f"metadata[k{number}]": str(number)}, headers=own)

    answers = await asyncio.gather(*map(add, range(AT_ONCE)))
    assert [(status, body.get("error")) for status, body, _ in answers] == [(200, None)] * AT_ONCE
    return await api.get(path)


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("customers", {"name": "Ada"}),
        ("payment_intents", {"amount": "500", "currency": "usd"}),
        ("setup_intents", {}),
        ("products", {"name": "Tea"}),
        ("prices", {"currency": "usd", "unit_amount": "500", "product_data[name]": "Tea"}),
        ("payment_methods", {"type": "card", "card[token]": "tok_visa"}),
    ],
)
async def test_every_change_of_one_object_is_made(api: Api, kind: str, form: dict[str, str]) -> None:
    made = await api.post(f"/v1/{kind}", form)
    changed = await _at_once(api, f"/v1/{kind}/{made['id']}", {"Idempotency-Key": f"{made['id']}-"})
    assert changed["metadata"] == {f"k{number}": str(number) for number in range(AT_ONCE)}


async def test_the_same_key_at_once_changes_once(api: Api) -> None:
    customer = await api.post("/v1/customers", {"name": "Ada"})
    path, headers = f"/v1/customers/{customer['id']}", {"Idempotency-Key": "once"}
    answers = await asyncio.gather(*(api.ask("POST", path, {"name": "Grace"}, headers=headers) for _ in range(AT_ONCE)))
    assert [(status, body["name"]) for status, body, _ in answers] == [(200, "Grace")] * AT_ONCE
    events = await api.get("/v1/events", {"type": "customer.updated"})
    assert len(events["data"]) == 1


async def test_methods_are_attached_to_one_customer_and_one_is_its_default_at_once(api: Api) -> None:
    customer = await api.post("/v1/customers", {"source": "tok_visa"})
    path = f"/v1/customers/{customer['id']}"
    added = await asyncio.gather(
        *(api.ask("POST", f"{path}/sources", {"source": "tok_visa"}) for _ in range(AT_ONCE)),
        *(api.ask("POST", path, {f"metadata[k{number}]": "v"}) for number in range(AT_ONCE)),
        api.ask("DELETE", f"{path}/sources/{customer['default_source']}"),
    )
    assert {status for status, _, _ in added} == {200}
    assert len((await api.get(path))["metadata"]) == AT_ONCE
