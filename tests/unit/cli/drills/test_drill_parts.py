from typing import get_args

import pytest

from interlock.base.errors import ConfigurationError
from interlock.cli.drills.accounts import account_of
from interlock.cli.drills.gating import release_of, with_change
from interlock.cli.drills.group import choose
from interlock.cli.drills.live import custom
from interlock.cli.drills.stages import OF_CATALOGUE, ORDER, in_time
from interlock.cli.output import RefusedError
from interlock.gateways.configuration import configuration_problems
from interlock.gateways.loader import load_package
from interlock.sandbox.drills.reading import BUILT_IN, read_drills
from interlock.sandbox.drills.types import Account, Drill, Edit, Manifest, Stage, Traffic, Truth
from interlock.sandbox.shoppers.orders import orders


def drill(provider: str = "stripe", *edits: Edit) -> Drill:
    truth = Truth(wrong="w", customer="c")
    return Drill(id="F999", manifest=Manifest(title="t", provider=provider, truth=truth, edit=edits))


def test_every_word_of_the_catalogue_has_a_stage() -> None:
    assert set(OF_CATALOGUE) == set(get_args(Stage))
    assert set(OF_CATALOGUE.values()) <= set(ORDER)


def test_earlier_is_in_time_later_and_never_are_not() -> None:
    assert in_time("lint", "static_lint")
    assert in_time("contract", "sandbox_certification")
    assert in_time("absorbed", "live_monitoring")
    assert not in_time("canary", "shadow_diff")
    assert not in_time(None, "log_audit")


@pytest.mark.parametrize("provider", ["stripe", "adyen"])
@pytest.mark.parametrize("mode", ["live", "test"])
def test_a_plain_account_fits_its_connectors_manifest(provider: str, mode: str) -> None:
    config = account_of(provider, "live" if mode == "live" else "test", Account())
    assert config.livemode is (mode == "live")
    assert configuration_problems(load_package(release_of(drill(provider))).manifest, config) == []


def test_placeholders_are_right_values_and_an_empty_value_removes_one() -> None:
    differs = Account(
        credentials={"secret_key": "{live.secret_key}", "webhook_secret": "{other.webhook_secret}"},
        settings={"account": "{test.account}"},
    )
    plain, made = account_of("stripe", "test", Account()), account_of("stripe", "test", differs)
    assert made.credentials["secret_key"] == account_of("stripe", "live", Account()).credentials["secret_key"]
    assert made.credentials["webhook_secret"] != plain.credentials["webhook_secret"]
    assert made.credentials["webhook_secret"].startswith("whsec_")
    assert "account" in made.settings
    assert "webhook_secret" not in account_of("stripe", "test", Account(credentials={"webhook_secret": ""})).credentials


def test_a_change_leaves_everything_else_as_it_serves() -> None:
    serving = account_of("adyen", "test", Account(settings={"merchant_account": "Bakery"}))
    changed = with_change("adyen", Account(credentials={"hmac_key": "{other.hmac_key}"}), serving)
    assert changed.settings == serving.settings
    assert changed.credentials["api_key"] == serving.credentials["api_key"]
    assert changed.credentials["hmac_key"] != serving.credentials["hmac_key"]


def test_a_placeholder_that_names_nothing_is_told() -> None:
    with pytest.raises(ConfigurationError, match="nothing of that name"):
        account_of("stripe", "test", Account(credentials={"secret_key": "{live.hmac_key}"}))


def test_every_built_in_drill_fits_the_connectors_as_they_are() -> None:
    for one in read_drills([BUILT_IN]):
        release_of(one)
        account_of(one.manifest.provider, one.manifest.mode, one.manifest.change)


def test_an_edit_that_fits_no_longer_is_an_error_and_no_drill_that_passes() -> None:
    with pytest.raises(
        ConfigurationError, match=r"F999/drill\.toml: edit 1 of forms\.py: its old text stands there 0 times"
    ):
        release_of(drill("stripe", Edit(file="forms.py", old="never written", new="x")))
    with pytest.raises(ConfigurationError, match="drills run on adyen, stripe"):
        release_of(drill("acme"))


def test_drills_are_chosen_by_how_their_ids_begin() -> None:
    drills = read_drills([BUILT_IN])
    assert {one.id[:4] for one in choose(drills, ["F001"], every=False)} == {"F001"}
    assert choose(drills, [], every=True) == drills
    with pytest.raises(RefusedError, match="there is no drill F000"):
        choose(drills, ["F001", "F000"], every=False)
    with pytest.raises(RefusedError, match="names no drill"):
        choose(drills, [], every=False)


def test_shoppers_come_as_the_manifest_says() -> None:
    plan = custom(Traffic(currencies=("jpy",), brands=("amex",), manual=1.0, refunded=0.0))
    wanted = list(orders(plan.seed, 50, plan.mix))
    assert {order.currency for order in wanted} == {"jpy"}
    assert {order.deck_card.brand for order in wanted} == {"amex"}
    assert all(order.manual and not order.refunds for order in wanted)
    [card] = {order.deck_card.name for order in orders(1, 20, custom(Traffic(cards=("threeDSecure2Required",))).mix)}
    assert card == "threeDSecure2Required"
