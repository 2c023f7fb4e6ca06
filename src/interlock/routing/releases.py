"""Rows of releases: what can be run for a gateway, and the pointer that names what is run.

Written by ``releases`` (and by :mod:`interlock.routing.service` for a gateway's first release), read by the routing
table. A release is never edited: only its state moves.
"""

import hashlib
from enum import StrEnum

import msgspec

from interlock.storage.tables import Table

_DIGITS = 24


class ReleaseState(StrEnum):
    """Where a release stands; the transitions are ``releases.machine``'s."""

    DRAFTED = "drafted"
    GATED = "gated"
    APPROVED = "approved"
    CANARY = "canary"
    STABLE = "stable"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled_back"


class TrialKind(StrEnum):
    """Which of two releases is on trial: the new one on a sliver (canary), or, after promotion, the new one against the
    old one that keeps a sliver (hold-back)."""

    CANARY = "canary"
    HOLDBACK = "holdback"


class StoredPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A connector package as the database keeps it; ``content`` is ``gateways.package.pack``'s."""

    account_id: str
    id: str
    created_at_ms: int
    connector: str
    content: bytes


class StoredCredential(msgspec.Struct, frozen=True, kw_only=True):
    """One secret of a gateway, sealed. Releases refer to it by id, so that a rollback finds the key of its day."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    gateway_id: str
    name: str
    sealed: bytes
    key_id: str
    expires_at_ms: int | None = None


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One release of a gateway: package, settings and references of credentials (name → id), named by their hash.

    ``base_release_id`` is what served when it was proposed; ``specification_hash`` is of the provider's published
    document that the gates used, None where it was not at hand.
    """

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    gateway_id: str
    connector: str
    package_id: str
    specification_hash: str | None
    settings: dict[str, str]
    credentials: dict[str, str]
    base_release_id: str | None
    proposed_by: str
    note: str
    state: ReleaseState
    approved_by: str | None
    changed_at_ms: int


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway (``id``) runs. ``version`` is the epoch: it only grows, and every change is a compare-and-set.

    ``share_ppm`` of payments go to ``trial_release_id`` while the controller's beat is fresh: a candidate (canary) or
    the release that served before (hold-back), since ``trial_since_ms``. ``takes_over`` names the releases whose
    payments *stable* is proven to finish.
    """

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    stable_release_id: str
    previous_release_id: str | None
    trial_release_id: str | None
    trial_kind: TrialKind | None
    trial_since_ms: int | None
    share_ppm: int
    salt: str
    takes_over: tuple[str, ...]
    changed_at_ms: int


PACKAGES = Table(StoredPackage, "release_packages", version=None)
CREDENTIALS = Table(StoredCredential, "gateway_credentials")
RELEASES = Table(
    Release,
    "releases",
    fixed=(
        "livemode",
        "created_at_ms",
        "gateway_id",
        "connector",
        "package_id",
        "specification_hash",
        "settings",
        "credentials",
        "base_release_id",
        "proposed_by",
        "note",
    ),
)
POINTERS = Table(Pointer, "release_pointers", fixed=("livemode", "created_at_ms"))

_encode = msgspec.json.Encoder(order="sorted").encode


def release_id(
    gateway_id: str,
    package_id: str,
    settings: dict[str, str],
    credentials: dict[str, str],
    specification_hash: str | None,
) -> str:
    """Return ``rel_`` and 24 hex digits of the SHA-256 over everything a release consists of.

    Args:
        gateway_id: the gateway it is for, which also tells the account and mode.
        package_id: connector code and manifest.
        settings: of the provider account.
        credentials: name → id of the sealed credential.
        specification_hash: of the provider's published document, None where it was not at hand.

    """
    content = _encode([gateway_id, package_id, settings, credentials, specification_hash])
    return f"rel_{hashlib.sha256(content).hexdigest()[:_DIGITS]}"
