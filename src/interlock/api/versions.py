"""What older versions of the published API did otherwise, where a client that names one would be refused.

Called by ``api.routes``. Objects have the shape of our version whatever a client names.
"""

import re

_AUTOMATIC_SINCE = "2023-08-16"
_dated = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?=$|[.;])").match


def cards_unless_told(version: str | None) -> bool:
    """Return True for a version in which an intent took cards only, unless it said otherwise.

    Args:
        version: what the client named in ``Stripe-Version``; what is no date is taken as ours.

    """
    return version is not None and version < _AUTOMATIC_SINCE and _dated(version) is not None
