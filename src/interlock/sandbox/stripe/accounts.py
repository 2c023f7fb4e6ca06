"""Singular things of the simulated Stripe: the account, charges by id, balance transactions."""

from interlock.sandbox.stripe import rendering
from interlock.sandbox.stripe.charging import payment_of
from interlock.sandbox.stripe.desk import Answer, Call, Desk, Shown
from interlock.sandbox.stripe.errors import missing_object
from interlock.sandbox.stripe.state import Payment, Refund

ACCOUNT_ID = "acct_1InterlockSandbox"
_DESCRIPTORS = dict.fromkeys(
    ("statement_descriptor_prefix", "statement_descriptor_prefix_kana", "statement_descriptor_prefix_kanji")
)
_SETTINGS = {
    "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
    "card_payments": {"decline_on": {"avs_failure": False, "cvc_failure": False}, **_DESCRIPTORS},
    "dashboard": {"display_name": "Interlock sandbox", "timezone": "Etc/UTC"},
    "payments": dict.fromkeys(("statement_descriptor", "statement_descriptor_kana", "statement_descriptor_kanji")),
}


class Accounts:
    """Answers GET on the account, charges and balance transactions."""

    def __init__(self, desk: Desk) -> None:
        """Read from ``desk``'s memory."""
        self._desk = desk

    def account(self, call: Call) -> Answer:
        """GET /v1/account."""
        del call
        return Shown(
            {
                "id": ACCOUNT_ID,
                "object": "account",
                "business_profile": None,
                "business_type": "company",
                "capabilities": {"card_payments": "active", "transfers": "active"},
                "charges_enabled": True,
                "country": "US",
                "created": 1_700_000_000,
                "default_currency": "usd",
                "details_submitted": True,
                "email": "sandbox@example.test",
                "external_accounts": {
                    "object": "list",
                    "data": [],
                    "has_more": False,
                    "url": f"/v1/accounts/{ACCOUNT_ID}/external_accounts",
                },
                "metadata": {},
                "payouts_enabled": True,
                "settings": _SETTINGS,
                "type": "standard",
            }
        )

    def charge(self, call: Call, charge_id: str) -> Answer:
        """GET /v1/charges/{id}."""
        del call
        payment = self._desk.store.get(payment_of(charge_id), Payment)
        for attempt in payment.attempts if payment is not None else ():
            if attempt.id == charge_id and payment is not None:
                return Shown(rendering.charge(payment, attempt))
        return missing_object("charge", charge_id)

    def balance_transaction(self, call: Call, transaction_id: str) -> Answer:
        """GET /v1/balance_transactions/{id}."""
        del call
        source = transaction_id.removeprefix("txn_")
        payment = self._desk.store.get(payment_of(f"ch_{source}"), Payment)
        for attempt in payment.attempts if payment is not None else ():
            if payment is not None and attempt.id == f"ch_{source}":
                return Shown(
                    rendering.balance_transaction(
                        attempt.id, "charge", attempt.amount_captured, payment.currency, attempt.created
                    )
                )
        refund = self._desk.store.get(f"re_{source}", Refund)
        if refund is None:
            return missing_object("balance transaction", transaction_id)
        return Shown(rendering.balance_transaction(refund.id, "refund", refund.amount, refund.currency, refund.created))
