"""Reading recordings of real payments, and the gate as it is run outside of tests: with a keeper of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.support.payment_house import House, open_house
from tests.support.sandboxes import Gateway
from tests.support.shadow_edits import FAULTS, renamed
from tests.support.shadow_keeper import verdict
from tests.support.shadow_traffic import (
    PUBLIC_URL,
    Traffic,
    both_gateways,
    config_of,
    only,
    recorded,
    sentences,
    shadow_over,
)

from interlock.gateways.loader import builtin_package
from interlock.payments.attempts.walking import Limits as Budget
from interlock.releases.gates.shadow import Limits, corpus, read_recordings, to_file
from interlock.releases.gates.types import Verdict
from interlock.releases.proposals import Proposal, Proposals
from interlock.releases.rollouts import Rollouts
from interlock.releases.types import Actor
from interlock.routing.releases import Release
from interlock.storage.database import Database
from interlock.vault.keys import generate_keys, parse_keys
from interlock.vault.service import Vault


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Gateway]]:
    with both_gateways(tmp_path_factory.mktemp("shadow_reading")) as running:
        yield running


@pytest.fixture
async def house(database: Database, gateways: dict[str, Gateway]) -> AsyncIterator[House]:
    async with open_house(database, gateways["stripe"], gateways["adyen"]) as opened:
        yield opened
    for gateway in gateways.values():
        gateway.clear_faults()


async def test_f102_the_gateways_illness_is_not_blamed_on_an_innocent_release(
    database: Database, gateways: dict[str, Gateway]
) -> None:
    async with open_house(database, gateways["stripe"], gateways["adyen"], limits=Budget(budget_ms=2_000)) as house:
        await only(house, "adyen")
        await Traffic(house, gateways["adyen"]).everything()
        gateways["adyen"].fault("html", executes=False)
        await asyncio.gather(*(house.pay("pm_card_visa", 2000 + number) for number in range(3)))
        gateways["adyen"].clear_faults()
        both, config = await recorded(house, "adyen"), config_of(house, "adyen")
    ill = [each for each in both.recordings if each.slice.outcome == "unknown"]
    assert len(ill) >= 3
    innocent = await shadow_over(both, config, renamed("adyen"))
    guilty = await shadow_over(both, config, FAULTS["F102"])
    assert (verdict(innocent), innocent.measured["replayed"]) == (Verdict.PASSED, len(both.recordings))
    assert guilty.verdict is Verdict.FAILED
    recorded_ones = [each for each in sentences(guilty) if " recorded " in each.partition(" (such as")[0]]
    assert [each.partition(" (such as")[0] for each in recorded_ones] == [
        f"sale error: absent became DecodeError in {len(ill)} of {len(ill)} recorded unknown sales"
    ]
    # With the contract gate's cases there is nothing left to hold it; without them that alone does.
    assert innocent.verdict is (Verdict.PASSED if corpus.at_hand(corpus.CONTRACT) else Verdict.INCONCLUSIVE)


async def test_only_this_gateway_is_read_and_every_kind_comes_before_a_second_of_any(
    house: House, gateways: dict[str, Gateway]
) -> None:
    await only(house, "stripe")
    await Traffic(house, gateways["stripe"]).sales()
    await only(house, "adyen")
    await Traffic(house, gateways["adyen"]).declines()
    adyen = await recorded(house, "adyen")
    serving = house.table.gateway(house.scope, house.gateways["adyen"].id)
    assert serving is not None
    assert {(each.slice.outcome, each.slice.release_id) for each in adyen.recordings} == {
        ("declined", serving.release.id)
    }
    assert adyen.traffic == {"sale": 3}
    limits = Limits(recordings=6)
    row, config = house.gateways["stripe"], config_of(house, "stripe")
    now_ms = house.clock.now_ms()
    few = await read_recordings(house.database, row, config, public_url=PUBLIC_URL, now_ms=now_ms, limits=limits)
    kinds = {(each.slice.currency, each.slice.network) for each in few.recordings}
    assert len(few.recordings) == 6 <= len(kinds) + 1
    small = Limits(bytes=len(to_file(few)) // 2)
    fewer = await read_recordings(house.database, row, config, public_url=PUBLIC_URL, now_ms=now_ms, limits=small)
    assert 0 < len(fewer.recordings) < 6


async def test_each_recording_has_the_configuration_of_its_own_release(
    database: Database, gateways: dict[str, Gateway]
) -> None:
    keys = generate_keys()
    async with open_house(database, gateways["stripe"], gateways["adyen"], keys=keys) as house:
        await only(house, "adyen")
        await house.pay("pm_card_chargeDeclined", 701)
        envelope = Vault(database, parse_keys(keys), house.clock).envelope
        proposal = Proposal(settings={"live_prefix": "0123456789abcdef-Shop"}, note="ready for live")
        ann = Actor("ann")
        proposals, rollouts = Proposals(database, envelope, house.clock), Rollouts(database, house.clock)
        release = await proposals.propose(house.scope, house.gateways["adyen"].id, proposal, ann)
        assert isinstance(release, Release), release
        approved = await proposals.approve(house.scope, release.id, ann, "a test", break_glass=True)
        assert isinstance(approved, Release), approved
        installed = await rollouts.install(house.scope, release.id, ann, "a test")
        assert isinstance(installed, Release), installed
        await house.table.refresh(force=True)
        await house.pay("pm_card_chargeDeclined", 702)
        found = await recorded(house, "adyen")
    settings = {each.slice.release_id: each.config.settings for each in found.recordings}
    assert len(settings) == 2
    assert settings.pop(release.id) == {**house_settings(gateways), "live_prefix": "0123456789abcdef-Shop"}
    assert list(settings.values()) == [house_settings(gateways)]
    assert {each.config.credentials for each in found.recordings} == {"api_key hmac_key"}
    assert found.config is not None
    assert found.config.settings["live_prefix"] == "0123456789abcdef-Shop"


def house_settings(gateways: dict[str, Gateway]) -> dict[str, str]:
    return {"base_url": f"{gateways['adyen'].url}/v72", "merchant_account": "InterlockSandbox"}


async def test_attempts_of_releases_that_wrote_less_down_can_be_replayed(
    house: House, gateways: dict[str, Gateway]
) -> None:
    await only(house, "adyen")
    await Traffic(house, gateways["adyen"]).everything()
    await house.database.execute("UPDATE exchanges SET exchange = exchange - ARRAY['asked', 'number', 'of', 'outcome']")
    old = await recorded(house, "adyen")
    assert all(each.inferred for each in old.recordings)
    same = await shadow_over(old, config_of(house, "adyen"), renamed("adyen"))
    assert (verdict(same), sentences(same)) == (Verdict.PASSED, [])
    assert same.measured["replayed"] >= 30
    broken = await shadow_over(old, config_of(house, "adyen"), FAULTS["F009"])
    assert [each for each in sentences(broken) if "money: 120000 became 1200 in 1 of 1 recorded ISK sales" in each]


async def test_what_was_cut_or_broken_on_its_way_into_the_database_is_left_out_with_its_reason(
    house: House, gateways: dict[str, Gateway]
) -> None:
    await only(house, "stripe")
    for amount in (701, 702, 703, 704, 705):
        await house.pay("pm_card_chargeDeclined", amount)
    rows = await house.database.fetch("SELECT id FROM exchanges ORDER BY id")
    damages = (
        """exchange || '{"response_cut": true}'""",
        """exchange || '{"response_body": "{\\"number\\": [cvc], \\"error\\": {}}"}'""",
        """exchange || '{"of": 2}'""",
        """exchange || '{"response_headers": {"via": "4242424242424242 sk_test_0123456789abcdef"}}'""",
    )
    for row, damage in zip(rows, damages, strict=False):
        await house.database.execute(f"UPDATE exchanges SET exchange = {damage} WHERE id = $1", row["id"])  # noqa: S608 - the test's own damage
    found = await recorded(house, "stripe")
    assert len(found.recordings) == 1
    assert sorted(found.left_out.values()) == [1, 1, 1, 1]
    report = await shadow_over(found, config_of(house, "stripe"), builtin_package("stripe"))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert len([each for each in report.left_out if each.startswith("recordings: 1 left out, ")]) == 4
