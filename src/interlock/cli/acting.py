"""In whose name a command changes something: the operator whose token is set, else the user of this machine."""

import os
import pwd

from interlock.base.clock import SystemClock
from interlock.base.settings import ENV_PREFIX, load_settings
from interlock.cli.output import ExitCode, RefusedError
from interlock.releases.operators import Operators
from interlock.releases.types import Actor
from interlock.storage.database import Database

_VARIABLE = f"{ENV_PREFIX}OPERATOR_TOKEN"
_WRONG = ExitCode.CONFIGURATION


async def the_actor(database: Database, account_id: str) -> Actor:
    """Return who acts on ``account_id``: proven by a token, or ``cli:`` and the name of the user, unproven.

    Raises:
        RefusedError: a token is set and nobody's, or of another account; nothing is done in anybody else's name then.

    """
    token = load_settings().operator_token
    if token is None or not token.get_secret_value():
        return Actor(f"cli:{_user()}")
    operator = await Operators(database, SystemClock()).find(token.get_secret_value())
    if operator is None:
        raise RefusedError(_VARIABLE, "is no operator's token, or a revoked one", "correct or unset it", _WRONG)
    if operator.account_id != account_id:
        raise RefusedError(_VARIABLE, "is of another account", f"name {operator.account_id} with --account", _WRONG)
    return operator.actor


def _user() -> str:
    """Return the user's name by its number: a variable could say anything."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
