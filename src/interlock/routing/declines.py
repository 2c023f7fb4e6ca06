"""May an issuer's decline be tried at another gateway? Only where a rule says so, and never against the networks' word.

Pure; called by ``payments`` after a decline. The issuer has spoken for the card, so trying again is the exception: it
costs the shop fees, and networks fine those who repeat what they were told not to.
"""

from collections.abc import Sequence

from interlock.routing.ranking import holds
from interlock.routing.types import DeclineRetry, RequestFacts, Rule

NEVER_RETRIED = frozenset(
    {
        "authentication_required",
        "do_not_try_again",
        "expired_card",
        "fraudulent",
        "incorrect_cvc",
        "incorrect_number",
        "incorrect_pin",
        "invalid_account",
        "invalid_cvc",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "invalid_number",
        "lost_card",
        "merchant_blacklist",
        "new_account_information_available",
        "pickup_card",
        "pin_try_exceeded",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "stolen_card",
        "stop_payment_order",
    }
)
"""Declines that no rule may override: the card, the shopper's data or the network says no everywhere."""

ATTEMPTS_LIMIT = 5
_DO_NOT = "do_not_try_again"


def may_retry(
    facts: RequestFacts,
    rules: Sequence[Rule],
    *,
    decline_code: str | None,
    advice_code: str | None,
    next_gateway_id: str,
    attempts_made: int,
) -> bool:
    """Return True when the declined payment may go to ``next_gateway_id``.

    Args:
        facts: the payment.
        rules: all rules of the account and mode, ordered by position.
        decline_code: the issuer's reason in Stripe's vocabulary.
        advice_code: what the network advises, if it does.
        next_gateway_id: the gateway that would be tried.
        attempts_made: tries of this payment so far, the declined one included.

    """
    if decline_code is None or decline_code in NEVER_RETRIED or advice_code == _DO_NOT:
        return False
    retry = _retry_for(facts, rules)
    return (
        retry is not None
        and decline_code in retry.decline_codes
        and (not retry.gateway_ids or next_gateway_id in retry.gateway_ids)
        and attempts_made < min(retry.attempts_max, ATTEMPTS_LIMIT)
    )


def _retry_for(facts: RequestFacts, rules: Sequence[Rule]) -> DeclineRetry | None:
    for rule in rules:
        if rule.enabled and rule.decline_retry is not None and holds(rule, facts):
            return rule.decline_retry
    return None


def retry_problem(retry: DeclineRetry) -> str | None:
    """Return what is wrong with a retry rule as written, or None."""
    forbidden = sorted(NEVER_RETRIED.intersection(retry.decline_codes))
    if forbidden:
        return f"{', '.join(forbidden)} may never be retried"
    if not retry.decline_codes:
        return "names no decline code"
    if not 2 <= retry.attempts_max <= ATTEMPTS_LIMIT:
        return f"attempts_max is not between 2 and {ATTEMPTS_LIMIT}"
    return None
