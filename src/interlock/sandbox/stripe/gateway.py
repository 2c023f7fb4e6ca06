"""The simulated Stripe as the engine sees it: authentication, idempotency, routing, expansion."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from hashlib import blake2b
from http import HTTPStatus

import msgspec

from interlock.sandbox.engine import Context, Facts
from interlock.sandbox.http import FormError, Reply, Request, parse_form
from interlock.sandbox.store import Kept
from interlock.sandbox.stripe.accounts import Accounts
from interlock.sandbox.stripe.challenges import Challenges
from interlock.sandbox.stripe.charging import Charging
from interlock.sandbox.stripe.checks import check
from interlock.sandbox.stripe.debits import Debits
from interlock.sandbox.stripe.desk import Answer, Call, Desk
from interlock.sandbox.stripe.disputes import Disputes
from interlock.sandbox.stripe.errors import Refusal, invalid, unknown_url
from interlock.sandbox.stripe.expansion import Expansion
from interlock.sandbox.stripe.factsreader import FactsReader
from interlock.sandbox.stripe.intents import Intents
from interlock.sandbox.stripe.lists import Lists
from interlock.sandbox.stripe.methods import Methods
from interlock.sandbox.stripe.refunds import Refunds
from interlock.sandbox.stripe.setups import Setups
from interlock.sandbox.stripe.state import Payment
from interlock.sandbox.stripe.transfers import Transfers
from interlock.sandbox.stripe.validation import StripeValidation

API_VERSION = "2026-05-27.dahlia"
KEY_PREFIXES = ("sk_test_sandbox", "rk_test_sandbox")
_MAX_KEY = 255
_ROOT_PARTS = 3
_TEST_HELPERS = "test_helpers"

Handler = Callable[..., Answer]
_encode = msgspec.json.Encoder().encode


class StripeGateway:
    """One simulated Stripe account."""

    name = "stripe"

    def __init__(self, context: Context) -> None:
        """Work with ``context``."""
        self._context = context
        self._validation = StripeValidation(context.specs) if context.specs is not None else None
        published = self._validation.version if self._validation is not None else ""
        self.checks = f"published specification {published}" if published else "built-in minimal checks"
        self._desk = desk = Desk(context)
        charging = Charging(desk)
        self._methods = methods = Methods(desk)
        self._debits = Debits(desk)
        transfers = Transfers(desk)
        self._intents = intents = Intents(desk, methods, charging, self._debits, transfers)
        self._refunds = refunds = Refunds(desk)
        self._disputes = Disputes(desk)
        self._challenges = Challenges(desk, charging)
        self._reader = FactsReader(desk)
        self._routes: dict[tuple[str, str, str], Handler] = {
            ("POST", "payment_intents", ""): intents.create,
            ("GET", "payment_intents", "{}"): intents.retrieve,
            ("POST", "payment_intents", "{}"): intents.update,
            ("POST", "payment_intents", "confirm"): intents.confirm,
            ("POST", "payment_intents", "capture"): intents.capture,
            ("POST", "payment_intents", "cancel"): intents.cancel,
            ("POST", "payment_intents", "increment_authorization"): intents.increment,
            ("POST", "refunds", ""): refunds.create,
            ("GET", "refunds", "{}"): refunds.retrieve,
            ("POST", "refunds", "{}"): refunds.update,
            ("POST", "payment_methods", ""): methods.create,
            ("GET", "payment_methods", "{}"): methods.retrieve,
            ("POST", "payment_methods", "attach"): methods.attach,
            ("POST", "payment_methods", "detach"): methods.detach,
            ("POST", "customers", ""): methods.create_customer,
            ("GET", "customers", "{}"): methods.retrieve_customer,
            ("POST", "test_helpers/customers", "fund_cash_balance"): transfers.fund,
        }
        self._add_setups(Setups(desk, methods))
        self._add_reading(Lists(desk), Accounts(desk))

    def _add_setups(self, setups: Setups) -> None:
        disputes = self._disputes
        self._setups = setups
        self._routes |= {
            ("POST", "setup_intents", ""): setups.create,
            ("GET", "setup_intents", "{}"): setups.retrieve,
            ("POST", "setup_intents", "{}"): setups.update,
            ("POST", "setup_intents", "confirm"): setups.confirm,
            ("POST", "setup_intents", "cancel"): setups.cancel,
            ("GET", "disputes", "{}"): disputes.retrieve,
            ("POST", "disputes", "{}"): disputes.update,
            ("POST", "disputes", "close"): disputes.close,
        }

    def _add_reading(self, lists: Lists, accounts: Accounts) -> None:
        self._routes |= {
            ("GET", "payment_intents", ""): lists.payments,
            ("GET", "payment_intents", "=search"): lists.search,
            ("GET", "charges", ""): lists.charges,
            ("GET", "refunds", ""): lists.refunds,
            ("GET", "setup_intents", ""): lists.setups,
            ("GET", "payment_methods", ""): lists.methods,
            ("GET", "customers", ""): lists.customers,
            ("GET", "disputes", ""): lists.disputes,
            ("GET", "charges", "{}"): accounts.charge,
            ("GET", "balance_transactions", "{}"): accounts.balance_transaction,
            ("GET", "account", ""): accounts.account,
        }
        self._expansion = Expansion(
            {
                "ch": accounts.charge,
                "txn": accounts.balance_transaction,
                "pi": self._intents.retrieve,
                "pm": self._methods.retrieve,
                "cus": self._methods.retrieve_customer,
                "re": self._refunds.retrieve,
                "seti": self._setups.retrieve,
                "dp": self._disputes.retrieve,
            }
        )

    # -- the road of a request -------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Reply:
        """Execute a request of the API."""
        request_id = _request_id()
        headers = {"request-id": request_id, "stripe-version": request.headers.get("stripe-version", API_VERSION)}
        key = self.idempotency_key(request)
        reply = self._authenticate(request)
        if reply is None and key:
            headers["idempotency-key"] = key
            reply = self._replay(key, request, headers)
        if reply is None:
            reply = self._execute(request, key, request_id)
        reply.headers = {**headers, **reply.headers}
        return reply

    def idempotency_key(self, request: Request) -> str:
        """Return the Idempotency-Key of a POST."""
        return request.headers.get("idempotency-key", "") if request.method == "POST" else ""

    def in_progress(self) -> Reply:
        """Return Stripe's 409 for a key that is being executed."""
        reply = Refusal(
            status=409,
            message="There is currently another in-progress request using this Idempotent Key (that probably means "
            "you submitted twice, and the other request is still going through): please try again later.",
            code="idempotency_key_in_use",
        ).reply()
        reply.headers = {"request-id": _request_id(), "stripe-should-retry": "true"}
        return reply

    def _authenticate(self, request: Request) -> Reply | None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            key = _basic_user(key)
        if key.startswith(KEY_PREFIXES):
            return None
        if not key:
            message = (
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
            return Refusal(status=401, message=message).reply()
        if key.startswith("pk_"):
            message = "This API call cannot be made with a publishable API key. Please use a secret API key."
            return Refusal(status=403, message=message, code="secret_key_required").reply()
        return Refusal(status=401, message=f"Invalid API Key provided: {key[:8]}****").reply()

    def _replay(self, key: str, request: Request, headers: dict[str, str]) -> Reply | None:
        if len(key) > _MAX_KEY:
            return invalid("Idempotency keys are limited to 255 characters.").reply()
        kept = self._context.store.kept(key)
        if kept is None:
            return None
        if kept.fingerprint != _fingerprint(request):
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request."
            )
            return Refusal(type="idempotency_error", message=message).reply()
        headers["idempotent-replayed"] = "true"
        return Reply(kept.status, kept.body)

    def _execute(self, request: Request, key: str, request_id: str) -> Reply:
        try:
            form = parse_form(request.body.decode() if request.method == "POST" else request.query)
        except (FormError, UnicodeDecodeError) as problem:
            return invalid(f"Invalid request body: {problem}").reply()
        parts = request.path.split("/")
        handler, action, arguments = self._route(request.method, parts)
        if handler is None:
            return unknown_url(request.method, request.path).reply()
        wrong = check(form)
        if wrong is None and self._validation is not None:
            wrong = self._validation.check(request.method, parts[2], action, form)
        if wrong is not None:
            return wrong.reply()
        answer = handler(Call(form, request_id, key), *arguments)
        if isinstance(answer, Refusal):
            reply = answer.reply()
            keep = answer.keep
        else:
            body = answer.body
            expand = form.get("expand")
            if isinstance(expand, list):
                wrong = self._expansion.all(body, expand)
                if wrong is not None:
                    return wrong.reply()
            reply = Reply(200, _encode(body))
            keep = True
        if key and keep:
            self._context.store.keep(key, Kept(_fingerprint(request), reply.status, reply.body))
        return reply

    def _route(self, method: str, parts: list[str]) -> tuple[Handler | None, str, tuple[str, ...]]:
        if len(parts) < _ROOT_PARTS or parts[1] != "v1":
            return None, "", ()
        resource, rest = parts[2], parts[3:]
        if resource == _TEST_HELPERS and rest:
            resource, rest = f"{resource}/{rest[0]}", rest[1:]
        if not rest:
            return self._routes.get((method, resource, "")), "", ()
        if len(rest) == 1:
            fixed = self._routes.get((method, resource, f"={rest[0]}"))
            if fixed is not None:
                return fixed, f"={rest[0]}", ()
            return self._routes.get((method, resource, "{}")), "{}", (rest[0],)
        action = "/".join(rest[1:])
        return self._routes.get((method, resource, action)), action, (rest[0],)

    # -- for the engine --------------------------------------------------------------------------------------------

    def facts(self, request: Request) -> Facts:
        """Return what faults may match on."""
        return self._reader.facts(request)

    def refusal(self, status: int, code: str | None, message: str | None) -> Reply:
        """Return an error in Stripe's words."""
        kind = "api_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
        reply = Refusal(
            status=status, type=kind, code=code, message=message or "Refused by a fault of the sandbox"
        ).reply()
        reply.headers = {"request-id": _request_id()}
        return reply

    def page(self, request: Request) -> Reply | None:
        """Return the challenge page or its result."""
        return self._challenges.page(request)

    def sign(self, body: bytes, secret: str, now_ms: int) -> tuple[dict[str, str], bytes]:
        """Return a webhook with its Stripe-Signature."""
        stamp = now_ms // 1000
        signature = hmac.new(secret.encode(), b"%d.%b" % (stamp, body), hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "Stripe-Signature": f"t={stamp},v1={signature}"}
        return headers, body

    def happen(self, what: str, payment_id: str) -> str | None:
        """Let a payment be disputed or its authorisation expire."""
        payment = self._context.store.get(payment_id, Payment)
        if payment is None or not payment.attempts:
            return f"payment: {payment_id} has no charge"
        if what == "dispute":
            return self._disputes.open(payment.attempts[-1].id)
        return self._intents.expire(payment) if what == "expire" else f"what: {what} is not dispute or expire"

    def fire(self, name: str, subject: str) -> None:
        """Let a timer happen."""
        if name == "refund":
            self._refunds.settle(subject)
        elif name == "debit":
            self._debits.settle(subject)
        elif name == "dispute":
            self._disputes.open(subject)


def _fingerprint(request: Request) -> bytes:
    pairs = b"&".join(sorted(request.body.split(b"&")))
    return blake2b(request.path.encode() + b"?" + pairs, digest_size=16).digest()


def _request_id() -> str:
    return f"req_{secrets.token_hex(7)}"


def _basic_user(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
