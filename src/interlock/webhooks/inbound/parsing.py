"""What a gateway's notification says, read by the right release.

Stable reads first; where it cannot believe the signature, the release on trial may (its webhook secret may be the new
one). Facts about a payment that another release began are read by that release, unless stable is proven to finish its
payments: a renamed field must not turn a refund into nothing.
"""

import logging
from collections.abc import Mapping, Sequence

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.problems import Problem, invalid
from interlock.base.redaction import scrub
from interlock.gateways.contract import Notification, NotificationKind, SignatureInvalid
from interlock.gateways.outcomes import storable
from interlock.payments.attempts.types import ATTEMPTS
from interlock.routing.types import ReadyGateway
from interlock.storage.database import Database
from interlock.webhooks.inbound.types import Gateways

_LOG = logging.getLogger(__name__)
_LONGEST_ID = 500
_MOST_IN_ONE_BODY = 500
_OTHER_RELEASES_MAX = 8


class Parser:
    """Reads notifications."""

    def __init__(self, database: Database, gateways: Gateways, clock: Clock) -> None:
        """Look payments up in ``database`` and releases in ``gateways``."""
        self._database = database
        self._gateways = gateways
        self._clock = clock

    async def parse(
        self, releases: Sequence[ReadyGateway], headers: Mapping[str, str], body: bytes
    ) -> list[Notification] | Problem:
        """Return the facts in ``body``, each once.

        Args:
            releases: what the gateway runs, stable first; not empty.
            headers: lower-case names.
            body: the exact bytes.

        """
        now_ms = self._clock.now_ms()
        said = self._read(releases[0], headers, body, now_ms)
        for other in releases[1:]:
            if not isinstance(said, Problem):
                break
            heard = self._read(other, headers, body, now_ms)
            said = said if isinstance(heard, Problem) else heard
        if isinstance(said, Problem):
            return said
        facts = {one.notification_id: one for one in said}
        if len(facts) > _MOST_IN_ONE_BODY or any(len(one) > _LONGEST_ID for one in facts):
            return invalid("This notification is too large")
        return list((await self._by_stamp(releases[0], facts, headers, body, now_ms)).values())

    def _read(
        self, release: ReadyGateway, headers: Mapping[str, str], body: bytes, now_ms: int
    ) -> list[Notification] | Problem:
        name = release.gateway.id
        try:
            said = release.loaded.connector.parse_notification(release.config, headers, body, now_ms)
        except Exception as error:  # noqa: BLE001 - whatever a connector does with a hostile body, nothing is believed
            _LOG.error("gateway %s: notification cannot be parsed: %s", name, type(error).__name__)
            return invalid("This notification cannot be read")
        if isinstance(said, SignatureInvalid):
            _LOG.warning("gateway %s: notification refused: %s", name, scrub(said.reason)[:200])
            return invalid("The signature of this notification is not valid", status=401)
        return [storable(one) for one in said if one.kind is not NotificationKind.IGNORED]

    async def _by_stamp(
        self,
        stable: ReadyGateway,
        facts: dict[str, Notification],
        headers: Mapping[str, str],
        body: bytes,
        now_ms: int,
    ) -> dict[str, Notification]:
        """Return ``facts``, those of payments that stable may not finish as their own release reads them."""
        scope = stable.gateway.scope
        began = await self._began_by(scope, stable, facts)
        for release_id in sorted(set(began.values()))[:_OTHER_RELEASES_MAX]:
            release = await self._gateways.exactly(scope, stable.gateway.id, release_id)
            heard = None if release is None else self._read(release, headers, body, now_ms)
            if heard is None or isinstance(heard, Problem):
                continue  # its secret may be gone by now; what stable reads is all there is
            own = {one.notification_id: one for one in heard}
            for notification_id, one in facts.items():
                if began.get(one.reference or "") == release_id:
                    facts[notification_id] = own.get(notification_id, one)
        return facts

    async def _began_by(self, scope: Scope, stable: ReadyGateway, facts: Mapping[str, Notification]) -> dict[str, str]:
        """Return attempt → release for the attempts that stable is not proven to finish."""
        if not self._gateways.has_others(scope, stable.gateway.id):
            return {}
        ids = {one.reference for one in facts.values() if one.reference is not None and one.reference[:3] == "at_"}
        attempts = await self._database.get_many(ATTEMPTS, scope, ids)
        return {
            attempt.id: attempt.release_id
            for attempt in attempts.values()
            if attempt.gateway_id == stable.gateway.id
            and not self._gateways.takes_over(scope, stable.gateway.id, attempt.release_id)
        }
