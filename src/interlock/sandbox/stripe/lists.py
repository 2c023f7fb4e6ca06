"""Lists and search of the simulated Stripe: newest first, cursors, created filters, metadata queries."""

import operator
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeVar

import msgspec

from interlock.sandbox.stripe import rendering
from interlock.sandbox.stripe.charging import payment_of
from interlock.sandbox.stripe.desk import Answer, Call, Desk, Shown
from interlock.sandbox.stripe.errors import Refusal, invalid
from interlock.sandbox.stripe.state import Customer, Dispute, Method, Payment, Refund, Setup

T = TypeVar("T", bound=msgspec.Struct)
Json = dict[str, Any]

DEFAULT_LIMIT, MAX_LIMIT = 10, 100
MAX_SCANNED = 100_000
_METADATA_QUERY = re.compile(r"""^metadata\[["']([^"']{1,40})["']\]\s*:\s*["']([^"']{0,500})["']$""")
_COMPARISONS = {":": operator.eq, ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_CREATED_QUERY = re.compile(r"^created\s*(:|>=|<=|>|<)\s*(\d{1,12})$")
_FIELD_QUERY = re.compile(r"""^(status|currency|customer)\s*:\s*["']([^"']*)["']$""")


def limit_of(call: Call) -> int | Refusal:
    """Return the page size asked for."""
    limit = call.number("limit")
    if limit is None:
        return DEFAULT_LIMIT
    if not 1 <= limit <= MAX_LIMIT:
        return invalid("This value must be less than or equal to 100 (and at least 1).",
                       code="parameter_invalid_integer", param="limit")  # fmt: skip
    return limit


def created_test(call: Call) -> Callable[[int], bool]:
    """Return the test that ``created`` asks for."""
    wanted = call.form.get("created")
    if isinstance(wanted, str) and wanted.isdigit():
        exact = int(wanted)
        return lambda created: created == exact
    bounds = {name: int(text) for name, text in call.tree("created").items() if str(text).isdigit()}
    low = max(bounds.get("gte", 0), bounds.get("gt", -1) + 1)
    high = min(bounds.get("lte", 2**62), bounds.get("lt", 2**62) - 1)
    return lambda created: low <= created <= high


class Lists:
    """Answers GET on collections."""

    def __init__(self, desk: Desk) -> None:
        """Read from ``desk``'s memory."""
        self._desk = desk

    # -- pages -----------------------------------------------------------------------------------------------------

    def _walk(self, call: Call, prefix: str, kind: type[T]) -> Iterator[T]:
        after, before = call.text("starting_after"), call.text("ending_before")
        for object_id in islice(self._desk.store.ids(prefix, below=after, above=before), MAX_SCANNED):
            value = self._desk.store.get(object_id, kind)
            if value is not None:
                yield value

    def _page(self, call: Call, url: str, shown: Iterator[Json]) -> Answer:
        limit = limit_of(call)
        if isinstance(limit, Refusal):
            return limit
        rows: list[Json] = []
        more = False
        for row in shown:
            if len(rows) == limit:
                more = True
                break
            rows.append(row)
        if call.text("ending_before") is not None:
            rows.reverse()
        return Shown({"object": "list", "data": rows, "has_more": more, "url": url})

    def payments(self, call: Call) -> Answer:
        """GET /v1/payment_intents."""
        fits, customer = created_test(call), call.text("customer")
        base = self._desk.context.base_url
        found = (
            rendering.payment_intent(payment, base)
            for payment in self._walk(call, "pi_", Payment)
            if fits(payment.created) and customer in (None, payment.customer)
        )
        return self._page(call, "/v1/payment_intents", found)

    def charges(self, call: Call) -> Answer:
        """GET /v1/charges."""
        fits, wanted = created_test(call), call.text("payment_intent")
        cursor = call.text("starting_after")
        if cursor is not None:
            call.form["starting_after"] = payment_of(cursor)
        found = (
            rendering.charge(payment, attempt)
            for payment in self._walk(call, "pi_", Payment)
            if wanted in (None, payment.id)
            for attempt in reversed(payment.attempts)
            if fits(attempt.created)
        )
        return self._page(call, "/v1/charges", found)

    def refunds(self, call: Call) -> Answer:
        """GET /v1/refunds."""
        fits, payment, charge = created_test(call), call.text("payment_intent"), call.text("charge")
        found = (
            rendering.refund(refund)
            for refund in self._walk(call, "re_", Refund)
            if fits(refund.created) and payment in (None, refund.payment) and charge in (None, refund.charge)
        )
        return self._page(call, "/v1/refunds", found)

    def setups(self, call: Call) -> Answer:
        """GET /v1/setup_intents."""
        fits, customer = created_test(call), call.text("customer")
        base = self._desk.context.base_url
        found = (
            rendering.setup_intent(setup, base)
            for setup in self._walk(call, "seti_", Setup)
            if fits(setup.created) and customer in (None, setup.customer)
        )
        return self._page(call, "/v1/setup_intents", found)

    def methods(self, call: Call) -> Answer:
        """GET /v1/payment_methods."""
        customer = call.text("customer")
        found = (
            rendering.payment_method(method)
            for method in self._walk(call, "pm_", Method)
            if customer is not None and customer == method.customer
        )
        return self._page(call, "/v1/payment_methods", found)

    def customers(self, call: Call) -> Answer:
        """GET /v1/customers."""
        fits, email = created_test(call), call.text("email")
        found = (
            rendering.customer(customer)
            for customer in self._walk(call, "cus_", Customer)
            if fits(customer.created) and email in (None, customer.email)
        )
        return self._page(call, "/v1/customers", found)

    def disputes(self, call: Call) -> Answer:
        """GET /v1/disputes."""
        fits, payment, charge = created_test(call), call.text("payment_intent"), call.text("charge")
        found = (
            rendering.dispute(dispute)
            for dispute in self._walk(call, "dp_", Dispute)
            if fits(dispute.created) and payment in (None, dispute.payment) and charge in (None, dispute.charge)
        )
        return self._page(call, "/v1/disputes", found)

    # -- search ----------------------------------------------------------------------------------------------------

    def search(self, call: Call) -> Answer:
        """GET /v1/payment_intents/search: metadata, status, currency, customer and created, joined by AND."""
        query, limit = call.text("query"), limit_of(call)
        if isinstance(limit, Refusal):
            return limit
        clauses = [part.strip() for part in re.split(r"\s+AND\s+", query or "", flags=re.IGNORECASE)]
        parsed = [
            _METADATA_QUERY.match(clause) or _FIELD_QUERY.match(clause) or _CREATED_QUERY.match(clause)
            for clause in clauses
        ]
        if not query or not all(parsed):
            return invalid(f"We were unable to parse your search query: {query}", param="query")
        found = [payment for payment in self._candidates(clauses) if all(_fits(payment, one) for one in clauses)]
        start = int(page) if (page := call.text("page") or "0").isdigit() else 0
        base = self._desk.context.base_url
        rows = [rendering.payment_intent(payment, base) for payment in found[start : start + limit]]
        more = len(found) > start + limit
        return Shown(
            {
                "object": "search_result",
                "data": rows,
                "has_more": more,
                "next_page": str(start + limit) if more else None,
                "url": "/v1/payment_intents/search",
            }
        )

    def _candidates(self, clauses: list[str]) -> Iterator[Payment]:
        store = self._desk.store
        tagged = next((match for clause in clauses if (match := _METADATA_QUERY.match(clause))), None)
        if tagged is not None:
            ids: Iterator[str] = iter(store.tagged(f"payment_intent.metadata.{tagged[1]}", tagged[2]))
        else:
            ids = store.ids("pi_")
        for place, object_id in enumerate(ids):
            payment = store.get(object_id, Payment)
            if payment is not None:
                yield payment
            if place > MAX_SCANNED:
                return


def _fits(payment: Payment, clause: str) -> bool:
    metadata = _METADATA_QUERY.match(clause)
    if metadata is not None:
        return payment.metadata.get(metadata[1]) == metadata[2]
    created = _CREATED_QUERY.match(clause)
    if created is not None:
        return bool(_COMPARISONS[created[1]](payment.created, int(created[2])))
    field = _FIELD_QUERY.match(clause)
    if field is None:
        return False
    value = {"status": payment.status, "currency": payment.currency, "customer": payment.customer}[field[1]]
    return value == field[2]
