"""What an intent was when it was created, told from what it has become. Pure; used where its creation is announced.

An intent that is created and confirmed in one request first becomes durable together with its first attempt; its
creation is announced by whoever writes its second version, and shows it as nobody had confirmed it yet.
"""

from operator import attrgetter

import msgspec

from interlock.payments.intents.machine import resting_status
from interlock.payments.intents.types import Intent

# Everything else is changed by what happens to an intent, and is at rest at its creation.
_given = attrgetter(
    "id",
    "account_id",
    "livemode",
    "created_at_ms",
    "amount_minor",
    "currency",
    "capture_method",
    "confirmation_method",
    "customer_id",
    "client_secret",
    "setup_future_usage",
    "metadata",
    "details",
)


def as_created(intent: Intent) -> Intent:
    """Return ``intent`` as it was before it was confirmed."""
    return msgspec.structs.replace(
        intent,
        version=1,
        status=resting_status(None),
        amount_capturable_minor=0,
        amount_received_minor=0,
        payment_method_id=None,
        latest_charge_id=None,
        active_attempt_id=None,
        attempt_count=0,
        canceled_at_ms=None,
        cancellation_reason=None,
        capture_before_ms=None,
        next_action=None,
        last_payment_error=None,
    )


def same_creation(one: Intent, other: Intent) -> bool:
    """Tell whether both show the same :func:`as_created`."""
    return bool(_given(one) == _given(other))
