"""A manifest that errs is told so by file and field, with what the table knows and where that is documented.

The edits stand in ``manifest_edits.toml``.
"""

from pathlib import Path

import pytest
from tests.support.lint import Edit, edited, edits_in, findings_of, named, others_than

from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.loader import builtin_package
from interlock.releases.gates.types import Verdict

S, A, FILE = "stripe", "adyen", "manifest.toml"

EDITS = edits_in(Path(__file__).with_name("manifest_edits.toml"))


@pytest.mark.parametrize("edit", EDITS, ids=[f"{edit.check}-{index}" for index, edit in enumerate(EDITS)])
def test_a_value_that_errs_is_found(edit: Edit) -> None:
    findings = findings_of(edited(edit.provider, FILE, edit.old, edit.new), but=others_than(edit.check))
    found = [each for each in named(findings, edit.check) if each.where.startswith(FILE) and edit.field in each.where]
    assert any(edit.said in finding.problem for finding in found), [each.sentence() for each in findings]
    assert {finding.verdict for finding in findings} == {Verdict.FAILED}


def test_a_deviation_names_its_source() -> None:
    (finding,) = named(findings_of(edited(S, FILE, "mga = 0", "mga = 2")), "currencies")
    assert finding.sentence() == (
        "manifest.toml currencies.exponents.mga: is 2; Stripe has 0 decimals; "
        "see docs.stripe.com/currencies#minor-units"
    )


@pytest.mark.parametrize(
    ("old", "new", "field", "said"),
    [
        ('"mastercard", ', "", "capabilities.networks", "mastercard"),
        ("partial_refund = true", "partial_refund = false", "capabilities.partial_refund", "partial_refund"),
        (
            'stored_credentials = ["customer", "merchant"]',
            'stored_credentials = ["customer"]',
            "capabilities.stored_credentials",
            "merchant",
        ),
    ],
)
def test_what_a_release_takes_away_is_found_unless_it_is_announced(old: str, new: str, field: str, said: str) -> None:
    package, stable = edited(A, FILE, old, new), builtin_package(A)
    assert findings_of(package) == ()
    (finding,) = findings_of(package, stable=stable)
    assert (finding.where, said in finding.problem) == (f"manifest.toml {field}", True)
    change = f'changes = [{{ place = "{field}", why = "the contract ended in June" }}]\n[hosts]'
    announcing = edited(A, FILE, old, new, (FILE, "[hosts]", change))
    assert findings_of(announcing, stable=stable) == ()


def test_a_release_of_another_provider_supersedes_nothing() -> None:
    (finding,) = findings_of(builtin_package(A), stable=builtin_package(S))
    assert "stripe serves now" in finding.problem


@pytest.mark.parametrize("name", [S, A])
def test_a_webhook_that_is_missing_is_found(name: str) -> None:
    manifest = builtin_package(name).manifest.decode()
    start = manifest.index("[webhook]")
    section = manifest[start : manifest.index("\n[", start)]
    found = named(findings_of(edited(name, FILE, section, ""), but=others_than("webhook")), "webhook")
    assert "is absent" in next(each for each in found if "has there" in each.problem).problem
    late = [each for each in found if "comes by webhook alone" in each.problem]
    assert bool(late) is (name == A)


def test_an_integration_that_cannot_ask_what_became_of_a_payment_is_found() -> None:
    package = edited(A, FILE, 'inquiry = "resend"', 'inquiry = "none"', (FILE, ', "inquire"]', "]"))
    found = findings_of(package, but=others_than("inquiry"))
    assert any("is never settled" in finding.problem for finding in named(found, "inquiry"))
    assert any("lacks inquire" in finding.problem for finding in named(found, "capabilities"))


@pytest.mark.parametrize("given", ["", "x1"])
def test_a_setting_that_became_required_is_found_while_accounts_lack_it(given: str) -> None:
    new = "[settings.store]\ntitle = 'store'\nrequired_in = ['live', 'test']\n\n[settings.live_prefix]"
    package = edited(
        A,
        FILE,
        "[settings.live_prefix]",
        new,
        ("http.py", '"content-type"', '"x-store": config.settings["store"],\n        "content-type"'),
    )
    config = ConnectorConfig(
        livemode=False,
        settings={"merchant_account": "Bakery", **({"store": given} if given else {})},
        credentials={"api_key": "AQE9fK2vQ7xT1b", "hmac_key": "7C5F1E9A03B2D486"},
    )
    stable = builtin_package(A)
    for account in (None, config):
        found = named(findings_of(package, stable=stable, config=account), "new_fields")
        assert bool(found) is (account is None or not given)


def test_a_stable_manifest_that_cannot_be_read_is_inconclusive() -> None:
    stable = edited(S, FILE, "contract_version = 1", "contract_version = 0")
    (finding,) = findings_of(builtin_package(S), stable=stable)
    assert (finding.check, finding.verdict) == ("lint.stable", Verdict.INCONCLUSIVE)
