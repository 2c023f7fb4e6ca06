"""A manifest that errs is told so by file and field, with what the table knows and where that is documented."""

import pytest
from tests.support.lint import edited, findings_of, named

from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.loader import builtin_package
from interlock.releases.gates.types import Verdict

S, A, FILE = "stripe", "adyen", "manifest.toml"
CODE = ("imports", "reach", "state", "flow", "amounts", "paths", "signature")

# provider, what is replaced, by what, the check that tells, the field, a part of the sentence
EDITS = [
    (S, "contract_version = 1", "contract_version = 2", "manifest", "contract_version", "is 2"),
    (S, 'name = "stripe"', 'nmae = "stripe"', "manifest", "(top)", "nmae"),
    (S, 'title = "Stripe"', 'title = "Strype"', "manifest", "title", "Stripe has Stripe"),
    (S, 'documentation = "https', 'documentation = "http', "manifest", "documentation", "no https"),
    (S, 'live.base_url = "https://api.stripe.com"', 'live.base_url = "https://api.stripe.co"', "hosts", "hosts.live.base_url", "https://api.stripe.com"),
    (A, "adyenpayments.com/checkout/v72", "adyenpayments.com/v72", "hosts", "hosts.live.base_url", "/checkout/v72"),
    (A, "adyenpayments.com/checkout/v72", "adyenpayments.com/checkout/v71", "hosts", "hosts.live.base_url", "/checkout/v72"),
    (A, '"https://{live_prefix}-checkout-live', '"https://checkout-live', "hosts", "hosts.live.base_url", "{live_prefix}"),
    (A, 'test.base_url = "https://checkout-test', 'test.base_url = "https://checkout-live', "hosts", "hosts.test.base_url", "checkout-test"),
    (S, '"2026-05-27.dahlia"', '"2019-12-03"', "api_version", "api_version", "2026-05-27.dahlia tried out"),
    (S, '"request-id"', '"x-request-id"', "request_id", "request_id_header", "request-id"),
    (S, 'header = "authorization"', 'header = "x-api-key"', "auth", "auth.header", "authorization"),
    (A, 'scheme = "header"', 'scheme = "bearer"', "auth", "auth.scheme", "header"),
    (S, '"sk_live_", ', "", "credentials", "credentials.secret_key.live_prefixes", "sk_live_"),
    (S, 'test_prefixes = ["sk_test_"', 'test_prefixes = ["sk_live_"', "credentials", "credentials.secret_key.test_prefixes", "sk_test_"),
    (S, "required = false\npattern = 'whsec_", "required = true\npattern = 'whsec_", "credentials", "credentials.webhook_secret.required", "false"),
    (S, "pattern = 'whsec_[A-Za-z0-9+/=_]+(,whsec_[A-Za-z0-9+/=_]+)*'\n", "", "credentials", "credentials.webhook_secret.pattern", "takes what no Stripe issues"),
    (S, "(,whsec_[A-Za-z0-9+/=_]+)*", "", "credentials", "credentials.webhook_secret.pattern", "turns away"),
    (S, "[settings.account]", "[settings.accounts]", "settings", "settings", "has accounts"),
    (A, 'required_in = ["live", "test"]', 'required_in = ["test"]', "settings", "settings.merchant_account.required_in", "live, test"),
    (A, "pattern = '[A-Za-z0-9_.-]{1,80}'", "pattern = '[A-Za-z0-9_.-]{1,80}'\ndefault = 'Main'", "settings", "settings.merchant_account.default", "nothing"),
    (A, "pattern = '[A-Za-z0-9-]{3,60}'", "pattern = '.*'", "settings", "settings.live_prefix.pattern", "takes what no"),
    (A, "multicapture = false", "multicapture = true", "capabilities", "capabilities.multicapture", "releases the rest"),
    (S, "network_transaction_id = false", "network_transaction_id = true", "capabilities", "capabilities.network_transaction_id", "published document"),
    (A, '"visa"]', '"visa", "link"]', "capabilities", "capabilities.networks", "has link"),
    (A, 'operations = ["authorise", ', 'operations = ["authorise", "authorise", ', "capabilities", "capabilities.operations", "twice"),
    (A, 'asynchronous_operations = ["capture", "increment", "void", "refund"]', 'asynchronous_operations = ["capture"]', "capabilities", "capabilities.asynchronous_operations", "refund"),
    (A, 'inquiry = "resend"', 'inquiry = "retrieve"', "inquiry", "capabilities.inquiry", "resend"),
    (A, '"redirectResult", "payload", "PaRes"', '"redirectresult"', "challenge", "challenge.return_parameters", "redirectResult"),
    (S, "read_ms = 30000", "read_ms = 3000", "timeouts", "timeouts.read_ms", "banks take longer"),
    (S, "read_ms = 30000", "read_ms = 9000", "timeouts", "timeouts.read_ms", "10000 to 80000"),
    (S, "total_ms = 45000", "total_ms = 31000", "timeouts", "timeouts.total_ms", "one request alone"),
    (S, "total_ms = 45000", "total_ms = 90000", "timeouts", "timeouts.total_ms", "more than any request waits"),
    (S, "connect_ms = 3000", "connect_ms = 3", "timeouts", "timeouts.connect_ms", "1000 to"),
    (S, "requests = 8", "requests = 20", "limits", "limits.requests", "more than 12"),
    (A, "requests = 3", "requests = 1", "limits", "limits.requests", "2 to 6"),
    (S, 'header = "idempotency-key"', 'header = "idempotence-key"', "idempotency", "idempotency.header", "idempotency-key"),
    (S, "retention_ms = 82800000", "retention_ms = 828000000", "idempotency", "idempotency.retention_ms", "86400000 promised"),
    (S, "retention_ms = 82800000", "retention_ms = 60000", "idempotency", "idempotency.retention_ms", "sent again for"),
    (A, "key_max_length = 64", "key_max_length = 255", "idempotency", "idempotency.key_max_length", "48 to 64"),
    (S, "[1000, 5000, 20000,", "[1000, 1000, 20000,", "retry", "retry.inquiry_delays_ms", "does not grow"),
    (S, "[1000, 5000, 20000, 60000, 300000, 900000]", "[100, 200, 300]", "retry", "retry.inquiry_delays_ms", "first delay is 100"),
    (S, "[1000, 5000, 20000, 60000, 300000, 900000]", "[600, 700, 800, 900, 1000, 1100, 1200, 900000]", "retry", "retry.inquiry_delays_ms", "asks 7 times in the first minute"),
    (S, "[1000, 5000, 20000, 60000, 300000, 900000]", "[1000]", "retry", "retry.inquiry_delays_ms", "has 1 steps"),
    (S, '"rate_limit", ', "", "retry", "retry.rate_limit_codes", "rate_limit"),
    (S, '"stolen_card", ', "", "retry", "retry.never_retry_declines", "lacks stolen_card"),
    (S, '"stolen_card", ', '"stolen_card", "stolen-card", ', "retry", "retry.never_retry_declines", "no decline code"),
    (S, "consistency_delay_ms = 120000", "consistency_delay_ms = 0", "inquiry", "inquiry.consistency_delay_ms", "90000 to"),
    (S, 'requires_payment_method = "declined"', 'requires_payment_method = "approved"', "statuses", "codes.statuses.payment_intent.requires_payment_method", "declined"),
    (S, 'succeeded = "approved"\n', "", "statuses", "codes.statuses.payment_intent.succeeded", "counts as unknown"),
    (S, 'processing = "pending"', 'processing = "approved"', "statuses", "codes.statuses.payment_intent.processing", "pending"),
    (S, '409 = "unknown"', '409 = "refused"', "statuses", "codes.statuses.http.409", "unknown"),
    (S, '409 = "unknown"', '409 = "unknown"\n418 = "refused"', "statuses", "codes.statuses.http.418", "no such word"),
    (A, "[codes.statuses.modification]", "[codes.statuses.modifications]", "statuses", "codes.statuses", "has modifications"),
    (A, 'Error = "refused"', 'Error = "declined"', "statuses", "codes.statuses.result_code.Error", "refused"),
    (S, 'lost_card = "lost_card"', 'lost_card = "generic_decline"', "declines", "codes.declines.lost_card", "lost_card"),
    (S, 'lost_card = "lost_card"\n', "", "declines", "codes.declines.lost_card", "counts as generic_decline"),
    (A, '12 = "insufficient_funds"', '12 = "insuficient_funds"', "declines", "codes.declines.12", "insufficient_funds"),
    (A, '12 = "insufficient_funds"', '12 = "insufficient_funds"\n99 = "lost"', "declines", "codes.declines.99", "neither such a code"),
    (S, '"idempotency_key_in_use", ', "", "refusals", "codes.uncertain", "idempotency_key_in_use"),
    (A, '"907"]', '"907", "900"]', "refusals", "codes.refusals", "907"),
    (S, "isk = 2, ", "", "currencies", "currencies.exponents.isk", "is missing, so ISO's 0 counts; Stripe has 2 decimals"),
    (S, "mga = 0", "mga = 2", "currencies", "currencies.exponents.mga", "0 decimals"),
    (S, "isk = 2", "isk = 2, jpy = 2", "currencies", "currencies.exponents.jpy", "0 decimals"),
    (S, "kwd = 10", "kwd = 100", "currencies", "currencies.multiples.kwd", "multiples of 10"),
    (S, ", tnd = 10", "", "currencies", "currencies.multiples.tnd", "multiples of 10"),
    (A, "clp = 2", "CLP = 2", "currencies", "CLP", "no currency of ISO 4217"),
    (A, "isk = 2 }", 'isk = 2 }\nunsupported = ["usd"]', "currencies", "currencies.unsupported", "nothing"),
    (S, 'scheme = "stripe_v1"', 'scheme = "adyen_hmac"', "webhook", "webhook.scheme", "stripe_v1"),
    (S, 'signature_header = "stripe-signature"', 'signature_header = "signature"', "webhook", "webhook.signature_header", "stripe-signature"),
    (S, "tolerance_ms = 300000", "tolerance_ms = 3000000", "webhook", "webhook.tolerance_ms", "60000 to 300000"),
    (A, 'acknowledge_body = "[accepted]"', 'acknowledge_body = "ok"', "webhook", "webhook.acknowledge_body", "[accepted]"),
    (S, '    "refund.failed",\n', "", "webhook", "webhook.subscriptions", "lacks refund.failed"),
    (S, '    "refund.failed",\n', '    "refund.fail",\n', "webhook", "webhook.subscriptions", "has refund.fail"),
    (A, '    "EXPIRE",\n', '    "EXPIRE",\n    "EXPIRE",\n', "webhook", "webhook.subscriptions", "twice"),
    (S, 'captured = "/amount_received"\n', "", "echo", "echo.sale.captured", "/amount_received"),
    (S, "cumulative = true", "cumulative = false", "echo", "echo.capture.cumulative", "true"),
    (A, '[echo.refund]\namount = "/amount/value"', '[echo.refund]\namount = "/value"', "echo", "echo.refund.amount", "/amount/value"),
    (A, '[echo.refund]\namount = "/amount/value"\ncurrency = "/amount/currency"\n', "", "echo", "echo.refund", "moves money"),
    (S, 'amount = "amount_to_capture"', 'amount = "amount"', "sent", "sent.capture.amount", "amount_to_capture"),
    (S, 'path = "/v1/refunds"', 'path = "/v1/refund"', "sent", "sent.refund.path", "/v1/refunds"),
    (A, '[sent.sale]\npath = "/payments"\nformat = "json"', '[sent.sale]\npath = "/payments"\nformat = "form"', "sent", "sent.sale.amount", "no form key"),
    (S, "[sent.refund]\npath", "[sent.inquire]\npath", "sent", "sent.refund", "moves money"),
    (A, 'request_id_header = "pspreference"', 'request_id_header = "pspreference"\nchanges = [{ place = "*", why = "we changed a lot" }]', "changes", "changes.0", "everything"),
    (S, "pattern = 'acct_[A-Za-z0-9]+'", "pattern = '(acct_[A-Za-z0-9]+)+$'", "patterns", "settings.account.pattern", "for ever"),
    (A, "[settings.live_prefix]", "[settings.display_decimals]\ntitle = 'decimals'\n\n[settings.live_prefix]", "settings", "settings.display_decimals", "decimals or factors"),
    (A, "[currencies]", "# key AQEyhmfxK4nMYhZGw0mn3Q5qf3VaY9\n[currencies]", "literals", "", "holds a key"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "old", "new", "check", "field", "said"),
    EDITS,
    ids=[f"{row[3]}-{index}" for index, row in enumerate(EDITS)],
)
def test_a_value_that_errs_is_found(name: str, old: str, new: str, check: str, field: str, said: str) -> None:
    findings = findings_of(edited(name, FILE, old, new), but=CODE)
    found = [each for each in named(findings, check) if each.where.startswith(FILE) and field in each.where]
    assert any(said in finding.problem for finding in found), [each.sentence() for each in findings]
    assert {finding.verdict for finding in findings} == {Verdict.FAILED}


def test_a_deviation_names_its_source() -> None:
    (finding,) = named(findings_of(edited(S, FILE, "mga = 0", "mga = 2")), "currencies")
    assert finding.sentence() == (
        "manifest.toml currencies.exponents.mga: is 2; Stripe has 0 decimals; see docs.stripe.com/currencies#minor-units"
    )


@pytest.mark.parametrize(
    ("old", "new", "field", "said"),
    [
        ('"mastercard", ', "", "capabilities.networks", "mastercard"),
        ("partial_refund = true", "partial_refund = false", "capabilities.partial_refund", "partial_refund"),
        ('stored_credentials = ["customer", "merchant"]', 'stored_credentials = ["customer"]', "capabilities.stored_credentials", "merchant"),
    ],
)  # fmt: skip
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


@pytest.mark.parametrize("given", ["", "x1"])
def test_a_setting_that_became_required_is_found_while_accounts_lack_it(given: str) -> None:
    new = "[settings.store]\ntitle = 'store'\nrequired_in = ['live', 'test']\n\n[settings.live_prefix]"
    package = edited(
        A, FILE, "[settings.live_prefix]", new,
        ("http.py", '"content-type"', '"x-store": config.settings["store"],\n        "content-type"'),
    )  # fmt: skip
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
