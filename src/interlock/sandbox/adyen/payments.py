"""/payments and /payments/details of the simulated Adyen."""

from typing import Any

import msgspec

from interlock.sandbox import cards
from interlock.sandbox.adyen.cardreading import ReadCard, read_card
from interlock.sandbox.adyen.desk import Desk
from interlock.sandbox.adyen.errors import INVALID_AMOUNT, INVALID_CURRENCY, Failure, required, unreadable
from interlock.sandbox.adyen.state import Payment, StoredCard
from interlock.sandbox.adyen.tables import BY_DECLINE_CODE, REFUSALS, Refusal, brand, refusal_for_holder
from interlock.sandbox.pages import with_query

Json = dict[str, Any]
NOT_AUTHENTICATED, AUTHENTICATION_REQUIRED, AUTHENTICATION_ERROR = 11, 38, 42
DISPUTE_DELAY_MS = 500
REVIEW_MS = 300
FRAUD_CANCELLED = 22
_REVIEWED = ("review accepted", "review rejected")
_CURRENCY_LETTERS = 3
_MAX_REFERENCE = 80


class Payments:
    """Authorises payments and books what happened."""

    def __init__(self, desk: Desk) -> None:
        """Work at ``desk``."""
        self._desk = desk

    def create(self, body: Json, key: str) -> Json | Failure:
        """POST /payments."""
        amount = _read_plain_fields(body)
        if isinstance(amount, Failure):
            return amount
        read = read_card(self._desk, body)
        if isinstance(read, Failure):
            return read
        payment = self._new(body, key, amount, read)
        forced, self._desk.context.forced_decline = self._desk.context.forced_decline, None
        if forced is not None:
            return self._refuse(payment, BY_DECLINE_CODE.get(forced[1], BY_DECLINE_CODE.get(forced[0], 2)))
        refusal = read.refusal if read.refusal is not None else _asked(body)
        if refusal is not None:
            return self._refuse(payment, refusal)
        return self._authenticate(payment, read, body)

    def _new(self, body: Json, key: str, amount: tuple[int, str], read: ReadCard) -> Payment:
        additional = body.get("additionalData") or {}
        manual = str(additional.get("manualCapture", "")).lower() == "true" or bool(body.get("captureDelayHours"))
        payment = Payment(
            self._desk.new_psp(), self._desk.now_ms(), body["reference"], amount[0], amount[1], read.card,
            "refused", manual, key,
        )  # fmt: skip
        payment.metadata = {str(name): str(value) for name, value in (body.get("metadata") or {}).items()}
        payment.return_url = body["returnUrl"]
        payment.merchant_initiated = body.get("shopperInteraction") == "ContAuth"
        payment.shopper_reference = str(body.get("shopperReference") or "")
        payment.recurring_model = str(body.get("recurringProcessingModel") or "")
        wanted = body.get("storePaymentMethod") or body.get("enableRecurring") or body.get("enableOneClick")
        payment.store_card = bool(wanted and payment.shopper_reference and read.stored is None)
        payment.stored_id = read.stored.id if read.stored is not None else ""
        return payment

    def _authenticate(self, payment: Payment, read: ReadCard, body: Json) -> Json:
        card = cards.behaviour(payment.card.name)
        wish = (body.get("authenticationData") or {}).get("attemptAuthentication", "")
        need = card.three_d_secure in ("required", "unless_set_up", "already_set_up", "lookup_error")
        need = need or (read.challenged and not payment.merchant_initiated)
        if card.three_d_secure in ("unless_set_up", "already_set_up") and payment.merchant_initiated:
            need = card.three_d_secure == "unless_set_up" and read.stored is None
        if wish == "always" and card.three_d_secure != "":
            need = True
        if body.get("mpiData"):
            need = False
            payment.authenticated = True
        if not need:
            return self._review(payment) if _is_reviewed(payment) else self._authorise(payment)
        if card.three_d_secure == "lookup_error":
            return self._refuse(payment, AUTHENTICATION_ERROR)
        if payment.merchant_initiated or wish == "never":
            return self._refuse(payment, AUTHENTICATION_REQUIRED)
        payment.state = "redirected"
        self._desk.store.put(payment.psp, payment)
        page = f"{self._desk.context.base_url}/_sandbox/3ds/{payment.psp}"
        return {
            "action": {"method": "GET", "paymentMethodType": "scheme", "type": "redirect", "url": page},
            "additionalData": _card_data(payment),
            "pspReference": payment.psp,
            "resultCode": "RedirectShopper",
        }

    # -- review ----------------------------------------------------------------------------------------------------

    def _review(self, payment: Payment) -> Json:
        """Accept a payment that somebody looks at before it is authorised or refused; a notification tells which."""
        payment.state = "pending"
        self._keep(payment)
        self._desk.store.add_timer(self._desk.now_ms() + REVIEW_MS, "review", payment.psp)
        return self.shown(payment)

    def decide(self, psp: str) -> None:
        """End the review of a payment, as its holder's name says."""
        payment = self._desk.store.get(psp, Payment)
        if payment is None or payment.state != "pending":
            return
        if payment.card.holder_name.lower() == "review rejected":
            self._refuse(payment, FRAUD_CANCELLED)
        else:
            self._authorise(payment)

    # -- outcomes --------------------------------------------------------------------------------------------------

    def _authorise(self, payment: Payment) -> Json:
        card = cards.behaviour(payment.card.name)
        if card.code:
            return self._refuse(payment, BY_DECLINE_CODE.get(card.decline_code, 2))
        payment.state = "authorised"
        desk = self._desk
        desk.book("authorisation", payment, payment.psp, payment.amount, payment.idempotency_key)
        if not payment.manual_capture:
            payment.captured = payment.amount
            desk.book("capture", payment, payment.psp, payment.amount, payment.idempotency_key)
        if payment.store_card:
            token = desk.new_psp()
            payment.stored_id = token
            kept = msgspec.structs.replace(payment.card, cvc="")
            desk.store.put(token, StoredCard(token, payment.shopper_reference, kept, network_reference(payment.psp)))
        self._keep(payment)
        additional = authorised_data(payment)
        reason = f"{auth_code(payment.psp)}:{payment.card.last4}:{payment.card.expiry}"
        desk.notify("AUTHORISATION", payment, payment.psp, payment.amount, reason=reason, additional=_told(additional))
        if card.dispute:
            desk.store.add_timer(desk.now_ms() + DISPUTE_DELAY_MS, "dispute", payment.psp)
        return {
            "additionalData": additional,
            "amount": {"currency": payment.currency, "value": payment.amount},
            "fraudResult": {"accountScore": {"elevated": 65, "highest": 90}.get(card.risk_level, 0)},
            "merchantReference": payment.reference,
            "paymentMethod": {"brand": brand(payment.card.brand), "type": "scheme"},
            "pspReference": payment.psp,
            "resultCode": "Authorised",
        }

    def _refuse(self, payment: Payment, code: int) -> Json:
        payment.refusal = code
        payment.state = "refused"
        refusal = REFUSALS[code]
        desk = self._desk
        desk.book(
            "authorisation", payment, payment.psp, payment.amount, payment.idempotency_key, status="declined",
            code=str(code),
        )  # fmt: skip
        self._keep(payment)
        additional = refused_data(payment, refusal)
        desk.notify(
            "AUTHORISATION", payment, payment.psp, payment.amount, success=False, reason=refusal.reason,
            additional=_told(additional),
        )  # fmt: skip
        return {
            "additionalData": additional,
            "fraudResult": {"accountScore": 100 if refusal.reason == "FRAUD" else 0},
            "merchantReference": payment.reference,
            "pspReference": payment.psp,
            "refusalReason": refusal.reason,
            "refusalReasonCode": str(code),
            "resultCode": refusal.result,
        }

    def _keep(self, payment: Payment) -> None:
        self._desk.store.put(payment.psp, payment)
        self._desk.store.tag("reference", payment.reference, payment.psp)

    # -- after the challenge ---------------------------------------------------------------------------------------

    def challenge_result(self, psp: str, outcome: str) -> str | None:
        """Return where the shopper goes after choosing ``outcome`` on the page, None when nothing waits for it."""
        payment = self._desk.store.get(psp, Payment)
        if payment is None or payment.state != "redirected":
            return None
        mark = "S" if outcome == "succeed" else "F"
        return with_query(payment.return_url, redirectResult=f"{mark}{psp}")

    def details(self, body: Json, key: str) -> Json | Failure:
        """POST /payments/details."""
        details = body.get("details")
        result = details.get("redirectResult") if isinstance(details, dict) else None
        if not isinstance(result, str):
            return unreadable("Required field 'details.redirectResult' is not provided.")
        payment = self._desk.store.get(result[1:], Payment)
        if payment is None or result[0] not in "SF":
            return Failure(422, "14_0417", "Invalid redirectResult provided")
        if payment.state != "redirected":
            return self.shown(payment)
        payment.idempotency_key = payment.idempotency_key or key
        if result[0] == "F":
            return self._refuse(payment, NOT_AUTHENTICATED)
        payment.authenticated = True
        return self._authorise(payment)

    def shown(self, payment: Payment) -> Json:
        """Return the outcome of a payment that is decided."""
        common = {"merchantReference": payment.reference, "pspReference": payment.psp}
        if payment.state == "pending":
            return {**common, "additionalData": _card_data(payment), "resultCode": "Pending"}
        if payment.state == "refused":
            refusal = REFUSALS[payment.refusal]
            return {
                **common,
                "refusalReason": refusal.reason,
                "refusalReasonCode": str(refusal.code),
                "resultCode": refusal.result,
            }
        return {
            **common,
            "additionalData": authorised_data(payment),
            "amount": {"currency": payment.currency, "value": payment.amount},
            "resultCode": "Authorised",
        }


