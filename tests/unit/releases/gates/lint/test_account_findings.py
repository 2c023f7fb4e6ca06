"""An account that errs is told so by field: wrong mode, wrong kind, placeholders, other environments, what runs out."""

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from tests.support.gateways import CONFIGS
from tests.support.lint import LIVE, NOW_MS, edited, findings_of, named, others_than

from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.loader import builtin_package
from interlock.releases.gates.types import Finding, Verdict

CODE = (*others_than("account"), "manifest")
DAY_MS = 86_400_000
CREDENTIALS = frozenset({"secret_key", "webhook_secret", "api_key", "hmac_key"})
STRIPE_LIVE, ADYEN_LIVE = LIVE["stripe"].credentials, LIVE["adyen"].credentials


def account(name: str, mode: str = "live", **values: str) -> ConnectorConfig:
    """Return an account with ``values``: settings where the provider has them, credentials else; empty takes away."""
    config = (LIVE if mode == "live" else CONFIGS)[name]
    settings, credentials = dict(config.settings), dict(config.credentials)
    for field, value in values.items():
        target = credentials if field in CREDENTIALS else settings
        target[field] = value
        if not value:
            del target[field]
    return msgspec.structs.replace(config, settings=settings, credentials=credentials)


def told(name: str, config: ConnectorConfig, **subject: Any) -> tuple[Finding, ...]:
    values = {"livemode": config.livemode, **subject}
    return findings_of(builtin_package(name), but=CODE, config=config, **values)


S, A = "stripe", "adyen"
ACCOUNTS = [
    (
        S,
        "live",
        {"secret_key": CONFIGS["stripe"].credentials["secret_key"]},
        "configuration",
        "credentials.secret_key",
        "test key in live",
    ),
    (
        S,
        "test",
        {"secret_key": STRIPE_LIVE["secret_key"]},
        "configuration",
        "credentials.secret_key",
        "live key in test",
    ),
    (S, "live", {"secret_key": ""}, "configuration", "credentials.secret_key", "is absent"),
    (S, "live", {"accuont": "acct_1"}, "configuration", "settings.accuont", "is unknown"),
    (
        S,
        "live",
        {"secret_key": STRIPE_LIVE["secret_key"] + "\n"},
        "configuration",
        "credentials.secret_key",
        "unprintable",
    ),
    (S, "live", {"account": "acct_1032D82eZvKYlo2C "}, "configuration", "settings.account", "space or a line break"),
    (S, "live", {"secret_key": "sk_live_short"}, "kind", "credentials.secret_key", "nothing that Stripe issues"),
    (S, "live", {"webhook_secret": STRIPE_LIVE["secret_key"]}, "kind", "credentials.webhook_secret", "is a secret_key"),
    (S, "live", {"webhook_secret": "we_1PgafyB7WZ01zgkW"}, "configuration", "credentials.webhook_secret", "shape"),
    (S, "live", {"secret_key": STRIPE_LIVE["webhook_secret"]}, "kind", "credentials.secret_key", "begins with whsec_"),
    (S, "live", {"account": STRIPE_LIVE["secret_key"]}, "kind", "settings.account", "holds a key"),
    (S, "live", {"webhook_secret": STRIPE_LIVE["secret_key"]}, "doubles", "credentials.webhook_secret", "the same as"),
    (S, "live", {"webhook_secret": ""}, "webhook_secret", "credentials.webhook_secret", "disputes and late results"),
    (A, "test", {"hmac_key": ""}, "webhook_secret", "credentials.hmac_key", "capture, increment, void, refund"),
    (S, "live", {"base_url": "http://127.0.0.1:1"}, "mode", "settings.base_url", "replaces the provider's host"),
    (
        S,
        "live",
        {"secret_key": "sk_live_xxxxxxxxxxxxxxxxxxxxxxxx"},
        "placeholders",
        "credentials.secret_key",
        "placeholder",
    ),
    (S, "live", {"secret_key": "sk_live_changeme"}, "placeholders", "credentials.secret_key", "placeholder"),
    (A, "live", {"api_key": "<your-api-key>"}, "placeholders", "credentials.api_key", "placeholder"),
    (A, "live", {"api_key": "AQEtest"}, "kind", "credentials.api_key", "nothing that Adyen issues"),
    (A, "live", {"hmac_key": "7C5F1E9A03B2D486"}, "kind", "credentials.hmac_key", "nothing that Adyen issues"),
    (A, "live", {"merchant_account": "none"}, "placeholders", "settings.merchant_account", "placeholder"),
    (A, "test", {"merchant_account": "TODO"}, "placeholders", "settings.merchant_account", "placeholder"),
    (A, "live", {"merchant_account": "Bakery_Staging"}, "environment", "settings.merchant_account", "names staging"),
    (A, "live", {"merchant_account": "InterlockSandbox"}, "environment", "settings.merchant_account", "names sandbox"),
    (A, "live", {"merchant_account": "bakery.test"}, "environment", "settings.merchant_account", "private address"),
    (
        A,
        "live",
        {"live_prefix": "live-5d1c0f2b9a3e7764-Bakery"},
        "configuration",
        "settings.live_prefix",
        "shape that Adyen",
    ),
    (A, "live", {"live_prefix": ""}, "configuration", "settings.live_prefix", "is absent"),
    (A, "live", {"display_decimals": "4"}, "configuration", "settings.display_decimals", "decimals or factors"),
]


