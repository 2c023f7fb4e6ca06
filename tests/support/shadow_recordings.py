"""Rows of attempts as the database would hold them, made without one: a connector builds, an answer is read, both are
redacted as on the payment path."""

from typing import Any

import msgspec
from tests.support.gateways import CONFIGS

from interlock.gateways.contract import Card, HttpResponse, Operation
from interlock.gateways.exchanges import Exchange as Raw
from interlock.gateways.loader import load
from interlock.gateways.transport import asked_of
from interlock.payments.attempts.exchanges import facts_of
from interlock.payments.attempts.requests import payment_request
from interlock.payments.attempts.types import Attempt, Exchange
from interlock.payments.instruments.types import CardFacts, PaymentMethod
from interlock.payments.intents.confirmation import redirect_url
from interlock.payments.intents.types import Intent, IntentStatus
from interlock.releases.gates.shadow.making import Rows, Run, recording_of, runs_of
from interlock.releases.gates.shadow.stand_ins import facts_of_config
from interlock.releases.gates.shadow.types import Recording

NOW_MS = 1_790_000_000_000
PUBLIC_URL = "https://pay.example"
NUMBER = "4000056655665556"
SALT = b"0123456789abcdef"


def attempt(**changes: Any) -> Attempt:
    """Return an approved sale of 10.99 USD."""
    made = Attempt(
        account_id="acct_1",
        id="at_0000000000000000000000001",
        livemode=False,
        version=2,
        created_at_ms=NOW_MS,
        subject_id="pi_1",
        intent_id="pi_1",
        charge_id="ch_1",
        operation=Operation.SALE,
        stage=Operation.SALE,
        state="approved",
        sequence=1,
        gateway_id="gw_1",
        connector="adyen",
        release_id="rel_1",
        arm="stable",
        share_ppm=0,
        payer=None,
        amount_minor=1099,
        currency="usd",
        payment_method_id="pm_1",
        network="visa",
        country="US",
        bin="400005",
        detail={"return_token": "Zt7wQ0aLr5kPp2cXn8vBf3mS"},
    )
    return msgspec.structs.replace(made, **changes)


def method(billing: dict[str, Any] | None = None, **changes: Any) -> PaymentMethod:
    """Return a card of the vault."""
    facts = CardFacts(
        vault_card_id="card_1", brand="visa", last4="5556", exp_month=12, exp_year=2031, fingerprint="f", bin="400005"
    )
    values = {"card": facts, "billing_details": billing or {}, **changes}
    return PaymentMethod(
        account_id="acct_1", id="pm_1", livemode=False, version=1, created_at_ms=NOW_MS - 5_000, **values
    )


def intent(**changes: Any) -> Intent:
    """Return an intent of 10.99 USD."""
    made = Intent(
        account_id="acct_1",
        id="pi_1",
        livemode=False,
        version=2,
        created_at_ms=NOW_MS,
        status=IntentStatus.SUCCEEDED,
        amount_minor=1099,
        currency="usd",
        client_secret="pi_1_secret_x",
    )
    return msgspec.structs.replace(made, **changes)


def rows(**changes: Any) -> Rows:
    """Return all that is stored of the sale."""
    made = Rows(
        attempt=attempt(),
        config=facts_of_config(CONFIGS["adyen"]),
        public_url=PUBLIC_URL,
        intent=intent(),
        method=method(),
    )
    return msgspec.structs.replace(made, **changes)


def authorised(reference: str, **fields: Any) -> bytes:
    """Return Adyen's answer to a payment that it took."""
    document = {
        "pspReference": "MX1G72CULQ69WSL5",
        "resultCode": "Authorised",
        "merchantReference": reference,
        "amount": {"currency": "USD", "value": 1099},
        **fields,
    }
    return msgspec.json.encode(document)


def sold(stored: Rows, body: bytes | None = None, status: int = 200, outcome: str = "approved") -> list[Exchange]:
    """Return what is kept of the sale in ``stored`` when the gateway answered with ``body``."""
    one = stored.attempt
    assert stored.intent is not None
    assert stored.method is not None
    name = stored.method.billing_details.get("name")
    card = Card(number=NUMBER, exp_month=12, exp_year=2031, cvc="123", holder_name=name)
    url = redirect_url(stored.public_url, one, "return")
    request = payment_request(one, stored.intent, stored.method, card, url)
    sent = next(load("adyen").connector.sale(CONFIGS["adyen"], request))
    headers = {"Content-Type": "application/json"}
    answered = HttpResponse(status=status, headers=headers, body=authorised(one.id) if body is None else body)
    facts = facts_of(asked_of(Operation.SALE, request))
    kept = {
        **msgspec.to_builtins(Raw(sent, answered, 12).redacted()),
        "number": 0,
        "of": 1,
        "outcome": outcome,
        "asked": msgspec.to_builtins(facts),
    }
    return [
        Exchange(
            account_id="acct_1",
            id="exc_1",
            livemode=False,
            created_at_ms=NOW_MS + 300,
            attempt_id=one.id,
            exchange=kept,
        )
    ]


def only_run(stored: Rows, kept: list[Exchange]) -> Run:
    """Return the one run of kept exchanges."""
    (run,) = runs_of(stored.attempt, kept)
    return run


def recording(stored: Rows | None = None, body: bytes | None = None, **more: Any) -> Recording:
    """Return the recording of a sale."""
    stored = stored or rows()
    made = recording_of(stored, only_run(stored, sold(stored, body, **more)), SALT)
    assert isinstance(made, Recording), made
    return made
