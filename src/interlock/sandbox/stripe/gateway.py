"""The simulated Stripe as the engine sees it: authentication, idempotency, routing, expansion."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

import msgspec

from interlock.base.ids import new_id
from interlock.sandbox.engine import Context, Facts
from interlock.sandbox.http import FormError, Reply, Request, parse_form
from interlock.sandbox.store import Kept
from interlock.sandbox.stripe import rendering
from interlock.sandbox.stripe.challenges import Challenges
from interlock.sandbox.stripe.charging import Charging, payment_of
from interlock.sandbox.stripe.checks import check
from interlock.sandbox.stripe.desk import Answer, Call, Desk, Shown
from interlock.sandbox.stripe.errors import Refusal, invalid, missing_object, unknown_url
from interlock.sandbox.stripe.factsreader import FactsReader
from interlock.sandbox.stripe.intents import Intents
from interlock.sandbox.stripe.methods import Methods
from interlock.sandbox.stripe.refunds import Refunds
from interlock.sandbox.stripe.state import Payment

API_VERSION = "2026-05-27.dahlia"
KEY_PREFIXES = ("sk_test_sandbox", "rk_test_sandbox")
_MAX_KEY = 255
_ROOT_PARTS = 3

Handler = Callable[..., Answer]
_encode = msgspec.json.Encoder().encode


class StripeGateway:
    """One simulated Stripe account."""

    name = "stripe"

    def __init__(self, context: Context) -> None:
        """Work with ``context``."""
        self._context = context
        self._desk = desk = Desk(context)
        charging = Charging(desk)
        self._methods = methods = Methods(desk)
        self._intents = intents = Intents(desk, methods, charging)
        self._refunds = refunds = Refunds(desk)
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
            ("GET", "charges", "{}"): self._charge,
            ("POST", "payment_methods", ""): methods.create,
            ("GET", "payment_methods", "{}"): methods.retrieve,
            ("POST", "payment_methods", "attach"): methods.attach,
            ("POST", "payment_methods", "detach"): methods.detach,
            ("POST", "customers", ""): methods.create_customer,
            ("GET", "customers", "{}"): methods.retrieve_customer,
        }

    # -- the road of a request -------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Reply:
        """Execute a request of the API."""
        request_id = new_id("req")
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
        reply.headers = {"request-id": new_id("req"), "stripe-should-retry": "true"}
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
        handler, arguments = self._route(request.method, parts)
        if handler is None:
            return unknown_url(request.method, request.path).reply()
        wrong = check(form)
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
                problem = self._expand_all(body, expand)
                if problem is not None:
                    return problem.reply()
            reply = Reply(200, _encode(body))
            keep = True
        if key and keep:
            self._context.store.keep(key, Kept(_fingerprint(request), reply.status, reply.body))
        return reply

    def _route(self, method: str, parts: list[str]) -> tuple[Handler | None, tuple[str, ...]]:
        if len(parts) < _ROOT_PARTS or parts[1] != "v1":
            return None, ()
        resource, rest = parts[2], parts[3:]
        if not rest:
            return self._routes.get((method, resource, "")), ()
        if len(rest) == 1:
            fixed = self._routes.get((method, resource, f"={rest[0]}"))
            return (fixed, ()) if fixed is not None else (self._routes.get((method, resource, "{}")), (rest[0],))
        return self._routes.get((method, resource, "/".join(rest[1:]))), (rest[0],)

    # -- expansion -------------------------------------------------------------------------------------------------

    def _expand_all(self, body: dict[str, Any], paths: list[Any]) -> Refusal | None:
        for path in paths:
            if not isinstance(path, str) or path.count(".") > 3:  # noqa: PLR2004 - Stripe's depth of four
                return invalid("You can only expand up to four levels deep.", param="expand")
            problem = self._expand(body, path.split("."))
            if problem is not None:
                return problem
        return None

    def _expand(self, node: dict[str, Any], path: list[str]) -> Refusal | None:
        name = path[0]
        if name not in node:
            return invalid(
                f"This property cannot be expanded ({name}).", code="parameter_invalid", param="expand[0]"
            )
        value = node[name]
        if isinstance(value, str):
            value = node[name] = self._object(value) or value
        children = value if isinstance(value, list) else [value]
        for child in children:
            if len(path) > 1 and isinstance(child, dict):
                problem = self._expand(child, path[1:])
                if problem is not None:
                    return problem
        return None

    def _object(self, object_id: str) -> dict[str, Any] | None:
        call = Call({}, "", "")
        prefix = object_id.partition("_")[0]
        answer: Answer | None = None
        if prefix == "ch":
            answer = self._charge(call, object_id)
        elif prefix == "pi":
            answer = self._intents.retrieve(call, object_id)
        elif prefix == "pm":
            answer = self._methods.retrieve(call, object_id)
        elif prefix == "cus":
            answer = self._methods.retrieve_customer(call, object_id)
        elif prefix == "re":
            answer = self._refunds.retrieve(call, object_id)
        return answer.body if isinstance(answer, Shown) else None

    def _charge(self, call: Call, charge_id: str) -> Answer:
        del call
        payment = self._context.store.get(payment_of(charge_id), Payment)
        for attempt in payment.attempts if payment is not None else ():
            if attempt.id == charge_id and payment is not None:
                return Shown(rendering.charge(payment, attempt))
        return missing_object("charge", charge_id)

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
        reply.headers = {"request-id": new_id("req")}
        return reply

    def page(self, request: Request) -> Reply | None:
        """Return the challenge page or its result."""
        return self._challenges.page(request)

    def sign(self, body: bytes, secret: str, now_ms: int) -> tuple[dict[str, str], bytes]:
        """Return a webhook with its Stripe-Signature."""
        stamp = now_ms // 1000
        signature = hmac.new(secret.encode(), b"%d.%b" % (stamp, body), hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "stripe-signature": f"t={stamp},v1={signature}"}
        return headers, body

    def fire(self, name: str, subject: str) -> None:
        """Let a timer happen."""
        if name == "refund":
            self._refunds.settle(subject)


def _fingerprint(request: Request) -> bytes:
    pairs = b"&".join(sorted(request.body.split(b"&")))
    return blake2b(request.path.encode() + b"?" + pairs, digest_size=16).digest()


def _basic_user(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""
