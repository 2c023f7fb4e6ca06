"""Pure rules of outbound webhooks: signature, schedule, destinations, subscriptions, fan-out plan, secret rolls."""

from ipaddress import ip_address, ip_network

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from tests.support.stripe_shapes import assert_shape

from interlock.base.ids import new_id
from interlock.base.problems import Problem
from interlock.payments.representation.webhook_endpoint import deleted_webhook_endpoint, webhook_endpoint
from interlock.webhooks.outbound.destinations import Policy, address_allowed, check_url
from interlock.webhooks.outbound.fan_out import plan_deliveries
from interlock.webhooks.outbound.schedule import (
    FIRST_DELAY_MS,
    GIVE_UP_AFTER_MS,
    JITTER,
    LONGEST_DELAY_MS,
    next_attempt_at_ms,
    nominal_delay_ms,
)
from interlock.webhooks.outbound.service import rolled
from interlock.webhooks.outbound.signing import new_signing_secret, signature_header
from interlock.webhooks.outbound.subscriptions import check_enabled_events, wants
from interlock.webhooks.outbound.types import (
    EndpointStatus,
    EventFacts,
    SealedSecret,
    Subscriber,
    Target,
    WebhookEndpoint,
)
from interlock.webhooks.retention import event_id_at

_DRAW = st.floats(min_value=0, max_value=1, exclude_max=True)
_NOW_MS = 1_800_000_000_000


# Signature


@given(st.text(), st.lists(st.builds(new_signing_secret), min_size=1, max_size=4), st.integers(0, 2**40))
def test_the_official_sdk_accepts_every_body_with_any_of_the_secrets(body: str, secrets: list[str], now_s: int) -> None:
    header = signature_header(body.encode("utf-8", "replace"), secrets, now_s)
    for secret in secrets:
        assert stripe.WebhookSignature.verify_header(body.encode("utf-8", "replace"), header, secret)


@given(st.binary(max_size=50), st.integers(0, 49))
def test_a_changed_body_is_refused(body: bytes, at: int) -> None:
    text = body.hex()
    changed = text[:at] + "x" + text[at:]
    header = signature_header(text.encode(), ["whsec_a"], 1)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(changed.encode(), header, "whsec_a")


