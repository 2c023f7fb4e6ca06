"""Manifests, account settings and loading: mistakes are named by file and field, and nothing half-right is accepted."""

from pathlib import Path

import pytest
from tests.support.gateways import CONFIGS

from interlock.base.errors import ConfigurationError, ConnectorError
from interlock.gateways import loader
from interlock.gateways.configuration import configuration_problems
from interlock.gateways.contract import ConnectorConfig, Operation
from interlock.gateways.loader import build_connector, known_gateways, load
from interlock.gateways.manifest import base_url, read_manifest

FOLDER = Path(loader.__file__).parent
STRIPE = (FOLDER / "stripe" / "manifest.toml").read_text(encoding="utf-8")


def problem(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_manifest(text.encode(), "stripe/manifest.toml")
    assert "stripe/manifest.toml" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('api_version = "', 'api_versoin = "', "api_versoin"),
        ("connect_ms = 3000", 'connect_ms = "3 s"', "timeouts.connect_ms"),
        ("connect_ms = 3000", "connect_ms = 0", "timeouts.connect_ms"),
        ("connect_ms = 3000", "conect_ms = 3000", "conect_ms"),
        ("total_ms = 45000", "total_ms = 10000", "timeouts.total_ms"),
        ('live.base_url = "https', 'live.base_url = "hhtps', "hosts.live.base_url"),
        ('test.base_url = "https', 'test.base_url = "http', "hosts.test.base_url"),
        ('"https://api.stripe.com"', '"https://api.stripe.com/"', "hosts.live.base_url"),
        ('"https://api.stripe.com"', '"https://{region}.stripe.com"', "hosts.live.base_url"),
        ("contract_version = 1", "contract_version = 2", "contract_version"),
        ('credential = "secret_key"', 'credential = "secrt_key"', "auth.credential"),
        ('credential = "webhook_secret"', 'credential = "webhook_key"', "webhook.credential"),
        ("incremental = true", "incremental = false", "capabilities.incremental"),
        ("three_d_secure = true", "three_d_secure = false", "capabilities.three_d_secure"),
        ("partial_capture = true", "partial_capture = false", "capabilities.multicapture"),
        ('inquiry = "retrieve_and_resend"', 'inquiry = "none"', "capabilities.inquiry"),
        ('"visa"]', '"vsia"]', "capabilities.networks"),
        ('succeeded = "approved"', 'succeeded = "aproved"', "codes.statuses"),
        ("uncertain = [", 'refusals = ["idempotency_error"]\nuncertain = [', "codes.refusals"),
        ("[echo.sale]", "[echo.purchase]", "echo"),
        ('amount = "/amount"', 'amount = "amount"', "echo"),
        ("isk = 2", "isk = 200", "currencies.exponents"),
        ("pattern = 'acct_", "pattern = '(acct_", "settings.account.pattern"),
        ('name = "stripe"', 'name = "stripe', "TOML"),
    ],
)
def test_each_mistake_is_named_by_file_and_field(old: str, new: str, named: str) -> None:
    assert old in STRIPE
    assert named in problem(STRIPE.replace(old, new, 1))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="TOML"):
        read_manifest(b"\xff\xfe", "x/manifest.toml")


def test_the_live_host_can_never_be_replaced() -> None:
    manifest = load("stripe").manifest
    override = {"base_url": "http://127.0.0.1:4242/"}
    assert base_url(manifest, override, livemode=False) == "http://127.0.0.1:4242"
    assert base_url(manifest, {}, livemode=True) == "https://api.stripe.com"
    with pytest.raises(ConfigurationError, match="test mode only"):
        base_url(manifest, override, livemode=True)
    with pytest.raises(ConfigurationError, match="no base URL"):
        base_url(manifest, {"base_url": "ftp://x"}, livemode=False)


