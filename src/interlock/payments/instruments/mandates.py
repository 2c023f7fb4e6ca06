"""Mandates: a customer's permission to charge later. Made with a setup intent or an off-session payment.

The intent's change inserts what :func:`new_mandate` returns, so that the permission and what it permits are durable
together.
"""

from collections.abc import Mapping
from typing import Any

from interlock.base.context import Scope
from interlock.base.ids import new_id
from interlock.base.money import Money
from interlock.base.problems import Problem
from interlock.payments.instruments.refusals import no_such
from interlock.payments.instruments.types import MANDATES, Mandate, PaymentMethod
from interlock.payments.work import Work


class Mandates:
    """Reads mandates."""

    def __init__(self, work: Work) -> None:
        """Read through ``work``."""
        self._work = work

    async def get(self, scope: Scope, mandate_id: str) -> Mandate | Problem:
        """Return a mandate."""
        mandate = await self._work.database.get(MANDATES, scope, mandate_id)
        return no_such("mandate", mandate_id, param="mandate", status=404) if mandate is None else mandate


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
    )


def _seconds(given: object) -> int | None:
    """Return epoch seconds given as a number or as digits, None for anything else."""
    text = str(given or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None
