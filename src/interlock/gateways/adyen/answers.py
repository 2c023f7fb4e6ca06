"""Reads Adyen's answers into results. Pure; called by the Adyen connector only.

What cannot be classified is ``unknown``. ``transient-error: true`` and error code 704 ("already processed or in
progress") say that another request with this key is or was under way, so they prove nothing.
"""

import re

from interlock.base.money import Money, from_provider
from interlock.gateways.contract import UNREADABLE, HttpResponse, Tables
from interlock.gateways.outcomes import Challenge, Outcome, Result, refused, unknown

from .objects import (
    ERROR,
    MODIFICATION,
    PAYMENT,
    Action,
    Amount,
    ModificationAnswer,
    PaymentAnswer,
)

PARTIALLY_AUTHORISED = "PartiallyAuthorised"
_OK = 200
_CREATED = 201
_GENERIC = "generic_decline"
_ADVICE = {
    "01": "confirm_card_data",
    "02": "try_again_later",
    "03": "do_not_try_again",
    "21": "do_not_try_again",
    "24": "try_again_later",
    "25": "try_again_later",
    "26": "try_again_later",
    "27": "try_again_later",
    "28": "try_again_later",
    "29": "try_again_later",
    "30": "try_again_later",
}
_CVC = {"1": "pass", "2": "fail", "3": "unchecked", "5": "unavailable", "6": "unchecked"}
_ADDRESS = {
    "1": ("pass", "fail"),
    "2": ("fail", "fail"),
    "3": ("unavailable", "unavailable"),
    "4": ("unavailable", "unavailable"),
    "5": ("unchecked", "unchecked"),
    "6": ("fail", "pass"),
    "7": ("pass", "pass"),
}
_LEADING_CODE = re.compile(r"^\s*([0-9A-Z]{1,3})\b")


def payment_answer(
    response: HttpResponse, tables: Tables, reference: str | None, *, capture: bool | None = None
) -> Result:
    """Return what an answer of /payments or /payments/details says.

    Args:
        response: the answer.
        tables: the manifest's tables.
        reference: our attempt id, which the answer must carry if it carries any.
        capture: True where an authorisation is captured by Adyen at once, None where nothing can be captured.

    """
    answer = read_payment(response)
    if answer is None:
        return error_result(response, tables)
    if reference is not None and answer.merchant_reference not in {None, reference}:
        return unknown("foreign_answer", gateway_reference=answer.psp_reference)
    outcome = tables.statuses["result_code"].get(answer.result_code, Outcome.UNKNOWN)
    if outcome in {Outcome.DECLINED, Outcome.REFUSED}:
        return _not_authorised(answer, outcome, tables)
    if outcome is Outcome.APPROVED and not answer.psp_reference:
        outcome = Outcome.UNKNOWN
    if outcome is Outcome.UNKNOWN:
        return unknown(f"result_{answer.result_code}", answer.refusal_reason, gateway_reference=answer.psp_reference)
    challenge = None
    if outcome is Outcome.CHALLENGE:
        challenge = _challenge(answer.action)
        if challenge is None:
            return unknown("unsupported_action", gateway_reference=answer.psp_reference)
    return _accepted(answer, outcome, tables, challenge, capture=capture)


def read_payment(response: HttpResponse) -> PaymentAnswer | None:
    """Return the payment answer, or None when this is none."""
    if response.status not in {_OK, _CREATED}:
        return None
    try:
        return PAYMENT.decode(response.body)
    except UNREADABLE:
        return None


def modification_answer(response: HttpResponse, tables: Tables, payment: str) -> Result:
    """Return what an answer to a capture, cancellation, refund or amount update says: mostly "received".

    Args:
        response: the answer.
        tables: the manifest's tables.
        payment: the payment that was to be modified, which the answer must name.

    """
    answer = _read_modification(response)
    if answer is None:
        return error_result(response, tables)
    if answer.payment_psp_reference != payment:
        return unknown("foreign_answer", gateway_reference=answer.psp_reference)
    outcome = tables.statuses["modification"].get(answer.status, Outcome.UNKNOWN)
    if outcome is Outcome.UNKNOWN:
        return unknown(f"status_{answer.status}", gateway_reference=answer.psp_reference)
    return Result(
        outcome=outcome,
        gateway_reference=answer.psp_reference,
        echo=_money(answer.amount, tables),
        decline_code=_GENERIC if outcome is Outcome.DECLINED else None,
    )


