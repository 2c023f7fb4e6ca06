"""One shopper, one order: everything the shop calls for it, written into the record as it is answered.

Called by the crowd. Holds what must be asked again later: calls without a definite answer and money still under way.
"""

import asyncio
import time
from typing import Any

import msgspec

from interlock.base.clock import Clock
from interlock.sandbox.shoppers.browser import authenticate
from interlock.sandbox.shoppers.client import Client, Patience, Reply
from interlock.sandbox.shoppers.forms import RETURN_URL, Fields, capture_fields, card_fields, intent_fields, raw_card
from interlock.sandbox.shoppers.journal import Entry, Journal, told
from interlock.sandbox.shoppers.orders import Expected, Flow, Order, Part
from interlock.sandbox.shoppers.tally import Came, Outcome, Tally

_POLL_S = 0.4
_GOOD = frozenset({"succeeded", "requires_capture"})
_SECOND_CARD = "pm_card_mastercard"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A POST as it was sent, to be sent again under the same key. Its repr hides what it says."""

    step: str
    path: str
    fields: Fields
    key: str
    asked: int | None = None

    def __repr__(self) -> str:
        """Return a text without the fields."""
        return f"Call({self.step}, {self.path})"

    __str__ = __repr__


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """What every buyer of a crowd shares. ``run`` keeps the keys of two crowds with the same seed apart.

    ``poll_s`` is how long a buyer waits for money that is under way before leaving it to the settling.
    """

    client: Client
    journal: Journal
    tally: Tally
    clock: Clock
    run: str
    all_s: float = 180.0
    poll_s: float = 6.0
    see_gateways: bool = False


class Buyer:
    """Buys one order."""

    def __init__(self, shop: Shop, order: Order) -> None:
        """Buy ``order`` at ``shop``."""
        self.order = order
        self.intents: dict[str, str] = {}
        self.setups: dict[str, str] = {}
        self.unanswered: list[Call] = []
        self.unsettled = False
        self._shop = shop
        self._other_card = False
        self._patience = Patience(first_try_s=order.patience_s, all_s=shop.all_s)

    async def buy(self) -> None:
        """Do everything the order says, as far as the answers allow."""
        order = self.order
        match order.flow:
            case Flow.ONE_STEP | Flow.TWO_STEPS:
                await self._first(None)
            case Flow.STORED:
                customer = await self._customer()
                if customer is not None:
                    await self._first(customer)
            case Flow.SAVE_AND_AGAIN:
                customer = await self._customer()
                paid = None if customer is None else await self._first(customer)
                if paid is not None and customer is not None and paid.get("status") in _GOOD:
                    await self._off_session(customer, str(paid["payment_method"]))
            case Flow.SET_UP:
                customer = await self._customer()
                method = None if customer is None else await self._set_up(customer)
                if method is not None and customer is not None:
                    await self._off_session(customer, method)

    # -- paying ----------------------------------------------------------------------------------------------------

    async def _first(self, customer: str | None) -> dict[str, Any] | None:
        """Take the order's first payment and what follows on it; return the intent as last seen."""
        order = self.order
        fields = [*intent_fields(order, order.amount), *capture_fields(order)]
        instrument = card_fields(order)
        if customer is not None:
            fields.append(("customer", customer))
            if order.flow is Flow.STORED:
                method = await self._keep_card(customer)
                if method is None:
                    return None
                instrument = [("payment_method", method)]
            else:
                fields.append(("setup_future_usage", "off_session"))
        confirm: Fields = [*instrument, ("return_url", RETURN_URL), *self._expansions()]
        if order.flow is Flow.TWO_STEPS:
            reply = await self._two_steps(fields, confirm)
        else:
            asked = [*fields, ("confirm", True), *confirm]
            reply = await self._post("pay", "/v1/payment_intents", asked, order.amount)
        if reply is None:
            return None
        intent, reply = await self._through_challenge("pay", reply)
        self._count("pay", reply, intent, order.expected)
        if order.second_try and _declined(reply) and intent is not None:
            intent = await self._second_card(intent)
        if intent is not None:
            await self._afterwards(intent)
        return intent

    async def _two_steps(self, fields: Fields, confirm: Fields) -> Reply | None:
        created = await self._post("create", "/v1/payment_intents", fields, self.order.amount)
        if not created.ok:
            if created.answered:
                self._count("create", created, None, self.order.expected)
            return None
        self.intents["pay"] = str(created.get("id"))
        return await self._post("pay", f"/v1/payment_intents/{created.get('id')}/confirm", confirm, self.order.amount)

    async def _second_card(self, intent: dict[str, Any]) -> dict[str, Any] | None:
        """Offer another card for the same intent, as a shopper does whose card was declined."""
        fields: Fields = [("payment_method", _SECOND_CARD), ("return_url", RETURN_URL), *self._expansions()]
        path = f"/v1/payment_intents/{intent['id']}/confirm"
        self._other_card = True
        reply = await self._post("pay.second", path, fields, self.order.amount)
        seen, reply = await self._through_challenge("pay", reply)
        self._count("pay.second", reply, seen, Expected.PAID)
        return seen

    async def _off_session(self, customer: str, method: str) -> None:
        order = self.order
        fields = [
            *intent_fields(order, order.again, of="again"),
            ("customer", customer),
            ("payment_method", method),
            ("off_session", True),
            ("confirm", True),
            *self._expansions(),
        ]
        reply = await self._post("again", "/v1/payment_intents", fields, order.again)
        intent, reply = await self._through_challenge("again", reply)
        self._count("again", reply, intent, Expected.PAID if self._other_card else order.expected_again)

    async def _set_up(self, customer: str) -> str | None:
        """Set the card up for later payments; return the payment method when that succeeded."""
        order = self.order
        fields: Fields = [
            ("customer", customer),
            ("payment_method_types[0]", "card"),
            ("usage", "off_session"),
            ("confirm", True),
            ("return_url", RETURN_URL),
            ("metadata[order]", order.id),
            *card_fields(order),
        ]
        reply = await self._post("set_up", "/v1/setup_intents", fields, None)
        setup = _object(reply, "setup_intent")
        if setup is None:
            return None
        self.setups["set_up"] = str(setup["id"])
        if setup.get("status") == "requires_action" and order.challenge != "abandon":
            await self._authenticate(setup)
            setup = await self._watch(f"/v1/setup_intents/{setup['id']}")
        done = setup is not None and setup.get("status") == "succeeded"
        return str(setup["payment_method"]) if done and setup is not None else None

    # -- challenges ------------------------------------------------------------------------------------------------

    async def _through_challenge(self, step: str, reply: Reply) -> tuple[dict[str, Any] | None, Reply]:
        """Follow the payment to where it rests for now; return the intent as last seen and the reply that counts."""
        intent = _object(reply, "payment_intent")
        if intent is None:
            return None, reply
        self.intents[step] = str(intent["id"])
        path = f"/v1/payment_intents/{intent['id']}"
        if reply.ok and intent.get("status") == "requires_action":
            if self.order.challenge == "abandon":
                if self.order.number % 2:
                    await self._post("cancel", f"{path}/cancel", [("cancellation_reason", "abandoned")], None)
                return intent, reply
            await self._authenticate(intent)
            intent = await self._watch(path) or intent
        elif reply.ok and intent.get("status") == "processing":
            intent = await self._watch(path) or intent
        return intent, reply

    async def _authenticate(self, subject: dict[str, Any]) -> None:
        action = subject.get("next_action") or {}
        url = (action.get("redirect_to_url") or {}).get("url")
        if url is not None:
            patience = msgspec.structs.replace(self._patience, first_try_s=30.0)
            await authenticate(self._shop.client, url, self.order.challenge, patience)

    async def _watch(self, path: str) -> dict[str, Any] | None:
        """Read an object until it is no longer processing or patience ends; return it as last seen."""
        deadline = time.monotonic() + self._shop.poll_s
        while True:
            seen = await self._shop.client.get(path, self._patience)
            if seen.ok and seen.get("status") != "processing":
                return dict(seen.body)
            if time.monotonic() >= deadline:
                self.unsettled = True
                return dict(seen.body) if seen.ok else None
            await asyncio.sleep(_POLL_S)

    # -- afterwards ------------------------------------------------------------------------------------------------

    async def _afterwards(self, intent: dict[str, Any]) -> None:
        order, path = self.order, f"/v1/payment_intents/{intent['id']}"
        if intent.get("status") == "requires_capture":
            if order.cancel:
                await self._post("cancel", f"{path}/cancel", [], None)
                return
            seen = await self._capture(path)
            if seen is None:
                return
            intent = seen
        if intent.get("status") == "succeeded":
            for number, amount in enumerate(order.refunds, 1):
                fields: Fields = [("payment_intent", intent["id"]), ("amount", amount)]
                refund = await self._post(f"refund.{number}", "/v1/refunds", fields, amount)
                if not refund.answered:
                    return
                self.unsettled |= refund.get("status") == "pending"

    async def _capture(self, path: str) -> dict[str, Any] | None:
        """Capture part by part; where the gateway cannot leave anything over, take the first part and be done."""
        seen: dict[str, Any] | None = None
        for number, part in enumerate(self.order.parts, 1):
            reply = await self._take(path, f"capture.{number}", part)
            if reply.answered and not reply.ok and not part.final:
                reply = await self._take(path, f"capture.{number}.final", Part(part.amount))
            if not reply.ok:
                return None
            seen = dict(reply.body)
            if seen.get("status") == "processing":
                seen = await self._watch(path)
            if seen is None or seen.get("status") != "requires_capture":
                return seen
        return seen

    async def _take(self, path: str, step: str, part: Part) -> Reply:
        fields: Fields = [("amount_to_capture", part.amount)]
        if not part.final:
            fields.append(("final_capture", False))
        return await self._post(step, f"{path}/capture", fields, part.amount)

    async def _customer(self) -> str | None:
        fields: Fields = [
            ("name", self.order.name),
            ("email", f"shopper+{self.order.number}@shop.example"),
            ("metadata[order]", self.order.id),
        ]
        reply = await self._post("customer", "/v1/customers", fields, None)
        return str(reply.get("id")) if reply.ok else None

    async def _keep_card(self, customer: str) -> str | None:
        """Make a payment method and attach it; return its id."""
        order = self.order
        method = f"pm_card_{order.deck_card.name}"
        if not order.by_name:
            fields: Fields = [("type", "card"), *raw_card(order)]
            made = await self._post("method", "/v1/payment_methods", fields, None)
            if not made.ok:
                return None
            method = str(made.get("id"))
        attached = await self._post("attach", f"/v1/payment_methods/{method}/attach", [("customer", customer)], None)
        return str(attached.get("id")) if attached.ok else None

    # -- calls -----------------------------------------------------------------------------------------------------

    async def _post(self, step: str, path: str, fields: Fields, asked: int | None) -> Reply:
        shop = self._shop
        call = Call(step=step, path=path, fields=fields, key=f"{shop.run}-{self.order.id}-{step}", asked=asked)
        if not (self.order.twice and step == "pay"):
            reply = await shop.client.post(path, fields, call.key, self._patience)
        else:
            reply, twin = await asyncio.gather(
                shop.client.post(path, fields, call.key, self._patience),
                shop.client.post(path, fields, call.key, self._patience),
            )
            if reply.answered and twin.answered and (reply.status, reply.get("id")) != (twin.status, twin.get("id")):
                shop.tally.differing_twins += 1
        if not reply.answered:
            self.unanswered.append(call)
        shop.tally.calls[step.partition(".")[0]] += 1
        self.write(step, "POST", path, reply, key=call.key, asked=asked)
        return reply

    async def send_again(self, call: Call) -> Reply:
        """Send a call that was never answered again, under its own key."""
        reply = await self._shop.client.post(call.path, call.fields, call.key, self._patience)
        self.write(call.step, "POST", call.path, reply, key=call.key, asked=call.asked)
        intent = _object(reply, "payment_intent")
        if intent is not None:
            self.intents.setdefault("again" if call.step == "again" else "pay", str(intent["id"]))
        return reply

    def write(
        self, step: str, method: str, path: str, reply: Reply, *, key: str = "", asked: int | None = None
    ) -> None:
        """Put an answer into the record."""
        self._shop.journal.write(
            Entry(
                at_ms=self._shop.clock.now_ms(),
                order=self.order.id,
                step=step,
                method=method,
                path=path,
                key=key,
                currency=self.order.currency,
                asked=asked,
                status=reply.status,
                tries=reply.tries,
                wait_ms=reply.wait_ms,
                told=told(reply.body) if reply.answered else {"doubt": reply.doubt},
            )
        )

    def _expansions(self) -> Fields:
        return [("expand[0]", "payment_attempt_records")] if self._shop.see_gateways else []

    def _count(self, step: str, reply: Reply, intent: dict[str, Any] | None, expected: Expected) -> None:
        came = _came(reply, intent)
        self.unsettled |= came is Came.WAITING
        outcome = Outcome(
            order=self.order.id,
            step=step,
            came=came,
            expected=expected,
            wait_ms=reply.wait_ms,
            tries=reply.tries,
            code=_code(reply, intent) if came in {Came.DECLINED, Came.FAILED} else reply.doubt,
            gateways=_gateways(reply),
        )
        self._shop.tally.add(outcome, time.monotonic())


