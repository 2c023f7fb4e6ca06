"""Reads Stripe's answers into results. Pure; called by the Stripe connector and its notifications.

The rule of the house: what cannot be classified is ``unknown``. An error object proves that a request was not executed
only where Stripe documents so; the tables in ``manifest.toml`` say where.
"""

from interlock.base.money import Money, from_provider
from interlock.gateways.contract import UNREADABLE, ConnectorConfig, FollowOnRequest, HttpResponse, Tables
from interlock.gateways.outcomes import (
    ALREADY_CAPTURED,
    Challenge,
    Outcome,
    Result,
    Transfer,
    not_sent,
    refused,
    unknown,
)

from .forms import REFERENCE_KEY, credential
from .objects import (
    CUSTOMER,
    ERROR,
    FUNDING,
    INTENT,
    REFUND,
    SETUP,
    CardDetails,
    Charge,
    Failure,
    Intent,
    Refund,
    Setup,
)

_NO_CARD = CardDetails()
_GENERIC = "generic_decline"
_OK = 200


def payment_answer(
    response: HttpResponse,
    tables: Tables,
    config: ConnectorConfig,
    reference: str | None,
    *,
    after_challenge: bool = False,
) -> Result:
    """Return what an answer that should be a PaymentIntent says of the payment.

    Args:
        response: the answer.
        tables: the manifest's tables.
        config: the account, for its mode.
        reference: our attempt id, which the intent must carry if it carries any; None where any intent is right.
        after_challenge: a refusal then proves nothing, because the payment was begun before.

    """
    if response.status != _OK:
        result = error_result(response, tables)
        if after_challenge and result.outcome is Outcome.REFUSED:
            return unknown(result.code or "refused", result.message)
        return result
    try:
        intent = INTENT.decode(response.body)
    except UNREADABLE:
        return unreadable(response)
    return intent_result(intent, tables, config, reference)


def intent_result(intent: Intent, tables: Tables, config: ConnectorConfig, reference: str | None) -> Result:
    """Return what ``intent`` says of the payment it stands for."""
    doubt = _identity_doubt(intent, "payment_intent", config, reference)
    if doubt:
        return unknown(doubt, gateway_reference=intent.id)
    outcome = tables.statuses["payment_intent"].get(intent.status, Outcome.UNKNOWN)
    if outcome is Outcome.DECLINED:
        return _declined(intent.last_payment_error, tables, intent.id, intent.status)
    if outcome is Outcome.UNKNOWN:
        return unknown(f"status_{intent.status}", gateway_reference=intent.id)
    challenge = transfer = None
    if outcome is Outcome.CHALLENGE:
        challenge, transfer = _challenge(intent, "payment_intent"), _transfer(intent, tables)
        if challenge is None and transfer is None:
            return unknown("unsupported_next_action", gateway_reference=intent.id)
        outcome = Outcome.CHALLENGE if transfer is None else Outcome.PENDING
    card = _card(intent.latest_charge)
    checks = card.checks
    return Result(
        outcome=outcome,
        gateway_reference=intent.id,
        echo=_money(intent.amount, intent.currency, tables),
        challenge=challenge,
        transfer=transfer,
        network_transaction_id=card.network_transaction_id,
        stored_credential_reference=credential(intent.customer, intent.payment_method),
        authorisation_code=card.authorization_code,
        cvc_check=checks.cvc_check if checks else None,
        postal_code_check=checks.address_postal_code_check if checks else None,
        address_line1_check=checks.address_line1_check if checks else None,
        three_d_secure=_three_d_secure(card),
        captured=intent.status == "succeeded" if outcome is Outcome.APPROVED else None,
    )


def setup_answer(response: HttpResponse, tables: Tables, config: ConnectorConfig, reference: str | None) -> Result:
    """Return what an answer that should be a SetupIntent says of the card check."""
    if response.status != _OK:
        return error_result(response, tables)
    try:
        setup = SETUP.decode(response.body)
    except UNREADABLE:
        return unreadable(response)
    return setup_result(setup, tables, config, reference)


