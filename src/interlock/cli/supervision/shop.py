"""What `interlock up` finds or makes in the database: an account, test keys, sandbox gateways, a webhook endpoint.

Called by ``up`` only, through the same use cases as everybody. Running it again finds everything and changes nothing
but the gateways' addresses where their ports have changed.
"""

import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from interlock import bootstrap
from interlock.base.context import RequestContext, Scope
from interlock.base.problems import Problem
from interlock.cli.output import RefusedError
from interlock.cli.session import done
from interlock.gateways.loader import known_gateways
from interlock.payments.access.types import KeyKind
from interlock.payments.work import Answer
from interlock.releases.proposals import Proposal
from interlock.releases.types import Actor
from interlock.routing.releases import ReleaseState
from interlock.routing.types import ReadyGateway
from interlock.storage.pages import Page
from interlock.webhooks.outbound.service import CreateEndpoint, ShownEndpoint, UpdateEndpoint
from interlock.webhooks.outbound.types import WebhookEndpoint

DEFAULT_HOOK = "http://127.0.0.1:4242/webhook"
_DESCRIPTION = "made by interlock up"
_KEY_NAME = "interlock up"
_HMAC_BYTES = 32
_UP = Actor("interlock up")
_API_PATHS = {"adyen": "/v72"}


class KnownKeys(msgspec.Struct, frozen=True):
    """The keys an earlier `up` printed; used again when they are still good."""

    secret_key: str
    publishable_key: str


