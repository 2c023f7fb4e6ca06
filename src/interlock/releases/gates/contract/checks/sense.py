"""Whether a result makes sense by itself, whatever was asked and answered. Pure; called by ``checks.reading`` alone."""

import re
from collections.abc import Iterator

from interlock.gateways.contract import Operation
from interlock.gateways.outcomes import Outcome, Result

_EXECUTED = frozenset({Outcome.APPROVED, Outcome.PENDING, Outcome.CHALLENGE})
_EXPLAINED = frozenset({Outcome.REFUSED, Outcome.NOT_SENT, Outcome.UNKNOWN})
_PAYING = frozenset({Operation.SALE, Operation.AUTHORISE, Operation.VERIFY, Operation.COMPLETE})
_NAMING = _PAYING | {Operation.REFUND, Operation.FUND}


def contradictions(operation: Operation, result: Result) -> Iterator[tuple[str, str]]:
    """Yield what of ``result`` does not go together, each with what to do.

    Args:
        operation: whose result it is.
        result: whose fields are of their types.

    """
    outcome = result.outcome
    if outcome in _EXECUTED and result.decline_code is not None:
        yield f"{operation} is {outcome} and has a decline_code", "give decline codes with declines only"
    if outcome in _EXPLAINED and not _is_word(result.code):
        problem = f"{operation} is {outcome} without a code, or with a sentence for one"
        yield problem, "give a word that operators can search for"
    if result.captured and outcome is not Outcome.APPROVED:
        yield f"{operation} is {outcome} and says that money was taken", "say captured with approvals only"
    if (result.challenge is not None) != (outcome is Outcome.CHALLENGE):
        said = "without anything" if result.challenge is None else "with something"
        problem = f"{operation} is {outcome} {said} that the shopper could do"
        yield problem, "give a challenge with the outcome challenge, always"
    if outcome is Outcome.APPROVED and operation in _NAMING and not result.gateway_reference:
        problem = f"{operation} is {outcome} without the gateway's name of it"
        yield problem, "an approval that names nothing is unknown"


def reasonless(operation: Operation, result: Result) -> bool:
    """Return True when the shopper of a declined payment could not be told why."""
    return result.outcome is Outcome.DECLINED and operation in _PAYING and result.decline_code is None


def _is_word(code: str | None) -> bool:
    return bool(code) and re.search(r"\s", code or "") is None
