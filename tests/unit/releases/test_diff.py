"""The diff of two releases: what changed is told once, in a sentence, and nothing secret or invisible comes out."""

import re
import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.gateways import CARD
from tests.support.release_changes import traces, with_manifest

from interlock.base.errors import ConfigurationError
from interlock.gateways.contract import Operation
from interlock.gateways.loader import builtin_package, known_gateways, load
from interlock.gateways.manifest import Change, Codes, Currencies, Manifest, read_manifest
from interlock.gateways.outcomes import Outcome
from interlock.gateways.package import Package
from interlock.releases.diff.comparing import compare
from interlock.releases.diff.fields import NAMED, field_changes
from interlock.releases.diff.meanings import ROWS
from interlock.releases.diff.tables import row_changes
from interlock.releases.diff.types import (
    FieldChange,
    Group,
    Observed,
    ReleaseDiff,
    RowChange,
    Severity,
    Version,
)

STRIPE = builtin_package("stripe")


def diff_of(package: Package, observed: Observed | None = None, **after: Any) -> ReleaseDiff:
    return compare(Version(package=STRIPE), Version(package=package, **after), observed)


def field(*edits: tuple[str, str]) -> FieldChange:
    found = diff_of(with_manifest("stripe", *edits))
    assert found.rows == ()
    assert len(found.fields) == 1, found.fields
    return found.fields[0]


def row(*edits: tuple[str, str]) -> RowChange:
    found = diff_of(with_manifest("stripe", *edits))
    assert found.fields == ()
    assert len(found.rows) == 1, found.rows
    return found.rows[0]


# -- every field has its sentence -------------------------------------------------------------------------------------


