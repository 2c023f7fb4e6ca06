"""Which permission of a restricted key each endpoint needs, and the refusal where a key does not have it.

Called by the request pipeline, for restricted keys only. Lists that are always empty need no permission.
"""

from collections.abc import Iterable

from interlock.api.authentication import KeyRecord, masked_hint
from interlock.api.router import Endpoint
from interlock.base.problems import Problem, invalid
from interlock.payments.access.permissions import FAMILIES, Level, Permissions, allows

_BY_PATH = (
    ("/v1/account", "account"),
    ("/v1/balance", "balance"),
    ("/v1/balance/history", "balance_transaction"),
    ("/v1/balance_transactions", "balance_transaction"),
    ("/v1/charges", "charge"),
    ("/v1/checkout/sessions", "checkout_session"),
    ("/v1/confirmation_tokens", "token"),
    ("/v1/customers", "customer"),
    ("/v1/customers/{customer}/payment_methods", "payment_method"),
    ("/v1/customers/{customer}/sources", "source"),
    ("/v1/disputes", "dispute"),
    ("/v1/events", "event"),
    ("/v1/files", "file"),
    ("/v1/mandates", "mandate"),
    ("/v1/payment_attempt_records", "payment_record"),
    ("/v1/payment_intents", "payment_intent"),
    ("/v1/payment_methods", "payment_method"),
    ("/v1/payment_pages", "checkout_session"),
    ("/v1/prices", "plan"),
    ("/v1/products", "product"),
    ("/v1/refunds", "charge"),
    ("/v1/setup_attempts", "setup_intent"),
    ("/v1/setup_intents", "setup_intent"),
    ("/v1/test_helpers/confirmation_tokens", "token"),
    ("/v1/test_helpers/customers", "customer"),
    ("/v1/tokens", "token"),
    ("/v1/webhook_endpoints", "webhook"),
)
"""Beginning of a path → family; the longest that fits decides."""

_BY_KIND = {
    "card": "source",
    "checkout.session": "checkout_session",
    "confirmation_token": "token",
    "item": "checkout_session",
    "payment_attempt_record": "payment_record",
    "price": "plan",
    "refund": "charge",
    "setup_attempt": "setup_intent",
    "webhook_endpoint": "webhook",
}
"""Kind of object → family, where they are not called the same."""


def family_of(path: str) -> str:
    """Return the family that the endpoint at ``path`` belongs to."""
    return max((len(start), family) for start, family in _BY_PATH if path.startswith(start))[1]


def refusal(record: KeyRecord, permissions: Permissions, endpoint: Endpoint) -> Problem | None:
    """Return why a restricted key may not use ``endpoint``, or None."""
    if endpoint.always_empty:
        return None
    family = family_of(endpoint.path)
    level: Level = "read" if endpoint.method == "GET" else "write"
    return None if allows(permissions, family, level) else _lacks(record, family, level)


def may_show(permissions: Permissions, kind: str) -> bool:
    """Return True when a restricted key may see objects of ``kind`` within others."""
    family = _BY_KIND.get(kind, kind)
    return family not in FAMILIES or allows(permissions, family, "read")


def refusal_to_expand(record: KeyRecord, permissions: Permissions, places: Iterable[tuple[str, ...]]) -> Problem | None:
    """Return why a restricted key may not see what ``places`` may hold, or None; one of the kinds of each is enough."""
    for kinds in sorted(places):
        if kinds and not any(may_show(permissions, kind) for kind in kinds):
            return _lacks(record, _BY_KIND.get(kinds[0], kinds[0]), "read")
    return None


def _lacks(record: KeyRecord, family: str, level: Level) -> Problem:
    return invalid(
        f"The provided key '{masked_hint(record.hint)}' does not have the required permissions for this endpoint on "
        f"account '{record.account_id}'. Having the 'rak_{family}_{level}' permission would allow this request to "
        f"continue. Make a key that has it with 'interlock keys create --allow {family}={level}'.",
        status=403,
    )
