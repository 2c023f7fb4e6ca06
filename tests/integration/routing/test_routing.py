"""Configuration on a real database: seen in memory within a second, sealed at rest, and never half believed."""

import asyncio
import re

import asyncpg
import pytest

from interlock.base.clock import ManualClock
from interlock.base.context import Scope
from interlock.base.errors import ConfigurationError, StorageError
from interlock.base.problems import Problem
from interlock.gateways.contract import Operation
from interlock.routing import table as module
from interlock.routing.service import Routing
from interlock.routing.table import RoutingTable
from interlock.routing.types import Condition, DeclineRetry, Gateway, RequestFacts, Rule
from interlock.storage.database import Database
from interlock.vault.envelope import Envelope
from interlock.vault.keys import KeyRing

NOW_MS = 1_764_000_000_000
SCOPE = Scope("acct_1", livemode=False)
ENVELOPE = Envelope(KeyRing({"k1": b"1" * 32}, b"f" * 32))
CREDENTIALS = {"secret_key": "sk_test_" + "a" * 32, "webhook_secret": "whsec_" + "b" * 32}
FACTS = RequestFacts(
    intent_id="pi_1", operations=(Operation.SALE,), amount_minor=1099, currency="usd", networks=("visa",), country="US"
)


class House:
    """The room with its clock."""

    def __init__(self, database: Database) -> None:
        self.clock = ManualClock(NOW_MS)
        self.database = database
        self.routing = Routing(database, ENVELOPE, self.clock)
        self.table = RoutingTable(database, ENVELOPE, self.clock)

    async def gateway(self, name: str, scope: Scope = SCOPE, **more: object) -> Gateway:
        asked: dict[str, object] = {"settings": {}, "credentials": CREDENTIALS} | more
        made = await self.routing.create_gateway(scope, name=name, connector="stripe", **asked)  # type: ignore[arg-type]  # keywords
        assert isinstance(made, Gateway)
        return made

    async def order(self, scope: Scope = SCOPE) -> list[str]:
        await self.table.refresh()
        return [one.gateway_id for one in self.table.rank(scope, FACTS, self.clock.now_ms())]


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


async def test_what_is_configured_is_ranked_and_ready_to_run(house: House) -> None:
    assert await house.order() == []
    first, second = await house.gateway("one"), await house.gateway("two", fee_basis_points=290, fee_fixed_minor=30)
    assert await house.order() == [first.id, second.id]
    ready = house.table.gateway(SCOPE, second.id)
    assert ready is not None
    assert ready.config.credentials == CREDENTIALS
    assert ready.loaded.name == "stripe"
    assert (ready.gateway.fee_basis_points, ready.gateway.fee_fixed_minor) == (290, 30)
    assert CREDENTIALS["secret_key"] not in f"{ready!r} {second!r}"
    assert house.table.find("acct_1", second.id) == [ready]
    assert house.table.gateway(Scope("acct_1", livemode=True), second.id) is None
    assert await house.order(Scope("acct_2", livemode=False)) == []
    assert [one.id for one in await house.routing.list_gateways(SCOPE)] == [first.id, second.id]


async def test_credentials_are_sealed_at_rest(house: House) -> None:
    gateway = await house.gateway("one")
    assert gateway.name == "one"
    for table in ("gateways", "gateway_credentials", "releases", "release_pointers", "change_journal"):
        sql = f"SELECT {table}::text AS row FROM {table}"  # noqa: S608 - the names stand above
        for shown in await house.database.fetch(sql):
            assert CREDENTIALS["secret_key"] not in shown["row"]
            assert CREDENTIALS["secret_key"].encode().hex() not in shown["row"]
    assert await house.database.fetchval("SELECT count(*) FROM gateway_credentials WHERE key_id = 'k1'") == 2


async def test_rules_health_and_switches_take_effect_at_the_next_poll(house: House) -> None:
    a, b = await house.gateway("a"), await house.gateway("b")
    rule = await house.routing.create_rule(
        SCOPE, name="b first", condition=Condition(currencies=("usd",)), gateway_ids=[b.id]
    )
    assert isinstance(rule, Rule)
    assert await house.order() == [b.id, a.id]
    await house.routing.report_health(SCOPE, b.id, healthy=False, reason="refuses", valid_for_ms=5_000)
    assert await house.order() == [a.id, b.id]
    house.clock.advance(5_000)
    assert await house.order() == [b.id, a.id], "an opinion that expired is none"
    await house.routing.enable_rule(SCOPE, rule.id, enabled=False)
    assert await house.order() == [a.id, b.id]
    await house.routing.update_gateway(SCOPE, a.id, enabled=False)
    assert await house.order() == [b.id]
    assert house.table.gateway(SCOPE, a.id) is not None, "what it began must be finished through it"
    assert isinstance(await house.routing.delete_rule(SCOPE, rule.id), Rule)
    assert await house.routing.list_rules(SCOPE) == []
    assert (await house.table.refresh()) is True
    assert (await house.table.refresh()) is False


async def test_an_older_opinion_does_not_replace_a_newer_one(house: House) -> None:
    a, b = await house.gateway("a"), await house.gateway("b")
    await house.routing.report_health(SCOPE, a.id, healthy=False, reason="now", valid_for_ms=60_000)
    late = Routing(house.database, ENVELOPE, ManualClock(NOW_MS - 1))
    await late.report_health(SCOPE, a.id, healthy=True, reason="earlier", valid_for_ms=60_000)
    assert await house.order() == [b.id, a.id]


