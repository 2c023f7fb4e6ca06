"""Makes recordings of what the database holds of an attempt. Pure.

The connector's request is built by the same functions that payments and recovery use, from the same rows; where the
rows have changed since (a stored card learns its network transaction id by the very payment that is recorded), what was
written down beside the exchange goes before them. What redaction or a limit has damaged beyond use becomes a reason
instead of a recording: a difference that is none would cost more trust than a recording is worth.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from interlock.base.money import Money
from interlock.base.redaction import CARD, CODE, IBAN, SECRET, scrub
from interlock.gateways.contract import (
    BankTransfer,
    CompleteRequest,
    FollowOnRequest,
    InquireRequest,
    Instrument,
    Operation,
    PaymentRequest,
    SepaDebit,
    StoredCredential,
)
from interlock.gateways.transport import OperationRequest
from interlock.payments.attempts.exchanges import AskedFacts
from interlock.payments.attempts.requests import complete_request, follow_on_request, payment_request
from interlock.payments.attempts.types import Attempt, Exchange
from interlock.payments.instruments.debits import acceptance_of
from interlock.payments.instruments.transfers import transfer_of
from interlock.payments.instruments.types import CardFacts, PaymentMethod
from interlock.payments.intents.confirmation import redirect_url
from interlock.payments.intents.types import Intent
from interlock.payments.setup.requests import verification_request
from interlock.payments.setup.types import SetupIntent
from interlock.releases.gates.shadow.disguise import Disguise, opaque
from interlock.releases.gates.shadow.requests import recorded
from interlock.releases.gates.shadow.sends import sent_then
from interlock.releases.gates.shadow.stand_ins import instrument_of, shape_of
from interlock.releases.gates.shadow.strata import credential_kind, noun
from interlock.releases.gates.shadow.types import (
    CardShape,
    ConfigFacts,
    RecordedAnswer,
    RecordedSend,
    Recording,
    Shape,
    Slice,
    TransferShape,
)

replace = msgspec.structs.replace

CUT = "an answer was cut when it was stored, or is no text"
MISSING = "not all of its exchanges were kept"
UNREADABLE = "redaction took what makes an answer readable"
GONE = "its payment or payment method is gone"
NUMBERS = "something in it passes for a card number or a secret"
BROKEN = "what was stored of it cannot be read"

_FOLLOW_ONS = frozenset({Operation.CAPTURE, Operation.INCREMENT, Operation.VOID, Operation.REFUND})
_MARKERS = (CARD, CODE, IBAN, SECRET)
# Sixteen digits that no network issues, for numbers that were taken for a card's: a network's transaction id, mostly.
_DIGITS = "1000000000000009"
_OLD_LIMIT = 16_384
_LONG_TOKEN = 12
_NUMBERS_SALT = b"numbers"


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """What the database holds of an attempt."""

    attempt: Attempt
    config: ConfigFacts
    public_url: str
    intent: Intent | None = None
    setup: SetupIntent | None = None
    method: PaymentMethod | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The exchanges of one run of a connector, in order."""

    facts: AskedFacts
    exchanges: tuple[dict[str, Any], ...]
    of: int
    outcome: str | None
    inferred: bool


def runs_of(attempt: Attempt, kept: Sequence[Exchange]) -> list[Run]:
    """Return an attempt's kept exchanges by the run they belong to, oldest first.

    A run's exchanges were written at the same moment. Which operation it was is written down beside them; of rows that
    are older than that, the first run was the attempt's operation, the next its completion or an inquiry.
    """
    groups: dict[tuple[int, str], list[Exchange]] = {}
    for one in sorted(kept, key=lambda each: (each.created_at_ms, each.exchange.get("number", 0), each.id)):
        name = repr((one.exchange.get("asked") or {}).get("operation"))
        groups.setdefault((one.created_at_ms, name), []).append(one)
    runs = []
    for position, group in enumerate(groups.values()):
        exchanges = tuple(each.exchange for each in group)
        asked = exchanges[0].get("asked")
        facts = _inferred(attempt, exchanges, position) if asked is None else msgspec.convert(asked, AskedFacts)
        outcome = exchanges[0].get("outcome") or (attempt.state if len(groups) == 1 else None)
        of = exchanges[0].get("of", len(exchanges))
        runs.append(Run(facts=facts, exchanges=exchanges, of=of, outcome=outcome, inferred=asked is None))
    return runs


def _inferred(attempt: Attempt, exchanges: Sequence[dict[str, Any]], position: int) -> AskedFacts:
    has_code = any(CODE in str(each.get("request_body")) for each in exchanges)
    first = AskedFacts(operation=attempt.operation.value, has_code=has_code)
    if position == 0:
        return first
    if position == 1 and attempt.stage is Operation.COMPLETE:
        return AskedFacts(operation=Operation.COMPLETE.value)
    return replace(
        first,
        operation=Operation.INQUIRE.value,
        subject=attempt.stage.value,
        gateway_reference=attempt.gateway_reference,
        has_original=True,
    )