def _structs(annotation: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
    elif get_origin(annotation) in {Union, types.UnionType}:
        for each in get_args(annotation):
            yield from _structs(each)


def _declared(kind: type[msgspec.Struct], prefix: str = "") -> Iterator[str]:
    """Yield the pattern of every field of the manifest that can change by itself."""
    for name, annotation in get_type_hints(kind).items():
        path = prefix + name
        values = get_args(annotation)[1:] if get_origin(annotation) is dict else ()
        inner = list(_structs(annotation)) or [each for value in values for each in _structs(value)]
        if inner in ([Codes], [Currencies]):
            yield from ["currencies.unsupported"] if inner == [Currencies] else []
        elif not inner:
            yield path
        else:
            if values:
                path += ".*"
            if values or type(None) in get_args(annotation):
                yield path
            yield from _declared(inner[0], f"{path}.")


def test_every_field_of_a_manifest_has_a_sentence_and_no_sentence_is_left_over() -> None:
    assert set(_declared(Manifest)) == set(ROWS)
    assert {path.split(".")[0] for path in ROWS if "*" in path} == NAMED


@pytest.mark.parametrize("name", known_gateways())
def test_a_release_differs_in_nothing_from_itself(name: str) -> None:
    package = builtin_package(name)
    seen = traces(package)
    found = compare(Version(package=package), Version(package=package), Observed(before=seen, after=traces(package)))
    assert found.is_empty
    assert found.severities() == {}
    assert found.behaviour is not None
    assert found.behaviour.cases == len(seen)


def test_two_connectors_can_be_compared() -> None:
    found = compare(Version(package=STRIPE), Version(package=builtin_package("adyen")))
    assert {change.group for change in found.fields} == set(Group) - {Group.ANNOUNCED, Group.CURRENCIES}
    assert all(change.meaning for change in found.fields)
    assert msgspec.json.decode(msgspec.json.encode(found), type=ReleaseDiff) == found


# -- manifest fields --------------------------------------------------------------------------------------------------


def test_a_shorter_wait_says_what_becomes_of_slow_payments() -> None:
    change = field(("read_ms = 30000", "read_ms = 300"))
    assert (change.path, change.before, change.after) == ("timeouts.read_ms", 30_000, 300)
    assert (change.group, change.severity) == (Group.LIMITS, Severity.MONEY)
    assert "not answered within 300 ms end unknown" in change.meaning


def test_a_longer_wait_is_told_otherwise() -> None:
    assert "waited for up to 44 s" in field(("read_ms = 30000", "read_ms = 44000")).meaning


@pytest.mark.parametrize(
    ("old", "new", "path", "severity", "told"),
    [
        ('live.base_url = "https://api.', 'live.base_url = "https://apl.', "hosts.live.base_url", "security", "cards"),
        ("test_override = true", "test_override = false", "hosts.test_override", "security", "no setting can replace"),
        ("tolerance_ms = 300000", "tolerance_ms = 3600000", "webhook.tolerance_ms", "security", "1 h old"),
        ('header = "idempotency-key"', 'header = "x-key"', "idempotency.header", "money", "x-key"),
        ("retention_ms = 82800000", "retention_ms = 864000000", "idempotency.retention_ms", "money", "10 days"),
        ("_delay_ms = 120000", "_delay_ms = 1000", "inquiry.consistency_delay_ms", "money", "taken for absent"),
        ("connect_ms = 3000", "connect_ms = 200", "timeouts.connect_ms", "routing", "not sent, and the next gateway"),
        ("requests = 8", "requests = 2", "limits.requests", "money", "more than 2 requests"),
        ('inquiry = "retrieve_and_resend"', 'inquiry = "resend"', "capabilities.inquiry", "money", "again under its"),
        ("cumulative = true", "cumulative = false", "echo.capture.cumulative", "money", "this operation alone"),
        ('captured = "/amount_received"\n', "", "echo.sale.captured", "money", "not compare"),
        (
            'title = "secret key"',
            'title = "key"',
            "credentials.secret_key.title",
            "other",
            "secret_key is called “key”",
        ),
        ("required = false", "required = true", "credentials.webhook_secret.required", "security", "cannot run"),
        ("pattern = 'acct_[A-Za-z0-9]+'", "", "settings.account.pattern", "other", "any shape"),
        (
            'signature_header = "stripe-',
            'signature_header = "x-',
            "webhook.signature_header",
            "security",
            "x-signature",
        ),
    ],
)
def test_each_change_has_its_severity_and_sentence(old: str, new: str, path: str, severity: str, told: str) -> None:
    change = field((old, new))
    assert (change.path, change.severity) == (path, severity)
    assert told in change.meaning


def test_sets_are_told_by_what_came_and_went() -> None:
    change = field(('"jcb", ', ""), ('"eftpos_au"', '"interac", "eftpos_au"'))
    assert (change.path, change.added, change.removed) == ("capabilities.networks", ("interac",), ("jcb",))
    assert change.meaning == "cards of interac may come here; cards of jcb are not routed here any more"


def test_order_and_written_out_defaults_are_no_change() -> None:
    package = with_manifest(
        "stripe",
        ('["card", "customer_balance", "sepa_debit"]', '["sepa_debit", "card", "customer_balance"]'),
        ("network_transaction_id = false", "network_transaction_id = false\nasynchronous_operations = []"),
    )
    found = diff_of(package)
    assert (found.fields, found.rows) == ((), ())
    assert [(each.name, each.only_text) for each in found.files] == [("manifest.toml", True)]


def test_the_order_of_pauses_is_a_change() -> None:
    change = field(("[1000, 5000, 20000,", "[5000, 1000, 20000,"))
    assert "5 s, 1 s, 20 s" in change.meaning


def test_a_whole_entry_comes_and_goes_as_one() -> None:
    gone = field(('[echo.refund]\namount = "/amount"\ncurrency = "/currency"', ""))
    assert (gone.path, gone.after, gone.severity) == ("echo.refund", None, Severity.MONEY)
    assert gone.before == {"amount": "/amount", "currency": "/currency"}
    came = field(("[settings.account]", '[settings.region]\ntitle = "region"\n\n[settings.account]'))
    assert (came.path, came.before, came.meaning) == ("settings.region", None, "accounts can give a setting region")


def test_no_webhook_any_more_is_one_change() -> None:
    manifest = load("stripe").manifest
    (change,) = field_changes(manifest, msgspec.structs.replace(manifest, webhook=None))
    assert (change.path, change.severity) == ("webhook", Severity.SECURITY)
    assert "not taken in any more" in change.meaning


def test_announcements_are_told_by_what_they_let_pass() -> None:
    announcement = '[[changes]]\nplace = "request /description"\nwhy = "descriptions are cut"\n\n[idempotency]'
    change = field(("[idempotency]", announcement))
    assert (change.group, change.severity) == (Group.ANNOUNCED, Severity.OTHER)
    assert change.added == ("any operation: request /description (descriptions are cut)",)


# -- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expected", "danger"),
    [
        ('409 = "unknown"', '409 = "refused"', ("statuses.http", "409", "unknown", "refused"), "pays twice"),
        ('409 = "unknown"', '409 = "approved"', ("statuses.http", "409", "unknown", "approved"), "for nothing"),
        ('424 = "unknown"', '424 = "declined"', ("statuses.http", "424", "unknown", "declined"), "counts as failed"),
        ('402 = "declined"', '402 = "refused"', ("statuses.http", "402", "declined", "refused"), "next gateway"),
        (
            'charge]\nsucceeded = "approved"',
            'charge]\nsucceeded = "pending"',
            ("statuses.charge", "succeeded", "approved", "pending"),
            "no longer counts as paid",
        ),
    ],
)
def test_an_outcome_that_changes_says_what_a_mistake_would_do(
    old: str, new: str, expected: tuple[str, str, str, str], danger: str
) -> None:
    change = row((old, new))
    assert (change.table, change.raw, change.before, change.after) == expected
    assert change.severity is Severity.MONEY
    assert danger in change.meaning


