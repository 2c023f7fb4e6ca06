"""The control API under ``/_sandbox``: faults, books, webhooks, health. For tests, drills and people."""

import msgspec

from interlock.sandbox import books
from interlock.sandbox.engine import Context, Provider
from interlock.sandbox.faults import Faults, FaultSpec
from interlock.sandbox.http import Reply, Request, parse_pairs
from interlock.sandbox.store import Store
from interlock.sandbox.webhooks import Endpoint, Webhooks

_encode = msgspec.json.Encoder().encode


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

    def handle(self, request: Request) -> Reply:
        """Answer one control request."""
        path = request.path.removeprefix("/_sandbox").strip("/")
        query = dict(parse_pairs(request.query))
        if path == "books.csv":
            return books.export(self._store, query, as_csv=True)
        if path == "books":
            return books.export(self._store, query, as_csv=query.get("format") == "csv")
        if path == "books/totals":
            return Reply(200, _encode({"totals": books.totals(self._store)}))
        if path == "health":
            return Reply(200, _encode(self._health()))
        if path == "webhooks":
            return self._change_webhooks(request)
        if path == "faults":
            return self._change_faults(request)
        if path.startswith("faults/") and request.method == "DELETE":
            found = self._faults.remove(path.removeprefix("faults/"))
            return Reply(200, b'{"deleted":1}') if found else _problem(404, "no such fault")
        return _problem(404, f"no such control: {request.method} {request.path}")

    def _health(self) -> dict[str, object]:
        return {
            "status": "ok",
            "provider": self._provider.name,
            **self.facts,
            "payments_booked": self._store.count("books"),
            "faults": len(self._faults.list()),
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
            except msgspec.DecodeError as wrong:
                return _problem(400, str(wrong))
            self._webhooks.configure(endpoint)
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
            count = len(self._faults.list())
            self._faults.clear()
            return Reply(200, _encode({"deleted": count}))
        return Reply(200, _encode({"faults": self._faults.list()}))
