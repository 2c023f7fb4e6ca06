"""The change journal, and who is asking."""

from interlock.api import answers
from interlock.api.control.calls import PREFIX, Call, ControlEndpoint
from interlock.api.control.parameters import ListJournal, Parameters
from interlock.base.problems import Problem
from interlock.payments.work import Answer
from interlock.releases.standing import journal_view
from interlock.routing import journal


async def list_entries(call: Call[ListJournal]) -> Answer | Problem:
    """List who changed what, when and why, of both modes, newest first."""
    asked = call.parameters
    some = await journal.read(
        call.rooms.database,
        call.operator.account_id,
        subject=asked.subject,
        before=asked.starting_after,
        limit=asked.limit + 1,
    )
    shown = [{"object": "journal_entry", **journal_view(entry)} for entry in some[: asked.limit]]
    return call.listing(shown, has_more=len(some) > asked.limit)


async def verify(call: Call[Parameters]) -> Answer | Problem:
    """Recompute the chain of hashes; keep the head somewhere else and compare."""
    chain = await journal.verify(call.rooms.database, call.operator.account_id)
    return answers.of_value(
        {
            "object": "journal_chain",
            "entries": chain.entries,
            "head": chain.head,
            "broken_at": chain.broken_at,
        }
    )


async def who(call: Call[Parameters]) -> Answer | Problem:
    """Tell whose token this is."""
    operator = call.operator
    return answers.of_value(
        {
            "object": "operator",
            "id": operator.id,
            "name": operator.name,
            "account": operator.account_id,
            "token": operator.hint,
            "created_at_ms": operator.created_at_ms,
        }
    )


ENDPOINTS = (
    ControlEndpoint("GET", f"{PREFIX}/journal", list_entries, ListJournal, "List who changed what and why"),
    ControlEndpoint("GET", f"{PREFIX}/journal/verify", verify, Parameters, "Recompute the journal's chain", heavy=True),
    ControlEndpoint("GET", f"{PREFIX}/operator", who, Parameters, "Tell whose token this is"),
)
