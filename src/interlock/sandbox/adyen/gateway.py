"""The simulated Adyen as the engine sees it: authentication, idempotency, routing, the challenge page."""

from collections.abc import Callable

import msgspec

from interlock.sandbox import cards, pages
from interlock.sandbox.adyen import notifications
from interlock.sandbox.adyen.desk import MERCHANT_ACCOUNT, Desk
from interlock.sandbox.adyen.errors import (
    FORBIDDEN_ACCOUNT,
    IN_PROGRESS,
    UNAUTHORISED,
    Failure,
    required,
    unreadable,
)
from interlock.sandbox.adyen.modifications import KINDS, Modifications
from interlock.sandbox.adyen.payments import Json, Payments
from interlock.sandbox.adyen.state import Payment, StoredCard
from interlock.sandbox.adyen.tables import EXPONENTS
from interlock.sandbox.adyen.validation import AdyenValidation
from interlock.sandbox.engine import Context, Facts
from interlock.sandbox.http import Reply, Request, parse_pairs
from interlock.sandbox.money import exponent, major
from interlock.sandbox.store import Kept

VERSION = "/v72"
_MAX_KEY = 64
_MODIFICATION_PARTS = 3
_OPERATIONS = {"captures": "capture", "cancels": "void", "refunds": "refund", "reversals": "void",
               "amountUpdates": "increment"}  # fmt: skip

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, object]).decode
Handler = Callable[[Json, str], "Json | Failure"]
Route = tuple[int, str, Handler]


