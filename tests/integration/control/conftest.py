"""The control API on a port of its own, on a real database, with operators of two accounts and a Stripe gateway."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.api.conftest import served
from tests.support.api_client import Api
from tests.support.release_verbs import LIVE_KEY, SECRET_KEY, copied_connector, record

from interlock.base.context import Scope
from interlock.base.settings import Settings
from interlock.bootstrap import Rooms, open_rooms
from interlock.releases.gates.types import Gate, Verdict
from interlock.releases.operators import NewOperator
from interlock.releases.proposals import STATIC_GATES
from interlock.releases.types import Actor
from interlock.routing.releases import Release
from interlock.routing.types import Gateway
from interlock.vault.keys import load_keys


class Said:
    """An answer."""

    def __init__(self, status: int, headers: Any, body: bytes, json: Any) -> None:
        self.status, self.headers, self.body, self.json = status, headers, body, json

    @property
    def error(self) -> dict[str, Any]:
        assert set(self.json) == {"error"}, self.json
        error: dict[str, Any] = self.json["error"]
        assert {"type", "message"} <= set(error) <= {"type", "message", "code", "param"}
        return error


class Control:
    """A client of the control API, as one operator by name."""

    def __init__(self, api: Api, rooms: Rooms, scope: Scope, tokens: dict[str, str]) -> None:
        self.api, self.rooms, self.scope, self.tokens = api, rooms, scope, tokens

    @property
    def live(self) -> Scope:
        return Scope(self.scope.account_id, livemode=True)

    async def send(
        self, method: str, path: str, *, who: str | None = "ann", json: Any = None, data: Any = None, **headers: str
    ) -> Said:
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        if who is not None:
            shown.setdefault("authorization", f"Bearer {self.tokens[who]}")
        if json is not None:
            shown["content-type"] = "application/json"
            data = io.BytesIO(msgspec.json.encode(json))  # a client warns of large bodies that are bytes
        url = self.api.url + "/control/v1" + path
        async with self.api.http.request(method, url, data=data, headers=shown) as answer:
            body = await answer.read()
            assert answer.headers["content-type"] == "application/json"
            return Said(answer.status, answer.headers, body, await answer.json() if body else None)

    async def get(self, path: str, who: str = "ann") -> Any:
        said = await self.send("GET", path, who=who)
        assert said.status == 200, said.json
        return said.json

    async def post(self, path: str, who: str = "ann", **body: Any) -> Any:
        said = await self.send("POST", path, who=who, json=body)
        assert said.status == 200, said.json
        return said.json

    async def refused(self, path: str, who: str = "ann", **body: Any) -> dict[str, Any]:
        said = await self.send("POST", path, who=who, json=body)
        assert said.status >= 400, said.json
        return {"status": said.status, **said.error}

    async def passes(
        self, release: Any, verdict: Verdict = Verdict.PASSED, gates: tuple[Gate, ...] = STATIC_GATES
    ) -> Release:
        """Keep a report of each gate, as whoever ran them elsewhere would."""
        scope = self.live if release["livemode"] else self.scope
        return await record(self.rooms.foundation.database, scope, release["id"], verdict, gates)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Return the files of a connector that differs from the one that serves."""
    folder = copied_connector(tmp_path / "made")
    return {path.name: path.read_text() for path in folder.iterdir()}


async def _tokens(rooms: Rooms) -> dict[str, str]:
    accounts = {account.name: account.account_id for account in await rooms.access.list_accounts()}
    tokens = {}
    for name, account in (("ann", "shop"), ("bob", "shop"), ("eve", "other_shop")):
        made = await rooms.operators.add(accounts[account], name, Actor("cli:test"))
        assert isinstance(made, NewOperator), made
        tokens[name] = made.token
    return tokens


@pytest.fixture
async def control(database_url: str, tmp_path: Path) -> AsyncIterator[Control]:
    settings = Settings(data_dir=tmp_path)
    load_keys(None, settings.key_file(), create=True)
    async with open_rooms(settings, database_url, pool_size=2) as rooms, served(rooms, settings) as api:
        account = next(one for one in await rooms.access.list_accounts() if one.name == "shop")
        scope = Scope(account.account_id, livemode=False)
        for livemode, secrets in (
            (False, {"secret_key": SECRET_KEY}),
            (True, {"secret_key": LIVE_KEY, "webhook_secret": "whsec_" + "Zk83nQ1b" * 4}),
        ):
            made = await rooms.routing.create_gateway(
                Scope(account.account_id, livemode), name="stripe", connector="stripe", settings={}, credentials=secrets
            )
            assert isinstance(made, Gateway), made
        yield Control(api, rooms, scope, await _tokens(rooms))