def read_amount(given: object) -> tuple[int, str] | Failure:
    """Return value and currency of an amount object, or what is wrong with it."""
    if not isinstance(given, dict):
        return required("amount")
    value, currency = given.get("value"), given.get("currency")
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return INVALID_AMOUNT
    if not isinstance(currency, str) or len(currency) != _CURRENCY_LETTERS or not currency.isupper():
        return INVALID_CURRENCY
    return value, currency


def _read_plain_fields(body: Json) -> tuple[int, str] | Failure:
    for name in ("amount", "reference", "paymentMethod", "returnUrl"):
        if not body.get(name):
            return required(name)
    if not isinstance(body["reference"], str) or len(body["reference"]) > _MAX_REFERENCE:
        return Failure(422, "702", "Field 'reference' is not valid.")
    return read_amount(body["amount"])


def _is_reviewed(payment: Payment) -> bool:
    return payment.card.holder_name.lower() in _REVIEWED


def _asked(body: Json) -> int | None:
    additional = body.get("additionalData")
    asked = additional.get("RequestedTestAcquirerResponseCode") if isinstance(additional, dict) else None
    if asked is None:
        return None
    text = str(asked)
    code = int(text) if text.isdigit() else refusal_for_holder(text)
    return code if code in REFUSALS else None


