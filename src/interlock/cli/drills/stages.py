"""The stages in their order, and which of them answers to which word of the catalogue of faults. Pure."""

from collections.abc import Mapping

ABSORBED = "absorbed"
"""The fault did its worst on a switch that serves; nobody was hurt and no money is wrong."""
PROPOSAL = "proposal"
CANARY = "canary"
VALIDATE = "validate"
LIVE = "live"
REPAIR = "reconciliation"

ORDER = (
    ABSORBED,
    PROPOSAL,
    "lint",
    "contract",
    "certify",
    "shadow",
    CANARY,
    VALIDATE,
    LIVE,
    REPAIR,
    "log_audit",
)
"""``live`` is an alarm about one payment (an answer that speaks of other money); ``reconciliation`` asks the gateway
about every payment again, as ``interlock release affected --repair`` does."""

OF_CATALOGUE: Mapping[str, str] = {
    "static_lint": "lint",
    "contract_test": "contract",
    "sandbox_certification": "certify",
    "shadow_diff": "shadow",
    "canary": CANARY,
    "live_monitoring": LIVE,
    "reconciliation": REPAIR,
    "log_audit": "log_audit",
}


def in_time(found: str | None, earliest: str) -> bool:
    """Return True when a fault was stopped at the earliest stage that can see it, or before.

    Args:
        found: where it was stopped, None where nothing stopped it.
        earliest: a word of the catalogue.

    """
    return found is not None and ORDER.index(found) <= ORDER.index(OF_CATALOGUE[earliest])
