"""What a restricted key may do: for each family of objects nothing, read, or write (which includes read). Pure.

The families are named as the published API names them in its permissions (``rak_payment_intent_write``).
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from interlock.base.problems import Problem, invalid

Level = Literal["read", "write"]
Permissions = Mapping[str, Level]

FAMILIES: Mapping[str, str] = {
    "account": "the account",
    "balance": "the balance",
    "balance_transaction": "balance transactions",
    "charge": "charges and refunds",
    "checkout_session": "checkout sessions and their pages",
    "customer": "customers",
    "dispute": "disputes and their evidence",
    "event": "events, which show objects of every family",
    "file": "files, such as evidence",
    "mandate": "mandates",
    "payment_intent": "payment intents: create, confirm, capture, cancel",
    "payment_method": "payment methods",
    "payment_record": "tries at gateways (payment attempt records)",
    "product": "products",
    "plan": "prices",
    "setup_intent": "setup intents and their attempts",
    "source": "card sources of customers",
    "token": "tokens and confirmation tokens",
    "webhook": "webhook endpoints",
}
"""Family → what belongs to it."""


def read_permissions(given: Iterable[str]) -> dict[str, Level] | Problem:
    """Return the permissions that words such as ``charge=read`` grant, or what is wrong with them."""
    granted: dict[str, Level] = {}
    for word in given:
        family, _, level = word.partition("=")
        if family not in FAMILIES:
            return invalid(f"No family is called '{family[:40]}'. Known: {', '.join(FAMILIES)}.", param="allow")
        if level == "read":
            granted.setdefault(family, "read")
        elif level == "write":
            granted[family] = "write"
        else:
            return invalid(f"A permission is FAMILY=read or FAMILY=write, not '{word[:60]}'.", param="allow")
    if not granted:
        return invalid("A restricted key needs at least one permission.", param="allow")
    return granted


def allows(permissions: Permissions, family: str, level: Level) -> bool:
    """Return True when ``permissions`` allow ``level`` on ``family``."""
    return permissions.get(family) in {level, "write"}