def setup_result(setup: Setup, tables: Tables, config: ConnectorConfig, reference: str | None) -> Result:
    """Return what ``setup`` says of the card it checked."""
    doubt = _identity_doubt(setup, "setup_intent", config, reference)
    if doubt:
        return unknown(doubt, gateway_reference=setup.id)
    outcome = tables.statuses["setup_intent"].get(setup.status, Outcome.UNKNOWN)
    if outcome is Outcome.DECLINED:
        return _declined(setup.last_setup_error, tables, setup.id, setup.status)
    if outcome is Outcome.UNKNOWN:
        return unknown(f"status_{setup.status}", gateway_reference=setup.id)
    challenge = None
    if outcome is Outcome.CHALLENGE:
        challenge = _challenge(setup, "setup_intent")
        if challenge is None:
            return unknown("unsupported_next_action", gateway_reference=setup.id)
    stored = setup.payment_method
    card = _NO_CARD if stored is None or isinstance(stored, str) else stored.card or _NO_CARD
    return Result(
        outcome=outcome,
        gateway_reference=setup.id,
        challenge=challenge,
        stored_credential_reference=credential(
            setup.customer, stored if stored is None or isinstance(stored, str) else stored.id
        ),
        cvc_check=card.checks.cvc_check if card.checks else None,
        postal_code_check=card.checks.address_postal_code_check if card.checks else None,
        address_line1_check=card.checks.address_line1_check if card.checks else None,
    )


def capture_answer(response: HttpResponse, tables: Tables, request: FollowOnRequest) -> Result:
    """Return what an answer to a capture says; Stripe's ``amount_received`` is a running total."""
    intent = _follow_on_intent(response, tables, request)
    if isinstance(intent, Result):
        return intent
    outcome = {"succeeded": Outcome.APPROVED, "requires_capture": Outcome.APPROVED, "processing": Outcome.PENDING}.get(
        intent.status
    )
    total = _money(intent.amount_received, intent.currency, tables)
    if outcome is None or total is None:
        return unknown(f"status_{intent.status}", gateway_reference=intent.id)
    echo = Money(total.amount_minor - request.captured_before_minor, total.currency)
    return Result(outcome=outcome, gateway_reference=intent.id, echo=echo, captured=outcome is Outcome.APPROVED)


def increment_answer(response: HttpResponse, tables: Tables, request: FollowOnRequest) -> Result:
    """Return what an answer to an incremental authorisation says."""
    intent = _follow_on_intent(response, tables, request)
    if isinstance(intent, Result):
        return intent
    if intent.status != "requires_capture":
        return unknown(f"status_{intent.status}", gateway_reference=intent.id)
    echo = _money(intent.amount, intent.currency, tables)
    return Result(outcome=Outcome.APPROVED, gateway_reference=intent.id, echo=echo, captured=False)


def void_answer(response: HttpResponse, tables: Tables, request: FollowOnRequest) -> Result:
    """Return what an answer to a cancellation says.

    An intent that is cancelled already is what was wanted. One that was captured in part succeeds with what was taken.
    Of one that has succeeded otherwise nothing can be released for ever, which is a refund's business, not another
    cancellation's.
    """
    if response.status != _OK:
        failure = read_failure(response)
        intent = failure.payment_intent if failure else None
        if intent is not None and intent.id == request.gateway_reference:
            if releases(intent, tables, request):
                return Result(outcome=Outcome.APPROVED, gateway_reference=intent.id, code="already_canceled")
            if intent.status == "succeeded":
                message = failure.message if failure else None
                return Result(
                    outcome=Outcome.DECLINED, gateway_reference=intent.id, code=ALREADY_CAPTURED, message=message
                )
        return error_result(response, tables)
    found = _follow_on_intent(response, tables, request)
    if isinstance(found, Result):
        return found
    if not releases(found, tables, request):
        return unknown(f"status_{found.status}", gateway_reference=found.id)
    return Result(outcome=Outcome.APPROVED, gateway_reference=found.id)


