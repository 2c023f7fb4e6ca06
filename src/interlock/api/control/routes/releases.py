"""Releases: made, listed, shown, compared; and the payments that one touched."""

import asyncio

import msgspec

from interlock.api import answers
from interlock.api.control.calls import PREFIX, Call, ControlEndpoint, no_such_cursor, page_of, scope_of
from interlock.api.control.parameters import CreateRelease, Diff, ListAffected, ListReleases, Parameters
from interlock.base.problems import Problem, invalid
from interlock.gateways.package import Package, from_files
from interlock.payments.work import Answer
from interlock.releases.affected import affected
from interlock.releases.comparing import facts_against
from interlock.releases.gates.running import specification_hash
from interlock.releases.proposals import Proposal
from interlock.releases.standing import release_view
from interlock.routing.releases import Release


async def create_release(call: Call[CreateRelease]) -> Answer | Problem:
    """Propose a release; nothing of it takes money yet."""
    asked = call.parameters
    gateway = await call.gateway(asked.gateway, asked.mode)
    if isinstance(gateway, Problem):
        return gateway
    stray = sorted(set(asked.credentials_expire_at_ms) - set(asked.credentials))
    if stray:
        message = f"credentials_expire_at_ms.{stray[0]}: is the end of a secret that is not given; give the secret too."
        return invalid(message, param=f"credentials_expire_at_ms.{stray[0]}")
    documents = await asyncio.to_thread(specification_hash, call.rooms.settings.specs, gateway.connector)
    proposal = Proposal(
        package=_package(asked),
        settings=asked.settings,
        credentials=asked.credentials,
        expiries_ms=asked.credentials_expire_at_ms,
        note=asked.note,
        specification_hash=documents,
    )
    return await call.stands(await call.rooms.proposals.propose(gateway.scope, gateway.id, proposal, call.actor))


def _package(asked: CreateRelease) -> Package | None:
    if not asked.files:
        return None
    return from_files({name: text.encode() for name, text in asked.files.items()})


async def list_releases(call: Call[ListReleases]) -> Answer | Problem:
    """List releases, newest first."""
    asked, store = call.parameters, call.rooms.proposals.store
    gateway_id = None
    if asked.gateway is not None:
        gateway = await call.gateway(asked.gateway, asked.mode)
        if isinstance(gateway, Problem):
            return gateway
        gateway_id = gateway.id
    scope, after = call.scope(asked.mode), None
    if asked.starting_after is not None:
        found = await store.release(scope, asked.starting_after)
        if isinstance(found, Problem):
            return no_such_cursor(asked.starting_after)
        after = found
    some = await store.page_of_releases(
        scope, gateway_id=gateway_id, state=asked.state, after=after, limit=asked.limit + 1
    )
    shown = [{"object": "release", **release_view(release)} for release in some[: asked.limit]]
    return call.listing(shown, has_more=len(some) > asked.limit)


async def show_release(call: Call[Parameters]) -> Answer | Problem:
    """Show a release: what it consists of, what its gates found, how its trial stands, what comes next."""
    return await call.stands(await call.release())


async def diff_release(call: Call[Diff]) -> Answer | Problem:
    """Tell what a release changes, in the terms of the trade."""
    after = await call.release()
    if isinstance(after, Problem):
        return after
    before: Release | None = None
    if call.parameters.against is not None:
        other = await call.release(call.parameters.against)
        if isinstance(other, Problem):
            return other
        if other.gateway_id != after.gateway_id:
            return invalid(f"{other.id} is of another gateway: name two releases of one.", param="against")
        before = other
    facts = await facts_against(call.rooms.proposals.store, after, before)
    return facts if isinstance(facts, Problem) else answers.of_value({"object": "diff", **facts})


async def show_affected(call: Call[ListAffected]) -> Answer | Problem:
    """List every payment that was tried through a release, the worst first."""
    asked = call.parameters
    release = await call.release()
    if isinstance(release, Problem):
        return release
    found = await affected(
        call.rooms.database, scope_of(release), release.id, since_ms=asked.since_ms, until_ms=asked.until_ms
    )
    if isinstance(found, Problem):
        return found
    chosen = [payment for payment in found.payments if not asked.only or payment.consequence in asked.only]
    page = page_of(chosen, asked, lambda payment: payment.id)
    if isinstance(page, Problem):
        return page
    some, has_more = page
    return call.listing(
        map(msgspec.to_builtins, some),
        has_more=has_more,
        counts=found.counts(),
        since_ms=found.since_ms,
        attempts=found.attempts,
        is_whole=found.is_whole,
    )


_ONE = f"{PREFIX}/releases/{{id}}"
ENDPOINTS = (
    ControlEndpoint("GET", f"{PREFIX}/releases", list_releases, ListReleases, "List releases, newest first"),
    ControlEndpoint("POST", f"{PREFIX}/releases", create_release, CreateRelease, "Propose a release", heavy=True),
    ControlEndpoint("GET", _ONE, show_release, Parameters, "Show how a release stands"),
    ControlEndpoint("GET", f"{_ONE}/diff", diff_release, Diff, "Tell what a release changes", heavy=True),
    ControlEndpoint(
        *("GET", f"{_ONE}/affected", show_affected, ListAffected), "List the payments that it touched", heavy=True
    ),
)
