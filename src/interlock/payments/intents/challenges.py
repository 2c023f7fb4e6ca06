"""The shopper's way through a challenge (3DS): out to the bank, back to us, on to the shop.

Called by the two pages the API mounts: ``redirect`` (to the challenge) and ``return`` (from it). Only whoever holds the
attempt's return token comes this far. Serves payments and card set-ups alike.
"""

import hmac
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec

from interlock.base.context import Scope
from interlock.base.crashpoints import reach
from interlock.base.problems import Problem, missing
from interlock.gateways.outcomes import Outcome, Result
from interlock.gateways.transport import Execution
from interlock.payments.attempts.finishing import FINISHING_TRIES
from interlock.payments.attempts.requests import complete_request
from interlock.payments.attempts.resuming import Resumption, resumed
from interlock.payments.attempts.runner import Runner
from interlock.payments.attempts.types import ATTEMPTS, Attempt
from interlock.payments.work import Change, Work

replace = msgspec.structs.replace

_FIELDS_MAX = 64
_FIELD_CHARACTERS_MAX = 20_000


class Subject(Protocol):
    """What a challenged attempt belongs to: a payment intent or a setup intent, as its room knows it."""

    async def resume(self, attempt: Attempt, change: Change) -> Resumption | None:
        """Add the subject's next state to ``change`` and return how it goes on; None when the attempt no longer
        matters."""
        ...

    async def apply(self, attempt: Attempt, result: Result, execution: Execution | None = None) -> object:
        """Write the outcome down."""
        ...

    async def landing(self, attempt: Attempt) -> Mapping[str, str]:
        """Return the query parameters the shop's return page gets."""
        ...


class Redirect(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send the browser: by GET, or by a form that posts ``data``."""

    url: str
    method: str = "GET"
    data: dict[str, str] = {}


class Challenges:
    """Sends shoppers to their bank and takes them back."""

    def __init__(self, work: Work, runner: Runner, subjects: Mapping[str, Subject], limits_ms: tuple[int, int]) -> None:
        """Wire the parts.

        Args:
            work: to commit through.
            runner: to finish the payment with.
            subjects: id prefix (``pi``, ``seti``) → the room that owns it.
            limits_ms: the budget of a return and the lease after which recovery takes over.

        """
        self._work = work
        self._runner = runner
        self._subjects = subjects
        self._budget_ms, self._lease_ms = limits_ms

    async def redirect(self, account_id: str, attempt_id: str, token: str) -> Redirect | Problem:
        """Return where the challenge is."""
        attempt = await self._find(account_id, attempt_id, token)
        if attempt is None:
            return missing("payment_attempt", attempt_id)
        challenge = attempt.detail.get("challenge")
        if attempt.state != Outcome.CHALLENGE or not challenge:
            return await self._to_shop(attempt)
        return Redirect(url=challenge["url"], method=challenge.get("method", "GET"), data=challenge.get("data") or {})

    async def returned(
        self, account_id: str, attempt_id: str, token: str, parameters: Mapping[str, str]
    ) -> Redirect | Problem:
        """Take what the challenge page sent back, finish the payment with it unless the shop wants to confirm first,
        and return the way to the shop."""
        attempt = await self._find(account_id, attempt_id, token)
        if attempt is None:
            return missing("payment_attempt", attempt_id)
        if attempt.state == Outcome.CHALLENGE and await self._brings_something(attempt, parameters):
            await self._complete(attempt, parameters)
        return await self._to_shop(attempt)

    async def _brings_something(self, attempt: Attempt, parameters: Mapping[str, str]) -> bool:
        """Return False for a visit (a reload, a preview of the address) that cannot be a return from this gateway."""
        gateway = await self._runner.gateway(attempt)
        expected = () if gateway is None else gateway.loaded.manifest.challenge.return_parameters
        return not expected or any(parameters.get(name) for name in expected)

    async def _complete(self, attempt: Attempt, parameters: Mapping[str, str]) -> None:
        kept = {name: value[:_FIELD_CHARACTERS_MAX] for name, value in list(parameters.items())[:_FIELDS_MAX]}
        subject = self._subject(attempt)
        now_ms = self._work.clock.now_ms()
        completing = await self._resume(subject, attempt, kept, now_ms)
        if completing is None:
            return
        reach("challenge.resumed")
        request = complete_request(completing)
        execution = await self._runner.run_to_certainty(completing, request, now_ms + self._budget_ms)
        reach("challenge.answered")
        await subject.apply(completing, execution.result, execution)

    async def _resume(
        self, subject: Subject, attempt: Attempt, returned: Mapping[str, str], now_ms: int
    ) -> Attempt | None:
        """Write down what the shopper brought back, over whatever else changes the subject meanwhile.

        Returns the attempt as it is to be completed now; None when nothing is to be sent (yet, or any more).
        """
        scope = Scope(attempt.account_id, attempt.livemode)
        present: Attempt | None = attempt
        for _ in range(FINISHING_TRIES):
            if present is None or present.state != Outcome.CHALLENGE:
                return None
            change = Change(scope)
            back = replace(present, detail={**present.detail, "returned": dict(returned)})
            resumption = await subject.resume(back, change)
            if resumption is None:
                return None
            now = resumption is Resumption.AT_ONCE
            back = resumed(back, now_ms + self._lease_ms) if now else replace(back, version=back.version + 1)
            change.update(ATTEMPTS, back)
            if await self._work.record(change) is None:
                return back if now else None
            present = await self._work.database.get(ATTEMPTS, scope, attempt.id)
        return None

    async def _to_shop(self, attempt: Attempt) -> Redirect:
        landing = await self._subject(attempt).landing(attempt)
        return_url = attempt.detail.get("return_url")
        if return_url is None:
            return Redirect(url="about:blank")
        return Redirect(url=with_query(return_url, landing))

    async def _find(self, account_id: str, attempt_id: str, token: str) -> Attempt | None:
        for livemode in (True, False):
            attempt = await self._work.database.get(ATTEMPTS, Scope(account_id, livemode), attempt_id)
            if attempt is not None:
                expected: Any = attempt.detail.get("return_token")
                known = isinstance(expected, str) and hmac.compare_digest(expected.encode(), token.encode())
                return attempt if known else None
        return None

    def _subject(self, attempt: Attempt) -> Subject:
        return self._subjects[attempt.subject_id.partition("_")[0]]


def with_query(url: str, more: Mapping[str, str]) -> str:
    """Return ``url`` with ``more`` added to its query; what is there already stays."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode(more)) if part)
    return urlunsplit(parts._replace(query=query))