def releases(intent: Intent, tables: Tables, request: FollowOnRequest) -> bool:
    """Return True for an intent of which nothing is held any more, and no more taken than was captured before."""
    if intent.status != "succeeded" or not request.captured_before_minor:
        return intent.status == "canceled"
    received = _money(intent.amount_received, intent.currency, tables)
    return received is not None and received.amount_minor <= request.captured_before_minor


def refund_answer(response: HttpResponse, tables: Tables, _: FollowOnRequest | None = None) -> Result:
    """Return what an answer that should be a refund says."""
    if response.status != _OK:
        return error_result(response, tables)
    try:
        refund = REFUND.decode(response.body)
    except UNREADABLE:
        return unreadable(response)
    return refund_result(refund, tables)


def funding_answer(response: HttpResponse, tables: Tables) -> Result:
    """Return what an answer to a test transfer says."""
    if response.status != _OK:
        return error_result(response, tables)
    try:
        funding = FUNDING.decode(response.body)
    except UNREADABLE:
        return unreadable(response)
    if funding.object != "customer_cash_balance_transaction":
        return unknown("foreign_answer", gateway_reference=funding.id)
    money = _money(funding.net_amount, funding.currency, tables)
    return Result(outcome=Outcome.APPROVED, gateway_reference=funding.id, echo=money)


def refund_result(refund: Refund, tables: Tables) -> Result:
    """Return what ``refund`` says of itself."""
    outcome = tables.statuses["refund"].get(refund.status or "", Outcome.UNKNOWN)
    if refund.object != "refund" or outcome is Outcome.UNKNOWN:
        return unknown(f"status_{refund.status}", gateway_reference=refund.id)
    return Result(
        outcome=outcome,
        gateway_reference=refund.id,
        echo=_money(refund.amount, refund.currency, tables),
        code=refund.failure_reason if outcome is Outcome.DECLINED else None,
    )


def error_result(response: HttpResponse, tables: Tables) -> Result:
    """Return what an answer with an error status means: declined, refused or unknown."""
    failure = read_failure(response)
    if failure is None:
        return unreadable(response)
    intent = failure.payment_intent or failure.setup_intent
    reference = intent.id if intent else None
    code = failure.code or failure.type
    by_status = tables.statuses["http"].get(str(response.status), Outcome.UNKNOWN)
    by_type = tables.statuses["error_type"].get(failure.type, Outcome.UNKNOWN)
    if by_type is Outcome.DECLINED and by_status in {Outcome.DECLINED, Outcome.REFUSED}:
        return _declined(failure, tables, reference, code)
    if code in tables.uncertain or by_status is not Outcome.REFUSED or by_type is not Outcome.REFUSED:
        return unknown(code, failure.message, gateway_reference=reference)
    message = f"{failure.message or ''} ({failure.param})" if failure.param else failure.message
    if tables.statuses["error_code"].get(code) is Outcome.DECLINED:
        return Result(outcome=Outcome.DECLINED, gateway_reference=reference, code=code, message=message)
    return refused(code, message, gateway_reference=reference)


def read_failure(response: HttpResponse) -> Failure | None:
    """Return the error object of an answer, or None when there is none that can be read."""
    try:
        return ERROR.decode(response.body).error
    except UNREADABLE:
        return None


def customer_id(response: HttpResponse) -> str | None:
    """Return the id of the customer that an answer shows, or None when it shows none."""
    if response.status != _OK:
        return None
    try:
        customer = CUSTOMER.decode(response.body)
    except UNREADABLE:
        return None
    return customer.id if customer.object == "customer" else None


