"""A gateway's first release: the rows that make a new gateway run the connector that came with this version, or any
other package, with the account's settings and credentials.

Called by :mod:`interlock.routing.service` when a gateway is added and by ``releases``, which proposes later ones. There
is nothing to compare a first release with, so it serves at once; every later one passes the gates.
"""

from collections.abc import Mapping

import msgspec

from interlock.base.context import Scope
from interlock.base.ids import new_secret
from interlock.gateways.configuration import configuration_problems
from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.manifest import read_manifest
from interlock.gateways.package import MANIFEST_FILE, Package, pack
from interlock.routing.credentials import seal_credential
from interlock.routing.journal import Entry
from interlock.routing.releases import (
    CREDENTIALS,
    PACKAGES,
    POINTERS,
    RELEASES,
    Pointer,
    Release,
    ReleaseState,
    StoredPackage,
    release_id,
)
from interlock.routing.types import GATEWAYS, Gateway
from interlock.storage.writes import Insert, Write
from interlock.vault.envelope import Envelope

_SALT_BYTES = 16


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written, all at once, and what belongs into the journal."""

    gateway: Gateway
    release: Release
    writes: tuple[Write, ...]
    entry: Entry


def check_configuration(
    package: Package, scope: Scope, settings: Mapping[str, str], credentials: Mapping[str, str]
) -> None:
    """Refuse settings and credentials that do not fit the package's manifest.

    Raises:
        ConfigurationError: the manifest is wrong, or a setting or credential is (named, with a remedy).

    """
    manifest = read_manifest(package.manifest, MANIFEST_FILE)
    config = ConnectorConfig(livemode=scope.livemode, settings=dict(settings), credentials=dict(credentials))
    problems = configuration_problems(manifest, config)
    if problems:
        raise problems[0]


def install(
    gateway: Gateway,
    package: Package,
    settings: dict[str, str],
    credentials: Mapping[str, str],
    envelope: Envelope,
    *,
    actor: str,
    package_is_stored: bool,
) -> Installation:
    """Return the rows of ``gateway`` and its first release.

    Args:
        gateway: new.
        package: what it shall run.
        settings: of the provider account, checked.
        credentials: in clear, checked.
        envelope: seals them.
        actor: who adds the gateway.
        package_is_stored: the account has the package already.

    """
    now_ms, scope = gateway.created_at_ms, gateway.scope
    sealed = [
        seal_credential(envelope, scope, gateway.id, name, value, now_ms) for name, value in sorted(credentials.items())
    ]
    release = new_release(
        gateway,
        package.id,
        settings,
        {stored.name: stored.id for stored in sealed},
        note="first release of this gateway",
        proposed_by=actor,
        base=None,
        specification_hash=None,
        now_ms=now_ms,
    )
    release = msgspec.structs.replace(release, state=ReleaseState.STABLE)
    writes: list[Write] = [
        Insert(GATEWAYS, gateway),
        *([] if package_is_stored else [Insert(PACKAGES, stored_package(scope, package, gateway.connector, now_ms))]),
        *(Insert(CREDENTIALS, stored) for stored in sealed),
        Insert(RELEASES, release),
        Insert(POINTERS, first_pointer(release)),
    ]
    facts = {"name": gateway.name, "connector": gateway.connector, "release": release.id, "package": package.id}
    entry = Entry(actor=actor, action="gateway.added", subject=gateway.id, why=release.note, facts=facts)
    return Installation(gateway=gateway, release=release, writes=tuple(writes), entry=entry)


def new_release(
    gateway: Gateway,
    package_id: str,
    settings: dict[str, str],
    credentials: dict[str, str],
    *,
    note: str,
    proposed_by: str,
    base: str | None,
    specification_hash: str | None,
    now_ms: int,
) -> Release:
    """Return a drafted release of ``gateway``.

    Args:
        gateway: whose.
        package_id: connector code and manifest.
        settings: of the provider account.
        credentials: name → id of the sealed credential.
        note: why it is made.
        proposed_by: who made it.
        base: the release that serves now.
        specification_hash: of the provider's document that the gates will use.
        now_ms: the time.

    """
    return Release(
        account_id=gateway.account_id,
        id=release_id(gateway.id, package_id, settings, credentials, specification_hash),
        livemode=gateway.livemode,
        version=1,
        created_at_ms=now_ms,
        gateway_id=gateway.id,
        connector=gateway.connector,
        package_id=package_id,
        specification_hash=specification_hash,
        settings=settings,
        credentials=credentials,
        base_release_id=base,
        proposed_by=proposed_by,
        note=note,
        state=ReleaseState.DRAFTED,
        approved_by=None,
        changed_at_ms=now_ms,
    )


def stored_package(scope: Scope, package: Package, connector: str, now_ms: int) -> StoredPackage:
    """Return the package as a row of the account."""
    return StoredPackage(
        account_id=scope.account_id,
        id=package.id,
        created_at_ms=now_ms,
        connector=connector,
        content=pack(package),
    )


def first_pointer(release: Release) -> Pointer:
    """Return the pointer of a gateway whose first release is ``release``."""
    return Pointer(
        account_id=release.account_id,
        id=release.gateway_id,
        livemode=release.livemode,
        version=1,
        created_at_ms=release.created_at_ms,
        stable_release_id=release.id,
        previous_release_id=None,
        trial_release_id=None,
        trial_kind=None,
        trial_since_ms=None,
        share_ppm=0,
        salt=new_secret(_SALT_BYTES),
        takes_over=(),
        changed_at_ms=release.created_at_ms,
    )
