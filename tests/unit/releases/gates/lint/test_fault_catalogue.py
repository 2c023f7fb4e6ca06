"""Faults that happened to others, each embodied in a package or an account, are stopped before any code is run.

The ids are those of the project's fault catalogue.
"""

from typing import Any, NamedTuple

import msgspec
import pytest
from tests.support.gateways import CONFIGS
from tests.support.lint import LIVE, appended, edited, findings_of, others_than

from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.releases.gates.types import Verdict

STRIPE, ADYEN = builtin_package("stripe"), builtin_package("adyen")
STATIC = frozenset(
    {"F001", "F011", "F015", "F018", "F020", "F022", "F024", "F026", "F028", "F056", "F091", "F097", "F098"}
)
"""What the catalogue says a static check is the first that can stop."""
NOT_OF_AN_INTEGRATION = {
    "F091": "an index build that locks the payments table is a migration of the switch's own database",
    "F097": "a sequence at its end is of the database; the schema may not have any (tests/architecture)",
}
TO_PROVIDER = "amount = to_provider(money, tables.currency_exponents)"


class Fault(NamedTuple):
    """One embodiment: what is examined, which check must stop it, a part of its sentence."""

    id: str
    check: str
    said: str
    package: Package
    config: ConnectorConfig | None = None
    stable_config: ConnectorConfig | None = None
    stable: Package | None = None
    livemode: bool = True


def live(name: str, *, settings: dict[str, str] | None = None, **credentials: str) -> ConnectorConfig:
    """Return the live account with other values."""
    config = LIVE[name]
    return msgspec.structs.replace(
        config, settings={**config.settings, **(settings or {})}, credentials={**config.credentials, **credentials}
    )


