"""Problems and values as HTTP answers: status, JSON body, headers.

Called by the request pipeline and by the routes; the only place that knows the error object's shape.
"""

import base64
from typing import Any

import msgspec

from interlock.base.problems import Problem
from interlock.payments.work import Answer

encode = msgspec.json.Encoder().encode

_CODE_PAGE = "https://docs.stripe.com/error-codes#"

INTERNAL = Problem(
    status=500,
    type="api_error",
    message="An unexpected error occurred on our side. The request id in the header Request-Id names it in the log.",
)
OVERLOADED = Problem(
    status=503,
    type="api_error",
    message="Too many requests are being worked on at this moment. Retry the request.",
    retryable=True,
)
RATE_LIMITED = Problem(
    status=429,
    type="invalid_request_error",
    code="rate_limit",
    message="Request rate limit exceeded. Send fewer requests per second, or retry with exponential backoff.",
    retryable=True,
)


NOT_READY = Problem(status=503, type="api_error", message="Not ready: the database does not answer.", retryable=True)


def error_object(problem: Problem) -> dict[str, Any]:
    """Return the error object of ``problem``: only what is known, as the published API does."""
    error: dict[str, Any] = {"type": problem.type, "message": problem.message}
    if problem.code is not None:
        error["code"] = problem.code
        error["doc_url"] = _CODE_PAGE + problem.code.replace("_", "-")
    for name in ("param", "decline_code", "advice_code", "network_decline_code", "charge"):
        value = getattr(problem, name)
        if value is not None:
            error[name] = value
    error.update(problem.attached)
    return error


def of_problem(problem: Problem) -> Answer:
    """Return the answer that tells ``problem``."""
    headers = {} if problem.retryable is None else {"stripe-should-retry": "true" if problem.retryable else "false"}
    return Answer(status=problem.status, body=encode({"error": error_object(problem)}), headers=headers)


def of_value(value: dict[str, Any]) -> Answer:
    """Return the answer that shows ``value``."""
    return Answer(status=200, body=encode(value))


def list_object(data: list[dict[str, Any]], url: str, *, has_more: bool) -> dict[str, Any]:
    """Return the list envelope around ``data``."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def search_object(data: list[dict[str, Any]], url: str, *, next_page: str | None) -> dict[str, Any]:
    """Return the search result envelope around ``data``."""
    return {
        "object": "search_result",
        "data": data,
        "has_more": next_page is not None,
        "next_page": next_page,
        "url": url,
    }


def page_token(last_id: str) -> str:
    """Return the opaque token of the search page that follows ``last_id``."""
    return base64.urlsafe_b64encode(last_id.encode()).decode().rstrip("=")


def read_page_token(token: str) -> str | None:
    """Return the id in ``token``, or None when it is none of ours."""
    try:
        last_id = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (ValueError, UnicodeDecodeError):
        return None
    return last_id if last_id.replace("_", "").isalnum() else None
