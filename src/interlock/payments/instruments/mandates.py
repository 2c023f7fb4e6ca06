"""Mandates: a customer's permission to charge later. Made with a setup intent or an off-session payment.

The intent's change inserts what :func:`new_mandate` returns, so that the permission and what it permits are durable
together.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from interlock.base.context import Scope
from interlock.base.ids import new_id
from interlock.base.money import Money
from interlock.base.problems import Problem, invalid
from interlock.payments.instruments.refusals import no_such
from interlock.payments.instruments.types import MANDATES, Mandate, PaymentMethod
from interlock.payments.work import Work
from interlock.storage.pages import Page
from interlock.storage.writes import Insert, Write

_LOOKED_AT = 20


class MandateAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says of the mandate: a new one (``data``, for one payment of ``single_use`` or, where that is
    None, lasting), or one that exists."""

    data: Mapping[str, Any] | None = None
    mandate_id: str | None = None
    single_use: Money | None = None
    client_ip: str | None = None


class Agreement(msgspec.Struct, frozen=True):
    """The mandate a debit is made under. ``writes`` belong into the caller's change: they make a new one."""

    mandate: Mandate
    writes: tuple[Write, ...] = ()


class Mandates:
    """Reads mandates, and finds or makes the one that a debit needs."""

    def __init__(self, work: Work) -> None:
        """Read through ``work``."""
        self._work = work

    async def get(self, scope: Scope, mandate_id: str) -> Mandate | Problem:
        """Return a mandate."""
        mandate = await self._work.database.get(MANDATES, scope, mandate_id)
        return no_such("mandate", mandate_id, param="mandate", status=404) if mandate is None else mandate

    async def agreed(self, payment_method: PaymentMethod, asked: MandateAsked, now_ms: int) -> Agreement | Problem:
        """Return what ``payment_method`` may be debited under, or why it may not be.

        What the request brings goes first, then a mandate it names, then one that lasts from an earlier payment.

        Args:
            payment_method: of a type that is debited.
            asked: the mandate as far as the request tells.
            now_ms: the time, epoch milliseconds.

        """
        if asked.data is not None:
            mandate = new_mandate(
                payment_method, asked.data, now_ms, single_use=asked.single_use, client_ip=asked.client_ip
            )
            return Agreement(mandate, (Insert(MANDATES, mandate),))
        scope = Scope(payment_method.account_id, payment_method.livemode)
        if asked.mandate_id is not None:
            named = await self._work.database.get(MANDATES, scope, asked.mandate_id)
            return _unusable() if named is None or not _permits(named, payment_method) else Agreement(named)
        where = {"payment_method_id": payment_method.id}
        kept = await self._work.database.find(MANDATES, scope, Page(limit=_LOOKED_AT), where=where)
        lasting = next((mandate for mandate in kept.items if _permits(mandate, payment_method)), None)
        if lasting is not None:
            return Agreement(lasting)
        return invalid(
            "Missing required param: mandate_data. A bank account is debited only under a mandate: pass mandate_data, "
            "or a payment method with a mandate that lasts.",
            code="parameter_missing",
            param="mandate_data",
        )


def _permits(mandate: Mandate, payment_method: PaymentMethod) -> bool:
    lasts = mandate.status == "active" and mandate.type == "multi_use"
    return lasts and mandate.payment_method_id == payment_method.id


def _unusable() -> Problem:
    return invalid(
        "The provided mandate is invalid and can not be used for the payment intent.",
        code="payment_intent_mandate_invalid",
        param="mandate",
    )


def new_mandate(
    payment_method: PaymentMethod,
    mandate_data: Mapping[str, Any] | None,
    now_ms: int,
    *,
    single_use: Money | None = None,
    client_ip: str | None = None,
    user_agent: str | None = None,
) -> Mandate:
    """Return an active mandate for ``payment_method``, to be inserted by the caller.

    Args:
        payment_method: what may be charged.
        mandate_data: the request's ``mandate_data`` (``customer_acceptance``), None when there was none.
        now_ms: the time of acceptance where the data name none.
        single_use: the money it is limited to; None for a permission that lasts.
        client_ip: taken for an online acceptance whose data leave it to be inferred.
        user_agent: the same.

    """
    given = dict((mandate_data or {}).get("customer_acceptance") or {})
    acceptance: dict[str, Any] = {
        "type": given.get("type") or "offline",
        "accepted_at": _seconds(given.get("accepted_at")) or now_ms // 1000,
    }
    if acceptance["type"] == "online":
        online = given.get("online") or {}
        acceptance["online"] = {
            "ip_address": online.get("ip_address") or client_ip,
            "user_agent": online.get("user_agent") or user_agent,
        }
    return Mandate(
        account_id=payment_method.account_id,
        id=new_id("mandate", now_ms),
        livemode=payment_method.livemode,
        version=1,
        created_at_ms=now_ms,
        payment_method_id=payment_method.id,
        type="multi_use" if single_use is None else "single_use",
        amount_minor=None if single_use is None else single_use.amount_minor,
        currency=None if single_use is None else single_use.currency,
        customer_acceptance=acceptance,
        method_type=payment_method.type,
    )


def _seconds(given: object) -> int | None:
    """Return epoch seconds given as a number or as digits, None for anything else."""
    text = str(given or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None