class SandboxGateway(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway that is simulated here, where it listens and where it shall send webhooks."""

    id: str
    name: str
    address: str
    webhook_url: str
    webhook_secret: str
    webhook_events: tuple[str, ...]


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """What clients of the running switch need. Its repr hides secrets."""

    secret_key: str
    publishable_key: str
    webhook_secret: str
    gateways: list[SandboxGateway]

    def __repr__(self) -> str:
        """Return a text without secrets."""
        return f"Shop({[gateway.name for gateway in self.gateways]})"

    __str__ = __repr__


async def prepare_shop(
    rooms: bootstrap.Rooms, public_url: str, sandboxes: Mapping[str, str], known: KnownKeys | None, hook: str | None
) -> Shop:
    """Find or make everything.

    Args:
        rooms: the use cases.
        public_url: where gateways reach the API.
        sandboxes: connector → address of the simulated gateway.
        known: keys of an earlier run.
        hook: where the shop wants its events; None leaves the endpoint as it is (disabled when it is made).

    """
    accounts = await rooms.access.list_accounts()
    account = accounts[0] if accounts else done(await rooms.access.create_account("My shop"), "account")
    scope = Scope(account.account_id, livemode=False)
    secret_key = await _key(rooms, scope, KeyKind.SECRET, None if known is None else known.secret_key)
    publishable = await _key(rooms, scope, KeyKind.PUBLISHABLE, None if known is None else known.publishable_key)
    gateways = [
        await _gateway(rooms, scope, connector, address, public_url)
        for connector, address in sandboxes.items()
        if connector in known_gateways()
    ]
    return Shop(
        secret_key=secret_key,
        publishable_key=publishable,
        webhook_secret=await _webhook_secret(rooms, scope, hook),
        gateways=gateways,
    )


async def _key(rooms: bootstrap.Rooms, scope: Scope, kind: KeyKind, known: str | None) -> str:
    if known is not None:
        record = await rooms.authenticator.find(known)
        if record is not None and record.account_id == scope.account_id and record.kind is kind:
            return known
    return done(await rooms.access.create_key(scope, kind, name=_KEY_NAME), "keys").plaintext


async def _gateway(
    rooms: bootstrap.Rooms, scope: Scope, connector: str, address: str, public_url: str
) -> SandboxGateway:
    table, base_url = rooms.foundation.table, address + _API_PATHS.get(connector, "")
    await table.refresh()
    running = [table.gateway(scope, gateway.id) for gateway in await rooms.routing.list_gateways(scope)]
    found = [one for one in running if one and one.gateway.connector == connector and "base_url" in one.config.settings]
    ready = found[0] if found else await _new_gateway(rooms, scope, connector, base_url)
    if ready.config.settings["base_url"] != base_url:
        ready = await _moved(rooms, ready, base_url)
    credentials, webhook = ready.config.credentials, ready.loaded.manifest.webhook
    gateway = ready.gateway
    return SandboxGateway(
        id=gateway.id,
        name=gateway.name,
        address=address,
        webhook_url=f"{public_url}/gateways/{scope.account_id}/{gateway.id}/webhooks",
        webhook_secret=credentials.get("webhook_secret") or credentials.get("hmac_key", ""),
        webhook_events=() if webhook is None else webhook.subscriptions,
    )


async def _moved(rooms: bootstrap.Rooms, ready: ReadyGateway, base_url: str) -> ReadyGateway:
    """Let the gateway follow its sandbox to another port: a release that differs in nothing else, installed at once."""
    scope, why = ready.gateway.scope, "the sandbox listens at another address"
    proposal = Proposal(settings={"base_url": base_url}, note=why)
    release = done(await rooms.proposals.propose(scope, ready.gateway.id, proposal, _UP), "gateways")
    if release.state is not ReleaseState.STABLE:
        done(await rooms.proposals.approve(scope, release.id, _UP, why, break_glass=True), "gateways")
        done(await rooms.rollouts.install(scope, release.id, _UP, why), "gateways")
    return await _running(rooms, scope, ready.gateway.id)


async def _running(rooms: bootstrap.Rooms, scope: Scope, gateway_id: str) -> ReadyGateway:
    await rooms.foundation.table.refresh(force=True)
    ready = rooms.foundation.table.gateway(scope, gateway_id)
    if ready is None:
        raise RefusedError("gateways", f"{gateway_id} cannot be run", "see `interlock doctor`")
    return ready


async def _new_gateway(rooms: bootstrap.Rooms, scope: Scope, connector: str, base_url: str) -> ReadyGateway:
    settings, credentials = _sandbox_account(connector)
    made = await rooms.routing.create_gateway(
        scope,
        name=connector,
        connector=connector,
        settings={**settings, "base_url": base_url},
        credentials=credentials,
        fee_basis_points=290 if connector == "stripe" else 250,
        fee_fixed_minor=30 if connector == "stripe" else 12,
        actor=_UP.name,
    )
    return await _running(rooms, scope, done(made, "gateways").id)


def _sandbox_account(connector: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return settings and credentials that the simulated gateway accepts; webhook secrets are this folder's own."""
    if connector == "adyen":
        credentials = {"api_key": "sandbox_api_key", "hmac_key": secrets.token_hex(_HMAC_BYTES).upper()}
        return {"merchant_account": "InterlockSandbox"}, credentials
    return {}, {"secret_key": "sk_test_sandbox", "webhook_secret": f"whsec_{secrets.token_hex(_HMAC_BYTES)}"}


async def _webhook_secret(rooms: bootstrap.Rooms, scope: Scope, hook: str | None) -> str:
    """Return the signing secret of the endpoint that `up` made, pointing it at ``hook`` where one is given."""
    ctx = RequestContext(scope=scope, request_id="", path="")
    page = await rooms.webhook_endpoints.list(scope, Page(limit=100))
    endpoint = next((each for each in page.items if each.description == _DESCRIPTION), None)
    if endpoint is None:
        endpoint = await _new_endpoint(rooms, ctx, hook or DEFAULT_HOOK)
        if hook is None:
            await _change(rooms, ctx, endpoint.id, UpdateEndpoint(disabled=True))
    elif hook is not None:
        await _change(rooms, ctx, endpoint.id, UpdateEndpoint(url=hook, disabled=False))
    return rooms.seal.open(scope, endpoint.id, endpoint.secrets[0].sealed)


async def _new_endpoint(rooms: bootstrap.Rooms, ctx: RequestContext, url: str) -> WebhookEndpoint:
    made: list[ShownEndpoint] = []

    async def respond(view: Any) -> Answer:
        made.append(view)
        return Answer(200, b"")

    command = CreateEndpoint(url=url, enabled_events=("*",), description=_DESCRIPTION)
    answer = await rooms.webhook_endpoints.create(ctx, command, respond)
    if isinstance(answer, Problem):
        done(answer, "--webhook-url")
    return made[0].endpoint


async def _change(rooms: bootstrap.Rooms, ctx: RequestContext, endpoint_id: str, command: UpdateEndpoint) -> None:
    async def respond(_: object) -> Answer:
        return Answer(200, b"")

    answer = await rooms.webhook_endpoints.update(ctx, endpoint_id, command, respond)
    if isinstance(answer, Problem):
        done(answer, "--webhook-url")