def test_adyens_live_host_carries_the_merchants_prefix() -> None:
    manifest = load("adyen").manifest
    expected = "https://1797a841fbb37ca7-Demo-checkout-live.adyenpayments.com/checkout/v72"
    assert base_url(manifest, {"live_prefix": "1797a841fbb37ca7-Demo"}, livemode=True) == expected
    for prefix in ("", "evil.example/", "a.b", "x" * 70):
        with pytest.raises(ConfigurationError, match="live_prefix"):
            base_url(manifest, {"live_prefix": prefix}, livemode=True)


def fields(name: str, config: ConnectorConfig) -> set[str]:
    return {found.field for found in configuration_problems(load(name).manifest, config)}


def test_right_accounts_have_no_problems() -> None:
    assert fields("stripe", CONFIGS["stripe"]) == set()
    assert fields("adyen", CONFIGS["adyen"]) == set()


@pytest.mark.parametrize(
    ("livemode", "key"),
    [
        (True, "sk_test_1234567890"),
        (False, "sk_live_1234567890"),
        (False, "pk_test_1"),
        (True, "sk_live_ 1"),
        (True, ""),
    ],
)
def test_a_key_of_the_wrong_mode_or_kind_is_refused_without_being_shown(livemode: bool, key: str) -> None:
    config = ConnectorConfig(livemode=livemode, credentials={"secret_key": key})
    (found,) = configuration_problems(load("stripe").manifest, config)
    assert found.field == "credentials.secret_key"
    assert not key or key not in str(found)


def test_every_absent_unknown_or_malformed_field_is_named() -> None:
    config = ConnectorConfig(
        livemode=True, settings={"merchant": "x", "live_prefix": "a.b"}, credentials={"hmac_key": "zz"}
    )
    assert fields("adyen", config) == {
        "settings.merchant",
        "settings.merchant_account",
        "settings.live_prefix",
        "credentials.api_key",
        "credentials.hmac_key",
    }


def test_a_live_account_with_another_host_is_refused() -> None:
    config = ConnectorConfig(
        livemode=True, settings={"base_url": "http://127.0.0.1:1"}, credentials={"secret_key": "sk_live_1234567890"}
    )
    assert fields("stripe", config) == {"base_url"}


def test_configs_hide_their_secrets() -> None:
    assert "sk_test" not in repr(CONFIGS["stripe"])
    assert "sk_test" not in str(CONFIGS["stripe"])


def test_both_gateways_load_and_are_cached() -> None:
    assert known_gateways() == ("adyen", "stripe")
    for name in known_gateways():
        loaded = load(name)
        assert loaded is load(name)
        assert loaded.release_id.startswith("pkg_")
        assert len(loaded.release_id) == 28
        assert loaded.supports(Operation.SALE)


@pytest.mark.parametrize("name", ["paypal", "../stripe", "", "Stripe", "stripe.connector"])
def test_an_unknown_gateway_is_named_with_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigurationError, match="adyen, stripe"):
        load(name)


def test_a_capability_without_its_method_is_refused() -> None:
    class Partial:
        def __init__(self, tables: object) -> None:
            self.tables = tables

        def sale(self) -> None: ...

    module = type("module", (), {"CONNECTOR": Partial})
    with pytest.raises(ConnectorError, match=r"promise authorise, complete.*parse_notification"):
        build_connector(module, load("stripe").manifest)
    with pytest.raises(ConnectorError, match="no CONNECTOR"):
        build_connector(type("module", (), {}), load("stripe").manifest)


def test_provider_folders_import_only_the_contract_and_money() -> None:
    allowed = ("interlock.gateways.contract", "interlock.gateways.outcomes", "interlock.base.money")
    for path in FOLDER.glob("*/*.py"):
        own = f"interlock.gateways.{path.parent.name}"
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if len(words) > 1 and words[0] in {"from", "import"} and words[1].startswith("interlock"):
                assert words[1].startswith((*allowed, own)), f"{path}: {line}"