def recording_of(rows: Rows, run: Run, salt: bytes) -> Recording | str:
    """Return the recording of one run, or why there can be none.

    Args:
        rows: what is stored of the attempt.
        run: its exchanges.
        salt: see :class:`~interlock.releases.gates.shadow.disguise.Disguise`.

    """
    if reason := _unusable(run):
        return reason
    try:
        built = _rebuilt(_with_stand_in_token(rows, salt), run.facts)
    except (msgspec.ValidationError, ValueError, KeyError, TypeError):
        return BROKEN
    if built is None:
        return GONE
    request, shape = built
    disguise = Disguise(salt)
    disguise.person(_person(rows))
    request, shape = disguise.request(request), _disguised_shape(shape, disguise)
    secrets = _secrets(rows.attempt, salt)
    answers = tuple(_answer(each, disguise, secrets) for each in run.exchanges if each["status"] is not None)
    if any(_is_damaged(answer) for answer in answers):
        return UNREADABLE
    kept = Recording(
        case="",
        slice=_slice(rows, run, request),
        request=recorded(request, shape),
        answers=answers,
        sent=tuple(_sent(each, disguise, secrets) for each in run.exchanges),
        config=rows.config,
        unanswered=run.exchanges[-1]["status"] is None,
        marked=any(marker in str(each.get("response_body")) for each in run.exchanges for marker in _MARKERS),
        inferred=run.inferred,
    )
    return _without_numbers(replace(kept, case=_case(kept, rows.attempt)))


def _unusable(run: Run) -> str | None:
    if run.of > len(run.exchanges):
        return MISSING
    if any(each["status"] is None for each in run.exchanges[:-1]):
        return BROKEN
    return CUT if any(_is_cut(each) for each in run.exchanges) else None


def _is_cut(exchange: dict[str, Any]) -> bool:
    body: str = exchange.get("response_body", "")
    return bool(exchange.get("response_cut")) or len(body) >= _OLD_LIMIT or "\ufffd" in body


def _is_damaged(answer: RecordedAnswer) -> bool:
    """Return True for a document that redaction has broken; HTML or half an answer from the gateway itself is fine."""
    if not any(marker in answer.body for marker in _MARKERS) and _DIGITS not in answer.body:
        return False
    if "json" not in answer.headers.get("content-type", "json"):
        return False
    try:
        msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        return True
    return False


# The request


def _with_stand_in_token(rows: Rows, salt: bytes) -> Rows:
    """Return ``rows`` without the secrets that an attempt's detail holds: they open the shopper's way back."""
    detail = msgspec.json.encode(rows.attempt.detail).decode()
    for secret, disguised in _secrets(rows.attempt, salt).items():
        detail = detail.replace(secret, disguised)
    decoded = {"return_token": "0" * 24, **msgspec.json.decode(detail)}
    return replace(rows, attempt=replace(rows.attempt, detail=decoded))


def _secrets(attempt: Attempt, salt: bytes) -> dict[str, str]:
    """Return what must not leave the database of an attempt's detail, and what stands for it."""
    known = {attempt.gateway_reference, (attempt.detail.get("challenge") or {}).get("continuation", {}).get("id")}
    texts = {"return_token": attempt.detail.get("return_token", ""), **(attempt.detail.get("returned") or {})}
    return {
        text: SECRET if "secret" in name else opaque(text, salt)
        for name, text in texts.items()
        if isinstance(text, str) and len(text) >= _LONG_TOKEN and text not in known and text.isascii()
    }


def _rebuilt(rows: Rows, facts: AskedFacts) -> tuple[OperationRequest, Shape | None] | None:
    operation = Operation(facts.operation)
    if operation is not Operation.INQUIRE:
        built = _original(rows, facts, operation)
        if built is None:
            return None
        request, shape = built
        return replace(request, idempotency_key=facts.idempotency_key or request.idempotency_key), shape
    attempt = rows.attempt
    subject = Operation(facts.subject or attempt.operation)
    built = _original(rows, facts, subject) if facts.has_original else None
    if facts.has_original and built is None:
        return None
    original, shape = built or (None, None)
    key = facts.idempotency_key or replace(attempt, stage=subject).outbound_key
    inquiry = InquireRequest(
        operation=subject,
        reference=attempt.id,
        idempotency_key=key,
        amount=Money(attempt.amount_minor, attempt.currency),
        gateway_reference=facts.gateway_reference,
        original=None if original is None else replace(original, idempotency_key=key),
        identical=facts.identical,
        age_ms=facts.age_ms,
        sent_at_ms=attempt.created_at_ms,
    )
    return inquiry, shape


def _original(
    rows: Rows, facts: AskedFacts, operation: Operation
) -> tuple[PaymentRequest | CompleteRequest | FollowOnRequest, Shape | None] | None:
    """Return the request of an operation other than an inquiry, as far as the rows still tell it."""
    attempt = replace(rows.attempt, stage=operation)
    if operation is Operation.COMPLETE:
        return complete_request(attempt), None
    if operation in _FOLLOW_ONS:
        return follow_on_request(attempt), None
    method = rows.method
    if method is None:
        return None
    shape = _shape(method, attempt, has_code=facts.has_code)
    if shape is None:
        return None
    instrument = instrument_of(shape)
    request = _first_request(rows, attempt, method, instrument)
    if request is None:
        return None
    if facts.idempotency_key:  # then the rest was written down too
        stored = facts.stored_credential
        request = replace(
            request, stored_credential=None if stored is None else msgspec.convert(stored, StoredCredential)
        )
    return request, shape


