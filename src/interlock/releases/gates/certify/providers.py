"""What the gate knows of each provider by itself, whatever a candidate's manifest claims. Data; no I/O.

The account at the simulated gateway, the currencies in which the provider's minor units are not ISO's, in which words
its test cards are declined (in our vocabulary), and how a merchant captures on the provider's own pages.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from interlock.releases.gates.certify.deck import CHALLENGED_ON_SESSION, CHALLENGED_UNLESS_SET_UP

_WEBHOOK_SECRET_STRIPE = "whsec_certify0123456789abcdef"  # noqa: S105 - of a simulated gateway that lives for one run
_WEBHOOK_SECRET_ADYEN = "5a" * 32


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request that the merchant makes behind the switch's back. ``{payment}``, ``{amount}`` (in the provider's minor
    units) and ``{currency}`` (upper case) in path and body are filled in."""

    method: str
    path: str
    headers: dict[str, str]
    body: str

    def filled(self, payment: str, amount: int, currency: str) -> "Call":
        """Return the request for one payment."""
        values = {"{payment}": payment, "{amount}": str(amount), "{currency}": currency.upper()}
        path, body = self.path, self.body
        for place, value in values.items():
            path, body = path.replace(place, value), body.replace(place, value)
        return msgspec.structs.replace(self, path=path, body=body)


class Declined(msgspec.Struct, frozen=True):
    """What a test card comes to: the attempt's state and, where the issuer gave one, the decline code."""

    state: str
    code: str | None = None


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """One provider that a sandbox exists for. A sandbox of another one tells this of itself (``_sandbox/account``).

    ``base_path`` follows the sandbox's address in ``settings.base_url``; ``exceptional`` are the currencies that the
    provider counts otherwise than ISO 4217; ``declines`` is by the names of :data:`~.deck.DECLINED`;
    ``kept_after_challenge`` is a card that a merchant may charge alone once its holder was challenged;
    ``reviews`` says that the sandbox can hold card payments for review, ``capture_aside`` how a merchant captures on
    the provider's own pages, where that can be played.
    """

    name: str
    base_path: str
    settings: dict[str, str]
    credentials: dict[str, str]
    webhook_secret: str
    exceptional: tuple[str, ...]
    declines: dict[str, Declined]
    kept_after_challenge: str
    reviews: bool = False
    capture_aside: Call | None = None


_STRIPE_CAPTURE = Call(
    method="POST",
    path="/v1/payment_intents/{payment}/capture",
    headers={
        "authorization": "Bearer sk_test_sandboxDashboard",
        "content-type": "application/x-www-form-urlencoded",
    },
    body="amount_to_capture={amount}",
)
_ADYEN_CAPTURE = Call(
    method="POST",
    path="/v72/payments/{payment}/captures",
    headers={"x-api-key": "sandbox-customer-area", "content-type": "application/json"},
    body=(
        '{"merchantAccount":"InterlockSandbox","reference":"customer-area",'
        '"amount":{"currency":"{currency}","value":{amount}}}'
    ),
)
_STRIPE_DECLINES = {
    "generic": Declined("declined", "generic_decline"),
    "insufficient_funds": Declined("declined", "insufficient_funds"),
    "lost": Declined("declined", "lost_card"),
    "stolen": Declined("declined", "stolen_card"),
    "expired": Declined("declined", "expired_card"),
    "incorrect_cvc": Declined("declined", "incorrect_cvc"),
    "processing_error": Declined("declined", "processing_error"),
    "velocity": Declined("declined", "card_velocity_exceeded"),
    "customer_fail": Declined("declined", "generic_decline"),
    "blocked": Declined("declined", "fraudulent"),
}
_ADYEN_DECLINES = {
    "generic": Declined("declined", "generic_decline"),
    "insufficient_funds": Declined("declined", "insufficient_funds"),
    "lost": Declined("declined", "restricted_card"),
    "stolen": Declined("declined", "restricted_card"),
    "expired": Declined("declined", "expired_card"),
    "incorrect_cvc": Declined("declined", "incorrect_cvc"),
    # "Error": not the issuer's word, and Adyen says that the payment did not go through.
    "processing_error": Declined("refused"),
    "velocity": Declined("declined", "withdrawal_count_limit_exceeded"),
    "customer_fail": Declined("declined", "generic_decline"),
    "blocked": Declined("declined", "fraudulent"),
}

PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "stripe": Provider(
            name="stripe",
            base_path="",
            settings={},
            credentials={
                "secret_key": "sk_test_sandboxCertify0123456789abcdef",
                "webhook_secret": _WEBHOOK_SECRET_STRIPE,
            },
            webhook_secret=_WEBHOOK_SECRET_STRIPE,
            exceptional=("isk", "mga", "ugx"),
            declines=_STRIPE_DECLINES,
            kept_after_challenge=CHALLENGED_UNLESS_SET_UP,
            reviews=False,
            capture_aside=_STRIPE_CAPTURE,
        ),
        "adyen": Provider(
            name="adyen",
            base_path="/v72",
            settings={"merchant_account": "InterlockSandbox"},
            credentials={"api_key": "AQEsandboxCertify0123456789abcdef", "hmac_key": _WEBHOOK_SECRET_ADYEN},
            webhook_secret=_WEBHOOK_SECRET_ADYEN,
            exceptional=("clp", "cve", "idr", "isk"),
            declines=_ADYEN_DECLINES,
            # The sandbox knows a set-up only by Adyen's own tokens, and cards are charged from the vault.
            kept_after_challenge=CHALLENGED_ON_SESSION,
            reviews=True,
            capture_aside=_ADYEN_CAPTURE,
        ),
    }
)
"""By connector name: those that ``python -m interlock.sandbox`` can play."""
