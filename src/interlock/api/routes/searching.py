"""Search answers: one function for the three objects that can be searched. Called by ``api.routes``."""

from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import UNSET

from interlock.api import answers
from interlock.api.call import Call
from interlock.api.expansion import Shown
from interlock.api.links import TOTAL_COUNT
from interlock.api.parameters.base import Search
from interlock.base.problems import Problem, invalid
from interlock.payments.search.service import count
from interlock.payments.search.service import search as find
from interlock.payments.work import Answer
from interlock.storage.tables import Table

T = TypeVar("T", bound=msgspec.Struct)


async def search(call: Call[Search], table: Table[T], render: Callable[[T], Shown]) -> Answer | Problem:
    """Return the search answer for the rows of ``table`` that the query finds."""
    asked = call.parameters
    after_id = None
    if asked.page is not UNSET:
        after_id = answers.read_page_token(asked.page)
        if after_id is None:
            return invalid("Invalid page: it is no next_page of an earlier answer.", param="page")
    found = await find(call.services.rooms.database, table, call.scope, asked.query, asked.limit, after_id)
    if isinstance(found, Problem):
        return found
    total = await _total(call, table)
    if isinstance(total, Problem):
        return total
    shown = [render(item) for item in found.items]
    next_page = answers.page_token(shown[-1]["id"]) if found.has_more else None
    return await call.show_search(shown, next_page=next_page, total_count=total)


async def _total(call: Call[Search], table: Table[T]) -> int | Problem | None:
    """Return how many rows the query finds on all pages, None where nobody asked for it."""
    if TOTAL_COUNT not in call.parameters.expand:
        return None
    return await count(call.services.rooms.database, table, call.scope, call.parameters.query)
