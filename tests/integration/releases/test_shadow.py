"""The shadow gate over real payments: taken at the simulated gateways over HTTP, read from Postgres, replayed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import msgspec
import pytest
from tests.support.payment_house import House, open_house
from tests.support.sandboxes import Gateway, running
from tests.support.shadow_edits import FAULTS, announcing, edited, renamed
from tests.support.shadow_traffic import (
    BILLING,
    CITY,
    EMAIL,
    FLAT,
    NAME,
    NUMBERS,
    PUBLIC_URL,
    Traffic,
    config_of,
    only,
    recorded,
    some,
)

from interlock.base.redaction import scrub
from interlock.gateways.contract import ConnectorConfig, Operation
from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.payments.attempts.walking import Limits as Budget
from interlock.releases.gates.shadow import Limits, Recordings, from_file, read_recordings, run, to_file
from interlock.releases.gates.types import GateReport, Subject, Verdict
from interlock.storage.database import Database
from interlock.storage.embedded import EmbeddedPostgres

PROVIDERS = ("stripe", "adyen")
FAULT_OF = {"F087": "stripe"}


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """What a shop's traffic left behind: recordings of each gateway, and how the gateways are configured."""

    recordings: dict[str, Recordings]
    configs: dict[str, ConnectorConfig]
    booked: dict[str, int]


async def _trade(url: str, gateways: dict[str, Gateway]) -> Shop:
    database = await Database.connect(url, pool_size=4)
    try:
        async with open_house(database, gateways["stripe"], gateways["adyen"]) as house:
            for name in PROVIDERS:
                await only(house, name)
                await Traffic(house, gateways[name]).everything()
            return Shop(
                recordings={name: await recorded(house, name) for name in PROVIDERS},
                configs={name: config_of(house, name) for name in PROVIDERS},
                booked={name: len(gateways[name].books()) for name in PROVIDERS},
            )
    finally:
        await database.close()


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Gateway]]:
    folder = tmp_path_factory.mktemp("shadow")
    with (
        running("stripe", folder_of(folder, "stripe")) as stripe,
        running("adyen", folder_of(folder, "adyen")) as adyen,
    ):
        yield {"stripe": stripe, "adyen": adyen}


