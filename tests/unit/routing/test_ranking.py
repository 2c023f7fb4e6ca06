"""Ranking: able gateways in the order of the first rule that holds, the unhealthy last, and a reason for everything."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.gateways.contract import Operation
from interlock.routing import declines, ranking
from interlock.routing.types import ALL_PPM, Condition, DeclineRetry, Health, RequestFacts, Route, Rule

NOW_MS = 1_764_000_000_000
ALL_OPERATIONS = frozenset(Operation)
CARDS = frozenset({"visa", "mastercard", "amex"})
replace = msgspec.structs.replace


def route(gateway_id: str, position: int = 1, **more: object) -> Route:
    base = Route(
        gateway_id=gateway_id,
        name=gateway_id,
        connector="stripe",
        release_id="rel_1",
        enabled=True,
        position=position,
        operations=ALL_OPERATIONS,
        networks=CARDS,
        features=frozenset({"incremental"}),
    )
    return replace(base, **more)


def facts(**more: object) -> RequestFacts:
    base = RequestFacts(
        intent_id="pi_1",
        operations=(Operation.SALE,),
        amount_minor=1099,
        currency="usd",
        networks=("visa",),
        country="US",
        metadata={"plan": "gold"},
    )
    return replace(base, **more)


def rule(gateway_ids: Sequence[str] = (), position: int = 1, rule_id: str = "rule_1", **more: object) -> Rule:
    base = Rule(
        account_id="acct_1",
        id=rule_id,
        livemode=False,
        version=1,
        created_at_ms=NOW_MS,
        name=rule_id,
        enabled=True,
        position=position,
        condition=Condition(),
        gateway_ids=tuple(gateway_ids),
    )
    return replace(base, **more)


def ill(gateway_id: str, expires_at_ms: int = NOW_MS + 1, *, healthy: bool = False) -> Health:
    return Health(
        account_id="acct_1",
        id=gateway_id,
        livemode=False,
        version=1,
        created_at_ms=NOW_MS,
        healthy=healthy,
        reason="refuses everything",
        expires_at_ms=expires_at_ms,
    )


def order(
    routes: Sequence[Route],
    rules: Sequence[Rule] = (),
    health: Sequence[Health] = (),
    asked: RequestFacts | None = None,
) -> list[str]:
    opinions = {one.id: one for one in health}
    return [one.gateway_id for one in ranking.rank(asked or facts(), rules, routes, opinions, NOW_MS)]


A, B, C = route("gw_a", 1), route("gw_b", 2), route("gw_c", 3)


def test_without_rules_position_decides_and_ids_break_ties() -> None:
    assert order([C, A, B]) == ["gw_a", "gw_b", "gw_c"]
    assert order([replace(B, position=1), A]) == ["gw_a", "gw_b"]
    assert order([]) == []


def test_the_first_rule_that_holds_decides_and_the_rest_follow() -> None:
    euros = rule(["gw_c"], condition=Condition(currencies=("eur",)), rule_id="rule_eur")
    later = rule(["gw_b"], rule_id="rule_all")
    assert order([A, B, C], [euros, later]) == ["gw_b", "gw_a", "gw_c"]
    assert order([A, B, C], [euros, later], asked=facts(currency="eur")) == ["gw_c", "gw_a", "gw_b"]
    assert order([A, B, C], [rule(["gw_c", "gw_gone", "gw_b"])]) == ["gw_c", "gw_b", "gw_a"]
    assert order([A, B, C], [rule(["gw_c"], enabled=False)]) == ["gw_a", "gw_b", "gw_c"]


def test_only_leaves_the_others_out_and_says_so() -> None:
    answer = ranking.explain(facts(), [rule(["gw_b"], only=True)], [A, B, C], {}, NOW_MS)
    assert [one.gateway_id for one in answer.candidates] == ["gw_b"]
    assert answer.rule_id == "rule_1"
    assert {one.gateway_id: one.reason for one in answer.dropped} == {
        "gw_a": "rule 'rule_1' allows only others",
        "gw_c": "rule 'rule_1' allows only others",
    }


def test_unhealthy_goes_last_in_its_order_and_is_not_dropped() -> None:
    assert order([A, B, C], health=[ill("gw_a"), ill("gw_b")]) == ["gw_c", "gw_a", "gw_b"]
    assert order([A, B], [rule(["gw_b"])], [ill("gw_b")]) == ["gw_a", "gw_b"]
    assert order([A, B], health=[ill("gw_a"), ill("gw_b")]) == ["gw_a", "gw_b"]


def test_stale_or_good_health_is_ignored() -> None:
    assert order([A, B], health=[ill("gw_a", NOW_MS)]) == ["gw_a", "gw_b"]
    assert order([A, B], health=[ill("gw_a", healthy=True)]) == ["gw_a", "gw_b"]


@pytest.mark.parametrize(
    ("changed", "asked", "reason"),
    [
        ({"enabled": False}, {}, "disabled"),
        ({"unsupported_currencies": frozenset({"usd"})}, {}, "currency usd is not supported"),
        ({"operations": frozenset({Operation.AUTHORISE})}, {}, "operation sale is not supported"),
        ({"networks": frozenset({"amex"})}, {}, "network visa is not supported"),
        ({"features": frozenset()}, {"needs": frozenset({"incremental"})}, "incremental is not supported"),
    ],
)
def test_who_cannot_is_dropped_with_the_reason(
    changed: dict[str, object], asked: dict[str, object], reason: str
) -> None:
    answer = ranking.explain(facts(**asked), [rule(["gw_a"])], [replace(A, **changed), B], {}, NOW_MS)
    assert [one.gateway_id for one in answer.candidates] == ["gw_b"]
    assert [(one.gateway_id, one.reason) for one in answer.dropped] == [("gw_a", reason)]


def test_a_co_branded_card_needs_one_of_its_networks_and_an_unknown_one_none() -> None:
    assert order([A], asked=facts(networks=("cartes_bancaires", "visa"))) == ["gw_a"]
    assert order([A], asked=facts(networks=("cartes_bancaires",))) == []
    assert order([A], asked=facts(networks=("unknown",))) == ["gw_a"]
    assert order([A], asked=facts(networks=())) == ["gw_a"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition(), True),
        (Condition(currencies=("eur", "usd")), True),
        (Condition(currencies=("eur",)), False),
        (Condition(countries=("US",)), True),
        (Condition(countries=("DE",)), False),
        (Condition(networks=("visa", "amex")), True),
        (Condition(networks=("amex",)), False),
        (Condition(methods=("card",)), True),
        (Condition(methods=("sepa_debit",)), False),
        (Condition(currencies=("usd",), amount_min_minor=1099, amount_max_minor=1099), True),
        (Condition(currencies=("usd",), amount_min_minor=1100), False),
        (Condition(currencies=("usd",), amount_max_minor=1098), False),
        (Condition(metadata={"plan": "gold"}), True),
        (Condition(metadata={"plan": "gold", "shop": "1"}), False),
        (Condition(share_ppm=0), False),
        (Condition(share_ppm=ALL_PPM), True),
    ],
)
def test_a_condition_holds_when_everything_given_is_so(condition: Condition, expected: bool) -> None:
    assert ranking.holds(rule(condition=condition), facts()) is expected


def test_a_share_is_stable_fair_and_unrelated_between_rules() -> None:
    intents = [f"pi_{number}" for number in range(20_000)]
    first = [ranking.share_position("rule_1", intent) < 300_000 for intent in intents]
    second = [ranking.share_position("rule_2", intent) < 300_000 for intent in intents]
    assert first == [ranking.share_position("rule_1", intent) < 300_000 for intent in intents]
    assert abs(sum(first) / len(first) - 0.3) < 0.015
    both = sum(a and b for a, b in zip(first, second, strict=True))
    assert abs(both / len(first) - 0.09) < 0.015


routes_strategy = st.lists(
    st.builds(
        route,
        st.sampled_from(["gw_a", "gw_b", "gw_c", "gw_d"]),
        st.integers(1, 3),
        enabled=st.booleans(),
        networks=st.sampled_from([CARDS, frozenset({"amex"})]),
        unsupported_currencies=st.sampled_from([frozenset(), frozenset({"usd"})]),
    ),
    unique_by=lambda one: one.gateway_id,
)
rules_strategy = st.lists(
    st.builds(
        rule,
        st.lists(st.sampled_from(["gw_a", "gw_b", "gw_c", "gw_x"]), unique=True),
        rule_id=st.sampled_from(["rule_1", "rule_2"]),
        only=st.booleans(),
        enabled=st.booleans(),
        condition=st.sampled_from([Condition(), Condition(currencies=("eur",)), Condition(share_ppm=500_000)]),
    ),
    max_size=3,
)
health_strategy = st.lists(
    st.builds(
        lambda gateway_id, later, healthy: ill(gateway_id, NOW_MS + later, healthy=healthy),
        st.sampled_from(["gw_a", "gw_b", "gw_c"]),
        st.integers(-5, 5),
        st.booleans(),
    )
)


@given(routes_strategy, rules_strategy, health_strategy, st.text(max_size=8))
def test_ranking_partitions_the_gateways_and_never_tries_one_that_cannot(
    routes: list[Route], rules: list[Rule], opinions: list[Health], intent_id: str
) -> None:
    asked = facts(intent_id=intent_id)
    health = {one.id: one for one in opinions}
    answer = ranking.explain(asked, rules, routes, health, NOW_MS)
    tried = [one.gateway_id for one in answer.candidates]
    left_out = [one.gateway_id for one in answer.dropped]
    assert sorted(tried + left_out) == sorted(one.gateway_id for one in routes)
    by_id = {one.gateway_id: one for one in routes}
    assert all(ranking.why_not(asked, by_id[gateway_id]) is None for gateway_id in tried)
    ill_flags = [ranking.is_unhealthy(health.get(gateway_id), NOW_MS) for gateway_id in tried]
    assert ill_flags == sorted(ill_flags)
    assert all(one.reasons for one in answer.candidates)
    assert answer == ranking.explain(asked, rules, list(reversed(routes)), health, NOW_MS) or len(left_out) > 1


RETRY = rule(decline_retry=DeclineRetry(decline_codes=("do_not_honor", "insufficient_funds"), attempts_max=3))


def may(rules: Sequence[Rule], **more: object) -> bool:
    asked: dict[str, object] = {
        "decline_code": "do_not_honor",
        "advice_code": None,
        "next_gateway_id": "gw_b",
        "attempts_made": 1,
    }
    return declines.may_retry(facts(), rules, **(asked | more))  # type: ignore[arg-type]  # keywords of the function


def test_declines_are_retried_by_explicit_rule_only() -> None:
    assert not may([])
    assert not may([rule(["gw_b"])])
    assert may([RETRY])
    assert not may([RETRY], decline_code="generic_decline")
    assert not may([RETRY], decline_code=None)
    assert not may([RETRY], advice_code="do_not_try_again")
    assert may([RETRY], attempts_made=2)
    assert not may([RETRY], attempts_made=3)
    assert not may([replace(RETRY, enabled=False)])
    elsewhere = replace(RETRY, decline_retry=DeclineRetry(decline_codes=("do_not_honor",), gateway_ids=("gw_c",)))
    assert not may([elsewhere])
    assert may([elsewhere], next_gateway_id="gw_c")
    assert not may([elsewhere, RETRY]), "the first rule with an answer decides"


@given(st.sampled_from(sorted(declines.NEVER_RETRIED)), st.integers(0, 10))
def test_no_rule_retries_what_may_never_be(code: str, attempts_made: int) -> None:
    forced = replace(RETRY, decline_retry=DeclineRetry(decline_codes=(code,), attempts_max=99))
    assert not may([forced], decline_code=code, attempts_made=attempts_made)
    assert declines.retry_problem(DeclineRetry(decline_codes=(code,))) is not None


def test_attempts_are_bounded_whatever_a_rule_says() -> None:
    endless = replace(RETRY, decline_retry=DeclineRetry(decline_codes=("do_not_honor",), attempts_max=1_000))
    assert may([endless], attempts_made=declines.ATTEMPTS_LIMIT - 1)
    assert not may([endless], attempts_made=declines.ATTEMPTS_LIMIT)


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        (Condition(amount_min_minor=1), "without exactly one currency"),
        (Condition(amount_min_minor=5, amount_max_minor=4, currencies=("usd",)), "no payment fits"),
        (Condition(amount_min_minor=-1, currencies=("usd",)), "negative"),
        (Condition(share_ppm=ALL_PPM + 1), "share_ppm"),
        (Condition(currencies=("USD",)), "lower-case"),
        (Condition(countries=("us",)), "upper-case"),
    ],
)
def test_conditions_that_cannot_work_are_told(condition: Condition, problem: str) -> None:
    assert problem in (ranking.condition_problem(condition) or "")
    assert ranking.condition_problem(Condition(currencies=("usd",), amount_min_minor=1)) is None


def test_a_method_goes_only_where_the_manifest_declares_it() -> None:
    routes = [route("gw_1", 1), route("gw_2", 2, methods=frozenset({"card", "sepa_debit"}))]
    found = ranking.explain(facts(method="sepa_debit", networks=(), currency="eur"), [], routes, {}, 0)
    assert [each.gateway_id for each in found.candidates] == ["gw_2"]
    assert [(each.gateway_id, each.reason) for each in found.dropped] == [
        ("gw_1", "method sepa_debit is not supported")
    ]
    only_debits = rule(["gw_2"], condition=Condition(methods=("sepa_debit",)))
    assert [each.gateway_id for each in ranking.rank(facts(), [only_debits], routes, {}, 0)] == ["gw_1", "gw_2"]
