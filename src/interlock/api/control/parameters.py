"""What the requests of the control API may say. Unknown names are refused, so that a misspelt wish is never ignored."""

from typing import Annotated, Literal

import msgspec

from interlock.releases.affected import Consequence
from interlock.releases.gates.types import Gate
from interlock.routing.releases import ReleaseState

LIMIT_MAX = 100
Why = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000, description="The reason, for the journal.")]
Reason = Annotated[str, msgspec.Meta(max_length=2_000, description="The reason, for the journal.")]
Mode = Annotated[Literal["test", "live"], msgspec.Meta(description="The mode; test without it.")]
Limit = Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX, description="How many, at most.")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Word = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_]{1,64}$")]
Moment = Annotated[int, msgspec.Meta(ge=0, le=99_999_999_999_999, description="Epoch milliseconds.")]
After = Annotated[str, msgspec.Meta(min_length=1, max_length=255, description="The id that the last page ended with.")]


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing; what every request's parameters are built on."""


class PageParameters(Parameters, frozen=True):
    """Which part of a list, newest first unless the list says otherwise."""

    limit: Limit = 10
    starting_after: After | None = None


class ListReleases(PageParameters, frozen=True):
    """Which releases."""

    mode: Mode = "test"
    gateway: Annotated[Name, msgspec.Meta(description="Only of this gateway: its name or id.")] | None = None
    state: ReleaseState | None = None


class CreateRelease(Parameters, frozen=True):
    """A release of what serves, with what differs."""

    gateway: Annotated[Name, msgspec.Meta(description="The gateway's name or id.")]
    note: Annotated[
        str,
        msgspec.Meta(min_length=1, max_length=2_000, description="What it is for: everybody who approves it reads it."),
    ]
    mode: Mode = "test"
    files: Annotated[
        dict[str, str],
        msgspec.Meta(description="The whole package, text by file name; the connector that serves without it."),
    ] = {}
    settings: Annotated[
        dict[str, str | None],
        msgspec.Meta(description="Settings over those that serve; null removes one."),
    ] = {}
    credentials: Annotated[
        dict[str, str], msgspec.Meta(description="New secrets in clear by name; the others stay. Never shown again.")
    ] = {}
    credentials_expire_at_ms: Annotated[
        dict[str, Moment], msgspec.Meta(description="When new secrets end, by name, where that is known.")
    ] = {}

    def __repr__(self) -> str:
        """Return a text without secrets."""
        return f"CreateRelease({self.gateway!r}, files={sorted(self.files)}, credentials={sorted(self.credentials)})"

    __str__ = __repr__


class Diff(Parameters, frozen=True):
    """What a release is compared with."""

    against: Annotated[Name, msgspec.Meta(description="Another release's id; what serves now without it.")] | None = (
        None
    )


class RunGates(Parameters, frozen=True):
    """Which gates are to be run."""

    gates: Annotated[
        tuple[Literal["lint", "contract", "certify", "shadow"], ...],
        msgspec.Meta(description="Only these, in the order of the gates; all four without them.", max_length=10),
    ] = ()
    again: Annotated[bool, msgspec.Meta(description="Those too that it has passed.")] = False


class ListEvidence(PageParameters, frozen=True):
    """Which reports."""

    gate: Gate | None = None


class Approve(Parameters, frozen=True):
    """How a release is let go on."""

    why: Why
    accept_inconclusive: Annotated[
        bool, msgspec.Meta(description="Gates that could not judge do not hold it; `why` says why not.")
    ] = False
    break_glass: Annotated[
        bool, msgspec.Meta(description="Whatever the gates say and whoever asks; the journal says so.")
    ] = False


class CanaryPlan(Parameters, frozen=True):
    """How a canary is run; what is not given is as usual. Ranges are the use case's."""

    share_ppm: Annotated[int, msgspec.Meta(description="The most it takes, parts of a million; 50000.")] | None = None
    alpha: Annotated[float, msgspec.Meta(description="The chance to take an innocent release back; 0.0001.")] | None = (
        None
    )
    waits_for_person: (
        Annotated[bool, msgspec.Meta(description="Somebody promotes it although the evidence is in.")] | None
    ) = None
    holdback_ppm: (
        Annotated[int, msgspec.Meta(description="What stays with the release before after the promotion; 50000.")]
        | None
    ) = None
    holdback_ms: Annotated[int, msgspec.Meta(description="For how long; 86400000.")] | None = None


class Promote(Parameters, frozen=True):
    """One step on."""

    why: Reason = ""
    plan: CanaryPlan = CanaryPlan()
    break_glass: Annotated[
        bool, msgspec.Meta(description="Stable at once, without evidence; needs `why`, and the journal says so.")
    ] = False


class Because(Parameters, frozen=True):
    """Only the reason."""

    why: Why


class Lift(Parameters, frozen=True):
    """Only the reason, which may be absent."""

    why: Reason = ""


class Validate(Parameters, frozen=True):
    """What the probes are paid with."""

    payment_method: (
        Annotated[Name, msgspec.Meta(description="A card of yours; a test card in test mode without it.")] | None
    ) = None
    customer: Annotated[Name, msgspec.Meta(description="The customer it is stored with.")] | None = None


class ListAffected(PageParameters, frozen=True):
    """Which payments of a release, the worst first."""

    only: Annotated[tuple[Consequence, ...], msgspec.Meta(description="Only of these consequences; repeat.")] = ()
    since_ms: Moment | None = None
    until_ms: Moment | None = None


class ListJournal(Parameters, frozen=True):
    """Which entries, newest first."""

    limit: Limit = 10
    starting_after: (
        Annotated[int, msgspec.Meta(ge=1, le=1 << 62, description="The sequence that the last page ended with.")] | None
    ) = None
    subject: Annotated[Name, msgspec.Meta(description="Only about this id.")] | None = None


class ListOfMode(PageParameters, frozen=True):
    """A list of one mode."""

    mode: Mode = "test"


class OfMode(Parameters, frozen=True):
    """An object of one mode."""

    mode: Mode = "test"


class RollBackGateway(Parameters, frozen=True):
    """Out of service, whatever was changed last."""

    why: Why
    mode: Mode = "test"


class Refuse(Parameters, frozen=True):
    """What is kept from a gateway."""

    gateway: Annotated[Name, msgspec.Meta(description="The gateway's name or id; `*` for every one.")]
    why: Annotated[str, msgspec.Meta(min_length=1, max_length=500, description="The reason, for people and journal.")]
    mode: Mode = "test"
    network: Annotated[Word, msgspec.Meta(description="Of the card, such as amex.")] | None = None
    method: Annotated[Word, msgspec.Meta(description="Such as sepa_debit.")] | None = None
    currency: (
        Annotated[str, msgspec.Meta(pattern="^[A-Za-z]{3}$", description="Three letters, such as jpy.")] | None
    ) = None
    expires_at_ms: Annotated[Moment, msgspec.Meta(description="When it ends by itself; never without it.")] | None = (
        None
    )


class LiftRefusal(Lift, frozen=True):
    """The reason, and the mode."""

    mode: Mode = "test"