KEPT = LIVE["stripe"].credentials
FAULTS = [
    # What a static check is to stop.
    Fault(
        "F001-factor-100",
        "amounts",
        "factor",
        edited("stripe", "forms.py", TO_PROVIDER, "amount = money.amount_minor * 100"),
    ),
    Fault(
        "F001-no-exponents",
        "amounts",
        "hands on",
        edited("stripe", "forms.py", TO_PROVIDER, "amount = money.amount_minor"),
    ),
    Fault(
        "F001-wrong-table",
        "currencies",
        "decimals",
        edited("stripe", "manifest.toml", "isk = 2", "isk = 2, jpy = 2, krw = 2"),
    ),
    Fault(
        "F011-setting",
        "settings",
        "decimals",
        edited(
            "adyen",
            "manifest.toml",
            "[settings.live_prefix]",
            "[settings.display_precision]\ntitle = 'decimals'\n\n[settings.live_prefix]",
        ),
    ),
    Fault("F011-account", "configuration", "decimals", ADYEN, live("adyen", settings={"price_decimals": "4"})),
    Fault(
        "F011-code",
        "amounts",
        "power",
        edited(
            "stripe", "forms.py", "    return amount\n", '    return amount * 10 ** int(config.settings["account"])\n'
        ),
    ),
    Fault(
        "F015-country-number",
        "currencies",
        "gives PLN the number 616, which ISO 4217 knows as 985",
        appended("adyen", "bodies.py", '_NUMBERS = {"EUR": "978", "PLN": "616"}\n'),
    ),
    Fault("F015-not-iso", "currencies", "no currency", edited("adyen", "manifest.toml", "clp = 2", "616 = 2")),
    Fault(
        "F018-method",
        "capabilities",
        "sepa_debit",
        edited("adyen", "manifest.toml", "partial_capture", 'methods = ["card", "sepa_debit"]\npartial_capture'),
    ),
    Fault("F018-network", "capabilities", "link", edited("adyen", "manifest.toml", '"visa"]', '"visa", "link"]')),
    Fault(
        "F020-test-key-live",
        "configuration",
        "test key in live",
        STRIPE,
        live("stripe", secret_key=CONFIGS["stripe"].credentials["secret_key"]),
    ),
    Fault(
        "F020-live-key-test",
        "configuration",
        "live key in test",
        STRIPE,
        msgspec.structs.replace(LIVE["stripe"], livemode=False),
        livemode=False,
    ),
    Fault(
        "F020-swapped-fields",
        "kind",
        "is a secret_key",
        STRIPE,
        live("stripe", secret_key=KEPT["webhook_secret"], webhook_secret=KEPT["secret_key"]),
    ),
    Fault(
        "F022-staging-with-live-key",
        "configuration",
        "live key in test",
        STRIPE,
        msgspec.structs.replace(LIVE["stripe"], livemode=False),
        livemode=False,
    ),
    Fault(
        "F022-copy-of-staging",
        "environment",
        "staging",
        ADYEN,
        live("adyen", settings={"merchant_account": "Bakery_staging"}),
    ),
    Fault(
        "F022-other-account",
        "account",
        "another",
        ADYEN,
        live("adyen", settings={"merchant_account": "ReplacementECOM"}),
        LIVE["adyen"],
    ),
    Fault(
        "F024-no-path",
        "hosts",
        "/checkout/v72",
        edited("adyen", "manifest.toml", "adyenpayments.com/checkout/v72", "adyenpayments.com"),
    ),
    Fault(
        "F024-misspelt",
        "manifest",
        "https",
        edited("adyen", "manifest.toml", 'live.base_url = "https', 'live.base_url = "hhtps'),
    ),
    Fault("F026-no-prefix", "hosts", "{live_prefix}", edited("adyen", "manifest.toml", "{live_prefix}-", "")),
    Fault("F026-prefix-absent", "configuration", "is absent", ADYEN, live("adyen", settings={"live_prefix": ""})),
    Fault(
        "F026-prefix-with-live",
        "configuration",
        "shape",
        ADYEN,
        live("adyen", settings={"live_prefix": "live-5d1c0f2b9a3e7764-Bakery"}),
    ),
    Fault(
        "F026-whole-host",
        "configuration",
        "shape",
        ADYEN,
        live("adyen", settings={"live_prefix": "5d1c0f2b9a3e7764-Bakery-checkout-live.adyenpayments.com"}),
    ),
    Fault("F028-file", "package", "no plain name", Package({**STRIPE.files, "ca.pem": b"x"})),
    Fault(
        "F028-in-code",
        "literals",
        "certificate",
        appended("stripe", "http.py", '_ROOTS = """-----BEGIN CERTIFICATE-----\nMIIB\n"""\n'),
    ),
    Fault("F056-api-key", "kind", "is a secret_key", STRIPE, live("stripe", webhook_secret=KEPT["secret_key"])),
    Fault("F056-endpoint-id", "configuration", "shape", STRIPE, live("stripe", webhook_secret="we_1PgafyB7WZ01zgkW")),
    Fault(
        "F056-pattern-dropped",
        "credentials",
        "takes what no",
        edited("stripe", "manifest.toml", "pattern = 'whsec_[A-Za-z0-9+/=_]+(,whsec_[A-Za-z0-9+/=_]+)*'\n", ""),
    ),
    Fault("F056-absent", "webhook_secret", "by webhook alone", STRIPE, live("stripe", webhook_secret="")),
    Fault(
        "F098-wrong-host",
        "hosts",
        "api.stripe.com",
        edited(
            "stripe",
            "manifest.toml",
            'live.base_url = "https://api.stripe.com"',
            'live.base_url = "https://files.stripe.com"',
        ),
    ),
    Fault("F098-unknown-setting", "configuration", "is unknown", STRIPE, live("stripe", settings={"acount": "acct_1"})),
    # What later checks would stop too, and what can be seen without running anything.
    Fault("F008-multiple", "currencies", "multiples of 10", edited("stripe", "manifest.toml", "kwd = 10", "kwd = 100")),
    Fault(
        "F008-arithmetic",
        "amounts",
        "computes with",
        edited("stripe", "forms.py", "    return amount\n", "    return amount * 3\n"),
    ),
    Fault("F009-override-lost", "currencies", "ISO's 0 counts", edited("stripe", "manifest.toml", "isk = 2, ", "")),
    Fault(
        "F009-override-unread",
        "amounts",
        "other exponents",
        edited("stripe", "forms.py", TO_PROVIDER, "amount = to_provider(money, {})"),
    ),
    Fault(
        "F014-float",
        "amounts",
        "float",
        edited("stripe", "forms.py", "    return amount\n", "    return int(float(amount) * 1.1)\n"),
    ),
    Fault(
        "F029-line-breaks",
        "hashes",
        "breaks long keys",
        edited("adyen", "notifications.py", "base64.b64encode(", "base64.encodebytes("),
    ),
    Fault(
        "F032-default",
        "defaults",
        "approved",
        edited("adyen", "answers.py", "result_code, Outcome.UNKNOWN", "result_code, Outcome.APPROVED"),
    ),
    Fault(
        "F033-version",
        "api_version",
        "tried out",
        edited("stripe", "manifest.toml", 'version = "2026-05-27.dahlia"', 'version = "2026-10-28.endive"'),
    ),
    Fault(
        "F038-new-required",
        "new_fields",
        "accounts made before",
        edited(
            "adyen",
            "manifest.toml",
            "[settings.live_prefix]",
            "[settings.store]\ntitle = 'store'\nrequired_in = ['live', 'test']\n\n[settings.live_prefix]",
        ),
        stable=ADYEN,
    ),
    Fault(
        "F038-for-granted",
        "reads",
        "for granted",
        edited("stripe", "http.py", 'config.settings.get("account")', 'config.settings["account"]'),
    ),
    Fault(
        "F042-pending-is-paid",
        "statuses",
        "pending",
        edited("adyen", "manifest.toml", 'Pending = "pending"', 'Pending = "approved"'),
    ),
    Fault(
        "F043-received-is-paid",
        "statuses",
        "pending",
        edited("adyen", "manifest.toml", 'received = "pending"', 'received = "approved"'),
    ),
    Fault(
        "F046-refused-is-paid",
        "statuses",
        "declined",
        edited("adyen", "manifest.toml", 'Refused = "declined"', 'Refused = "approved"'),
    ),
    Fault(
        "F048-page-is-declined",
        "exceptions",
        "says declined",
        edited(
            "stripe",
            "answers.py",
            "        return unreadable(response)\n    return intent_result",
            "        return Result(outcome=Outcome.DECLINED)\n    return intent_result",
        ),
    ),
    Fault(
        "F052-placeholder",
        "literals",
        "placeholder",
        edited(
            "adyen", "bodies.py", "= stored.network_transaction_id\n", '= stored.network_transaction_id or "none"\n'
        ),
    ),
    Fault(
        "F068-no-key",
        "reads",
        "idempotency-key",
        edited("adyen", "http.py", '"idempotency-key": idempotency_key[:_MAX_KEY],', ""),
    ),
    Fault(
        "F081-polling-storm",
        "retry",
        "first delay",
        edited("stripe", "manifest.toml", "[1000, 5000, 20000, 60000, 300000, 900000]", "[100, 200, 300, 60000]"),
    ),
]


def test_every_fault_that_a_static_check_is_to_stop_is_embodied() -> None:
    assert {fault.id[:4] for fault in FAULTS} >= STATIC - set(NOT_OF_AN_INTEGRATION)
    assert not {fault.id[:4] for fault in FAULTS} & set(NOT_OF_AN_INTEGRATION)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_fault_that_happened_is_stopped(fault: Fault) -> None:
    values: dict[str, Any] = {"stable": fault.stable, "stable_config": fault.stable_config, "config": fault.config}
    findings = findings_of(fault.package, but=others_than(fault.check), livemode=fault.livemode, **values)
    found = [each for each in findings if each.check == f"lint.{fault.check}" and each.verdict is Verdict.FAILED]
    assert any(fault.said in each.sentence() for each in found), [each.sentence() for each in findings]
