"""Reads from a Stripe request what faults may match on. Only called while there are faults."""

from typing import Any

from interlock.sandbox import cards
from interlock.sandbox.engine import Facts
from interlock.sandbox.http import FormError, Request, parse_form
from interlock.sandbox.stripe.charging import payment_of
from interlock.sandbox.stripe.desk import Desk
from interlock.sandbox.stripe.state import Method, Payment

_ACTIONS = {"capture": "capture", "cancel": "void", "increment_authorization": "increment"}


class FactsReader:
    """Knows what a request is about."""

    def __init__(self, desk: Desk) -> None:
        """Look payments up at ``desk``."""
        self._store = desk.store

    def facts(self, request: Request) -> Facts:
        """Return operation, brand, currency, country and BIN as far as they can be known before executing."""
        parts = request.path.strip("/").split("/")
        resource = parts[1] if len(parts) > 1 else ""
        try:
            form = parse_form(request.body.decode() if request.method == "POST" else request.query)
        except (FormError, UnicodeDecodeError):
            return Facts()
        if request.method == "GET":
            return self._of_payment("inquire", parts[2] if len(parts) > 2 else "", form)
        if resource == "refunds":
            named = form.get("payment_intent") or payment_of(str(form.get("charge") or ""))
            return self._of_payment("refund", str(named), form)
        if resource == "setup_intents":
            return self._of_card("verify", form, "")
        if resource != "payment_intents":
            return Facts(resource)
        return self._of_intent(parts, form)

    def _of_intent(self, parts: list[str], form: dict[str, Any]) -> Facts:
        action = parts[3] if len(parts) > 3 else ""
        if action in _ACTIONS:
            return self._of_payment(_ACTIONS[action], parts[2], form)
        if action == "confirm":
            payment = self._store.get(parts[2], Payment)
            manual = payment is not None and payment.capture_method == "manual"
            return self._of_payment("authorise" if manual else "sale", parts[2], form)
        if action or len(parts) > 2:
            return self._of_payment("update", parts[2], form)
        operation = "create"
        if form.get("confirm") == "true":
            operation = "authorise" if form.get("capture_method") == "manual" else "sale"
        return self._of_card(operation, form, str(form.get("currency", "")).lower())

    def _of_card(self, operation: str, form: dict[str, Any], currency: str) -> Facts:
        data = form.get("payment_method_data")
        card = data.get("card") if isinstance(data, dict) else None
        if isinstance(card, dict):
            number = str(card.get("number") or "")
            known = cards.by_number(number)
            return Facts(operation, known.brand, currency, known.country, number[:6])
        debit = data.get("sepa_debit") if isinstance(data, dict) else None
        if isinstance(debit, dict):
            return Facts(operation, "sepa_debit", currency, str(debit.get("iban") or "")[:2].upper())
        named = str(form.get("payment_method") or "")
        method = self._store.get(named, Method)
        if method is not None:
            return Facts(operation, method.brand, currency, method.country, method.bin)
        test = cards.by_name(named.removeprefix("pm_card_"))
        if test is not None:
            return Facts(operation, test.brand, currency, test.country, test.number[:6])
        return Facts(operation, currency=currency)

    def _of_payment(self, operation: str, payment_id: str, form: dict[str, Any]) -> Facts:
        payment = self._store.get(payment_id, Payment)
        if payment is None:
            return Facts(operation)
        if payment.method is None or "payment_method_data" in form or "payment_method" in form:
            return self._of_card(operation, form, payment.currency)
        method = payment.method
        return Facts(operation, method.brand, payment.currency, method.country, method.bin)
