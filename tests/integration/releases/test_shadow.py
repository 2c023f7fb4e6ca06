"""The shadow gate over real payments: taken at the simulated gateways over HTTP, read from Postgres, replayed."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from tests.support.payment_house import open_house
from tests.support.sandboxes import Gateway
from tests.support.shadow_edits import FAULTS, announcing, edited, renamed
from tests.support.shadow_keeper import one_keeper, told, verdict
from tests.support.shadow_traffic import (
    BILLING,
    CITY,
    EMAIL,
    FLAT,
    NAME,
    NUMBERS,
    PROVIDERS,
    Traffic,
    both_gateways,
    config_of,
    only,
    recorded,
    sentences,
    shadow_over,
    some,
)

from interlock.base.redaction import scrub
from interlock.gateways.contract import ConnectorConfig, Operation
from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.releases.gates.shadow import Recordings, from_file, run, to_file
from interlock.releases.gates.types import GateReport, Subject, Verdict
from interlock.storage.database import Database
from interlock.storage.embedded import EmbeddedPostgres

pytestmark = pytest.mark.asyncio(loop_scope="module")
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
    with both_gateways(tmp_path_factory.mktemp("shadow")) as running:
        yield running


@pytest.fixture(scope="module")
def shop(postgres: EmbeddedPostgres, template_database: str, gateways: dict[str, Gateway]) -> Shop:
    async def make() -> Shop:
        connection = await asyncpg.connect(postgres.url)
        await connection.execute(f"CREATE DATABASE shadow_shop TEMPLATE {template_database}")
        await connection.close()
        return await _trade(postgres.url_of("shadow_shop"), gateways)

    return asyncio.run(make())


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def _keeper() -> AsyncIterator[None]:
    async with one_keeper():
        yield


async def shadow(shop: Shop, name: str, package: Package) -> GateReport:
    return await shadow_over(shop.recordings[name], shop.configs[name], package)


# What is recorded


@pytest.mark.parametrize("name", PROVIDERS)
async def test_every_operation_and_every_kind_of_stored_card_is_recorded(shop: Shop, name: str) -> None:
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
async def test_a_file_of_recordings_holds_no_card_no_secret_and_no_person(shop: Shop, name: str) -> None:
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
        assert (verdict(report), sentences(report)) == (Verdict.PASSED, [])
        assert len(gateways[name].books()) == shop.booked[name]


# What is stopped


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_release_that_does_the_same_by_other_means_passes(shop: Shop, name: str) -> None:
    report = await shadow(shop, name, renamed(name))
    assert (verdict(report), sentences(report), report.measured["differences"]) == (Verdict.PASSED, [], 0)
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


async def test_every_known_fault_is_tried() -> None:
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


# What may pass


async def test_what_is_announced_passes_and_what_is_announced_elsewhere_does_not(shop: Shop) -> None:
    old, new = '"line1", "line2", "postal_code"', '"line1", "postal_code"'
    place = "request* /payment_method_data[[]billing_details][[]address][[]line2]"
    report = await shadow(shop, "stripe", edited("stripe", ("forms.py", old, new), manifest=announcing(place)))
    assert (verdict(report), sentences(report)) == (Verdict.PASSED, [])
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
    assert verdict(report) is Verdict.INCONCLUSIVE
    assert [each.where for each in told(report)] == ["manifest.toml changes[1] request /metadata/order"]


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
    assert {each.check for each in told(report)} == {"shadow.configuration"}
    expected = "sale error: absent became KeyError in 23 of 23 recorded sales, as accounts are configured today"
    assert [each for each in sentences(report) if each.startswith(expected)]


# What is too little


async def test_no_stable_and_few_recordings_are_never_a_pass(shop: Shop) -> None:
    recordings = shop.recordings["adyen"]
    few = msgspec.structs.replace(recordings, recordings=recordings.recordings[:19])
    report = await shadow_over(few, shop.configs["adyen"], builtin_package("adyen"))
    assert verdict(report) is Verdict.INCONCLUSIVE
    assert any("only 19 recordings" in each.problem for each in report.findings)
    first = Subject(package=builtin_package("adyen"), livemode=False, config=shop.configs["adyen"])
    report = await run(first, lambda *_: None, recordings)
    assert verdict(report) is Verdict.INCONCLUSIVE
    assert [each.problem for each in told(report)] == ["no release serves yet"]
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
    assert verdict(report) is Verdict.INCONCLUSIVE
    assert [each.problem for each in told(report)] == [
        "no recording of refund, which was done 2 times in the last 30 days"
    ]