@pytest.mark.parametrize(
    ("name", "mode", "values", "check", "field", "said"),
    ACCOUNTS,
    ids=[f"{row[3]}-{index}" for index, row in enumerate(ACCOUNTS)],
)
def test_an_account_that_errs_is_told_so(
    name: str, mode: str, values: dict[str, str], check: str, field: str, said: str
) -> None:
    findings = told(name, account(name, mode, **values))
    found = [finding for finding in named(findings, check) if finding.where == field]
    assert any(said in finding.problem for finding in found), [each.sentence() for each in findings]
    for name_of, value in values.items():
        if name_of in CREDENTIALS and len(value) > 12:
            assert not any(value in finding.sentence() for finding in findings)


def test_a_pattern_that_could_take_for_ever_is_not_tried() -> None:
    pattern = "pattern = '(acct_|[A-Za-z0-9]+)+$'"
    package = edited(S, "manifest.toml", "pattern = 'acct_[A-Za-z0-9]+'", pattern)
    config = account(S, account="a" * 60 + "!")
    started = time.perf_counter()
    findings = findings_of(package, but=others_than("account"), livemode=True, config=config)
    assert {finding.check for finding in findings} == {"lint.patterns"}
    assert time.perf_counter() - started < 5


def test_an_account_for_the_other_mode_is_told_so() -> None:
    findings = told(S, CONFIGS[S], livemode=True)
    assert "is for test mode, and the release is for live mode" in [finding.problem for finding in findings]


def test_a_name_that_may_be_an_example_is_a_question_and_no_failure() -> None:
    (finding,) = told(A, account(A, merchant_account="DemoBakeryECOM"))
    assert (finding.check, finding.verdict) == ("lint.environment", Verdict.INCONCLUSIVE)


@pytest.mark.parametrize("value", ["DemoBakeryECOM", "BakeryStaging"])
def test_what_serves_live_already_is_not_asked_about_again(value: str) -> None:
    config = account(A, merchant_account=value)
    assert told(A, config, stable=builtin_package(A), stable_config=config) == ()


def test_a_value_that_gets_lost_is_found() -> None:
    before = account(S, account="acct_1032D82eZvKYlo2C")
    found = told(S, account(S, webhook_secret=""), stable_config=before)
    assert {finding.where for finding in named(found, "account")} == {"settings.account", "credentials.webhook_secret"}


def test_another_merchant_account_has_to_be_announced() -> None:
    config = account(A, merchant_account="BakeryPOS")
    (finding,) = named(told(A, config, stable_config=LIVE[A]), "account")
    assert finding.where == "settings.merchant_account"
    assert "setting merchant_account" in finding.remedy
    change = 'changes = [{ place = "setting merchant_account", why = "the shop moved to its own company" }]\n[hosts]'
    package = edited(A, "manifest.toml", "[hosts]", change)
    assert findings_of(package, but=CODE, livemode=True, config=config, stable_config=LIVE[A]) == ()


def test_an_account_that_serves_in_the_other_mode_is_found() -> None:
    found = told(S, LIVE[S], stable_config=CONFIGS[S])
    assert "what serves now for test mode" in named(found, "mode")[0].problem


