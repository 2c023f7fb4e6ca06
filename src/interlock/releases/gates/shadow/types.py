"""Values of the gate *shadow*: recordings of real operations, and what two releases made of them.

A recording holds no card, no bank account, no secret and nobody's name: what a connector is to build from is kept in
parts, its instrument as a shape only, every text about the shopper disguised (``disguise``). So a file of recordings
may leave the database, for a check where there is none.
"""

from typing import Any, Literal

import msgspec

from interlock.base.errors import ConfigurationError
from interlock.base.money import Money
from interlock.gateways.contract import HttpResponse, MandateAcceptance, Operation
from interlock.releases.gates.observation import Trace

FORMAT = 1
PERSONAL = "[personal]"
"""Stands for a value of a recorded request that told of the shopper; such a field is compared by being there."""


class CardShape(msgspec.Struct, frozen=True, kw_only=True, tag="card", omit_defaults=True):
    """What is kept of a card: enough to take a test card of the same network. ``named`` is that of a test card."""

    brand: str
    exp_month: int
    exp_year: int
    networks: tuple[str, ...] = ()
    named: str | None = None
    has_code: bool = False
    holder_name: str | None = None


class AccountShape(msgspec.Struct, frozen=True, kw_only=True, tag="account", omit_defaults=True):
    """What is kept of a bank account: its country and bank, and how its holder agreed."""

    country: str
    bank_code: str
    acceptance: MandateAcceptance
    branch_code: str | None = None


class TransferShape(msgspec.Struct, frozen=True, kw_only=True, tag="transfer", omit_defaults=True):
    """Money by bank transfer; there is nothing to hide."""

    kind: str
    country: str | None = None


Shape = CardShape | AccountShape | TransferShape


class RecordedRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the connector was given (``contract``): ``fields`` are the request's own, but for its instrument and, of an
    inquiry, the original."""

    kind: Literal["payment", "complete", "follow_on", "inquire"]
    fields: dict[str, Any]
    instrument: Shape | None = None
    original: "RecordedRequest | None" = None


class RecordedAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer of the gateway, redacted."""

    status: int
    headers: dict[str, str] = {}
    body: str = ""

    def response(self) -> HttpResponse:
        """Return the answer as a connector receives it."""
        return HttpResponse(status=self.status, headers=self.headers, body=self.body.encode())


class RecordedSend(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request as it was sent at that time, redacted and taken apart (``observation.SentRequest``)."""

    method: str
    path: str
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    fields: dict[str, Any] = {}


class ConfigFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An account's settings, and the names of the credentials it has given, with spaces between: a list of such names
    passes for a name and its secret wherever texts are scrubbed."""

    livemode: bool
    settings: dict[str, str] = {}
    credentials: str = ""

    @property
    def given(self) -> tuple[str, ...]:
        """Return the names of the credentials that are given."""
        return tuple(self.credentials.split())


class Slice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which part of the traffic a recording stands for. ``credential`` is a word of ``strata``."""

    operation: Operation
    outcome: str
    currency: str
    method: str = "card"
    network: str | None = None
    credential: str = "one_time"
    release_id: str = ""


class Recording(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One real operation, ready to be done again without a wire.

    ``answers`` are the gateway's in order; ``unanswered`` says that the last request of ``sent`` never got one.
    ``marked`` says that redaction took something out of an answer; ``inferred`` that the operation is a conclusion,
    because the release of that time did not write it down.
    """

    case: str
    slice: Slice
    request: RecordedRequest
    answers: tuple[RecordedAnswer, ...]
    sent: tuple[RecordedSend, ...]
    config: ConfigFacts
    unanswered: bool = False
    marked: bool = False
    inferred: bool = False


class Recordings(msgspec.Struct, frozen=True, kw_only=True):
    """The recordings of one gateway. ``left_out`` counts by reason what could not become one; ``traffic`` counts by
    operation what went over the gateway in the last thirty days, as far as was looked back; ``config`` is how the
    gateway was configured when they were read, while each recording has the configuration of its own release."""

    connector: str
    livemode: bool
    recordings: tuple[Recording, ...]
    left_out: dict[str, int] = {}
    traffic: dict[str, int] = {}
    config: ConfigFacts | None = None
    read_at_ms: int = 0
    format: int = FORMAT


def to_file(recordings: Recordings) -> bytes:
    """Return ``recordings`` as the JSON of a file, one recording a line."""
    head = msgspec.structs.replace(recordings, recordings=())
    lines = [msgspec.json.encode(head), *map(msgspec.json.encode, recordings.recordings)]
    return b"\n".join(lines) + b"\n"


def from_file(data: bytes, origin: str = "recordings") -> Recordings:
    """Return what :func:`to_file` made.

    Raises:
        ConfigurationError: it is no such file, or one of another format.

    """
    try:
        head, *lines = data.splitlines() or [b""]
        found = msgspec.json.decode(head, type=Recordings)
        if found.format != FORMAT:
            raise ConfigurationError(origin, f"has format {found.format}, not {FORMAT}", "export the recordings again")
        recordings = tuple(msgspec.json.decode(line, type=Recording) for line in lines)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        problem = f"holds no recordings ({error})"
        raise ConfigurationError(origin, problem, "give a file that recordings were exported to") from None
    return msgspec.structs.replace(found, recordings=recordings)


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What a release did with one recording: the trace, and what the switch itself makes of it. ``echo`` is the money
    that the manifest's pointers find in the last answer; ``not_sendable`` is why the transport would not send it."""

    trace: Trace
    echo: Money | None = None
    echo_mismatch: bool = False
    not_sendable: str | None = None
