"""Ranking: which gateways may take a payment, in which order, and why. Pure: no clock, no input or output.

In order: gateways that cannot take the payment are dropped (disabled, method, operation, capability, currency,
network); the first rule that holds and names gateways puts those first; the rest follow by position; gateways that
somebody currently calls unhealthy go last, in the order they had. They are not dropped: a bad route is better than
none. A gateway with a release on trial stands in the list twice for the payments that fall to the trial: first through
the trial, then, for what the trial refuses or cannot send, through the stable release.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from interlock.routing.types import (
    ALL_PPM,
    EVERY_GATEWAY,
    FALLBACK,
    STABLE,
    Candidate,
    Condition,
    Dropped,
    Health,
    Ranking,
    Refusal,
    RequestFacts,
    Route,
    Rule,
    Trial,
)

_UNKNOWN_NETWORK = "unknown"
_HASH_BYTES = 8
_KEY_BYTES_MAX = 64


_NO_TRIALS: Mapping[str, Trial] = {}


def rank(
    facts: RequestFacts,
    rules: Sequence[Rule],
    routes: Iterable[Route],
    health: Mapping[str, Health],
    now_ms: int,
    trials: Mapping[str, Trial] = _NO_TRIALS,
    refusals: Sequence[Refusal] = (),
) -> list[Candidate]:
    """Return the routes to try, best first; empty when no gateway can take the payment (see :func:`explain`)."""
    return list(explain(facts, rules, routes, health, now_ms, trials, refusals).candidates)


def explain(
    facts: RequestFacts,
    rules: Sequence[Rule],
    routes: Iterable[Route],
    health: Mapping[str, Health],
    now_ms: int,
    trials: Mapping[str, Trial] = _NO_TRIALS,
    refusals: Sequence[Refusal] = (),
) -> Ranking:
    """Return the order with its reasons, and who was dropped and why.

    Args:
        facts: the payment.
        rules: all rules of the account and mode, ordered by position.
        routes: all its gateways, as their stable releases have them.
        health: opinions by gateway id; expired ones are ignored.
        now_ms: the time, against which opinions and refusals expire.
        trials: releases on trial that may be sent to now, by gateway id.
        refusals: switches that keep payments from gateways.

    """
    able: list[Route] = []
    dropped: list[Dropped] = []
    for route in routes:
        reason = why_not(facts, route) or (refused_by(facts, route, refusals, now_ms) if refusals else None)
        if reason is None:
            able.append(route)
        else:
            dropped.append(Dropped(route.gateway_id, reason))
    able.sort(key=lambda route: (route.position, route.gateway_id))
    rule = next((rule for rule in rules if rule.enabled and rule.gateway_ids and holds(rule, facts)), None)
    ordered = able if rule is None else _by_rule(rule, able, dropped)
    ill = [route for route in ordered if is_unhealthy(health.get(route.gateway_id), now_ms)]
    well = [route for route in ordered if route not in ill] if ill else ordered
    candidates = [_candidate(route, rule, None) for route in well]
    candidates += [_candidate(route, rule, health[route.gateway_id]) for route in ill]
    if trials:
        candidates = [each for one in candidates for each in _with_trial(one, trials.get(one.gateway_id), facts)]
    return Ranking(tuple(candidates), tuple(dropped), None if rule is None else rule.id)


def why_not(facts: RequestFacts, route: Route) -> str | None:
    """Return why ``route`` cannot take the payment at all, or None when it can."""
    if not route.enabled:
        return "disabled"
    if facts.method not in route.methods:
        return f"method {facts.method} is not supported"
    if facts.currency in route.unsupported_currencies:
        return f"currency {facts.currency} is not supported"
    for operation in facts.operations:
        if operation not in route.operations:
            return f"operation {operation} is not supported"
    for need in facts.needs:
        if need not in route.features:
            return f"{need} is not supported"
    # A network nobody recognised is the gateway's to judge: it knows its own card tables better.
    networks = facts.networks
    if networks and networks != (_UNKNOWN_NETWORK,) and route.networks.isdisjoint(networks):
        return f"network {networks[0]} is not supported"
    return None


def refused_by(facts: RequestFacts, route: Route, refusals: Sequence[Refusal], now_ms: int) -> str | None:
    """Return the reason of the refuse switch that keeps the payment from ``route``, or None."""
    for refusal in refusals:
        if (
            refusal.gateway_id in {EVERY_GATEWAY, route.gateway_id}
            and (refusal.expires_at_ms is None or refusal.expires_at_ms > now_ms)
            and (refusal.network is None or refusal.network in facts.networks)
            and (refusal.method is None or refusal.method == facts.method)
            and (refusal.currency is None or refusal.currency == facts.currency)
        ):
            return f"switched off by {refusal.set_by}: {refusal.reason}"
    return None


def _with_trial(stable: Candidate, trial: Trial | None, facts: RequestFacts) -> tuple[Candidate, ...]:
    """Return the route through the stable release, and before it through the trial where the payment falls to it.

    Both arms carry the share: only payments that could have fallen to either are compared. What the trial's release
    cannot take at all is no part of the trial.
    """
    if trial is None or (not trial.takes_the_same and why_not(facts, trial.route) is not None):
        return (stable,)
    share_ppm = trial.share_ppm
    if arm_position(trial.salt, facts.intent_id) >= share_ppm:
        return (msgspec.structs.replace(stable, arm=STABLE, share_ppm=share_ppm),)
    on_trial = msgspec.structs.replace(
        stable,
        release_id=trial.route.release_id,
        arm=trial.arm,
        share_ppm=share_ppm,
        features=trial.route.features,
        reasons=(*stable.reasons, f"{trial.arm} on {share_ppm / 10_000:g} %"),
    )
    return (on_trial, msgspec.structs.replace(stable, arm=FALLBACK, share_ppm=0))


def arm_position(salt: str, intent_id: str) -> int:
    """Return where a payment falls between 0 and 999,999: a keyed hash under the trial's salt, sticky, recomputable.

    BLAKE2b with a key is a MAC as it stands (RFC 7693, section 2.9), at a third of what an HMAC costs here.
    """
    return share_position(salt, intent_id)


def _by_rule(rule: Rule, able: list[Route], dropped: list[Dropped]) -> list[Route]:
    places = {gateway_id: place for place, gateway_id in enumerate(rule.gateway_ids)}
    named = sorted((route for route in able if route.gateway_id in places), key=lambda route: places[route.gateway_id])
    others = [route for route in able if route.gateway_id not in places]
    if rule.only:
        dropped.extend(Dropped(route.gateway_id, f"rule {rule.name!r} allows only others") for route in others)
        return named
    return named + others


def _candidate(route: Route, rule: Rule | None, illness: Health | None) -> Candidate:
    named = rule is not None and route.gateway_id in rule.gateway_ids
    reasons = [f"rule {rule.name!r}" if rule is not None and named else f"position {route.position}"]
    if illness is not None:
        reasons.append(f"last because unhealthy: {illness.reason}")
    return Candidate(
        gateway_id=route.gateway_id,
        connector=route.connector,
        release_id=route.release_id,
        reasons=tuple(reasons),
        features=route.features,
    )


def is_unhealthy(health: Health | None, now_ms: int) -> bool:
    """Return True for an opinion that is bad and not expired."""
    return health is not None and not health.healthy and health.expires_at_ms > now_ms


def holds(rule: Rule, facts: RequestFacts) -> bool:
    """Return True when everything that ``rule`` asks of a payment is so."""
    condition = rule.condition
    return (
        (not condition.currencies or facts.currency in condition.currencies)
        and (not condition.countries or facts.country in condition.countries)
        and (not condition.networks or not set(condition.networks).isdisjoint(facts.networks))
        and (not condition.methods or facts.method in condition.methods)
        and _amount_holds(condition, facts.amount_minor)
        and all(facts.metadata.get(name) == value for name, value in condition.metadata.items())
        and (condition.share_ppm >= ALL_PPM or share_position(rule.id, facts.intent_id) < condition.share_ppm)
    )


def _amount_holds(condition: Condition, amount_minor: int) -> bool:
    return (condition.amount_min_minor is None or amount_minor >= condition.amount_min_minor) and (
        condition.amount_max_minor is None or amount_minor <= condition.amount_max_minor
    )


def share_position(key: str, intent_id: str) -> int:
    """Return where an intent falls between 0 and 999,999 under a key (a rule's id, a trial's salt): the same on every
    node and at every retry."""
    digest = hashlib.blake2b(intent_id.encode(), digest_size=_HASH_BYTES, key=key.encode()[:_KEY_BYTES_MAX]).digest()
    return int.from_bytes(digest, "big") * ALL_PPM >> (8 * _HASH_BYTES)


def condition_problem(condition: Condition) -> str | None:
    """Return what is wrong with a condition as written, or None."""
    problem = None
    amounts = (condition.amount_min_minor, condition.amount_max_minor)
    if any(amount is not None and amount < 0 for amount in amounts):
        problem = "amounts may not be negative"
    elif amounts != (None, None) and len(condition.currencies) != 1:
        problem = "an amount means nothing without exactly one currency"
    elif amounts[0] is not None and amounts[1] is not None and amounts[0] > amounts[1]:
        problem = "amount_min_minor is above amount_max_minor: no payment fits"
    elif not 0 <= condition.share_ppm <= ALL_PPM:
        problem = "share_ppm is not between 0 and 1000000"
    elif any(currency != currency.lower() or len(currency) != 3 for currency in condition.currencies):
        problem = "currencies are three lower-case letters"
    elif any(country != country.upper() or len(country) != 2 for country in condition.countries):
        problem = "countries are two upper-case letters"
    return problem
