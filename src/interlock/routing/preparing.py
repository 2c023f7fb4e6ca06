"""From rows to what can be run: a gateway through one of its releases, with connector loaded and credentials opened.

Called by the routing table, the command line and the release gates.
"""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec

from interlock.base.errors import ConfigurationError, InterlockError
from interlock.base.redaction import scrub
from interlock.gateways.configuration import configuration_problems
from interlock.gateways.contract import ConnectorConfig, Operation
from interlock.gateways.loader import LoadedConnector, load_package
from interlock.gateways.package import unpack
from interlock.routing import store
from interlock.routing.credentials import open_credential
from interlock.routing.releases import RELEASES, Release, StoredCredential, StoredPackage
from interlock.routing.types import Gateway, ReadyGateway, Route
from interlock.storage.database import Database
from interlock.vault.envelope import Envelope

_FEATURES = ("partial_capture", "multicapture", "incremental", "partial_refund", "multiple_refunds", "three_d_secure")


async def prepare_all(
    database: Database, envelope: Envelope, wanted: Sequence[tuple[Gateway, Release]]
) -> dict[tuple[str, str], ReadyGateway | str]:
    """Return each gateway ready to run through its release, or why it cannot be; by (account, release).

    Args:
        database: to read packages and credentials from.
        envelope: opens credentials.
        wanted: gateways and releases of any accounts.

    Raises:
        StorageError: the database cannot be reached.

    """
    found: dict[tuple[str, str], ReadyGateway | str] = {}
    for account_id in sorted({gateway.account_id for gateway, _ in wanted}):
        mine = [(gateway, release) for gateway, release in wanted if gateway.account_id == account_id]
        packages = await store.read_packages(database, account_id, sorted({each.package_id for _, each in mine}))
        ids = sorted({credential_id for _, each in mine for credential_id in each.credentials.values()})
        credentials = await store.read_credentials(database, account_id, ids)
        for gateway, release in mine:
            # In a thread: importing a connector takes tens of milliseconds that payments need not wait for.
            found[account_id, release.id] = await asyncio.to_thread(
                _ready_or_why, gateway, release, packages.get(release.package_id), credentials, envelope
            )
    return found


async def prepare_one(
    database: Database, envelope: Envelope, gateway: Gateway, release_id: str
) -> ReadyGateway | str | None:
    """Return ``gateway`` ready to run through the release called so, why it cannot be, or None for no such release."""
    rows = await database.get_many(RELEASES, gateway.scope, (release_id,))
    release = rows.get(release_id)
    if release is None or release.gateway_id != gateway.id:
        return None
    return (await prepare_all(database, envelope, [(gateway, release)]))[gateway.account_id, release_id]


def _ready_or_why(
    gateway: Gateway,
    release: Release,
    package: StoredPackage | None,
    credentials: Mapping[str, StoredCredential],
    envelope: Envelope,
) -> ReadyGateway | str:
    try:
        return ready(gateway, release, package, credentials, envelope)
    except InterlockError as error:
        return scrub(str(error))
    except Exception as error:  # noqa: BLE001 - a connector that cannot even be imported hides no other gateway
        return f"release {release.id} cannot be loaded ({type(error).__name__})"


def ready(
    gateway: Gateway,
    release: Release,
    package: StoredPackage | None,
    credentials: Mapping[str, StoredCredential],
    envelope: Envelope,
) -> ReadyGateway:
    """Return ``gateway`` ready to run through ``release``.

    Raises:
        ConfigurationError: the package or a credential is missing, or the settings are wrong.
        ConnectorError: the connector does not keep the contract.
        VaultError: a credential cannot be opened.

    """
    if package is None:
        raise ConfigurationError("package", f"{release.package_id} is missing", "restore the database")
    loaded = load_package(unpack(package.content), release.id)
    opened: dict[str, str] = {}
    for name, credential_id in release.credentials.items():
        stored = credentials.get(credential_id)
        if stored is None:
            raise ConfigurationError(f"credentials.{name}", f"{credential_id} is missing", "restore the database")
        opened[name] = open_credential(envelope, stored)
    config = ConnectorConfig(livemode=gateway.livemode, settings=release.settings, credentials=opened)
    problems = configuration_problems(loaded.manifest, config)
    if problems:
        raise problems[0]
    return ReadyGateway(gateway=gateway, release=release, loaded=loaded, config=config, route=route_of(gateway, loaded))


def renamed(ready_gateway: ReadyGateway, gateway: Gateway) -> ReadyGateway:
    """Return the same release ready to run for a newer row of its gateway."""
    if ready_gateway.gateway.version == gateway.version:
        return ready_gateway
    route = route_of(gateway, ready_gateway.loaded)
    return msgspec.structs.replace(ready_gateway, gateway=gateway, route=route)


def route_of(gateway: Gateway, loaded: LoadedConnector) -> Route:
    """Return what ranking needs to know, from the row and the connector's manifest."""
    able = loaded.manifest.capabilities
    features = {name for name in _FEATURES if getattr(able, name)}
    features.update(f"stored_credentials_{initiator}" for initiator in able.stored_credentials)
    return Route(
        gateway_id=gateway.id,
        name=gateway.name,
        connector=gateway.connector,
        release_id=loaded.release_id,
        enabled=gateway.enabled,
        position=gateway.position,
        operations=frozenset(Operation(operation) for operation in able.operations),
        networks=frozenset(able.networks),
        methods=frozenset(able.methods),
        unsupported_currencies=frozenset(loaded.manifest.currencies.unsupported),
        features=frozenset(features),
    )
