"""Webhooks that must not be believed, and bodies that are signed but cannot be read."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from interlock.releases.gates.contract import signing
from interlock.releases.gates.contract.accounts import FIRST, SECOND
from interlock.releases.gates.contract.cases import Delivery, Group
from interlock.releases.gates.contract.hooks import IGNORED, NOW_S, Endpoint, title_of
from interlock.releases.gates.contract.hostile import changes_of, damaged, put, strangers
from interlock.releases.gates.contract.knowledge import Event
from interlock.releases.gates.contract.requests import NOW_MS
from interlock.releases.gates.contract.stage import Stage

_FLIPS = 160
_FORGED_EVENTS_MAX = 6
_LATE_S = 3


def forgeries(stage: Stage) -> Iterator[Delivery]:
    """Yield every way to forge or spoil a delivery."""
    knowledge, table = stage.knowledge, stage.table
    if knowledge is None or table is None or table.webhook is None or stage.manifest.webhook is None:
        return
    endpoint = Endpoint(stage, knowledge, table, FIRST)
    other = Endpoint(stage, knowledge, table, SECOND)
    for event in _few(knowledge.event):
        yield from _signatures(endpoint, other, event)
        yield from _flipped(endpoint, event)
        yield from _changed(endpoint, event, knowledge.event)
    event = knowledge.event[0]
    yield from _secrets(endpoint, event)
    yield from _ages(endpoint, event)
    yield from _other_bodies(endpoint, event)
    yield from _unreadable(endpoint, event)


def _few(events: tuple[Event, ...]) -> list[Event]:
    """Return one event of each kind of notification, at most :data:`_FORGED_EVENTS_MAX`."""
    by_kind: dict[str, Event] = {}
    for event in events:
        by_kind.setdefault(event.expect["kind"], event)
    return list(by_kind.values())[:_FORGED_EVENTS_MAX]


def _built(endpoint: Endpoint, event: Event) -> tuple[dict[str, Any], dict[str, Any]]:
    values = endpoint.values(event.kind, title_of(event))
    return values, endpoint.object_of(event.object, values)


def _signatures(endpoint: Endpoint, other: Endpoint, event: Event) -> Iterator[Delivery]:
    values, item = _built(endpoint, event)
    secret = endpoint.secrets[0]
    others = {"another account's secret": other.secrets[0], "a secret nobody has": _similar(secret)}
    if endpoint.inside:
        forged = signing.forged_items(secret, item, endpoint.facts.signed_fields, others)
        for each in forged:
            body = endpoint.body(signing.with_signature(item, each.signature), values)
            yield _forgery(endpoint, event, each.title, body, headers={})
        return
    body = endpoint.body(item, values)
    others |= {"no secret at all": "", "the secret without its prefix": secret.partition("_")[2]}
    for each in signing.forged_headers(secret, body, NOW_S, others):
        headers = {} if each.signature is None else {endpoint.header: each.signature}
        yield _forgery(endpoint, event, each.title, body, headers=headers)
    for title, header in signing.genuine_headers(secret, body, NOW_S, _similar(secret)).items():
        expected = (endpoint.expected(event.expect, values),)
        more = {"genuine": True, "expected": expected, "topic": event.kind}
        yield _forgery(endpoint, event, title, body, headers={endpoint.header: header}, **more)
    elsewhere = {f"x-{endpoint.header}": signing.header_of([secret], body, NOW_S)}
    yield _forgery(endpoint, event, "the signature in another header", body, headers=elsewhere)


def _similar(secret: str) -> str:
    """Return a secret of the same form that differs in one letter."""
    last = secret[-1]
    return secret[:-1] + ("0" if last != "0" else "1")


def _forgery(endpoint: Endpoint, event: Event, title: str, body: bytes, **more: Any) -> Delivery:
    name = f"forged {title_of(event)}: {title}"
    return endpoint.delivery(name, Group.FORGERY, body, **{"genuine": False, "topic": title, **more})


def _secrets(endpoint: Endpoint, event: Event) -> Iterator[Delivery]:
    """Yield deliveries to accounts that have no secret, or none that can be used."""
    values, item = _built(endpoint, event)
    configured = {"no secret": None, "an empty secret": "", "a secret of commas": ",,", "a secret of spaces": "  "}
    if endpoint.inside:
        configured["a key that is not hex"] = "not hex at all"
    for title, secret in configured.items():
        key = "" if endpoint.inside else (secret or "")
        for signer, used in (("nothing", key), ("the usual secret", endpoint.secrets[0])):
            signed = item
            if endpoint.inside:
                signature = signing.item_signature(used, item, endpoint.facts.signed_fields)
                signed = signing.with_signature(item, signature)
            body = endpoint.body(signed, values)
            headers = {} if endpoint.inside else {endpoint.header: signing.header_of([used], body, NOW_S)}
            config = endpoint.config(secret)
            name = f"an account with {title}, signed with {signer}"
            yield _forgery(endpoint, event, name, body, headers=headers, config=config)


def _ages(endpoint: Endpoint, event: Event) -> Iterator[Delivery]:
    """Yield genuine signatures that are too old, or of a time that is still to come; and such as are just in time."""
    if endpoint.inside:
        return
    least_s, most_s = (limit // 1000 for limit in endpoint.rules.tolerance_ms)
    values, item = _built(endpoint, event)
    body = endpoint.body(item, values)
    for age_s in (most_s + 1, most_s * 2, 86_400, 31_536_000, NOW_S, -most_s - 1, -86_400):
        headers = endpoint.headers(body, at_s=NOW_S - age_s)
        yield _forgery(endpoint, event, f"signed {age_s} s ago", body, headers=headers)
    expected = (endpoint.expected(event.expect, values),)
    for age_s in (0, least_s - _LATE_S):
        headers = endpoint.headers(body, at_s=NOW_S - age_s)
        title = f"signed {age_s} s ago, which is in time"
        yield _forgery(endpoint, event, title, body, headers=headers, genuine=True, expected=expected)


def _other_bodies(endpoint: Endpoint, event: Event) -> Iterator[Delivery]:
    """Yield bodies that are not the one that was signed, and those of the other mode."""
    values, item = _built(endpoint, event)
    body = endpoint.body(endpoint.signed(item), values)
    headers = endpoint.headers(body)
    if not endpoint.inside:
        for title, changed in (
            ("the body written anew", msgspec.json.format(body, indent=2)),
            ("the body with a line at its end", body + b"\n"),
            ("the body with its fields in another order", _turned(body)),
            ("no body", b""),
        ):
            yield _forgery(endpoint, event, title, changed, headers=headers)
    else:
        yield from _inside(endpoint, event, values, item)
    turned = {"livemode": not endpoint.stage.livemode, "livemode_text": "false" if endpoint.stage.livemode else "true"}
    other_mode = {**values, **turned}
    shown_item = endpoint.signed(endpoint.object_of(event.object, other_mode))
    yield _forgery(
        endpoint, event, "of the other mode", endpoint.body(shown_item, other_mode), genuine=None, expected=()
    )


def _turned(body: bytes) -> bytes:
    document = msgspec.json.decode(body)
    return msgspec.json.encode(dict(reversed(document.items())))


def _inside(endpoint: Endpoint, event: Event, values: Mapping[str, Any], item: Mapping[str, Any]) -> Iterator[Delivery]:
    """Yield bodies of several items, and items of which a signed field was changed."""
    good = endpoint.signed(item)
    expected = endpoint.expected(event.expect, values)
    bad = {**good, "pspReference": "SOMEBODYELSES001"}
    sets: dict[str, tuple[list[dict[str, Any]], bool]] = {
        "two genuine items": ([good, good], True),
        "a forged item behind a genuine one": ([good, bad], False),
        "a forged item before a genuine one": ([bad, good], False),
        "no item": ([], False),
    }
    for title, (items, genuine) in sets.items():
        body = _with_items(endpoint.body(good, values), items)
        heard = tuple(expected for _ in items) if genuine else None
        yield _forgery(endpoint, event, title, body, headers={}, genuine=genuine, expected=heard)
    for field in endpoint.facts.signed_fields:
        path = tuple(field[1:].split("/"))
        was = signing.field_text(item, field)
        for title, value in (("changed", f"{was}0" if not was.isdigit() else int(was) + 1), ("empty", "")):
            if str(value) != was:
                changed = put(good, path, value)
                yield _forgery(
                    endpoint, event, f"{field} {title} after signing", endpoint.body(changed, values), headers={}
                )


def _with_items(body: bytes, items: list[dict[str, Any]]) -> bytes:
    document = msgspec.json.decode(body)
    (name,) = [name for name, value in document.items() if isinstance(value, list)]
    (inner,) = document[name][0]
    document[name] = [{inner: item} for item in items]
    return msgspec.json.encode(document)


def _flipped(endpoint: Endpoint, event: Event) -> Iterator[Delivery]:
    """Yield the delivery with one bit changed, at every n-th byte. Where only some fields are signed, what is heard all
    the same must still say the same of money and names."""
    values, item = _built(endpoint, event)
    body = endpoint.body(endpoint.signed(item), values)
    headers = endpoint.headers(body)
    expected: tuple[dict[str, Any], ...] | None = None
    if endpoint.inside:
        facts = endpoint.expected(event.expect, values)
        told: dict[str, Any] = facts.get("result") or {}
        result: dict[str, Any] = {name: told[name] for name in ("outcome", "gateway_reference") if told}
        kept: dict[str, Any] = {
            name: facts[name] for name in ("reference", "gateway_reference", "amount") if name in facts
        }
        expected = ({**kept, "result": result} if result else kept,)
    for place in range(0, len(body), max(1, len(body) // _FLIPS)):
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        genuine = None if endpoint.inside else False
        yield _forgery(
            endpoint, event, f"byte {place} changed", changed, headers=headers, genuine=genuine, expected=expected
        )


def _changed(endpoint: Endpoint, event: Event, events: tuple[Event, ...]) -> Iterator[Delivery]:
    """Yield signed events with each field absent or of another kind: nothing may break, no failure be a success."""
    values, item = _built(endpoint, event)
    kinds = frozenset({each.expect["kind"] for each in events if each.kind == event.kind}) | IGNORED
    outcome = (event.expect.get("result") or {}).get("outcome")
    never = frozenset() if outcome in {None, "approved"} else frozenset({"approved"})
    signed = {pointer[1:].partition("/")[0] for pointer in endpoint.facts.signed_fields}
    for done, path, changed in changes_of(item):
        if endpoint.inside and path[0] in signed and not _has_text(changed, path):
            continue  # cannot be signed
        body = endpoint.body(endpoint.signed(changed), values)
        title = f"genuine, {done}"
        yield _forgery(endpoint, event, title, body, genuine=None, kinds=kinds, never=never, topic="changed fields")


def _has_text(item: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    """Return True where the field at ``path`` is absent or something that has a text of its own."""
    value: Any = item
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value is None or isinstance(value, str | int)


def _unreadable(endpoint: Endpoint, event: Event) -> Iterator[Delivery]:
    """Yield bodies that are signed, where the signature is of the bytes, and cannot be read: nothing may be heard."""
    values, item = _built(endpoint, event)
    body = endpoint.body(endpoint.signed(item), values)
    for each in (*strangers(few=True), *damaged(body)):
        if each.response.status != 200 or each.allowed != frozenset({"unknown"}):
            continue
        spoilt = each.response.body
        yield _forgery(
            endpoint, event, f"signed: {each.title}", spoilt, genuine=None, expected=(), now_ms=NOW_MS, topic="spoilt"
        )
