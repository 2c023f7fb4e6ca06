"""Provider tables are held against the providers' published documents, and operators' own are read as strictly."""

import re
from pathlib import Path

import pytest
from tests.support import acme
from tests.support.openapi import ADYEN, ADYEN_WEBHOOKS, STRIPE, document, enum_of

from interlock.base.errors import ConfigurationError
from interlock.base.money import iso_exponent
from interlock.gateways.contract import Operation
from interlock.gateways.loader import known_gateways
from interlock.gateways.outcomes import Outcome
from interlock.releases.gates.providers.tables import ProviderTable, provider_table


def table(name: str) -> ProviderTable:
    found = provider_table(name)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", ["payment_intent", "setup_intent", "charge"])
def test_stripes_statuses_are_those_of_the_published_document(specs: Path, kind: str) -> None:
    published = enum_of(specs / STRIPE, "components", "schemas", kind, "properties", "status")
    assert set(table("stripe").statuses[kind]) == set(published)


def test_stripes_dispute_statuses_are_those_of_the_published_document(specs: Path) -> None:
    published = enum_of(specs / STRIPE, "components", "schemas", "dispute", "properties", "status")
    assert {*table("stripe").dispute_ends, *table("stripe").words["status"]} == set(published)


def test_stripes_events_and_version_are_those_of_the_published_document(specs: Path) -> None:
    body = document(specs / STRIPE)["paths"]["/v1/webhook_endpoints"]["post"]["requestBody"]["content"]
    events = body["application/x-www-form-urlencoded"]["schema"]["properties"]["enabled_events"]["items"]["enum"]
    ours = {name for name in events if name.startswith(("payment_intent.", "charge.", "refund.", "setup_intent."))}
    assert set(table("stripe").notifications) == ours
    assert document(specs / STRIPE)["info"]["version"] in table("stripe").versions.known
    assert document(specs / STRIPE)["servers"][0]["url"].rstrip("/") in table("stripe").hosts.live


def test_adyens_words_are_those_of_the_published_documents(specs: Path) -> None:
    adyen = table("adyen")
    published = enum_of(specs / ADYEN, "components", "schemas", "PaymentResponse", "properties", "resultCode")
    assert set(adyen.statuses["result_code"]) == set(published)
    spec = document(specs / ADYEN_WEBHOOKS)
    events = {path[1:] for path in spec["webhooks"]}
    for schema in spec["components"]["schemas"].values():
        events |= set(schema.get("properties", {}).get("eventCode", {}).get("enum", ()))
    assert set(adyen.notifications) == events
    assert {url["url"] for url in document(specs / ADYEN)["servers"]} == {"https://checkout-test.adyen.com/v72"}


@pytest.mark.parametrize(("name", "document_name"), [("stripe", STRIPE), ("adyen", ADYEN)])
def test_every_request_that_carries_money_is_a_published_one(specs: Path, name: str, document_name: str) -> None:
    paths = {re.sub(r"\{[^}]+\}", "*", path) for path in document(specs / document_name)["paths"]}
    missing = {rules.path for rules in table(name).sent.values()} - paths
    assert missing <= {"/v1/test_helpers/customers/*/fund_cash_balance"}


@pytest.mark.parametrize("name", known_gateways())
def test_a_table_agrees_with_itself(name: str) -> None:
    known = table(name)
    vocabulary = {word for words in table("stripe").declines.values() for word in words}
    assert {word for words in known.declines.values() for word in words} <= vocabulary
    assert set(known.retry.never_retry_declines) <= vocabulary
    assert not set(known.codes.refusals) & set(known.codes.uncertain)
    assert all(iso_exponent(currency) is not None for currency in known.currencies.exponents)
    assert all(iso_exponent(currency) != decimals for currency, decimals in known.currencies.exponents.items())
    assert all(iso_exponent(currency) == 3 for currency in known.currencies.multiples)
    assert set(known.echo) == {operation for operation, rules in known.sent.items() if not rules.optional}
    assert set(known.echo) == set(Operation) - {
        Operation.COMPLETE,
        Operation.VOID,
        Operation.VERIFY,
        Operation.INQUIRE,
        Operation.FUND,
    }
    assert known.webhook is not None
    assert {event for events in known.webhook.subscriptions.values() for event in events} <= set(known.notifications)
    assert all(allowed for group in known.statuses.values() for allowed in group.values())
    assert Outcome.NOT_SENT not in {
        each for group in known.statuses.values() for words in group.values() for each in words
    }


@pytest.mark.parametrize("name", known_gateways())
def test_every_section_names_its_source(name: str) -> None:
    sections = set(ProviderTable.__struct_fields__) - {"name", "title", "sources", "words", "dispute_ends"}
    assert sections <= set(table(name).sources)


@pytest.mark.parametrize("name", ["unheard_of", "../stripe", "Stripe", ""])
def test_nobody_wrote_a_table_of_it(name: str) -> None:
    assert provider_table(name) is None


def test_an_operators_table_is_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    for text, said in [
        (acme.TABLE.replace("[limits]", "[limit]"), "unknown field `limit`"),
        (acme.TABLE.replace('paid = ["approved"]', 'paid = ["aproved"]'), "statuses"),
        (acme.TABLE.replace('name = "acme"', 'name = "acne"'), "call it acme"),
        (acme.TABLE + '"', "is not TOML"),
        ("#" * 300_000, "KiB"),
    ]:
        path.write_text(text)
        with pytest.raises(ConfigurationError, match=r"acme\.toml") as caught:
            provider_table("acme", tmp_path)
        assert said in str(caught.value)
    path.write_text(acme.TABLE)
    found = provider_table("acme", tmp_path)
    assert found is not None
    assert found.title == "Acme Pay"


def test_a_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no folder"):
        provider_table("stripe", tmp_path / "absent")


def test_no_operator_replaces_a_builtin_table(tmp_path: Path) -> None:
    (tmp_path / "stripe.toml").write_text(acme.TABLE)
    with pytest.raises(ConfigurationError, match="comes with the product"):
        provider_table("stripe", tmp_path)


def test_an_operator_adds_words_to_a_builtin_table_and_changes_none(tmp_path: Path) -> None:
    path = tmp_path / "stripe.additions.toml"
    path.write_text(
        'versions = ["2026-10-28.endive"]\nrefusals = ["brand_new_refusal"]\n'
        '[sources]\nversions = "the changelog"\n[declines]\nbrand_new = ["generic_decline"]\n'
        '[statuses.error_code]\nbrand_new = ["declined"]\n'
    )
    found = provider_table("stripe", tmp_path)
    assert found is not None
    assert "2026-10-28.endive" in found.versions.known
    assert found.declines["brand_new"] == ("generic_decline",)
    assert found.statuses["error_code"]["brand_new"] == (Outcome.DECLINED,)
    assert found.statuses["error_code"]["charge_disputed"] == (Outcome.DECLINED,)
    assert found.codes.refusals == ("brand_new_refusal",)
    assert table("stripe").codes.refusals == ()
    for text in (
        '[sources]\n[declines]\nlost_card = ["generic_decline"]\n',
        '[sources]\n[statuses.http]\n409 = ["refused"]\n',
        'refusals = ["idempotency_error"]\n[sources]\n',
        '[sources]\n[notifications]\n"refund.failed" = ["ignored"]\n',
    ):
        path.write_text(text)
        with pytest.raises(ConfigurationError, match="additions may only add"):
            provider_table("stripe", tmp_path)
