"""Use cases of webhook endpoints: create, read, change, delete, roll the secret, send again, read the log.

Called by API and CLI. A signing secret is shown in the answer to its creation and never again; it is stored sealed, and
the answer an idempotency key keeps does not hold it (:meth:`WebhookEndpoints.replayed` puts it back for a retry).
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from interlock.base.context import RequestContext, Scope
from interlock.base.ids import new_id
from interlock.base.problems import Problem, invalid, missing
from interlock.payments import metadata as metadata_rules
from interlock.payments.events.reading import find_event
from interlock.payments.events.types import Event
from interlock.payments.idempotency.service import refused_commit
from interlock.payments.work import Answer, Change, Respond, Work
from interlock.storage.pages import Page, PageResult
from interlock.storage.writes import Rejected
from interlock.webhooks.outbound.destinations import Policy, check_url
from interlock.webhooks.outbound.schedule import GIVE_UP_AFTER_MS
from interlock.webhooks.outbound.secrets import SecretSeal
from interlock.webhooks.outbound.signing import new_signing_secret
from interlock.webhooks.outbound.store import OutboundStore
from interlock.webhooks.outbound.subscriptions import check_enabled_events, wants
from interlock.webhooks.outbound.types import WEBHOOK_ENDPOINTS, EndpointStatus, SealedSecret, WebhookEndpoint

MAX_ENDPOINTS = 16
MAX_DESCRIPTION = 5_000
MAX_OVERLAP_MS = 7 * 24 * 3_600_000
_MAX_SECRETS = 4
_MAX_LOG = 100
_AFTER_EVERY_ID = "~"


class CreateEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a new endpoint is made of."""

    url: str
    enabled_events: tuple[str, ...]
    description: str | None = None
    api_version: str | None = None
    metadata: dict[str, str] = {}


class UpdateEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What to change; absent fields stay. An empty description and None as metadata clear."""

    url: str | UnsetType = UNSET
    enabled_events: tuple[str, ...] | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    metadata: dict[str, str] | UnsetType | None = UNSET
    disabled: bool | UnsetType = UNSET


class ShownEndpoint(msgspec.Struct, frozen=True):
    """An endpoint to show, with its secret where it was just made."""

    endpoint: WebhookEndpoint
    secret: str | None = None

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return f"ShownEndpoint({self.endpoint.id})"

    __str__ = __repr__


class DeletedEndpoint(msgspec.Struct, frozen=True):
    """An endpoint that is gone."""

    id: str


class WebhookEndpoints:
    """The use cases. One per process."""

    def __init__(self, work: Work, seal: SecretSeal, policy: Policy | None = None) -> None:
        """Commit through ``work``, seal secrets with ``seal``, and let URLs lead where ``policy`` allows."""
        self._work = work
        self._seal = seal
        self._policy = policy or Policy()
        self._store = OutboundStore(work.database)

    # Read

    async def get(self, scope: Scope, endpoint_id: str) -> WebhookEndpoint | Problem:
        """Return an endpoint that was not deleted."""
        found = await self._work.database.get(WEBHOOK_ENDPOINTS, scope, endpoint_id)
        if found is None or found.deleted:
            return missing("webhook_endpoint", endpoint_id, param="webhook_endpoint")
        return found

    async def list(self, scope: Scope, page: Page) -> PageResult[WebhookEndpoint]:
        """Return a page of endpoints, newest first."""
        return await self._work.database.find(WEBHOOK_ENDPOINTS, scope, page, where={"deleted": False})

    # Change

    async def create(self, ctx: RequestContext, command: CreateEndpoint, respond: Respond) -> Answer | Problem:
        """Make an endpoint and answer with its secret."""
        problem = self._check(ctx.scope, command.url, command.enabled_events, command.description)
        problem = problem or metadata_rules.check(command.metadata)
        if problem is None and await self._store.endpoint_count(ctx.scope) >= MAX_ENDPOINTS:
            mode = "live" if ctx.livemode else "test"
            problem = invalid(f"You have reached the maximum of {MAX_ENDPOINTS} {mode} webhook endpoints.")
        if problem is not None:
            return problem
        now_ms = self._work.clock.now_ms()
        endpoint_id = new_id("we", now_ms)
        secret, sealed = self._new_secret(ctx.scope, endpoint_id)
        endpoint = WebhookEndpoint(
            account_id=ctx.account_id,
            id=endpoint_id,
            livemode=ctx.livemode,
            version=1,
            created_at_ms=now_ms,
            status=EndpointStatus.ENABLED,
            url=command.url,
            enabled_events=command.enabled_events,
            description=command.description or None,
            api_version=command.api_version or None,
            metadata=command.metadata,
            secrets=(sealed,),
        )
        change = Change(ctx.scope)
        change.insert(WEBHOOK_ENDPOINTS, endpoint)
        return await self._commit(ctx, change, respond, endpoint, secret)

    async def update(
        self, ctx: RequestContext, endpoint_id: str, command: UpdateEndpoint, respond: Respond
    ) -> Answer | Problem:
        """Change what ``command`` names."""
        current = await self.get(ctx.scope, endpoint_id)
        if isinstance(current, Problem):
            return current
        url = current.url if command.url is UNSET else command.url
        events = current.enabled_events if command.enabled_events is UNSET else command.enabled_events
        description = current.description if command.description is UNSET else command.description
        merged = metadata_rules.merge(current.metadata, command.metadata)
        problem = self._check(ctx.scope, url, events, description)
        if problem is not None:
            return problem
        if isinstance(merged, Problem):
            return merged
        status = current.status
        if command.disabled is not UNSET:
            status = EndpointStatus.DISABLED if command.disabled else EndpointStatus.ENABLED
        changed = msgspec.structs.replace(
            current,
            version=current.version + 1,
            url=url,
            enabled_events=events,
            description=description or None,
            metadata=merged,
            status=status,
        )
        change = Change(ctx.scope)
        change.update(WEBHOOK_ENDPOINTS, changed)
        return await self._commit(ctx, change, respond, changed)

    async def delete(self, ctx: RequestContext, endpoint_id: str, respond: Respond) -> Answer | Problem:
        """Delete an endpoint; what is still to be delivered to it is abandoned."""
        current = await self.get(ctx.scope, endpoint_id)
        if isinstance(current, Problem):
            return current
        gone = msgspec.structs.replace(
            current, version=current.version + 1, status=EndpointStatus.DELETED, deleted=True, secrets=()
        )
        change = Change(ctx.scope)
        change.update(WEBHOOK_ENDPOINTS, gone)
        answer = await self._work.commit(ctx, change, endpoint_id, respond, DeletedEndpoint(endpoint_id))
        return refused_commit(answer) if isinstance(answer, Rejected) else answer

    async def roll_secret(
        self, ctx: RequestContext, endpoint_id: str, expire_after_ms: int, respond: Respond
    ) -> Answer | Problem:
        """Make a new secret and answer with it; the old one goes on signing too for ``expire_after_ms``.

        Args:
            ctx: who asks.
            endpoint_id: the endpoint.
            expire_after_ms: 0 ends the old secrets at once; at most seven days.
            respond: makes the answer.

        """
        if not 0 <= expire_after_ms <= MAX_OVERLAP_MS:
            return invalid("The old secret can stay valid for at most 7 days.", param="expire_after")
        current = await self.get(ctx.scope, endpoint_id)
        if isinstance(current, Problem):
            return current
        now_ms = self._work.clock.now_ms()
        secret, sealed = self._new_secret(ctx.scope, endpoint_id)
        secrets = rolled(current.secrets, sealed, now_ms=now_ms, expire_after_ms=expire_after_ms)
        changed = msgspec.structs.replace(current, version=current.version + 1, secrets=secrets)
        change = Change(ctx.scope)
        change.update(WEBHOOK_ENDPOINTS, changed)
        return await self._commit(ctx, change, respond, changed, secret)

    async def replayed(self, scope: Scope, kept: Answer) -> Answer:
        """Return the kept answer of a creation with the secret put back, as long as that secret was not rolled.

        Called by the API when the idempotency key of ``POST /v1/webhook_endpoints`` comes again.
        """
        if kept.status != 200:
            return kept
        body = msgspec.json.decode(kept.body, type=dict)
        found = await self._work.database.get(WEBHOOK_ENDPOINTS, scope, body["id"])
        if found is None or len(found.secrets) != 1:
            return kept
        body["secret"] = self._seal.open(scope, found.id, found.secrets[0].sealed)
        return msgspec.structs.replace(kept, body=msgspec.json.encode(body))

    # Deliveries

    async def pending_webhooks(self, scope: Scope, event_ids: Sequence[str]) -> dict[str, int]:
        """Return how many deliveries of each event are not acknowledged yet; absent means none."""
        return await self._store.pending_counts(scope.account_id, event_ids)

    async def events_by_delivery(
        self, scope: Scope, page: Page, types: Sequence[str], *, delivered: bool
    ) -> PageResult[Event]:
        """Return events, newest first, by whether they were delivered.

        Args:
            scope: account and mode.
            page: which part of the list.
            types: their types (a star stands for any text), or none for all.
            delivered: True for events that every endpoint told has taken (none may have been), False for those that
                some endpoint has not taken yet or never did.

        """
        return await self._store.events_by_delivery(scope, page, types, delivered=delivered)

    async def resend(self, scope: Scope, event_id: str, endpoint_id: str | None = None) -> Problem | None:
        """Send an event to an endpoint, or to all that hear its type, (again), with three more days of tries."""
        event = await find_event(self._work.database, scope, event_id)
        if event is None:
            return missing("event", event_id)
        if endpoint_id is None:
            every = (await self.list(scope, Page(limit=MAX_ENDPOINTS))).items
            chosen = [one for one in every if wants(one.enabled_events, event.type)]
        else:
            endpoint = await self.get(scope, endpoint_id)
            if isinstance(endpoint, Problem):
                return endpoint
            if endpoint.status is not EndpointStatus.ENABLED:
                return invalid("This webhook endpoint is disabled.", param="webhook_endpoint")
            chosen = [endpoint]
        now_ms = self._work.clock.now_ms()
        until_ms = now_ms + GIVE_UP_AFTER_MS
        for one in chosen:
            if one.status is EndpointStatus.ENABLED:
                await self._store.resend(scope, event_id, one.id, now_ms=now_ms, retry_until_ms=until_ms)
        return None

    async def log_of_event(self, scope: Scope, event_id: str) -> Sequence[dict[str, object]]:
        """Return the tries to deliver an event, oldest first, at most 100."""
        return await self._store.tries_of_event(scope, event_id, _MAX_LOG)

    async def log_of_endpoint(
        self, scope: Scope, endpoint_id: str, before: str | None = None
    ) -> Sequence[dict[str, object]]:
        """Return up to 100 tries of an endpoint, newest first, older than the try ``before``."""
        return await self._store.tries_of_endpoint(scope, endpoint_id, before or _AFTER_EVERY_ID, _MAX_LOG)

    # Helpers

    def _check(self, scope: Scope, url: str, events: Sequence[str], description: str | None) -> Problem | None:
        problem = check_url(url, self._policy, livemode=scope.livemode) or check_enabled_events(events)
        if problem is None and description is not None and len(description) > MAX_DESCRIPTION:
            problem = invalid(f"The description can have up to {MAX_DESCRIPTION} characters.", param="description")
        return problem

    def _new_secret(self, scope: Scope, endpoint_id: str) -> tuple[str, SealedSecret]:
        secret = new_signing_secret()
        return secret, SealedSecret(self._seal.seal(scope, endpoint_id, secret))

    async def _commit(
        self,
        ctx: RequestContext,
        change: Change,
        respond: Respond,
        endpoint: WebhookEndpoint,
        secret: str | None = None,
    ) -> Answer | Problem:
        """Commit with the answer without the secret as the one that is kept."""
        answer = await self._work.commit(ctx, change, endpoint.id, respond, ShownEndpoint(endpoint))
        if isinstance(answer, Rejected):
            return refused_commit(answer)
        return answer if secret is None else await respond(ShownEndpoint(endpoint, secret))


def rolled(
    secrets: Sequence[SealedSecret], new: SealedSecret, *, now_ms: int, expire_after_ms: int
) -> tuple[SealedSecret, ...]:
    """Return the secrets after a roll, newest first: old ones end at the latest ``expire_after_ms`` from now. Pure."""
    end_ms = now_ms + expire_after_ms
    ending = [
        SealedSecret(secret.sealed, end_ms if secret.until_ms is None else min(secret.until_ms, end_ms))
        for secret in secrets
    ]
    return (new, *[secret for secret in ending if secret.until_ms is not None and secret.until_ms > now_ms])[
        :_MAX_SECRETS
    ]