def auth_code(psp: str) -> str:
    """Return the issuer's authorisation code, derived from the reference."""
    return str(int(psp[-8:], 36) % 1_000_000).zfill(6)


def network_reference(psp: str) -> str:
    """Return the scheme's transaction reference, derived from Adyen's."""
    return str(int(psp, 36) % 10**15).zfill(15)


def _card_data(payment: Payment) -> dict[str, str]:
    card = payment.card
    known = cards.behaviour(card.name)
    cvc = {"pass": "1 Matches", "fail": "2 Doesn't match", "unavailable": "3 Not checked"}[known.cvc_check]
    avs = {"pass": "7 Both postal code and address match", "fail": "2 Neither postal code nor address match",
           "unavailable": "3 AVS unavailable"}[known.postal_code_check]  # fmt: skip
    return {
        "avsResult": avs,
        "cardBin": card.bin,
        "cardHolderName": card.holder_name,
        "cardIssuingCountry": card.country,
        "cardPaymentMethod": brand(card.brand),
        "cardSummary": card.last4,
        "cvcResult": cvc if card.cvc else "6 No CVC/CVV provided",
        "expiryDate": card.expiry,
        "fundingSource": card.funding.upper(),
        "merchantReference": payment.reference,
        "paymentMethod": brand(card.brand),
        "threeDAuthenticated": "true" if payment.authenticated else "false",
        "threeDOffered": "true" if payment.authenticated else "false",
    }


def authorised_data(payment: Payment) -> dict[str, str]:
    """Return the additionalData of an authorised payment."""
    data = _card_data(payment)
    data["authCode"] = auth_code(payment.psp)
    data["acquirerReference"] = payment.psp[-11:]
    data["networkTxReference"] = network_reference(payment.psp)
    data["refusalReasonRaw"] = "AUTHORISED"
    if payment.recurring_model:
        data["recurringProcessingModel"] = payment.recurring_model
    if payment.stored_id:
        data["recurring.recurringDetailReference"] = payment.stored_id
        data["recurring.shopperReference"] = payment.shopper_reference
        data["tokenization.shopperReference"] = payment.shopper_reference
        data["tokenization.storedPaymentMethodId"] = payment.stored_id
        data["tokenization.store.operationType"] = "created" if payment.store_card else "alreadyStored"
    return data


def _told(additional: dict[str, str]) -> dict[str, str]:
    """Return what a notification repeats of an answer's data: all but the holder's name."""
    return {name: value for name, value in additional.items() if name != "cardHolderName"}


def refused_data(payment: Payment, refusal: Refusal) -> dict[str, str]:
    """Return the additionalData of a refused payment."""
    data = _card_data(payment)
    data["refusalReasonRaw"] = refusal.holder_name
    return data