def no_customer(response: HttpResponse, tables: Tables) -> Result:
    """Return why a payment was not made whose customer could not be: refused, or not sent, as it never was."""
    result = error_result(response, tables) if response.status != _OK else unreadable(response)
    if result.outcome is Outcome.REFUSED:
        return result
    return not_sent("customer_not_made", f"{result.code}: {result.message or ''}")


def unreadable(response: HttpResponse) -> Result:
    """Return ``unknown`` for an answer in no shape Stripe documents, naming its status and kind."""
    kind = response.headers.get("content-type", "no content-type")[:60]
    return unknown("unreadable_answer", f"HTTP {response.status}, {kind}, {len(response.body)} bytes")


def _follow_on_intent(response: HttpResponse, tables: Tables, request: FollowOnRequest) -> Intent | Result:
    if response.status != _OK:
        return error_result(response, tables)
    try:
        intent = INTENT.decode(response.body)
    except UNREADABLE:
        return unreadable(response)
    if intent.object != "payment_intent" or intent.id != request.gateway_reference:
        return unknown("foreign_answer", gateway_reference=intent.id)
    return intent


def _identity_doubt(found: Intent | Setup, expected: str, config: ConnectorConfig, reference: str | None) -> str | None:
    """Return why this object cannot be the one asked about, or None."""
    if found.object != expected:
        return "foreign_answer"
    if found.livemode is not None and found.livemode is not config.livemode:
        return "livemode_mismatch"
    if reference is not None and found.metadata.get(REFERENCE_KEY, reference) != reference:
        return "foreign_answer"
    return None


def _declined(failure: Failure | None, tables: Tables, reference: str | None, status: str) -> Result:
    if failure is None:
        return Result(outcome=Outcome.DECLINED, gateway_reference=reference, code=status, decline_code=_GENERIC)
    raw = failure.decline_code or failure.code or ""
    return Result(
        outcome=Outcome.DECLINED,
        gateway_reference=reference,
        code=failure.code or failure.type,
        message=failure.message,
        decline_code=tables.declines.get(raw) or tables.declines.get(failure.code or "", _GENERIC),
        advice_code=failure.advice_code,
        network_decline_code=failure.network_decline_code,
    )


def _challenge(intent: Intent | Setup, kind: str) -> Challenge | None:
    action = intent.next_action
    if action is None or action.redirect_to_url is None:
        return None
    return Challenge(url=action.redirect_to_url.url, continuation={"kind": kind, "id": intent.id})


def _transfer(intent: Intent, tables: Tables) -> Transfer | None:
    """Return where the money is to be sent, or None when that is not what Stripe waits for, or not said in full."""
    told = intent.next_action.display_bank_transfer_instructions if intent.next_action else None
    if told is None or told.amount_remaining is None or intent.customer is None:
        return None
    remaining = _money(told.amount_remaining, told.currency or intent.currency, tables)
    if remaining is None:
        return None
    return Transfer(
        kind=told.type,
        account=intent.customer,
        remaining=remaining,
        reference=told.reference,
        page=told.hosted_instructions_url,
        addresses=told.financial_addresses,
    )


def _card(carrier: Charge | str | None) -> CardDetails:
    if carrier is None or isinstance(carrier, str) or carrier.payment_method_details is None:
        return _NO_CARD
    return carrier.payment_method_details.card or _NO_CARD


def _three_d_secure(card: CardDetails) -> dict[str, str] | None:
    secure = card.three_d_secure
    if secure is None:
        return None
    named = {
        "result": secure.result,
        "version": secure.version,
        "electronic_commerce_indicator": secure.electronic_commerce_indicator,
        "authentication_flow": secure.authentication_flow,
        "transaction_id": secure.transaction_id,
    }
    return {key: value for key, value in named.items() if value} or None


def _money(amount: int, currency: str, tables: Tables) -> Money | None:
    return from_provider(amount, currency, tables.currency_exponents)