def test_rows_come_and_go() -> None:
    gone = diff_of(with_manifest("stripe", ("424 =", "425 ="))).rows
    assert [(each.raw, each.before, each.after) for each in gone] == [
        ("424", "unknown", None),
        ("425", None, "unknown"),
    ]
    assert "what cannot be classified is unknown" in gone[0].meaning


def test_a_decline_says_what_shoppers_read_and_what_rules_may_do() -> None:
    change = row(('expired_card = "expired_card"', 'expired_card = "do_not_honor"'))
    assert (change.table, change.severity) == ("declines", Severity.ROUTING)
    assert "“Your card was declined.”" in change.meaning
    assert "a rule may now send it to another gateway" in change.meaning


def test_a_decline_of_the_same_kind_is_no_matter_of_routing() -> None:
    change = row(('call_issuer = "call_issuer"', 'call_issuer = "do_not_honor"'))
    assert (change.severity, change.meaning) == (
        Severity.OTHER,
        "shoppers are told “Your card was declined.” as before; reports count it anew",
    )


def test_a_code_that_moves_between_the_tables_of_certainty_is_told_on_both_sides() -> None:
    moved = with_manifest(
        "stripe", ('uncertain = ["idempotency_key', 'refusals = ["idempotency_error"]\nuncertain = ["a')
    )
    moved = Package({**moved.files, "manifest.toml": moved.manifest.replace(b', "idempotency_error"]', b"]")})
    rows = {(each.table, each.raw): each for each in diff_of(moved).rows}
    assert rows["refusals", "idempotency_error"].meaning.startswith("believed to have executed nothing")
    assert rows["uncertain", "idempotency_error"].meaning.endswith("it moved to the other table")
    assert all(each.severity is Severity.MONEY for each in rows.values())


def test_an_exponent_says_the_factor() -> None:
    change = row(("isk = 2, ", ""))
    assert (change.table, change.raw, change.before, change.after) == ("exponents", "isk", "2", "0")
    assert change.meaning == "10 ISK is sent as 10, not as 1000: a factor of 100"


def test_an_exponent_as_iso_has_it_changes_nothing() -> None:
    change = row(("{ isk = 2,", "{ jpy = 0, isk = 2,"))
    assert (change.severity, change.meaning) == (Severity.OTHER, "as ISO 4217 has it: nothing changes")


def test_a_multiple_is_told_with_its_currency() -> None:
    assert "amounts in KWD must be multiples of 100" in row(("kwd = 10", "kwd = 100")).meaning


@given(st.sampled_from(list(Outcome)), st.sampled_from(list(Outcome)))
def test_every_change_of_outcome_has_a_sentence(old: Outcome, new: Outcome) -> None:
    manifest = load("adyen").manifest
    sides = [
        msgspec.structs.replace(manifest, codes=msgspec.structs.replace(manifest.codes, statuses={"g": {"w": outcome}}))
        for outcome in (old, new)
    ]
    rows = row_changes(*sides)
    assert len(rows) == (old is not new)
    assert all(each.meaning.startswith("an answer with it ") for each in rows)


