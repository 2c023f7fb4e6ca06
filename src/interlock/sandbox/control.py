"""The control API under ``/_sandbox``: faults, books, webhooks, health. For tests, drills and people."""

from collections.abc import Callable

import msgspec

from interlock.sandbox import books
from interlock.sandbox.engine import Context, Provider
from interlock.sandbox.faults import Faults, FaultSpec
from interlock.sandbox.http import Reply, Request, parse_pairs
from interlock.sandbox.store import Store
from interlock.sandbox.webhooks import Endpoint, Webhooks

_encode = msgspec.json.Encoder().encode


class Happening(msgspec.Struct, forbid_unknown_fields=True):
    """Something a cardholder or time does to a payment: ``dispute`` or ``expire``."""

    what: str
    payment: str


def _problem(status: int, text: str) -> Reply:
    return Reply(status, _encode({"error": text}))


class Control:
    """Answers the control API."""

    def __init__(self, context: Context, provider: Provider, faults: Faults, webhooks: Webhooks) -> None:
        """Control this gateway's parts."""
        self._context = context
        self._store: Store = context.store
        self._provider = provider
        self._faults = faults
        self._webhooks = webhooks
        self.facts: dict[str, object] = {}
        self._routes: dict[str, Callable[[Request], Reply]] = {
            "books.csv": self._export,
            "books": self._export,
            "books/totals": lambda _: Reply(200, _encode({"totals": books.totals(self._store)})),
            "health": lambda _: Reply(200, _encode(self._health())),
            "webhooks": self._change_webhooks,
            "faults": self._change_faults,
            "happen": self._happen,
            "forget": self._forget,
        }

    def handle(self, request: Request) -> Reply:
        """Answer one control request."""
        path = request.path.removeprefix("/_sandbox").strip("/")
        if path.startswith("faults/") and request.method == "DELETE":
            found = self._faults.remove(path.removeprefix("faults/"))
            return Reply(200, b'{"deleted":1}') if found else _problem(404, "no such fault")
        route = self._routes.get(path)
        return route(request) if route is not None else _problem(404, f"no such control: {request.path}")

    def _export(self, request: Request) -> Reply:
        query = dict(parse_pairs(request.query))
        return books.export(self._store, query, as_csv=request.path.endswith(".csv") or query.get("format") == "csv")

    def _happen(self, request: Request) -> Reply:
        try:
            asked = msgspec.json.decode(request.body, type=Happening)
        except msgspec.DecodeError as problem:
            return _problem(400, str(problem))
        wrong = self._provider.happen(asked.what, asked.payment)
        return Reply(200, b'{"happened":true}') if wrong is None else _problem(409, wrong)

    def _forget(self, request: Request) -> Reply:
        if request.method != "POST":
            return _problem(405, "forget: POST it")
        if self._store.is_durable:
            return _problem(409, "forget: this gateway keeps its books in a folder; start another one")
        if self._webhooks.owed:
            return _problem(409, f"forget: {self._webhooks.owed} webhooks are still owed")
        self._faults.clear()
        self._store.forget()
        return Reply(200, b'{"forgotten":true}')

    def _health(self) -> dict[str, object]:
        due_ms = self._store.next_timer_ms()
        return {
            "status": "ok",
            "provider": self._provider.name,
            **self.facts,
            "payments_booked": self._store.count("books"),
            "next_due_in_ms": None if due_ms is None else max(0, due_ms - self._context.clock.now_ms()),
            "faults": len(self._faults.all()),
            "webhooks": {
                "url": self._webhooks.endpoint.url if self._webhooks.endpoint is not None else None,
                "owed": self._webhooks.owed,
                "delivered": self._webhooks.delivered,
                "given_up": self._webhooks.failed,
            },
        }

    def _change_webhooks(self, request: Request) -> Reply:
        if request.method == "POST":
            try:
                endpoint = msgspec.json.decode(request.body, type=Endpoint)
            except msgspec.DecodeError as problem:
                return _problem(400, str(problem))
            wrong = self._webhooks.configure(endpoint)
            if wrong is not None:
                return _problem(400, wrong)
        elif request.method == "DELETE":
            self._webhooks.configure(None)
        return Reply(200, _encode(self._health()["webhooks"]))

    def _change_faults(self, request: Request) -> Reply:
        if request.method == "POST":
            try:
                spec = msgspec.json.decode(request.body, type=FaultSpec)
            except msgspec.DecodeError as wrong:
                return _problem(400, str(wrong))
            fault = self._faults.add(spec, self._context.clock.now_ms())
            return _problem(400, fault) if isinstance(fault, str) else Reply(201, _encode(fault))
        if request.method == "DELETE":
            count = len(self._faults.all())
            self._faults.clear()
            return Reply(200, _encode({"deleted": count}))
        return Reply(200, _encode({"faults": self._faults.all()}))