def test_secrets_are_long_and_differ() -> None:
    secrets = {new_signing_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(secret.startswith("whsec_") and len(secret) == 38 for secret in secrets)


def test_a_target_shows_no_secret_and_drops_ended_ones() -> None:
    target = Target(endpoint_id="we_1", livemode=False, url="x", secrets=(("whsec_new", None), ("whsec_old", 100)))
    assert "whsec" not in f"{target!r}{target}"
    assert target.secrets_at(99) == ["whsec_new", "whsec_old"]
    assert target.secrets_at(100) == ["whsec_new"]


# Schedule


@given(st.integers(1, 500), st.integers(0, GIVE_UP_AFTER_MS - 1), _DRAW)
def test_the_next_try_is_within_jitter_and_never_after_the_end(failures: int, age_ms: int, draw: float) -> None:
    now_ms = _NOW_MS + age_ms
    end_ms = _NOW_MS + GIVE_UP_AFTER_MS
    again_ms = next_attempt_at_ms(failures=failures, retry_until_ms=end_ms, now_ms=now_ms, draw=draw)
    assert again_ms is not None
    nominal = nominal_delay_ms(failures)
    assert FIRST_DELAY_MS <= nominal <= LONGEST_DELAY_MS
    assert again_ms <= min(end_ms, now_ms + nominal * (1 + JITTER))
    assert again_ms >= min(end_ms, now_ms + int(nominal * (1 - JITTER)))
    assert again_ms > now_ms


@given(st.integers(1, 100), st.integers(0, 10**9), _DRAW)
def test_nothing_is_tried_after_the_end(failures: int, late_ms: int, draw: float) -> None:
    end_ms = _NOW_MS
    assert next_attempt_at_ms(failures=failures, retry_until_ms=end_ms, now_ms=end_ms + late_ms, draw=draw) is None


@given(st.lists(_DRAW, min_size=40, max_size=40))
def test_every_delivery_gets_between_14_and_20_tries_the_last_after_exactly_three_days(draws: list[float]) -> None:
    now_ms, tries, end_ms = _NOW_MS, 1, _NOW_MS + GIVE_UP_AFTER_MS
    for draw in draws:
        again_ms = next_attempt_at_ms(failures=tries, retry_until_ms=end_ms, now_ms=now_ms, draw=draw)
        if again_ms is None:
            break
        now_ms, tries = again_ms, tries + 1
    assert now_ms == end_ms
    assert 14 <= tries <= 20


# Destinations


@pytest.mark.parametrize(
    ("address", "live", "test"),
    [
        ("93.184.216.34", True, True),
        ("2606:2800:220:1::1", True, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("10.1.2.3", False, True),
        ("192.168.1.1", False, True),
        ("172.17.0.2", False, True),
        ("fd00::1", False, True),
        ("169.254.169.254", False, False),
        ("fe80::1", False, False),
        ("0.0.0.0", False, False),  # noqa: S104 - an address to refuse, not one to bind
        ("::", False, False),
        ("224.0.0.1", False, False),
        ("100.64.0.1", False, False),
        ("::ffff:10.0.0.1", False, True),
        ("::ffff:169.254.169.254", False, False),
        ("64:ff9b::a9fe:a9fe", False, False),
        ("64:ff9b::7f00:1", False, True),
        ("2002:7f00:1::", False, True),
    ],
)
def test_which_addresses_a_delivery_may_reach(address: str, live: bool, test: bool) -> None:
    policy = Policy()
    assert address_allowed(ip_address(address), policy, livemode=True) is live
    assert address_allowed(ip_address(address), policy, livemode=False) is test


def test_the_operator_may_allow_a_network_and_forbid_private_ones_in_test_mode() -> None:
    allowed = Policy(private_in_test=False, networks=(ip_network("10.9.0.0/16"),))
    assert address_allowed(ip_address("10.9.1.1"), allowed, livemode=True)
    assert not address_allowed(ip_address("10.8.1.1"), allowed, livemode=True)
    assert not address_allowed(ip_address("127.0.0.1"), allowed, livemode=False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "ftp://shop.example/",
        "https://",
        "https:///path",
        "https://shop.example:99999/",
        "https://shop.example:x/",
        "https://user:pass@shop.example/",
        "https://shop.example/ path",
        "https://shop.example/\n",
        "https://[::1",
        "https://shop.example/" + "x" * 2048,
    ],
)
def test_urls_that_are_refused_in_both_modes(url: str) -> None:
    for livemode in (True, False):
        problem = check_url(url, Policy(), livemode=livemode)
        assert isinstance(problem, Problem)
        assert (problem.code, problem.param) == ("url_invalid", "url")


@pytest.mark.parametrize(
    ("url", "live", "test"),
    [
        ("https://shop.example/hooks?x=1", True, True),
        ("http://shop.example/hooks", False, True),
        ("http://localhost:3000/hooks", False, True),
        ("https://localhost/hooks", False, True),
        ("http://127.0.0.1:3000/", False, True),
        ("https://10.0.0.1/", False, True),
        ("https://intranet/", False, True),
        ("https://[2606:2800:220:1::1]/", True, True),
        ("http://169.254.169.254/latest/meta-data", False, False),
    ],
)
def test_urls_by_mode(url: str, live: bool, test: bool) -> None:
    assert (check_url(url, Policy(), livemode=True) is None) is live
    assert (check_url(url, Policy(), livemode=False) is None) is test


@given(st.text(max_size=60))
def test_no_text_breaks_the_url_check(text: str) -> None:
    for prefix in ("", "https://", "http://["):
        result = check_url(prefix + text, Policy(), livemode=True)
        assert result is None or isinstance(result, Problem)


# Subscriptions and fan-out


def test_subscriptions() -> None:
    assert check_enabled_events(("*",)) is None
    assert check_enabled_events(("charge.succeeded", "charge.dispute.funds_withdrawn", "invoice.paid")) is None
    for wrong in ((), ("charge",), ("charge.*",), ("Charge.succeeded",), ("charge.succeeded ",), ("a.b",) * 301):
        assert isinstance(check_enabled_events(wrong), Problem)
    assert wants(("*",), "charge.failed")
    assert wants(("charge.failed",), "charge.failed")
    assert not wants(("charge.failed",), "charge.succeeded")


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(["a.x", "b.x", "c.x"])), max_size=20),
    st.lists(st.tuples(st.booleans(), st.sets(st.sampled_from(["a.x", "b.x", "*"]), min_size=1)), max_size=6),
)
def test_a_plan_has_one_delivery_for_each_event_and_endpoint_that_hears_it(
    made: list[tuple[bool, str]], listening: list[tuple[bool, set[str]]]
) -> None:
    events = [EventFacts(f"evt_{n}", live, kind, f"ob_{n}") for n, (live, kind) in enumerate(made)]
    subscribers = [Subscriber(f"we_{n}", live, tuple(heard)) for n, (live, heard) in enumerate(listening)]
    wanted = {
        (event.id, one.id)
        for event in events
        for one in subscribers
        if event.livemode == one.livemode and ({"*", event.type} & set(one.enabled_events))
    }
    planned = plan_deliveries(events, subscribers)
    assert {(one.event_id, one.endpoint_id) for one in planned} == wanted
    assert len(planned) == len(wanted)
    for one in planned:
        assert one.pending_webhooks == sum(event_id == one.event_id for event_id, _ in wanted)