def folder_of(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


@pytest.fixture(scope="module")
def shop(postgres: EmbeddedPostgres, template_database: str, gateways: dict[str, Gateway]) -> Shop:
    async def make() -> Shop:
        connection = await asyncpg.connect(postgres.url)
        await connection.execute(f"CREATE DATABASE shadow_shop TEMPLATE {template_database}")
        await connection.close()
        return await _trade(postgres.url_of("shadow_shop"), gateways)

    return asyncio.run(make())


@pytest.fixture
async def house(database: Database, gateways: dict[str, Gateway]) -> AsyncIterator[House]:
    async with open_house(database, gateways["stripe"], gateways["adyen"]) as opened:
        yield opened
    for gateway in gateways.values():
        gateway.clear_faults()


async def shadow(shop: Shop, name: str, package: Package) -> GateReport:
    return await shadow_over(shop.recordings[name], shop.configs[name], package)


async def shadow_over(recordings: Recordings, config: ConnectorConfig, package: Package) -> GateReport:
    subject = Subject(
        package=package,
        livemode=False,
        config=config,
        stable=builtin_package(recordings.connector),
        stable_config=config,
    )
    return await run(subject, lambda *_: None, recordings)


def sentences(report: GateReport) -> list[str]:
    return [finding.sentence() for finding in report.findings if finding.verdict is Verdict.FAILED]


# What is recorded


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_operation_and_every_kind_of_stored_card_is_recorded(shop: Shop, name: str) -> None:
    recordings = shop.recordings[name]
    assert {each.slice.operation for each in recordings.recordings} == set(Operation) - {Operation.FUND}
    assert {each.slice.credential for each in recordings.recordings} >= {
        "one_time",
        "first_use",
        "merchant_known",
        "merchant_unknown",
    }
    assert recordings.left_out == {}
    assert some(recordings, currency="jpy")
    assert some(recordings, operation=Operation.COMPLETE, outcome="approved")


@pytest.mark.parametrize("name", PROVIDERS)
async def test_what_is_built_again_is_what_was_sent(shop: Shop, name: str) -> None:
    measured = (await shadow(shop, name, builtin_package(name))).measured
    assert measured["sent_alike"] == measured["replayed"] == len(shop.recordings[name].recordings)
    assert measured["sent_otherwise"] == {}


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_file_of_recordings_holds_no_card_no_secret_and_no_person(shop: Shop, name: str) -> None:
    text = to_file(shop.recordings[name]).decode()
    assert scrub(text) == text
    secrets = shop.configs[name].credentials.values()
    persons = (
        NAME,
        EMAIL,
        CITY,
        FLAT,
        "Marguerite",
        "Delacroix",
        "Harbour",
        "900123",
        BILLING["address"]["postal_code"],
    )
    assert [word for word in (*NUMBERS.values(), *secrets, *persons) if word.casefold() in text.casefold()] == []
    assert from_file(text.encode()) == shop.recordings[name]


async def test_the_check_needs_no_database_and_sends_nothing(shop: Shop, gateways: dict[str, Gateway]) -> None:
    for name in PROVIDERS:
        given = from_file(to_file(shop.recordings[name]))
        subject = Subject(package=builtin_package(name), livemode=False, stable=renamed(name))
        report = await run(subject, lambda *_: None, given)
        assert (report.verdict, sentences(report)) == (Verdict.PASSED, [])
        assert len(gateways[name].books()) == shop.booked[name]


# What is stopped


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_release_that_does_the_same_by_other_means_passes(shop: Shop, name: str) -> None:
    report = await shadow(shop, name, renamed(name))
    assert (report.verdict, sentences(report), report.measured["differences"]) == (Verdict.PASSED, [], 0)
    assert report.checks["shadow.result"] == len(shop.recordings[name].recordings)


SENTENCES = {
    "F004": "sale result echo.amount_minor: money: 1200 became 120000 in 1 of 1 recorded ISK sales",
    "F009": "sale request /amount/value: money: 120000 became 1200 in 1 of 1 recorded ISK sales",
    "F037": 'authorise request encoding: b\'{"amount":{"value":1099,"currency":"USD"}',
    "F038": "sale request header x-store: absent became empty in 23 of 23 recorded sales, without what need not be "
    "configured",
    "F045": "complete result outcome: money: 'approved' became 'declined' in 1 of 1 recorded completions, "
    "where the answer says null at /refusalReasonCode",
    "F052": "sale request /paymentMethod/networkPaymentReference: absent became 'none' in 2 of 2 recorded "
    "merchant-initiated sales without a network transaction id",
    "F087": "sale request /payment_method_data[billing_details][address][line2]: ",
}


def test_every_known_fault_is_tried() -> None:
    assert sorted(SENTENCES) == sorted(FAULTS.keys() - {"F102"})


@pytest.mark.parametrize("fault", sorted(SENTENCES))
async def test_a_known_fault_is_stopped_with_a_sentence_that_names_it(shop: Shop, fault: str) -> None:
    report = await shadow(shop, FAULT_OF.get(fault, "adyen"), FAULTS[fault])
    assert report.verdict is Verdict.FAILED
    assert [each for each in sentences(report) if each.startswith(SENTENCES[fault])], sentences(report)


@pytest.mark.parametrize("fault", ["F004", "F009", "F045"])
async def test_differences_about_money_come_first_and_say_so(shop: Shop, fault: str) -> None:
    findings = (await shadow(shop, "adyen", FAULTS[fault])).findings
    assert findings[0].facts["money"] is True
    assert "money: " in findings[0].problem


async def test_f102_the_gateways_illness_is_not_blamed_on_an_innocent_release(
    shop: Shop, database: Database, gateways: dict[str, Gateway]
) -> None:
    async with open_house(database, gateways["stripe"], gateways["adyen"], limits=Budget(budget_ms=2_000)) as house:
        await only(house, "adyen")
        gateways["adyen"].fault("html", executes=False)
        await asyncio.gather(*(house.pay("pm_card_visa", 1000 + number) for number in range(3)))
        gateways["adyen"].clear_faults()
        ill = await recorded(house, "adyen")
    assert {(each.slice.operation, each.slice.outcome) for each in ill.recordings} == {("sale", "unknown")}
    both = (*shop.recordings["adyen"].recordings, *ill.recordings)
    recordings = msgspec.structs.replace(shop.recordings["adyen"], recordings=both)
    innocent = await shadow_over(recordings, shop.configs["adyen"], renamed("adyen"))
    guilty = await shadow_over(recordings, shop.configs["adyen"], FAULTS["F102"])
    assert (innocent.verdict, innocent.measured["replayed"]) == (Verdict.PASSED, len(both))
    assert guilty.verdict is Verdict.FAILED
    assert [each.partition(" (such as")[0] for each in sentences(guilty)] == [
        "sale error: absent became DecodeError in 3 of 3 recorded unknown sales"
    ]


# What may pass


async def test_what_is_announced_passes_and_what_is_announced_elsewhere_does_not(shop: Shop) -> None:
    old, new = '"line1", "line2", "postal_code"', '"line1", "postal_code"'
    place = "request* /payment_method_data[[]billing_details][[]address][[]line2]"
    report = await shadow(shop, "stripe", edited("stripe", ("forms.py", old, new), manifest=announcing(place)))
    assert (report.verdict, sentences(report)) == (Verdict.PASSED, [])
    assert report.measured["announced"] == report.measured["differences"] > 0
    elsewhere = announcing(place, operation="authorise")
    report = await shadow(shop, "stripe", edited("stripe", ("forms.py", old, new), manifest=elsewhere))
    assert report.verdict is Verdict.FAILED


async def test_a_place_is_announced_letter_for_letter_brackets_and_all(shop: Shop) -> None:
    plain = "request /metadata[interlock_attempt]"
    old, new = 'REFERENCE_KEY = "interlock_attempt"', 'REFERENCE_KEY = "shop_attempt"'
    first = [plain, plain.replace("interlock", "shop")]
    second = [place.replace("request ", "request#2 ") for place in first]
    manifest = announcing(*first, *second)
    report = await shadow(shop, "stripe", edited("stripe", ("forms.py", old, new), manifest=manifest))
    said = [each for each in sentences(report) if "attempt]" in each.partition(":")[0]]
    assert said == []


@pytest.mark.parametrize("pattern", ["*", "request *", "result *", "re*", "*amount*"])
async def test_an_announcement_of_everything_is_refused(shop: Shop, pattern: str) -> None:
    package = edited("adyen", manifest=announcing(pattern))
    report = await shadow(shop, "adyen", package)
    assert report.verdict is Verdict.FAILED
    assert [each.check for each in report.findings if each.verdict is Verdict.FAILED] == ["shadow.announcements"]


async def test_an_announcement_of_what_never_happens_holds_the_release(shop: Shop) -> None:
    package = edited("adyen", manifest=announcing("request /metadata/order"))
    report = await shadow(shop, "adyen", package)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert [each.where for each in report.findings] == ["manifest.toml changes[1] request /metadata/order"]


async def test_f038_an_exception_for_accounts_that_were_configured_before_the_setting_existed(shop: Shop) -> None:
    made = edited(
        "adyen",
        ("manifest.toml", "[settings.live_prefix]", '[settings.store]\ntitle = "store"\n\n[settings.live_prefix]'),
        (
            "http.py",
            '"content-type": "application/json",\n',
            '"content-type": "application/json",\n        "x-store": config.settings["store"],\n',
        ),
        manifest=announcing("request header x-store"),
    )
    own = shop.configs["adyen"]
    fresh = msgspec.structs.replace(own, settings={**own.settings, "store": "S1"})
    subject = Subject(package=made, livemode=False, config=fresh, stable=builtin_package("adyen"), stable_config=own)
    report = await run(subject, lambda *_: None, shop.recordings["adyen"])
    assert {each.check for each in report.findings} == {"shadow.configuration"}
    expected = "sale error: absent became KeyError in 23 of 23 recorded sales, as accounts are configured today"
    assert [each for each in sentences(report) if each.startswith(expected)]


# What is too little


async def test_no_stable_and_few_recordings_are_never_a_pass(shop: Shop) -> None:
    recordings = shop.recordings["adyen"]
    few = msgspec.structs.replace(recordings, recordings=recordings.recordings[:19])
    report = await shadow_over(few, shop.configs["adyen"], builtin_package("adyen"))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert any("only 19 recordings" in each.problem for each in report.findings)
    first = Subject(package=builtin_package("adyen"), livemode=False, config=shop.configs["adyen"])
    report = await run(first, lambda *_: None, recordings)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert [each.problem for each in report.findings] == ["no release serves yet"]
    report = await run(first, lambda *_: None, None)
    assert "recordings: they are not at hand" in report.left_out


async def test_without_stable_a_candidate_is_held_against_what_was_really_sent(shop: Shop) -> None:
    for fault in ("F009", "F052"):
        subject = Subject(package=FAULTS[fault], livemode=False, config=shop.configs["adyen"])
        report = await run(subject, lambda *_: None, shop.recordings["adyen"])
        assert report.verdict is Verdict.FAILED
        assert [each for each in sentences(report) if each.startswith(SENTENCES[fault].partition(" in ")[0])]


async def test_an_operation_that_traffic_uses_and_no_recording_shows_is_named(shop: Shop) -> None:
    recordings = shop.recordings["adyen"]
    kept = tuple(each for each in recordings.recordings if each.slice.operation is not Operation.REFUND)
    without = msgspec.structs.replace(recordings, recordings=kept)
    report = await shadow_over(without, shop.configs["adyen"], builtin_package("adyen"))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert [each.problem for each in report.findings] == [
        "no recording of refund, which was done 2 times in the last 30 days"
    ]


# Reading


async def test_only_this_gateway_is_read_and_every_kind_comes_before_a_second_of_any(
    house: House, gateways: dict[str, Gateway]
) -> None:
    await only(house, "stripe")
    await Traffic(house, gateways["stripe"]).sales()
    await only(house, "adyen")
    await Traffic(house, gateways["adyen"]).declines()
    adyen = await recorded(house, "adyen")
    assert {(each.slice.outcome, each.slice.release_id) for each in adyen.recordings} == {
        ("declined", builtin_package("adyen").id)
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


async def test_attempts_of_releases_that_wrote_less_down_can_be_replayed(
    house: House, gateways: dict[str, Gateway]
) -> None:
    await only(house, "adyen")
    await Traffic(house, gateways["adyen"]).everything()
    await house.database.execute("UPDATE exchanges SET exchange = exchange - ARRAY['asked', 'number', 'of', 'outcome']")
    old = await recorded(house, "adyen")
    assert all(each.inferred for each in old.recordings)
    same = await shadow_over(old, config_of(house, "adyen"), renamed("adyen"))
    assert (same.verdict, sentences(same)) == (Verdict.PASSED, [])
    assert same.measured["replayed"] >= 30
    broken = await shadow_over(old, config_of(house, "adyen"), FAULTS["F009"])
    assert [each for each in sentences(broken) if each.startswith(SENTENCES["F009"])]


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
