"""Reads the card of a /payments request."""

import datetime as dt
from typing import Any

import msgspec

from interlock.sandbox import cards
from interlock.sandbox.adyen.desk import Desk
from interlock.sandbox.adyen.errors import CONTRACT_NOT_FOUND, INVALID_CARD, Failure, required
from interlock.sandbox.adyen.state import CardFacts, StoredCard
from interlock.sandbox.adyen.tables import STRICT_CVC, refusal_for_holder

_MIN_DIGITS, _MAX_DIGITS = 12, 19
_MONTHS = 12
_EXPIRED, _CVC_DECLINED = 6, 24


class ReadCard(msgspec.Struct, frozen=True):
    """A card and, when it was stored before, its token; ``refusal`` is what its data alone lead to."""

    card: CardFacts
    refusal: int | None = None
    stored: StoredCard | None = None
    challenged: bool = False


def read_card(desk: Desk, body: dict[str, Any]) -> ReadCard | Failure:
    """Return the card a request names, or what is wrong with it."""
    method = body.get("paymentMethod")
    if not isinstance(method, dict):
        return required("paymentMethod")
    kind = method.get("type", "scheme")
    if kind not in ("scheme", "card", "networkToken"):
        return Failure(422, "14_006", f"Unsupported payment method type: {kind}")
    holder = str(method.get("holderName") or "")
    token = method.get("storedPaymentMethodId") or method.get("recurringDetailReference")
    if token is not None:
        return _stored(desk, str(token), str(body.get("shopperReference") or ""), holder)
    if "encryptedCardNumber" in method and "number" not in method:
        return _from_numbers(desk, _decrypted(method), holder)
    return _from_numbers(desk, method, holder)


def _decrypted(method: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of Adyen's documented test encryption: ``test_4111111111111111``."""
    names = {
        "encryptedCardNumber": "number",
        "encryptedExpiryMonth": "expiryMonth",
        "encryptedExpiryYear": "expiryYear",
        "encryptedSecurityCode": "cvc",
    }
    return {plain: str(method[name]).removeprefix("test_") for name, plain in names.items() if name in method}


def _stored(desk: Desk, token: str, shopper: str, holder: str) -> ReadCard | Failure:
    stored = desk.store.get(token, StoredCard)
    if stored is None or stored.shopper_reference != shopper:
        return CONTRACT_NOT_FOUND
    card = msgspec.structs.replace(stored.card, holder_name=holder or stored.card.holder_name, cvc="")
    return ReadCard(card, refusal_for_holder(card.holder_name), stored)


def _from_numbers(desk: Desk, method: dict[str, Any], holder: str) -> ReadCard | Failure:
    number = str(method.get("number") or "").replace(" ", "")
    if not number.isascii() or not number.isdigit() or not _MIN_DIGITS <= len(number) <= _MAX_DIGITS:
        return INVALID_CARD
    if not cards.passes_luhn(number):
        return INVALID_CARD
    month, year = str(method.get("expiryMonth") or ""), str(method.get("expiryYear") or "")
    if not month.isdigit() or not 1 <= int(month) <= _MONTHS:
        return Failure(422, "140", "Expiry month should be between 1 and 12 inclusive")
    if not year.isdigit() or len(year) not in (2, 4):
        return Failure(422, "141", "Expiry year should be a 4 digit number greater than 2000")
    cvc = str(method.get("cvc") or "")
    known = cards.by_number(number)
    digits = (3, 4) if known.brand in ("amex", "unknown") else (3,)
    if cvc and (not cvc.isdigit() or len(cvc) not in digits):
        return Failure(422, "103", "CVC is not the right length")
    full_year = int(year) + (2000 if len(year) == 2 else 0)
    facts = CardFacts(
        known.name, known.brand, known.funding, known.country, number[:6], number[-4:],
        f"{int(month)}/{full_year}", holder, cvc,
    )  # fmt: skip
    return ReadCard(facts, _refusal(desk, facts, number, (full_year, int(month))), challenged=number in _CHALLENGED)


_CHALLENGED = frozenset(("4917610000000000", "5454545454545454", "4212345678901237"))


def _refusal(desk: Desk, card: CardFacts, number: str, expiry: tuple[int, int]) -> int | None:
    asked = refusal_for_holder(card.holder_name)
    if asked is not None:
        return asked
    today = dt.datetime.fromtimestamp(desk.now_ms() / 1000, dt.UTC)
    if expiry < (today.year, today.month):
        return _EXPIRED
    wanted = STRICT_CVC.get(number)
    return _CVC_DECLINED if wanted is not None and card.cvc and card.cvc != wanted else None
