"""What the diff says of requests and results: grouped, announced or not, and without keys and cards."""

import msgspec
import pytest
from tests.support.gateways import CARD, CONFIGS
from tests.support.release_changes import edited, traces

from interlock.base.redaction import SECRET
from interlock.gateways.contract import Operation
from interlock.gateways.loader import builtin_package
from interlock.releases.diff.comparing import compare
from interlock.releases.diff.types import Observed, ReleaseDiff, Severity, Version
from interlock.releases.gates.observation import SentRequest, Trace

STRIPE = builtin_package("stripe")


def unchanged(observed: Observed) -> ReleaseDiff:
    return compare(Version(package=STRIPE), Version(package=STRIPE), observed)


def observed_change(*edits: tuple[str, str, str], name: str = "stripe") -> ReleaseDiff:
    package = edited(name, *edits)
    secrets = tuple(CONFIGS[name].credentials.values())
    seen = Observed(before=traces(builtin_package(name)), after=traces(package), secrets=secrets)
    return compare(Version(package=builtin_package(name)), Version(package=package), seen)


def test_a_changed_amount_is_found_once_with_its_case_and_count() -> None:
    found = observed_change(("manifest.toml", "isk = 2, ", ""))
    (change,) = found.unannounced
    assert (change.operation, change.place, change.count) == (Operation.SALE, "request /amount", 1)
    assert change.severity is Severity.MONEY
    (example,) = change.examples
    assert (example.case, example.before, example.after) == ("isk", "'150000'", "'1500'")


def test_what_is_announced_is_told_with_its_reason_and_last() -> None:
    announcement = (
        '[[changes]]\nplace = "request /amount"\nwhy = "ISK has no decimals now"\noperation = "sale"\n\n[codes]'
    )
    found = observed_change(
        ("manifest.toml", "isk = 2, ", ""),
        ("manifest.toml", "[codes]", announcement),
        ("manifest.toml", 'do_not_honor = "do_not_honor"', 'do_not_honor = "stolen_card"'),
    )
    assert found.behaviour is not None
    told = [(each.operation, each.place, each.announced, each.why) for each in found.behaviour.changes]
    assert told == [
        *((operation, "result decline_code", False, None) for operation in ("capture", "refund", "sale", "void")),
        ("sale", "request /amount", True, "ISK has no decimals now"),
    ]
    assert {each.place for each in found.unannounced} == {"result decline_code"}
    assert found.behaviour.unseen == ()


def test_an_announcement_that_nothing_shows_is_named() -> None:
    announcement = '[[changes]]\nplace = "request /nothing"\nwhy = "it is not so at all"\n\n[codes]'
    found = observed_change(("manifest.toml", "[codes]", announcement))
    assert found.behaviour is not None
    assert found.behaviour.unseen == ("any operation: request /nothing",)


def test_cases_of_one_side_only_are_named_and_not_compared() -> None:
    seen = Observed(before=traces(STRIPE, also=("old",)), after=traces(STRIPE, also=("new",)))
    found = unchanged(seen)
    assert found.behaviour is not None
    assert (found.behaviour.only_before, found.behaviour.only_after) == (("sale: old",), ("sale: new",))
    assert found.is_empty


def test_a_crash_in_the_new_code_is_a_change_of_money() -> None:
    found = observed_change(
        ("answers.py", "def error_result(", "def error_result(response, tables):\n    1 / 0\n\ndef _x(")
    )
    places = {each.place: each for each in found.unannounced}
    assert places["error"].severity is Severity.MONEY
    assert places["error"].examples[0].after == "ZeroDivisionError"


@pytest.mark.parametrize(
    ("name", "file", "old", "new"),
    [
        ("stripe", "http.py", "Bearer {config.credentials['secret_key']}", "Token {config.credentials['secret_key']}"),
        ("stripe", "http.py", '-version": tables.api_version', '-other": config.credentials["webhook_secret"]'),
        ("adyen", "http.py", 'config.credentials["api_key"]', '"x" + config.credentials["api_key"]'),
        ("adyen", "connector.py", 'config.settings["merchant_account"]', 'config.credentials["api_key"]'),
    ],
)
def test_no_secret_is_shown_wherever_the_code_puts_it(name: str, file: str, old: str, new: str) -> None:
    found = observed_change((file, old, new), name=name)
    text = msgspec.json.encode(found).decode()
    assert found.unannounced
    assert SECRET in text
    assert not any(secret in text for secret in CONFIGS[name].credentials.values())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("/payment_method_data[card][number]", CARD.number),
        ("/paymentMethod/number", "4242424242424241"),  # one digit wrong: no card number by its shape, but by its place
        ("/payment_method_data[card][cvc]", "987"),
        ("/metadata/note", f"card {CARD.number}"),
        ("/paymentMethod/iban", "DE89370400440532013000"),
    ],
)
def test_no_card_data_is_shown_wherever_it_changes(place: str, value: str) -> None:
    def trace(sent: str) -> Trace:
        request = SentRequest(
            method="POST", target="/x", path="/x", query={}, headers={}, fields={place: sent}, raw=b""
        )
        return Trace(case="c", operation=Operation.SALE, requests=(request,), unfinished=True)

    found = unchanged(Observed(before=[trace("x")], after=[trace(value)]))
    (change,) = found.unannounced
    assert value not in msgspec.json.encode(found).decode()
    assert change.examples[0].before == ("'x'" if "cvc" not in place else "[cvc]")


def test_sides_that_look_alike_when_masked_are_said_to_differ() -> None:
    def trace(key: str) -> Trace:
        request = SentRequest(
            method="GET", target="/", path="/", query={}, headers={"Authorization": key}, fields={}, raw=b""
        )
        return Trace(case="c", operation=Operation.VOID, requests=(request,), unfinished=True)

    found = unchanged(Observed(before=[trace("Bearer a")], after=[trace("Bearer b")]))
    (change,) = found.unannounced
    assert (change.severity, change.examples[0].hidden) == (Severity.SECURITY, True)