async def test_declines_are_retried_by_stored_rule(house: House) -> None:
    a, b = await house.gateway("a"), await house.gateway("b")
    asked = {"decline_code": "do_not_honor", "advice_code": None, "next_gateway_id": b.id, "attempts_made": 1}
    await house.table.refresh()
    assert not house.table.may_retry_decline(SCOPE, FACTS, **asked)  # type: ignore[arg-type]  # keywords
    retry = DeclineRetry(decline_codes=("do_not_honor",), gateway_ids=(b.id,))
    assert isinstance(
        await house.routing.create_rule(SCOPE, name="r", condition=Condition(), decline_retry=retry), Rule
    )
    await house.table.refresh()
    assert house.table.may_retry_decline(SCOPE, FACTS, **asked)  # type: ignore[arg-type]  # keywords
    assert not house.table.may_retry_decline(SCOPE, FACTS, **(asked | {"next_gateway_id": a.id}))  # type: ignore[arg-type]  # keywords


async def test_wrong_configuration_is_refused_by_name(house: House) -> None:
    for asked, field in (
        ({"credentials": {}}, "credentials"),
        ({"credentials": CREDENTIALS | {"secret_key": "sk_live_" + "a" * 32}}, "credentials.secret_key"),
        ({"settings": {"colour": "red"}}, "settings.colour"),
    ):
        with pytest.raises(ConfigurationError, match=field) as caught:
            await house.gateway("x", **asked)
        assert "a" * 32 not in str(caught.value)
    with pytest.raises(ConfigurationError, match="gateway"):
        await house.routing.create_gateway(SCOPE, name="x", connector="nothing", settings={}, credentials={})
    a = await house.gateway("a")
    for problem in (
        await house.routing.create_rule(SCOPE, name="r", condition=Condition()),
        await house.routing.create_rule(SCOPE, name="r", condition=Condition(), gateway_ids=["gw_none"]),
        await house.routing.create_rule(SCOPE, name="r", condition=Condition(amount_min_minor=1), gateway_ids=[a.id]),
        await house.routing.create_rule(
            SCOPE, name="r", condition=Condition(), decline_retry=DeclineRetry(decline_codes=("stolen_card",))
        ),
        await house.routing.update_gateway(SCOPE, "gw_none", enabled=False),
        await house.routing.update_gateway(SCOPE, a.id, version=7),
        await house.routing.get_gateway(Scope("acct_1", livemode=True), a.id),
    ):
        assert isinstance(problem, Problem)


async def test_what_cannot_be_read_is_left_out_and_said_so(house: House, database_url: str) -> None:
    good, altered, strange = await house.gateway("good"), await house.gateway("altered"), await house.gateway("strange")
    rule = await house.routing.create_rule(SCOPE, name="r", condition=Condition(), gateway_ids=[altered.id])
    assert isinstance(rule, Rule)
    connection = await asyncpg.connect(database_url)
    await connection.execute("UPDATE gateway_credentials SET sealed = '\\x01' WHERE gateway_id = $1", altered.id)
    await connection.execute("UPDATE releases SET package_id = 'pkg_none' WHERE gateway_id = $1", strange.id)
    await connection.execute("UPDATE routing_rules SET condition = '{\"moon\": 1}'")
    await connection.close()
    assert await house.order() == [good.id]
    said = " ".join(house.table.complaints())
    assert re.search(f"gateway {altered.id} does not use release rel_[0-9a-f]+: a sealed secret cannot be read", said)
    assert re.search(f"gateway {strange.id} does not use release rel_[0-9a-f]+: package: pkg_none is missing", said)
    assert f"routing_rules {rule.id} cannot be read" in said


async def test_cut_off_from_the_database_the_last_configuration_stays(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "POLL_INTERVAL_S", 0.01)
    gateway = await house.gateway("a")
    await house.table.start()
    try:
        assert [one.gateway_id for one in house.table.rank(SCOPE, FACTS, NOW_MS)] == [gateway.id]
        fetchrow = house.database.fetchrow

        async def unreachable(sql: str, *arguments: object) -> object:
            raise StorageError("no route to 10.0.0.1")

        monkeypatch.setattr(house.database, "fetchrow", unreachable)
        house.clock.advance(7_000)
        await asyncio.sleep(0.1)
        assert [one.gateway_id for one in house.table.rank(SCOPE, FACTS, NOW_MS)] == [gateway.id]
        assert house.table.age_ms() == 7_000
        monkeypatch.setattr(house.database, "fetchrow", fetchrow)
        await asyncio.sleep(0.1)
        assert house.table.age_ms() == 0
    finally:
        await house.table.stop()
    messages = [record.getMessage() for record in caplog.records if record.name == "interlock.routing"]
    assert [message.partition(",")[0] for message in messages] == [
        "routing configuration cannot be read",
        "routing configuration can be read again",
    ]


async def test_a_change_is_seen_by_a_running_process_within_a_second(house: House) -> None:
    await house.table.start()
    try:
        gateway = await house.gateway("a")
        await asyncio.sleep(1)
        assert house.table.gateway(SCOPE, gateway.id) is not None
    finally:
        await house.table.stop()


async def test_credentials_follow_a_change_of_master_key(house: House) -> None:
    gateway = await house.gateway("a")
    both = Envelope(KeyRing({"k2": b"2" * 32, "k1": b"1" * 32}, b"f" * 32))
    routing = Routing(house.database, both, house.clock)
    assert await routing.keys_in_use() == {"k1": 2}
    assert await routing.rewrap() == 2
    assert await routing.rewrap() == 0
    assert await routing.keys_in_use() == {"k2": 2}
    only_new = RoutingTable(house.database, Envelope(KeyRing({"k2": b"2" * 32}, b"f" * 32)), house.clock)
    await only_new.refresh()
    ready = only_new.gateway(SCOPE, gateway.id)
    assert ready is not None
    assert ready.config.credentials == CREDENTIALS
