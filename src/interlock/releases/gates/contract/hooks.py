"""Webhooks: every documented event, signed by the gate's own code, and what must be heard in it."""

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from interlock.gateways.contract import ConnectorConfig, Operation
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.contract import signing
from interlock.releases.gates.contract.accounts import FIRST, SECOND, TURNED
from interlock.releases.gates.contract.cases import Delivery, Group
from interlock.releases.gates.contract.knowledge import Event, Knowledge
from interlock.releases.gates.contract.requests import NOW_MS, ordinary
from interlock.releases.gates.contract.stage import Stage
from interlock.releases.gates.contract.templates import Variant
from interlock.releases.gates.providers.tables import ProviderTable

CURRENCIES = ("jpy", "kwd", "isk", "idr", "clp", "ugx")
IGNORED = frozenset({"ignored"})
_MINOR = 12_300
_SHARED = frozenset({"customer", "method", "kept"})
_AWKWARD = "at_4:7\\1:\\1"
NOW_S = NOW_MS // 1000


class Endpoint:
    """What one account receives: builds bodies, signs them as the provider does, and makes deliveries of them."""

    def __init__(self, stage: Stage, knowledge: Knowledge, table: ProviderTable, account: str = FIRST) -> None:
        """Prepare for an account.

        Args:
            stage: builds objects.
            knowledge: how webhooks look.
            table: how they are signed.
            account: who receives.

        """
        assert table.webhook is not None
        assert stage.filler is not None
        self.stage = stage
        self.facts = knowledge.webhook
        self.rules = table.webhook
        self.account = account
        self.inside = table.webhook.scheme == signing.INSIDE
        self.header = table.webhook.signature_header or ""
        configured = stage.accounts[account].credentials.get(table.webhook.credential, "")
        self.secrets = [secret for secret in configured.split(",") if secret]
        self.filler = stage.filler

    def values(self, kind: str, serial: str, **ask: Any) -> dict[str, Any]:
        """Return what ``$…`` stands for in an event of ``kind``; ``ask`` changes what it is about."""
        request: OperationRequest = ordinary(Operation.CAPTURE, self.stage.payment, ask)
        number = zlib.crc32(serial.encode())
        return self.stage.context(self.account, request, kind=kind, serial=f"evt_1MadeUp{number:08x}")

    def object_of(
        self, spec: Mapping[str, Any], values: Mapping[str, Any], variant: Variant = Variant.PLAIN
    ) -> dict[str, Any]:
        """Return the object that an event speaks of."""
        body: dict[str, Any] = self.filler.body(spec, values, variant)
        return body

    def signed(self, shown: Mapping[str, Any], secret: str | None = None) -> dict[str, Any]:
        """Return the object with its signature, where signatures stand inside."""
        if not self.inside:
            return dict(shown)
        signature = signing.item_signature(secret or self.secrets[0], shown, self.facts.signed_fields)
        return signing.with_signature(shown, signature)

    def body(self, shown: Mapping[str, Any], values: Mapping[str, Any]) -> bytes:
        """Return the whole body around an object."""
        return msgspec.json.encode(self.filler.fill(self.facts.envelope, {**values, "object": shown}))

    def headers(self, body: bytes, secrets: list[str] | None = None, at_s: int = NOW_S - 2) -> dict[str, str]:
        """Return the headers of a genuine delivery of ``body``."""
        if self.inside:
            return {"content-type": "application/json"}
        return {self.header: signing.header_of(secrets or self.secrets[:1], body, at_s)}

    def delivery(self, name: str, group: Group, body: bytes, **more: Any) -> Delivery:
        """Return a delivery of ``body``, with genuine headers unless others are given."""
        headers = more.pop("headers", None)
        return Delivery(
            name=name,
            group=group,
            account=self.account,
            headers=self.headers(body) if headers is None else headers,
            body=body,
            now_ms=more.pop("now_ms", NOW_MS),
            genuine=more.pop("genuine", True),
            **more,
        )

    def expected(self, expect: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the notification that must be heard, filled."""
        filled: dict[str, Any] = self.filler.fill(dict(expect), values)
        occurred = self.filler.fill(self.facts.occurred_at_ms, values)
        return {"occurred_at_ms": occurred, **filled}

    def config(self, secret: str | None) -> ConnectorConfig:
        """Return the account with another webhook secret, None for none at all."""
        config = self.stage.accounts[self.account]
        credentials = {name: value for name, value in config.credentials.items() if name != self.rules.credential}
        if secret is not None:
            credentials[self.rules.credential] = secret
        return msgspec.structs.replace(config, credentials=credentials)


def hooks(stage: Stage) -> Iterator[Delivery]:
    """Yield every documented event, genuine; none where provider or signatures are not known, or nothing is heard."""
    knowledge, table = stage.knowledge, stage.table
    if knowledge is None or table is None or table.webhook is None or stage.manifest.webhook is None:
        return
    endpoints = {account: Endpoint(stage, knowledge, table, account) for account in (FIRST, SECOND)}
    for event in knowledge.event:
        yield from _event(endpoints[event.account], event)
    for event in _first_of_each_kind(knowledge.event):
        yield from _twin(endpoints[event.account], event)
    yield from _second_account(endpoints[SECOND], knowledge.event)
    for event in knowledge.event[:1]:
        yield from _once(endpoints[FIRST], event, "whose signed text has signs of its own", {"reference": _AWKWARD})
        yield from _once(Endpoint(stage, knowledge, table, TURNED), event, "to an account of the other mode", {})
    yield from _all_words(endpoints[FIRST], stage, knowledge, table)


def _first_of_each_kind(events: Iterable[Event]) -> list[Event]:
    found: dict[str, Event] = {}
    for event in events:
        if event.expect["kind"] != "ignored":
            found.setdefault(event.kind, event)
    return list(found.values())


def title_of(event: Event) -> str:
    """Return what an event is called."""
    return f"{event.kind} {event.name}".strip()


def _event(endpoint: Endpoint, event: Event) -> Iterator[Delivery]:
    shown: list[tuple[str, Variant, dict[str, Any]]] = [
        ("" if variant is Variant.PLAIN else f", {variant}", variant, {})
        for variant in endpoint.filler.variants(event.object)
    ]
    if event.expect.get("amount") == "$asked" and "transfer" not in (event.expect.get("result") or {}):
        shown += [
            (f", in {currency}", Variant.PLAIN, {"amount": _MINOR, "currency": currency}) for currency in CURRENCIES
        ]
    for aside, variant, change in shown:
        name = f"webhook {title_of(event)}{aside}"
        values = endpoint.values(event.kind, name, **change)
        item = endpoint.signed(endpoint.object_of(event.object, values, variant))
        yield endpoint.delivery(
            name,
            Group.WEBHOOK,
            endpoint.body(item, values),
            expected=(endpoint.expected(event.expect, values),),
            topic=event.kind,
        )


def _twin(endpoint: Endpoint, event: Event) -> Iterator[Delivery]:
    """Yield the same event about something else of the same payment: it must have an id of its own."""
    name = f"webhook {title_of(event)} about another one"
    values = endpoint.values(event.kind, name)
    others = {each: f"{value[:-2]}ZZ" for each, value in endpoint.stage.ids.items()}
    values |= {each: value for each, value in others.items() if each not in _SHARED}
    item = endpoint.signed(endpoint.object_of(event.object, values))
    body, expected = endpoint.body(item, values), (endpoint.expected(event.expect, values),)
    yield endpoint.delivery(name, Group.WEBHOOK, body, expected=expected, topic=f"{event.kind} about another one")


def _once(endpoint: Endpoint, event: Event, aside: str, ask: Mapping[str, Any]) -> Iterator[Delivery]:
    name = f"webhook {title_of(event)} {aside}"
    values = endpoint.values(event.kind, name, **ask)
    item = endpoint.signed(endpoint.object_of(event.object, values))
    body, expected = endpoint.body(item, values), (endpoint.expected(event.expect, values),)
    yield endpoint.delivery(name, Group.WEBHOOK, body, expected=expected, topic=event.kind)


def _second_account(endpoint: Endpoint, events: tuple[Event, ...]) -> Iterator[Delivery]:
    """Yield what an account hears that rolls its secret: either may have signed."""
    event = events[0]
    for number, secret in enumerate(endpoint.secrets, start=1):
        name = f"webhook {title_of(event)}, signed with secret {number} of an account that rolls its secret"
        values = endpoint.values(event.kind, name)
        item = endpoint.signed(endpoint.object_of(event.object, values), secret)
        body = endpoint.body(item, values)
        yield endpoint.delivery(
            name,
            Group.WEBHOOK,
            body,
            headers=endpoint.headers(body, [secret]),
            expected=(endpoint.expected(event.expect, values),),
            topic=event.kind,
        )


def _all_words(endpoint: Endpoint, stage: Stage, knowledge: Knowledge, table: ProviderTable) -> Iterator[Delivery]:
    """Yield an event of every kind that the provider has, and of one that it has not yet."""
    document = "webhooks" if knowledge.documents.webhooks else "api"
    listed = stage.documents.words(document, knowledge.event_words) if stage.documents is not None else []
    shown = {event.kind for event in knowledge.event}
    for word in dict.fromkeys([*listed, *table.notifications, "an_event.of_next_year"]):
        if word in shown or word == "*":
            continue
        kinds = frozenset(map(str, table.notifications.get(word, ()))) or IGNORED
        name = f"webhook {word}"
        values = endpoint.values(word, name)
        item = endpoint.signed(endpoint.object_of(endpoint.facts.object, values))
        certain = kinds == IGNORED or endpoint.inside
        yield endpoint.delivery(
            name,
            Group.WEBHOOK,
            endpoint.body(item, values),
            genuine=True if certain else None,
            kinds=kinds,
            topic="events without an example",
        )
