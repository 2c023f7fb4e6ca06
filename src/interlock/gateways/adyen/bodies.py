"""Builds Adyen's JSON bodies. Pure; called by the Adyen connector only.

Optional facts that Adyen would reject the whole payment for (half an address, a one-word name, long metadata) are left
out rather than sent: they help an authorisation, they are not part of it.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from interlock.base.money import Money, to_provider
from interlock.gateways.contract import (
    Card,
    CompleteRequest,
    FollowOnRequest,
    Initiator,
    PaymentRequest,
    Shopper,
    StoredCredential,
    Tables,
)

_MAX_REFERENCE = 80
_MAX_TEXT = 3000
_MAX_NAME = 80
_MAX_EMAIL = 256
_MAX_IP = 50
_MAX_PHONE = 64
_MAX_POSTAL_CODE = 10
_MAX_STATE = 3
_MAX_STATEMENT = 22
_MAX_METADATA = 20
_MAX_METADATA_KEY = 20
_MAX_METADATA_VALUE = 80
_MAX_SHOPPER_REFERENCE = 256
_MIN_SHOPPER_REFERENCE = 3
_NOT_IN_STATEMENT = re.compile(r"[^A-Za-z0-9.'_\-?+*/ ]")
_HOUSE_FIRST = re.compile(r"^(\d+\w{0,3})[,\s]+(\S.*)$")
_HOUSE_LAST = re.compile(r"^(.*\S)[,\s]+(\d+\w{0,3})$")
_REFUND_REASONS = {
    "duplicate": "DUPLICATE",
    "fraudulent": "FRAUD",
    "requested_by_customer": "CUSTOMER REQUEST",
}
_MODELS = {"recurring": "Subscription", "unscheduled": "UnscheduledCardOnFile", "card_on_file": "CardOnFile"}
_REDIRECT_KEYS = ("redirectResult", "payload", "MD", "PaRes")


def adyen_money(tables: Tables, money: Money) -> dict[str, Any] | None:
    """Return Adyen's Amount for ``money``, or None when Adyen cannot express it."""
    value = to_provider(money, tables.currency_exponents)
    return None if value is None else {"value": value, "currency": money.currency.upper()}


def payment_body(
    request: PaymentRequest,
    card: Card,
    amount: dict[str, Any],
    merchant_account: str,
    *,
    capture: bool,
    verify: bool = False,
) -> bytes:
    """Return the body of POST /payments.

    Args:
        request: what to charge.
        card: its instrument.
        amount: as :func:`adyen_money` made it.
        merchant_account: the account to charge through.
        capture: True for a sale: captured at once, whatever the account's default delay is.
        verify: True for a card check, which is neither captured nor delayed.

    """
    stored = request.stored_credential
    by_merchant = stored is not None and stored.initiator is Initiator.MERCHANT
    body: dict[str, Any] = {
        "amount": amount,
        "merchantAccount": merchant_account,
        "reference": _clean(request.reference)[:_MAX_REFERENCE],
        "returnUrl": _clean(request.return_url),
        "paymentMethod": _payment_method(card, stored, by_merchant=by_merchant),
        "shopperInteraction": "ContAuth" if by_merchant else "Ecommerce",
    }
    additional: dict[str, str] = {}
    if capture:
        body["captureDelayHours"] = 0
    elif not verify:
        additional["manualCapture"] = "true"
        if request.incremental:
            additional["authorisationType"] = "PreAuth"
    if additional:
        body["additionalData"] = additional
    if not by_merchant:
        body["channel"] = "Web"
        body["authenticationData"] = _authentication(request.three_d_secure)
    _add_stored_credential(body, stored, request.shopper)
    _add_shopper(body, request.shopper)
    if statement := _statement(request.statement_descriptor):
        body["shopperStatement"] = statement
    if metadata := _metadata(request.metadata):
        body["metadata"] = metadata
    return msgspec.json.encode(body)


def details_body(request: CompleteRequest) -> bytes | None:
    """Return the body of POST /payments/details, or None when the shopper brought nothing back."""
    details = {key: _clean(request.parameters[key]) for key in _REDIRECT_KEYS if request.parameters.get(key)}
    if not details:
        return None
    body: dict[str, Any] = {"details": details}
    if payment_data := request.continuation.get("payment_data"):
        body["paymentData"] = payment_data
    return msgspec.json.encode(body)


def modification_body(
    request: FollowOnRequest, merchant_account: str, amount: dict[str, Any] | None, *, refund: bool = False
) -> bytes:
    """Return the body of a capture, refund or amount update; without ``amount``, of a cancellation."""
    body: dict[str, Any] = {
        "merchantAccount": merchant_account,
        "reference": _clean(request.reference)[:_MAX_REFERENCE],
    }
    if amount is not None:
        body["amount"] = amount
    if refund:
        if request.capture_reference:
            body["capturePspReference"] = request.capture_reference
        if request.reason in _REFUND_REASONS:
            body["merchantRefundReason"] = _REFUND_REASONS[request.reason]
    return msgspec.json.encode(body)