def _first_request(
    rows: Rows, attempt: Attempt, method: PaymentMethod, instrument: Instrument
) -> PaymentRequest | None:
    url = redirect_url(rows.public_url, attempt, "return")
    if attempt.operation is Operation.VERIFY:
        return None if rows.setup is None else verification_request(rows.setup, attempt, method, instrument, url)
    return None if rows.intent is None else payment_request(attempt, rows.intent, method, instrument, url)


def _shape(method: PaymentMethod, attempt: Attempt, *, has_code: bool) -> Shape | None:
    terms = attempt.detail.get("terms") or {}
    if method.type == "customer_balance":
        transfer: BankTransfer = transfer_of(terms)
        return TransferShape(kind=transfer.kind, country=transfer.country)
    debit = SepaDebit(iban="", acceptance=acceptance_of(terms)) if method.type == "sepa_debit" else None
    return shape_of(method, debit, has_code=has_code, holder_name=method.billing_details.get("name"))


def _disguised_shape(shape: Shape | None, disguise: Disguise) -> Shape | None:
    if isinstance(shape, CardShape):
        return replace(shape, holder_name=None if shape.holder_name is None else disguise.text(shape.holder_name))
    if shape is None or isinstance(shape, TransferShape):
        return shape
    acceptance = shape.acceptance
    agent = acceptance.user_agent
    return replace(
        shape,
        acceptance=replace(
            acceptance, ip=disguise.ip(acceptance.ip), user_agent=None if agent is None else disguise.text(agent)
        ),
    )


def _person(rows: Rows) -> dict[str, Any]:
    """Return all that is stored of the shopper: an answer to a refund tells of him although its request does not."""
    details = {} if rows.intent is None else rows.intent.details
    return {
        "billing": {} if rows.method is None else rows.method.billing_details,
        "intent": {name: details.get(name) for name in ("description", "receipt_email", "shipping")},
        "setup": None if rows.setup is None else rows.setup.details.get("description"),
    }


# What went over the wire


def _answer(exchange: dict[str, Any], disguise: Disguise, secrets: dict[str, str]) -> RecordedAnswer:
    body = disguise.body(_replaced(exchange["response_body"], secrets)).replace(CARD, _DIGITS)
    headers = {
        name.lower(): _replaced(value, secrets).replace(CARD, _DIGITS)
        for name, value in exchange["response_headers"].items()
    }
    return RecordedAnswer(status=exchange["status"], headers=headers, body=body)


def _sent(exchange: dict[str, Any], disguise: Disguise, secrets: dict[str, str]) -> RecordedSend:
    send = sent_then(
        exchange["method"],
        _replaced(exchange["path"], secrets),
        {name: _replaced(value, secrets) for name, value in exchange["request_headers"].items()},
        _replaced(exchange["request_body"], secrets),
    )
    return replace(
        send,
        query={name: str(disguise.masked(value)) for name, value in send.query.items()},
        fields={
            place: disguise.masked(_replaced(value, secrets) if isinstance(value, str) else value)
            for place, value in send.fields.items()
        },
    )


def _replaced(text: str, secrets: dict[str, str]) -> str:
    for secret, disguised in secrets.items():
        text = text.replace(secret, disguised)
    return text


# The whole


def _slice(rows: Rows, run: Run, request: OperationRequest) -> Slice:
    attempt = rows.attempt
    facts = None if rows.method is None else rows.method.card
    return Slice(
        operation=Operation(run.facts.operation),
        outcome=run.outcome or "unknown",
        currency=attempt.currency,
        method="card" if rows.method is None else rows.method.type,
        network=attempt.network or (facts.brand if isinstance(facts, CardFacts) else None),
        credential=credential_kind(request),
        release_id=attempt.release_id,
    )


def _case(kept: Recording, attempt: Attempt) -> str:
    part = kept.slice
    words = (noun(part.operation, 1), part.currency.upper(), part.network or part.method, part.outcome)
    return f"{' '.join(words)} ({attempt.id})"


def _without_numbers(kept: Recording) -> Recording | str:
    """Return the recording when nothing in it passes for a card number or a secret.

    In the request, such a text (a network's transaction id that passes Luhn) is exchanged for another one of its shape.
    """
    request = _through(msgspec.to_builtins(kept.request))
    kept = replace(kept, request=msgspec.convert(request, type(kept.request)))
    text = msgspec.json.encode(kept).decode()
    return kept if scrub(text) == text else NUMBERS


def _through(value: Any) -> Any:
    if isinstance(value, str):
        return value if scrub(value) == value else opaque(value, _NUMBERS_SALT)
    if isinstance(value, dict):
        return {name: _through(inner) for name, inner in value.items()}
    return [_through(inner) for inner in value] if isinstance(value, list) else value