def _object(reply: Reply, kind: str) -> dict[str, Any] | None:
    """Return the intent an answer shows, also one inside an error."""
    body = reply.body if reply.ok else reply.error.get(kind)
    return dict(body) if isinstance(body, dict) and body.get("id") else None


def _declined(reply: Reply) -> bool:
    return reply.status == 402


def _came(reply: Reply, intent: dict[str, Any] | None) -> Came:
    if not reply.answered:
        return Came.NO_ANSWER
    if reply.ok and intent is not None:
        status = intent.get("status")
        if status in _GOOD:
            return Came.PAID
        if status == "processing":
            return Came.WAITING
        error = intent.get("last_payment_error") or {}
        return Came.DECLINED if error.get("type") == "card_error" else Came.UNPAID
    return (
        Came.DECLINED if reply.status == 402 and reply.error.get("decline_code") != "try_again_later" else Came.FAILED
    )


def _code(reply: Reply, intent: dict[str, Any] | None) -> str:
    error: Any = reply.error or (intent or {}).get("last_payment_error") or {}
    return str(error.get("decline_code") or error.get("code") or reply.status)


def _gateways(reply: Reply) -> tuple[str, ...]:
    records = reply.get("payment_attempt_records")
    if not isinstance(records, dict):
        return ()
    facts = [record.get("interlock") or {} for record in records.get("data", [])]
    facts.sort(key=lambda fact: fact.get("sequence", 0))
    return tuple(str(fact.get("connector", "")) for fact in facts)