def _payment_method(card: Card, stored: StoredCredential | None, *, by_merchant: bool) -> dict[str, str]:
    method = {
        "type": "scheme",
        "number": card.number,
        "expiryMonth": f"{card.exp_month:02d}",
        "expiryYear": str(card.exp_year),
    }
    if card.holder_name:
        method["holderName"] = _clean(card.holder_name)[:_MAX_TEXT]
    if card.cvc and not by_merchant:
        method["cvc"] = card.cvc
    if by_merchant and stored is not None and stored.network_transaction_id:
        method["networkPaymentReference"] = stored.network_transaction_id
    return method


def _authentication(three_d_secure: str) -> dict[str, Any]:
    """Return how 3D Secure is to run: by redirect, because a server has no native component to run it in."""
    data: dict[str, Any] = {"threeDSRequestData": {"nativeThreeDS": "disabled"}}
    if three_d_secure in {"any", "challenge"}:
        data["attemptAuthentication"] = "always"
    return data


def _add_stored_credential(body: dict[str, Any], stored: StoredCredential | None, shopper: Shopper) -> None:
    if stored is None:
        return
    by_merchant = stored.initiator is Initiator.MERCHANT
    default = "UnscheduledCardOnFile" if by_merchant else "CardOnFile"
    if by_merchant or stored.store or stored.network_transaction_id:
        body["recurringProcessingModel"] = _MODELS.get(stored.reason or "", default)
    if stored.store and "shopperReference" not in body and _usable_reference(shopper):
        body["storePaymentMethod"] = True


def _usable_reference(shopper: Shopper) -> bool:
    return bool(shopper.reference) and len(shopper.reference or "") >= _MIN_SHOPPER_REFERENCE


def _add_shopper(body: dict[str, Any], shopper: Shopper) -> None:
    if _usable_reference(shopper):
        body["shopperReference"] = _clean(shopper.reference or "")[:_MAX_SHOPPER_REFERENCE]
    if shopper.email and len(shopper.email) <= _MAX_EMAIL:
        body["shopperEmail"] = _clean(shopper.email)
    if shopper.ip and len(shopper.ip) <= _MAX_IP:
        body["shopperIP"] = shopper.ip
    if shopper.phone and len(shopper.phone) <= _MAX_PHONE:
        body["telephoneNumber"] = _clean(shopper.phone)
    words = _clean(shopper.name or "").split()
    if len(words) > 1:
        body["shopperName"] = {"firstName": words[0][:_MAX_NAME], "lastName": " ".join(words[1:])[:_MAX_NAME]}
    if address := _address(shopper.address):
        body["billingAddress"] = address


def _address(address: Mapping[str, str | None]) -> dict[str, str] | None:
    """Return Adyen's address, which wants street and house number apart, or None when a part it requires is missing."""
    line1, city = _clean(address.get("line1") or "").strip(), _clean(address.get("city") or "").strip()
    country, postal_code = address.get("country") or "", _clean(address.get("postal_code") or "").strip()
    whole = line1 and city and len(country) == 2 and 0 < len(postal_code) <= _MAX_POSTAL_CODE
    if not whole:
        return None
    first, last = _HOUSE_FIRST.match(line1), _HOUSE_LAST.match(line1)
    if first:
        house, street = first[1], first[2]
    elif last:
        street, house = last[1], last[2]
    else:
        street, house = line1, _clean(address.get("line2") or "").strip() or "N/A"
    found = {
        "street": street[:_MAX_TEXT],
        "houseNumberOrName": house[:_MAX_TEXT],
        "city": city[:_MAX_TEXT],
        "postalCode": postal_code,
        "country": country.upper(),
    }
    state = address.get("state") or ""
    if 0 < len(state) <= _MAX_STATE:
        found["stateOrProvince"] = _clean(state)
    return found


def _statement(descriptor: str | None) -> str | None:
    cleaned = _NOT_IN_STATEMENT.sub("", descriptor or "").strip()[:_MAX_STATEMENT].strip()
    return cleaned if any(char.isalpha() for char in cleaned) else None


def _metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for key, value in metadata.items():
        fits = 0 < len(key) <= _MAX_METADATA_KEY and 0 < len(value) <= _MAX_METADATA_VALUE
        if fits and len(kept) < _MAX_METADATA:
            kept[_clean(key)] = _clean(value)
    return kept


def _clean(text: str) -> str:
    """Return ``text`` without lone surrogates, which JSON in UTF-8 cannot carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
