from typing import Any

import msgspec
import pytest

from interlock.sandbox.engine import Facts
from interlock.sandbox.faults import MAX_FAULTS, Fault, Faults, FaultSpec, Match, Schedule
from interlock.sandbox.http import Reply, Wire
from interlock.sandbox.mischief import disfigure, executes

VISA = Facts("sale", "visa", "usd", "US", "424242")


def added(faults: Faults, now_ms: int = 0, **parameters: Any) -> Fault:
    fault = faults.add(msgspec.convert({"kind": "decline", **parameters}, FaultSpec), now_ms)
    assert isinstance(fault, Fault), fault
    return fault


def hits(faults: Faults, times: int, facts: Facts = VISA, now_ms: int = 0) -> list[bool]:
    return [bool(faults.draw(facts, "/v1/payment_intents", now_ms)) for _ in range(times)]


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({}, True),
        ({"operation": "sale"}, True),
        ({"operation": ["refund", "SALE"]}, True),
        ({"operation": "refund"}, False),
        ({"brand": "visa", "currency": "USD", "country": "us"}, True),
        ({"brand": "visa", "currency": "eur"}, False),
        ({"bin": "4242"}, True),
        ({"bin": ["5", "4000"]}, False),
        ({"path": "/v1/*"}, True),
        ({"path": "/v1/refunds"}, False),
    ],
)
def test_a_fault_strikes_only_what_it_matches(match: dict[str, object], fits: bool) -> None:
    faults = Faults(1)
    added(faults, match=match)
    assert hits(faults, 1) == [fits]


def test_a_schedule_counts_matching_requests() -> None:
    faults = Faults(1)
    fault = added(faults, schedule={"after": 2, "every": 3, "first": 2})
    assert hits(faults, 10) == [False, False, True, False, False, True, False, False, False, False]
    assert (fault.matched, fault.hits) == (10, 2)


def test_a_schedule_counts_seconds_from_when_the_fault_was_added() -> None:
    faults = Faults(1)
    added(faults, now_ms=10_000, schedule={"from_s": 1, "until_s": 2})
    assert [hits(faults, 1, now_ms=at)[0] for at in (10_000, 10_999, 11_000, 11_999, 12_000)] == [
        False, False, True, True, False,
    ]  # fmt: skip


def test_the_same_seed_gives_the_same_faults_and_another_seed_others() -> None:
    def drawn(seed: int) -> list[bool]:
        faults = Faults(seed)
        added(faults, probability=0.3)
        return hits(faults, 200)

    assert drawn(7) == drawn(7) != drawn(8)
    assert 35 <= sum(drawn(7)) <= 85


def test_latencies_add_up_and_only_the_first_other_fault_strikes() -> None:
    faults = Faults(1)
    for kind in ("latency", "refuse", "latency", "decline"):
        added(faults, kind=kind)
    assert [spec.kind for spec in faults.draw(VISA, "/", 0)] == ["latency", "latency", "refuse"]


@pytest.mark.parametrize("wrong", [{"probability": 2.0}, {"ms": -1.0}, {"status": 99}, {"schedule": {"every": 0}}])
def test_nonsense_is_refused_in_words(wrong: dict[str, object]) -> None:
    assert isinstance(Faults(1).add(msgspec.convert({"kind": "refuse", **wrong}, FaultSpec), 0), str)


def test_there_is_a_limit_to_the_number_of_faults() -> None:
    faults = Faults(1)
    for _ in range(MAX_FAULTS):
        added(faults)
    assert "at most" in str(faults.add(FaultSpec("decline"), 0))


@pytest.mark.parametrize(
    ("kind", "runs"),
    [("refuse", False), ("timeout_before", False), ("timeout_after", True), ("reset_after", True), ("decline", True),
     ("status_5xx", False), ("html", True), ("wrong_amount", True)],
)  # fmt: skip
def test_it_is_plain_whether_a_fault_lets_the_payment_happen(kind: str, runs: bool) -> None:
    assert executes(msgspec.convert({"kind": kind}, FaultSpec)) is runs


def test_an_amount_echo_is_wrong_everywhere_in_the_answer() -> None:
    body = msgspec.json.encode({"amount": 1099, "latest_charge": {"amount_captured": 1099}, "livemode": True})
    seen = msgspec.json.decode(disfigure(FaultSpec("wrong_amount"), Reply(200, body)).body)
    assert seen == {"amount": 109900, "latest_charge": {"amount_captured": 109900}, "livemode": True}


def test_a_currency_echo_keeps_the_providers_case() -> None:
    body = msgspec.json.encode({"currency": "usd", "amount": {"currency": "USD", "value": 5}})
    seen = msgspec.json.decode(disfigure(FaultSpec("wrong_currency", currency="jpy"), Reply(200, body)).body)
    assert seen == {"currency": "jpy", "amount": {"currency": "JPY", "value": 5}}


@pytest.mark.parametrize(("kind", "wire"), [("timeout_after", Wire.HANG), ("reset_before", Wire.RESET)])
def test_wire_faults_are_left_to_the_server(kind: str, wire: Wire) -> None:
    assert disfigure(msgspec.convert({"kind": kind}, FaultSpec), Reply(200, b"{}")).wire is wire


def test_match_and_schedule_refuse_unknown_fields() -> None:
    for kind in (Match, Schedule, FaultSpec):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"kind": "refuse", "colour": "red"}, kind)