def test_a_rolled_key_is_no_finding() -> None:
    rolled = account(S, secret_key="sk_live_" + "pR0sV2yB7WZ01zgkW")
    assert told(S, rolled, stable_config=LIVE[S]) == ()


# ----------------------------------------------------------------------------------------------------------- expiry


def certificate(begins_in: timedelta, ends_in: timedelta) -> str:
    now = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins_in)
        .not_valid_after(now + ends_in)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(Encoding.PEM).decode()


def token(ends_in: timedelta) -> str:
    claims = msgspec.json.encode({"exp": NOW_MS / 1000 + ends_in.total_seconds()})
    return f"eyJhbGciOiJub25lIn0.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c2ln"


def expiring(value: str, *, livemode: bool = True, same: bool = False) -> list[str]:
    config = account(A, "live" if livemode else "test", api_key=value)
    stable = {"stable_config": config} if same else {}
    return [finding.problem for finding in named(told(A, config, **stable), "expiry")]


DAYS = timedelta(days=1)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (certificate(-9 * DAYS, -2 * DAYS), "the certificate ran out 2 days ago"),
        (certificate(-9 * DAYS, 13 * DAYS), "the certificate runs out in 13 days, and this release would bring it"),
        (certificate(2 * DAYS, 90 * DAYS), "the certificate is valid in 2 days only"),
        (token(-2 * DAYS), "the token ran out 2 days ago"),
        (token(3 * DAYS), "the token runs out in 3 days, and this release would bring it"),
        ("-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----", "holds a certificate that cannot be read"),
    ],
)
def test_what_runs_out_is_found_in_live_mode(value: str, said: str) -> None:
    assert expiring(value) == [said]


@pytest.mark.parametrize("value", [certificate(-9 * DAYS, 90 * DAYS), token(90 * DAYS), "eyJh.x.y", "AQ.b.c"])
def test_what_lasts_or_says_nothing_is_no_finding(value: str) -> None:
    assert expiring(value) == []


@pytest.mark.parametrize("ends_s", ["1e308", "-1", "1e15"])
def test_an_end_that_is_no_time_is_inconclusive(ends_s: str) -> None:
    claims = base64.urlsafe_b64encode(f'{{"exp":{ends_s}}}'.encode()).decode().rstrip("=")
    found = named(told(A, account(A, api_key=f"eyJhbGciOiJub25lIn0.{claims}.c2ln")), "expiry")
    assert [(finding.verdict, finding.problem) for finding in found] == [
        (Verdict.INCONCLUSIVE, "is a token whose end is no time")
    ]


def test_a_value_too_long_to_be_searched_is_inconclusive() -> None:
    (finding,) = named(told(A, account(A, api_key="AQ" + "x" * 70_000)), "expiry")
    assert finding.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("livemode", "same"), [(True, True), (False, False)])
def test_what_serves_already_and_what_is_for_trying_do_not_fail_before_their_end(livemode: bool, same: bool) -> None:
    assert expiring(token(3 * DAYS), livemode=livemode, same=same) == []
    assert expiring(token(-3 * DAYS), livemode=livemode, same=same) == ["the token ran out 3 days ago"]


@pytest.mark.parametrize(("left_ms", "failed"), [(-1, True), (13 * DAY_MS, True), (15 * DAY_MS, False)])
def test_expiries_that_the_operator_told_count_too(left_ms: int, failed: bool) -> None:
    found = told(S, LIVE[S], credentials_expire_at_ms={"secret_key": NOW_MS + left_ms, "unheard_of": 0})
    assert [finding.where for finding in found] == (["credentials.secret_key"] if failed else [])


def test_a_webhook_secret_that_is_exchanged_at_once_holds_the_release_and_one_beside_the_old_does_not() -> None:
    old, new = "7C5F1E9A03B2D486" * 4, "84F6A8CBEDF01325" * 4
    serving = account(A, hmac_key=old)
    [finding] = named(told(A, account(A, hmac_key=new), stable_config=serving), "webhook_secret")
    assert (finding.verdict, finding.where) == (Verdict.INCONCLUSIVE, "credentials.hmac_key")
    for kept in (old, f"{old},{new}"):
        assert named(told(A, account(A, hmac_key=kept), stable_config=serving), "webhook_secret") == []
    rolled = told(A, account(A, hmac_key=new), stable_config=account(A, hmac_key=f"{old}, {new}"))
    assert named(rolled, "webhook_secret") == []