# -- settings and credentials -----------------------------------------------------------------------------------------


def test_settings_and_credentials_are_told_by_name() -> None:
    adyen = builtin_package("adyen")
    found = compare(
        Version(
            package=adyen,
            settings={"merchant_account": "Bakery", "live_prefix": "a1-Bakery"},
            credentials={"api_key": "ADYEN_KEY", "hmac_key": "ADYEN_HMAC"},
        ),
        Version(
            package=adyen,
            settings={"merchant_account": "BakeryEU", "live_prefix": "b2-Bakery", "base_url": "http://127.0.0.1:1"},
            credentials={"api_key": "ADYEN_KEY_2"},
        ),
    )
    told = {each.name: (each.severity, each.before, each.after) for each in (*found.settings, *found.credentials)}
    assert told == {
        "base_url": (Severity.SECURITY, None, "http://127.0.0.1:1"),
        "live_prefix": (Severity.SECURITY, "a1-Bakery", "b2-Bakery"),
        "merchant_account": (Severity.OTHER, "Bakery", "BakeryEU"),
        "api_key": (Severity.SECURITY, "ADYEN_KEY", "ADYEN_KEY_2"),
        "hmac_key": (Severity.SECURITY, "ADYEN_HMAC", None),
    }
    assert "part of the host" in found.settings[1].meaning


def test_a_manifest_that_cannot_be_read_is_named_with_its_side() -> None:
    broken = with_manifest("stripe", ("read_ms", "raed_ms"))
    with pytest.raises(ConfigurationError, match=r"^after: manifest.toml timeouts: .*raed_ms"):
        diff_of(broken)


PLANTED = (CARD.number, "sk_live_0123456789abcdef")


@pytest.mark.parametrize("secret", PLANTED)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title = "Stripe"', 'title = "{0}"'),
        ('api_version = "2026-05-27.dahlia"', 'api_version = "{0}"'),
        ('documentation = "https://docs.stripe.com/api"', 'documentation = "{0}"'),
        ('live.base_url = "https://api.stripe.com"', 'live.base_url = "https://x.com/{0}"'),
        ('header = "authorization"', 'header = "{0}"'),
        ('live_prefixes = ["sk_live_"', 'live_prefixes = ["{0}"'),
        ('title = "secret key"', 'title = "{0}"'),
        ('"refund.failed",', '"{0}",'),
        ('[echo.authorise]\namount = "/amount"', '[echo.authorise]\namount = "/{0}"'),
        ('call_issuer = "call_issuer"', '"{0}" = "{0}"'),
        ('409 = "unknown"', '"{0}" = "unknown"'),
        ('"idempotency_error"]', '"{0}"]'),
        ("[settings.account]", '[settings."{0}"]'),
        ('rate_limit_codes = ["rate_limit"', 'rate_limit_codes = ["{0}"'),
        ("[codes]", '[[changes]]\nplace = "{0}"\nwhy = "because of {0}"\n\n[codes]'),
    ],
)
def test_nothing_secret_comes_out_of_any_text_of_a_manifest(old: str, new: str, secret: str) -> None:
    package = with_manifest("stripe", (old, new.format(secret)))
    read_manifest(package.manifest, "manifest.toml")
    named = Version(package=package, settings={secret: secret}, credentials={secret: secret})
    found = compare(Version(package=STRIPE), named)
    assert found.fields or found.rows
    assert secret not in msgspec.json.encode(found).decode()
    back = compare(named, Version(package=STRIPE))
    assert secret not in msgspec.json.encode(back).decode()


def test_an_announcement_reads_as_the_gate_prints_places() -> None:
    change = Change(place="request /a", why="a good reason", operation=Operation.SALE)
    manifest = load("stripe").manifest
    (told,) = field_changes(manifest, msgspec.structs.replace(manifest, changes=(change,)))
    assert told.added == ("sale: request /a (a good reason)",)
    assert re.search("blocked by no gate", told.meaning)
