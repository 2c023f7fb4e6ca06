"""What a handbook is made from, and what it is."""

import msgspec

from interlock.gateways.manifest import Manifest
from interlock.releases.gates.types import GateReport


class Configured(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway that runs this integration: which settings and credentials it has, by name, never their values."""

    name: str
    gateway_id: str
    livemode: bool
    settings: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    webhook_url: str | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One gate's report and when it was made, epoch milliseconds."""

    report: GateReport
    finished_at_ms: int


class ReleaseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One release in the history of a gateway. ``decided_at_ms`` is when it came to its ``state``."""

    release_id: str
    state: str
    created_at_ms: int
    by: str
    why: str
    decided_at_ms: int | None = None


class CanaryArm(msgspec.Struct, frozen=True, kw_only=True):
    """What one arm of a canary saw: payments, and how many of them were approved, failed technically or are unknown."""

    arm: str
    release_id: str
    payments: int
    approved: int
    technical_failures: int
    unknown: int
    latency_p99_ms: int | None = None


class CanaryFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A canary that has ended: when it ran, at which share (parts per million), what was decided and by what."""

    started_at_ms: int
    ended_at_ms: int
    share_ppm: int
    decision: str
    arms: tuple[CanaryArm, ...]


class HandbookFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a page is made from.

    ``commands`` are the commands that this program has, each with the first sentence of its help (``gateways disable``
    → ``Send no new payments …``): the runbook names no other.
    """

    manifest: Manifest
    package_id: str
    release_id: str | None = None
    configured: Configured | None = None
    evidence: tuple[Evidence, ...] = ()
    history: tuple[ReleaseRecord, ...] = ()
    canary: CanaryFigures | None = None
    commands: dict[str, str] = {}

    @property
    def gateway(self) -> str:
        """Return what commands call the gateway: its name, or the connector's, which is the name it gets by default."""
        return self.manifest.name if self.configured is None else self.configured.name


class Handbook(msgspec.Struct, frozen=True):
    """The page in both forms; the HTML is one file that needs no other."""

    markdown: str
    html: str