# Secret rolls


def test_rolling_twice_keeps_every_secret_that_is_still_valid() -> None:
    once = rolled((SealedSecret("a"),), SealedSecret("b"), now_ms=0, expire_after_ms=100)
    assert once == (SealedSecret("b"), SealedSecret("a", 100))
    twice = rolled(once, SealedSecret("c"), now_ms=50, expire_after_ms=1_000)
    assert twice == (SealedSecret("c"), SealedSecret("b", 1_050), SealedSecret("a", 100))
    assert rolled(twice, SealedSecret("d"), now_ms=60, expire_after_ms=0) == (SealedSecret("d"),)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 200)), max_size=12))
def test_there_is_always_one_current_secret_and_never_more_than_four(rolls: list[tuple[int, int]]) -> None:
    secrets: tuple[SealedSecret, ...] = (SealedSecret("first"),)
    now_ms = 0
    for number, (later_ms, overlap_ms) in enumerate(rolls):
        now_ms += later_ms
        secrets = rolled(secrets, SealedSecret(str(number)), now_ms=now_ms, expire_after_ms=overlap_ms)
        assert secrets[0] == SealedSecret(str(number))
        assert len(secrets) <= 4
        assert all(one.until_ms is not None and now_ms < one.until_ms <= now_ms + overlap_ms for one in secrets[1:])


# Shape and retention


def test_an_endpoint_has_the_published_shape() -> None:
    value = WebhookEndpoint(
        account_id="acct_1",
        id="we_1",
        livemode=False,
        version=1,
        created_at_ms=_NOW_MS,
        status=EndpointStatus.ENABLED,
        url="https://shop.example/",
        enabled_events=("charge.succeeded",),
        description=None,
        api_version=None,
        metadata={"a": "b"},
        secrets=(SealedSecret("sealed"),),
    )
    assert_shape("webhook_endpoint", webhook_endpoint(value))
    assert "secret" not in webhook_endpoint(value)
    assert webhook_endpoint(value, "whsec_1")["secret"] == "whsec_1"
    assert_shape("deleted_webhook_endpoint", deleted_webhook_endpoint("we_1"))


@given(st.integers(1_600_000_000_000, 2_500_000_000_000), st.integers(1, 10**10))
def test_event_ids_are_cut_by_their_time(at_ms: int, apart_ms: int) -> None:
    cut = event_id_at(at_ms)
    assert new_id("evt", at_ms - apart_ms) < cut <= new_id("evt", at_ms)
