"""From a payment to what routing wants to know of it. Called by the rooms that begin attempts."""

import hashlib

import msgspec

from interlock.base.context import Scope
from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Result
from interlock.payments.instruments.types import CardFacts, PaymentMethod
from interlock.payments.intents.types import Intent
from interlock.routing.table import RoutingTable
from interlock.routing.types import FALLBACK, STABLE, Candidate, RequestFacts

_SALE = (Operation.SALE,)
_HOLD = (Operation.AUTHORISE, Operation.CAPTURE, Operation.VOID)
_VERIFY = (Operation.VERIFY,)
_PAYER_BYTES = 8
_NOTHING: frozenset[str] = frozenset()
_OPTIONAL_FEATURES = {
    "request_incremental_authorization": "incremental",
    "request_multicapture": "multicapture",
}
OPTIONAL_FEATURES = frozenset(_OPTIONAL_FEATURES.values())


class Routes:
    """Ranks the gateways for a payment."""

    def __init__(self, table: RoutingTable) -> None:
        """Ask ``table``, which is in memory."""
        self._table = table

    def rank(self, scope: Scope, intent: Intent, method: PaymentMethod, now_ms: int) -> list[Candidate]:
        """Return the routes to try for ``intent``, best first.

        A feature the shop would like ("if available") puts gateways that have it first; those without it follow,
        because a payment without the feature is better than none when the first ones fail.
        """
        facts = payment_facts(intent, method)
        found = self._table.rank(scope, facts, now_ms)
        if not facts.needs:
            return found
        first = {route.gateway_id for route in found}
        others = self._table.rank(scope, payment_facts(intent, method, with_needs=False), now_ms)
        return found + [route for route in others if route.gateway_id not in first]

    def rank_setup(self, scope: Scope, setup_id: str, method: PaymentMethod, now_ms: int) -> list[Candidate]:
        """Return the routes that can verify and store a card."""
        card = method.card if isinstance(method.card, CardFacts) else None
        facts = RequestFacts(
            intent_id=setup_id,
            operations=_VERIFY,
            amount_minor=0,
            currency="usd",
            method=method.type,
            networks=() if card is None else (card.brand,),
            country=None if card is None else card.country,
        )
        return self._table.rank(scope, facts, now_ms)

    def may_retry_decline(
        self, scope: Scope, intent: Intent, method: PaymentMethod, following: Candidate, result: Result, made: int
    ) -> bool:
        """Return True when an explicit rule lets the declined payment go to ``following`` after ``made`` tries."""
        return self._table.may_retry_decline(
            scope,
            payment_facts(intent, method),
            decline_code=result.decline_code,
            advice_code=result.advice_code,
            next_gateway_id=following.gateway_id,
            attempts_made=made,
        )


def for_probe(routes: list[Candidate], gateway_id: str | None) -> list[Candidate]:
    """Return ``routes``; for a probe only the stable release of the gateway that is probed, as no part of any trial."""
    if gateway_id is None:
        return routes
    stable = [route for route in routes if route.gateway_id == gateway_id and route.arm in {STABLE, FALLBACK}]
    return [msgspec.structs.replace(route, arm=STABLE, share_ppm=0) for route in stable]


def payer_of(route: Candidate, method: PaymentMethod, customer_id: str | None, subject_id: str) -> str | None:
    """Return what tells payers apart, as a hash: the card, else the customer, else the payment. None outside trials.

    In test mode everybody pays with the same few test cards, so a card is no payer there.
    """
    if route.share_ppm == 0:
        return None
    fingerprint = getattr(method.card, "fingerprint", None) if method.livemode else None
    payer = fingerprint or customer_id or subject_id
    return hashlib.blake2b(payer.encode(), digest_size=_PAYER_BYTES).hexdigest()


def payment_facts(intent: Intent, method: PaymentMethod, *, with_needs: bool = True) -> RequestFacts:
    """Return what routing may decide by."""
    facts = method.card
    return RequestFacts(
        intent_id=intent.id,
        operations=_HOLD if intent.capture_method == "manual" else _SALE,
        amount_minor=intent.amount_minor,
        currency=intent.currency,
        method=method.type,
        networks=(facts.brand,) if isinstance(facts, CardFacts) else (),
        country=None if facts is None else facts.country,
        metadata=intent.metadata,
        needs=_needs(intent) if with_needs else _NOTHING,
    )


def _needs(intent: Intent) -> frozenset[str]:
    options = intent.details.get("payment_method_options")
    card = options.get("card") if options else None
    if not card:
        return _NOTHING
    return frozenset(need for option, need in _OPTIONAL_FEATURES.items() if card.get(option) == "if_available")
