"""What lists are narrowed by: that an object does not exist is told, not that it has nothing. Called by ``api``."""

from collections.abc import Mapping
from typing import Any

from interlock.base.context import Scope
from interlock.base.problems import Problem
from interlock.payments.charges.types import CHARGES
from interlock.payments.customers.types import CUSTOMERS
from interlock.payments.instruments.refusals import no_such
from interlock.payments.intents.types import INTENTS
from interlock.storage.database import Database
from interlock.storage.tables import Table

_OWNERS: Mapping[str, Table[Any]] = {"charge": CHARGES, "customer": CUSTOMERS, "payment_intent": INTENTS}


async def missing_owner(database: Database, scope: Scope, named: Mapping[str, str | None]) -> Problem | None:
    """Return the problem of the first filter that names an object which does not exist, or None.

    Args:
        database: to look into.
        scope: account and mode.
        named: parameter → the id it gave, None where it was not given.

    """
    for param, object_id in named.items():
        if object_id is not None and await database.get(_OWNERS[param], scope, object_id) is None:
            return no_such(param, object_id, param=param)
    return None
