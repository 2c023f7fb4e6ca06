"""Direct debits of the simulated Stripe: accepted at once, paid or sent back by the bank later.

The test accounts and what becomes of them are those of Stripe's SEPA Direct Debit testing page; any other valid IBAN
is paid. Money is booked when the bank has paid, not before.
"""

from typing import Any

import msgspec

from interlock.base.ids import new_id
from interlock.sandbox.stripe import rendering
from interlock.sandbox.stripe.charging import charge_id
from interlock.sandbox.stripe.desk import Call, Desk, fingerprint
from interlock.sandbox.stripe.errors import Refusal, invalid, missing_param
from interlock.sandbox.stripe.state import Attempt, Method, Payment

KIND = "sepa_debit"
SETTLE_MS = 1_000
DELAYED_MS = 180_000
_DISPUTE_DELAY_MS = 50
_CODES_AT = {"DE": (4, 12), "AT": (4, 9), "FR": (4, 9), "IT": (5, 10), "BE": (4, 7), "ES": (4, 8), "NL": (4, 8)}
_LETTERS_AND_DIGITS = range(15, 32)

MESSAGES = {
    "generic_could_not_process": "The bank could not process the debit.",
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "charge_exceeds_source_limit": "The debit exceeds the account's weekly volume limit.",
    "charge_exceeds_weekly_limit": "The debit exceeds the account's weekly number of debits.",
}


class TestAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a debit: ``code`` is why the bank sends it back (empty: it pays)."""

    __test__ = False

    name: str
    iban: str
    code: str = ""
    settle_ms: int = SETTLE_MS
    disputed: bool = False


_BEHAVIOURS: dict[str, dict[str, Any]] = {
    "success": {},
    "successDelayed": {"settle_ms": DELAYED_MS},
    "failed": {"code": "generic_could_not_process"},
    "failedDelayed": {"code": "generic_could_not_process", "settle_ms": DELAYED_MS},
    "disputed": {"disputed": True},
    "exceedsWeeklyVolumeLimit": {"code": "charge_exceeds_source_limit"},
    "exceedsWeeklyTransactionLimit": {"code": "charge_exceeds_weekly_limit"},
    "insufficientFunds": {"code": "insufficient_funds"},
}
_IBANS: dict[str, tuple[str, ...]] = {
    "at": ("AT611904300234573201", "AT321904300235473204", "AT861904300235473202", "AT051904300235473205",
           "AT591904300235473203", "AT981904300000343434", "AT601904300000121212", "AT981904300002222227"),
    "be": ("BE62510007547061", "BE78510007547064", "BE68539007547034", "BE51510007547065",
           "BE08510007547063", "BE90510000343434", "BE52510000121212", "BE90510002222227"),
    "de": ("DE89370400440532013000", "DE08370400440532013003", "DE62370400440532013001", "DE78370400440532013004",
           "DE35370400440532013002", "DE65370400440000343434", "DE27370400440000121212", "DE65370400440002222227"),
    "fr": ("FR1420041010050500013M02606", "FR3020041010050500013M02609", "FR8420041010050500013M02607",
           "FR7920041010050500013M02600", "FR5720041010050500013M02608", "FR9720041010050000000343434",
           "FR5920041010050000000121212", "FR9720041010050000002222227"),
}  # fmt: skip

TEST_ACCOUNTS = (
    *(
        msgspec.convert({"name": f"{name}_{country}", "iban": iban, **behaviour}, TestAccount)
        for country, ibans in _IBANS.items()
        for (name, behaviour), iban in zip(_BEHAVIOURS.items(), ibans, strict=True)
    ),
    TestAccount(name="success_it", iban="IT40S0542811101000000123456"),
    TestAccount(name="failed_it", iban="IT60X0542811101000000123456", code="generic_could_not_process"),
)
_BY_IBAN = {account.iban: account for account in TEST_ACCOUNTS}
_BY_NAME = {account.name: account for account in TEST_ACCOUNTS}
_PAYS = TestAccount(name="", iban="")


def passes_check(iban: str) -> bool:
    """Return True when length, characters and check digits of ``iban`` may be right (ISO 7064, MOD 97-10)."""
    if len(iban) not in _LETTERS_AND_DIGITS or not iban.isascii() or not iban.isalnum() or not iban[:2].isalpha():
        return False
    digits = "".join(str(int(character, 36)) for character in iban[4:] + iban[:4])
    return int(digits) % 97 == 1


def from_iban(desk: Desk, data: dict[str, Any], where: str) -> Method | Refusal:
    """Return a payment method for ``sepa_debit``, or what is wrong with it.

    Args:
        desk: for the time.
        data: the payment method's data.
        where: the parameter that held them, "" for the request's own.

    """
    debit = data.get(KIND)
    given = str(debit.get("iban") or "") if isinstance(debit, dict) else ""
    field = f"{where}[{KIND}][iban]" if where else f"{KIND}[iban]"
    if not given:
        return missing_param(field)
    iban = given.replace(" ", "").upper()
    if not passes_check(iban):
        return invalid("The IBAN you provided is invalid.", code="account_number_invalid", param=field)
    billing = data.get("billing_details")
    details = billing if isinstance(billing, dict) else {}
    for name in ("email", "name"):
        if not details.get(name):
            return missing_param(f"{where}[billing_details][{name}]" if where else f"billing_details[{name}]")
    start, end = _CODES_AT.get(iban[:2], (4, 8))
    return Method(
        new_id("pm"), desk.now(), _BY_IBAN.get(iban, _PAYS).name, KIND, "", iban[:2], "", iban[-4:], 0, 0,
        fingerprint(iban), cvc_given=False, billing=details, kind=KIND, bank_code=iban[start:end],
    )  # fmt: skip


class Debits:
    """Takes debits and lets banks answer them."""

    def __init__(self, desk: Desk) -> None:
        """Work at ``desk``."""
        self._desk = desk

    def cannot(self, payment: Payment, call: Call) -> Refusal | None:
        """Return why ``payment`` cannot be debited, or None."""
        if KIND not in payment.payment_method_types:
            return invalid(
                f"The PaymentMethod provided ({KIND}) is not allowed for this PaymentIntent.",
                code="payment_intent_incompatible_payment_method",
                param="payment_method",
            )
        if payment.currency != "eur":
            return invalid(f"The currency provided ({payment.currency}) is invalid for {KIND}.", param="currency")
        if payment.capture_method == "manual":
            return invalid(f"{KIND} does not support manual capture.", param="capture_method")
        acceptance = call.tree("mandate_data").get("customer_acceptance")
        if not isinstance(acceptance, dict) or not acceptance.get("type"):
            return missing_param("mandate_data")
        return None

    def begin(self, payment: Payment, call: Call) -> Refusal | None:
        """Hand the debit to the bank, or refuse the request; the caller stores the payment."""
        wrong = self.cannot(payment, call)
        if wrong is not None:
            return wrong
        attempt = Attempt(
            charge_id(payment.id, len(payment.attempts)), self._desk.now(), payment.amount, approved=False, pending=True
        )
        payment.attempts = [*payment.attempts, attempt]
        payment.last_error = None
        payment.status = "processing"
        account = self._account(payment)
        self._desk.store.add_timer(self._desk.context.clock.now_ms() + account.settle_ms, "debit", payment.id)
        self._emit(payment, attempt, "charge.pending", "payment_intent.processing", call)
        return None

    def settle(self, payment_id: str) -> None:
        """Let the bank pay the debit or send it back."""
        payment = self._desk.store.get(payment_id, Payment)
        attempt = payment.attempts[-1] if payment is not None and payment.attempts else None
        if payment is None or attempt is None or not attempt.pending:
            return
        account = self._account(payment)
        attempt.pending = False
        if account.code:
            self._send_back(payment, attempt, account.code)
            return
        attempt.approved = attempt.captured = True
        attempt.amount_captured = payment.amount_received = payment.amount
        payment.status = "succeeded"
        self._desk.book("authorisation", payment, attempt.id, payment.amount, None)
        self._desk.book("capture", payment, attempt.id, payment.amount, None)
        if account.disputed:
            attempt.dispute = "fraudulent"
            due = self._desk.context.clock.now_ms() + _DISPUTE_DELAY_MS
            self._desk.store.add_timer(due, "dispute", attempt.id)
        self._desk.store.put(payment.id, payment)
        self._emit(payment, attempt, "charge.succeeded", "payment_intent.succeeded", None)

    def _send_back(self, payment: Payment, attempt: Attempt, code: str) -> None:
        attempt.code, attempt.message = code, MESSAGES[code]
        error: dict[str, Any] = {"charge": attempt.id, "code": code, "message": attempt.message, "type": "card_error"}
        if payment.method is not None:
            error["payment_method"] = rendering.payment_method(payment.method)
        payment.last_error = error
        payment.status = "requires_payment_method"
        self._desk.book("authorisation", payment, attempt.id, payment.amount, None, status="declined", code=code)
        self._desk.store.put(payment.id, payment)
        self._emit(payment, attempt, "charge.failed", "payment_intent.payment_failed", None)

    def _account(self, payment: Payment) -> TestAccount:
        return _BY_NAME.get(payment.method.card_name, _PAYS) if payment.method is not None else _PAYS

    def _emit(self, payment: Payment, attempt: Attempt, of_charge: str, of_payment: str, call: Call | None) -> None:
        self._desk.emit(of_charge, rendering.charge(payment, attempt), call)
        self._desk.emit(of_payment, rendering.payment_intent(payment, self._desk.context.base_url), call)