def error_result(response: HttpResponse, tables: Tables) -> Result:
    """Return what an answer means that is no success: declined, refused or unknown."""
    try:
        error = ERROR.decode(response.body)
    except UNREADABLE:
        return unreadable(response)
    if response.status < 300:
        return unreadable(response)
    reference = error.psp_reference
    transient = response.headers.get("transient-error", "").strip().lower() == "true"
    by_status = tables.statuses["http"].get(str(response.status), Outcome.UNKNOWN)
    by_code = tables.statuses["error_code"].get(error.error_code)
    if transient or error.error_code in tables.uncertain:
        return unknown(f"error_{error.error_code}", error.message, gateway_reference=reference)
    if by_status is Outcome.REFUSED and by_code is Outcome.DECLINED:
        return Result(
            outcome=Outcome.DECLINED,
            gateway_reference=reference,
            code=f"error_{error.error_code}",
            message=error.message,
            decline_code=tables.declines.get(f"error_{error.error_code}", _GENERIC),
        )
    if by_status is Outcome.REFUSED or error.error_code in tables.refusals:
        return refused(f"error_{error.error_code}", error.message, gateway_reference=reference)
    return unknown(f"error_{error.error_code}", error.message, gateway_reference=reference)


def unreadable(response: HttpResponse) -> Result:
    """Return ``unknown`` for an answer in no shape Adyen documents, naming its status and kind."""
    kind = response.headers.get("content-type", "no content-type")[:60]
    return unknown("unreadable_answer", f"HTTP {response.status}, {kind}, {len(response.body)} bytes")


def decline_code(tables: Tables, code: str | None, reason: str | None) -> str:
    """Return Stripe's word for a refusal, by Adyen's code or, in webhooks, by its text."""
    return tables.declines.get(code or "") or tables.declines.get((reason or "").strip().lower(), _GENERIC)


def text_of(data: dict[str, object], key: str) -> str | None:
    """Return a field of ``additionalData``, which Adyen documents as text."""
    value = data.get(key)
    return value if isinstance(value, str) and value else None


def _read_modification(response: HttpResponse) -> ModificationAnswer | None:
    if response.status not in {_OK, _CREATED}:
        return None
    try:
        return MODIFICATION.decode(response.body)
    except UNREADABLE:
        return None


def _not_authorised(answer: PaymentAnswer, outcome: Outcome, tables: Tables) -> Result:
    raw = text_of(answer.additional_data, "refusalReasonRaw")
    advice = text_of(answer.additional_data, "merchantAdviceCode") or ""
    network = _LEADING_CODE.match(raw) if raw else None
    return Result(
        outcome=outcome,
        gateway_reference=answer.psp_reference,
        code=answer.refusal_reason_code or answer.result_code,
        message=answer.refusal_reason,
        decline_code=decline_code(tables, answer.refusal_reason_code or answer.result_code, answer.refusal_reason),
        advice_code=_ADVICE.get(advice[:2]),
        network_decline_code=network[1] if network else None,
    )


def _accepted(
    answer: PaymentAnswer, outcome: Outcome, tables: Tables, challenge: Challenge | None, *, capture: bool | None
) -> Result:
    data = answer.additional_data
    address, postal_code = _ADDRESS.get((text_of(data, "avsResult") or "")[:1], (None, None))
    token = text_of(data, "tokenization.storedPaymentMethodId")
    return Result(
        outcome=outcome,
        gateway_reference=answer.psp_reference,
        echo=_money(answer.amount, tables),
        challenge=challenge,
        network_transaction_id=text_of(data, "networkTxReference"),
        stored_credential_reference=token or text_of(data, "recurring.recurringDetailReference"),
        authorisation_code=text_of(data, "authCode"),
        cvc_check=_CVC.get((text_of(data, "cvcResult") or "")[:1]),
        postal_code_check=postal_code,
        address_line1_check=address,
        three_d_secure=_three_d_secure(data),
        captured=capture if outcome is Outcome.APPROVED else None,
    )


def _challenge(action: Action | None) -> Challenge | None:
    if action is None or action.type != "redirect" or not action.url:
        return None
    continuation = {"payment_data": action.payment_data} if action.payment_data else {}
    return Challenge(url=action.url, method=action.method.upper(), data=action.data, continuation=continuation)


def _three_d_secure(data: dict[str, object]) -> dict[str, str] | None:
    if text_of(data, "threeDAuthenticated") is None:
        return None
    named = {
        "result": "authenticated" if text_of(data, "threeDAuthenticated") == "true" else "failed",
        "version": text_of(data, "threeDSVersion"),
        "electronic_commerce_indicator": text_of(data, "eci"),
        "transaction_id": text_of(data, "dsTransID"),
    }
    return {key: value for key, value in named.items() if value}


def _money(amount: Amount | None, tables: Tables) -> Money | None:
    return None if amount is None else from_provider(amount.value, amount.currency, tables.currency_exponents)
