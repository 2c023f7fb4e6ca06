"""Building blocks of the parameter structs: the field types and the parents.

Called by the other modules of ``api.parameters``.
"""

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

MAX_TEXT = 5_000
_INT64 = 2**63 - 1

Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Token = Annotated[str, Meta(max_length=255)]
Secret = Annotated[str, Meta(max_length=500, extra_json_schema={"format": "password"})]
Integer = Annotated[int, Meta(ge=-_INT64, le=_INT64)]
Amount = Annotated[int, Meta(ge=-_INT64, le=_INT64, description="Smallest units of the currency.")]
Timestamp = Annotated[int, Meta(ge=0, le=10**12, description="Seconds since the epoch.")]
Currency = Annotated[str, Meta(pattern="^[A-Za-z]{3}$", extra={"check": "currency"})]
Email = Annotated[str, Meta(pattern=r"^[^@\s]{1,256}@[^@\s]{1,255}$", max_length=512, extra={"check": "email"})]
Url = Annotated[
    str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9+.-]{0,30}:[^\s]+$", max_length=MAX_TEXT, extra={"check": "url"})
]
WebUrl = Annotated[str, Meta(pattern=r"^https?://[^\s/]+[^\s]*$", max_length=MAX_TEXT, extra={"check": "url"})]
Metadata = dict[str, str]
Hash = dict[str, Any]
Expand = Annotated[list[Annotated[str, Meta(max_length=200)]], Meta(max_length=20)]

CONNECT = "Interlock has no connected accounts."
NOT_YET = "Interlock does not offer it."


def refuse(reason: str, *names: str) -> dict[str, str]:
    """Return an entry per name for ``REFUSED``."""
    return dict.fromkeys(names, reason)


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hash of parameters. ``REFUSED`` names what the published API has and Interlock does not, and why."""

    REFUSED: ClassVar[dict[str, str]] = {}


class Expandable(Parameters, frozen=True, kw_only=True):
    """Parameters of an endpoint that answers an object."""

    expand: Expand = []


class Range(Parameters, frozen=True, kw_only=True):
    """Bounds of a time, in seconds since the epoch."""

    gt: Timestamp | UnsetType = UNSET
    gte: Timestamp | UnsetType = UNSET
    lt: Timestamp | UnsetType = UNSET
    lte: Timestamp | UnsetType = UNSET


class Page(Expandable, frozen=True, kw_only=True):
    """Parameters of every list."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    starting_after: Token | UnsetType = UNSET
    ending_before: Token | UnsetType = UNSET


class DatedPage(Page, frozen=True, kw_only=True):
    """Parameters of a list that can be narrowed by time of creation."""

    created: Timestamp | Range | UnsetType = UNSET


class Search(Expandable, frozen=True, kw_only=True):
    """Parameters of every search."""

    query: Annotated[str, Meta(max_length=2_000)]
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    page: Token | UnsetType = UNSET


class Address(Parameters, frozen=True, kw_only=True):
    """A postal address."""

    line1: Text | UnsetType | None = UNSET
    line2: Text | UnsetType | None = UNSET
    city: Text | UnsetType | None = UNSET
    state: Text | UnsetType | None = UNSET
    postal_code: Text | UnsetType | None = UNSET
    country: Text | UnsetType | None = UNSET


class Shipping(Parameters, frozen=True, kw_only=True):
    """Where goods go."""

    address: Address
    name: Text
    phone: Text | UnsetType | None = UNSET
    carrier: Text | UnsetType | None = UNSET
    tracking_number: Text | UnsetType | None = UNSET


class BillingDetails(Parameters, frozen=True, kw_only=True):
    """Who pays."""

    address: Address | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    name: Text | UnsetType | None = UNSET
    phone: Text | UnsetType | None = UNSET
    tax_id: Token | UnsetType | None = UNSET


def given(value: msgspec.Struct | list[Any]) -> Any:
    """Return the fields that were given, as plain values: what is stored and shown again as it came."""
    return msgspec.to_builtins(value)
