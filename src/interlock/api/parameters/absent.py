"""Parameters of lists that are always empty."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from interlock.api.parameters.base import Parameters, Token


class AnyFilter(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """GET of what there is none of: pages are checked, any filter fits."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    starting_after: Token | UnsetType = UNSET
    ending_before: Token | UnsetType = UNSET