class AdyenGateway:
    """One simulated Adyen merchant account."""

    name = "adyen"

    def __init__(self, context: Context) -> None:
        """Work with ``context``."""
        self._context = context
        self._validation = AdyenValidation(context.specs) if context.specs is not None else None
        published = self._validation.version if self._validation is not None else ""
        self.checks = f"published specification {published}" if published else "built-in minimal checks"
        self._desk = Desk(context)
        self._payments = Payments(self._desk)
        self._modifications = Modifications(self._desk)
        self._routes: dict[str, Route] = {
            "/payments": (200, "payments", self._payments.create),
            "/payments/details": (200, "details", self._payments.details),
            "/cancels": (201, "technical", self._modifications.receive_by_reference),
        }

    def handle(self, request: Request) -> Reply:
        """Execute a request of the API."""
        key = self.idempotency_key(request)
        reply = self._refuse_early(request, key)
        if reply is None and key:
            kept = self._context.store.kept(key)
            if kept is not None:
                reply = Reply(kept.status, kept.body)
        if reply is None:
            reply = self._execute(request, key)
        if key:
            reply.headers = {**reply.headers, "idempotency-key": key}
        return reply

    def idempotency_key(self, request: Request) -> str:
        """Return the idempotency key of a POST."""
        return request.headers.get("idempotency-key", "") if request.method == "POST" else ""

    def in_progress(self) -> Reply:
        """Return Adyen's answer to a key that is being executed."""
        return IN_PROGRESS.reply(self._desk.new_psp())

    def _refuse_early(self, request: Request, key: str) -> Reply | None:
        if "sandbox" not in request.headers.get("x-api-key", "").lower():
            return UNAUTHORISED.reply(self._desk.new_psp())
        if len(key) > _MAX_KEY:
            return Failure(422, "702", "The idempotency key is longer than 64 characters.").reply()
        return None

    def _execute(self, request: Request, key: str) -> Reply:
        route = self._route(request)
        if route is None:
            return Reply(404, b"", "")
        status, kind, handler = route
        try:
            body = _decode(request.body)
        except msgspec.DecodeError as problem:
            return unreadable(f"Unexpected input: {problem}").reply(self._desk.new_psp())
        account = body.get("merchantAccount")
        if account is None and not request.path.endswith("/details"):
            return required("merchantAccount").reply(self._desk.new_psp())
        if account is not None and account != MERCHANT_ACCOUNT:
            return FORBIDDEN_ACCOUNT.reply(self._desk.new_psp())
        wrong = self._validation.check(kind, body) if self._validation is not None else None
        shown = handler(body, key) if wrong is None else wrong
        if isinstance(shown, Failure):
            return shown.reply(self._desk.new_psp())
        encoded = _encode(shown)
        if key:
            self._context.store.keep(key, Kept(b"", status, encoded))
        psp = shown.get("pspReference")
        return Reply(status, encoded, headers={"pspreference": psp} if isinstance(psp, str) else {})

    def _route(self, request: Request) -> Route | None:
        if request.method != "POST":
            return None
        path = request.path.removeprefix("/checkout")
        if not path.startswith(VERSION + "/"):
            return None
        path = path.removeprefix(VERSION)
        fixed = self._routes.get(path)
        if fixed is not None:
            return fixed
        parts = path.strip("/").split("/")
        if len(parts) == _MODIFICATION_PARTS and parts[0] == "payments" and parts[2] in KINDS:
            kind, psp = KINDS[parts[2]], parts[1]
            return 201, kind, lambda body, key: self._modifications.receive(kind, psp, body, key)
        return None

    # -- for the engine --------------------------------------------------------------------------------------------

    def facts(self, request: Request) -> Facts:
        """Return what faults may match on."""
        parts = request.path.removeprefix("/checkout").removeprefix(VERSION).strip("/").split("/")
        try:
            body = _decode(request.body)
        except msgspec.DecodeError:
            return Facts()
        if len(parts) == _MODIFICATION_PARTS:
            return self._payment_facts(_OPERATIONS.get(parts[2], ""), parts[1])
        if parts[-1] == "details":
            details = body.get("details")
            result = details.get("redirectResult") if isinstance(details, dict) else None
            return self._payment_facts("complete", str(result or "")[1:])
        if parts[-1] == "cancels":
            return Facts("void")
        return self._request_facts(body)

    def _payment_facts(self, operation: str, psp: str) -> Facts:
        payment = self._context.store.get(psp, Payment)
        if payment is None:
            return Facts(operation)
        card = payment.card
        return Facts(operation, card.brand, payment.currency.lower(), card.country, card.bin)

    def _request_facts(self, body: Json) -> Facts:
        amount, method = body.get("amount"), body.get("paymentMethod")
        value = amount.get("value") if isinstance(amount, dict) else None
        currency = str(amount.get("currency", "")).lower() if isinstance(amount, dict) else ""
        additional = body.get("additionalData")
        manual = isinstance(additional, dict) and str(additional.get("manualCapture", "")).lower() == "true"
        operation = "authorise" if manual or body.get("captureDelayHours") else "sale"
        operation = "verify" if value == 0 else operation
        given = method if isinstance(method, dict) else {}
        number = str(given.get("number") or given.get("encryptedCardNumber") or "").removeprefix("test_")
        stored = self._context.store.get(str(given.get("storedPaymentMethodId") or ""), StoredCard)
        if stored is not None:
            return Facts(operation, stored.card.brand, currency, stored.card.country, stored.card.bin)
        known = cards.by_number(number)
        return Facts(operation, known.brand, currency, known.country, number[:6])

    def refusal(self, status: int, code: str | None, message: str | None) -> Reply:
        """Return an error in Adyen's words."""
        kind = "security" if status in (401, 403) else "internal" if status >= 500 else "validation"
        failure = Failure(status, code or "702", message or "Refused by a fault of the sandbox", kind)
        return failure.reply(self._desk.new_psp())

    def page(self, request: Request) -> Reply | None:
        """Return the challenge page or its result."""
        if not request.path.startswith("/_sandbox/3ds/"):
            return None
        psp = request.path.removeprefix("/_sandbox/3ds/")
        payment = self._context.store.get(psp, Payment)
        if payment is None or payment.state != "redirected":
            return pages.message(404, "No payment waits for authentication here.")
        outcome = dict(parse_pairs(request.query)).get("outcome", "")
        if not outcome:
            currency = payment.currency.lower()
            amount = major(payment.amount, exponent(currency, EXPONENTS))
            return pages.challenge("Adyen", amount, currency, request.path)
        url = self._payments.challenge_result(psp, outcome)
        return pages.redirect(url) if url is not None else pages.message(404, "No payment waits here.")

    def sign(self, body: bytes, secret: str, now_ms: int) -> tuple[dict[str, str], bytes]:
        """Return a signed standard notification."""
        return notifications.sign(body, secret, now_ms)

    def happen(self, what: str, payment_id: str) -> str | None:
        """Let a payment be disputed or its authorisation expire."""
        if what == "dispute":
            return self._modifications.dispute(payment_id)
        return self._modifications.expire(payment_id) if what == "expire" else f"what: {what} is not dispute or expire"

    def fire(self, name: str, subject: str) -> None:
        """Let a timer happen."""
        if name == "modification":
            self._modifications.carry_out(subject)
        elif name == "dispute":
            self._modifications.dispute(subject)
        elif name == "review":
            self._payments.decide(subject)
        else:
            self._modifications.fail_later(name, subject)
