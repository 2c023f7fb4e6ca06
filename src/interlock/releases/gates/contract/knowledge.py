"""What the switch itself knows of a provider, as data: ``expectations/<provider>/*.toml``. Read by this gate alone.

It is written from the provider's documentation, never from a connector, and holds no procedure: documents, made-up
accounts, which request fields mean what, what each answer and webhook must be read as. What all gates share (amounts,
keys, statuses, signatures) stands in the provider table (``gates/providers``). A provider without such a folder is
examined in general and the rest is *inconclusive*.
"""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from interlock.gateways.contract import Operation

_FOLDER = Path(__file__).parent / "expectations"
_FILES = ("facts", "requests", "answers", "errors", "conversations", "webhooks")


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of these files; a field that is not declared is an error."""


class Documents(_Strict, frozen=True, kw_only=True):
    """The file names of the provider's published documents. ``closed``: objects of request bodies take no fields but
    those listed; ``raw_cards``: the document leaves raw cards out of ``payment_method_data``, which is filled in."""

    api: str
    fixtures: str | None = None
    webhooks: str | None = None
    closed: bool = False
    raw_cards: bool = False


class Account(_Strict, frozen=True, kw_only=True):
    """A made-up account; ``{mode}`` in a credential stands for ``test`` or ``live``."""

    settings: dict[str, str] = {}
    credentials: dict[str, str]


class WebhookFacts(_Strict, frozen=True, kw_only=True):
    """How webhooks look. ``signed_fields`` are pointers into ``object``, none where every byte is signed;
    ``unsigned_fields`` may change without the signature; ``envelope`` is the body around ``$object``; ``object`` is
    what events without an example of their own speak of; ``occurred_at_ms`` the time that all of them tell."""

    signed_fields: tuple[str, ...] = ()
    unsigned_fields: tuple[str, ...] = ()
    envelope: dict[str, Any]
    object: dict[str, Any]
    occurred_at_ms: int | str


class Places(_Strict, frozen=True, kw_only=True):
    """Where in a request sensitive facts belong; anywhere else is wrong."""

    number: tuple[str, ...]
    cvc: tuple[str, ...]
    iban: tuple[str, ...] = ()


class Words(_Strict, frozen=True, kw_only=True):
    """One closed vocabulary of the provider: the words of the ``document`` at ``pointers``, those of ``allowed`` with
    the outcomes that may be made of each, and those of ``declines`` with their decline codes.

    ``$word`` in ``answer`` stands for the word; ``extra`` is what must stand beside single words for them to mean
    anything. ``group`` names the same vocabulary in the switch's provider table, whose further words (an operator's)
    are tried too, with the outcomes that stand there; ``raw`` is the form (a pattern) of the table's decline words that
    can stand here, none where they cannot.
    """

    name: str
    operations: tuple[Operation, ...]
    document: str = "api"
    pointers: tuple[str, ...] = ()
    group: str | None = None
    raw: str | None = None
    ask: dict[str, Any] = {}
    answer: dict[str, Any]
    extra: dict[str, dict[str, Any]] = {}
    allowed: dict[str, tuple[str, ...]] = {}
    declines: dict[str, str] = {}
    unheard_of: tuple[str, ...] = ("unknown",)
    unheard_of_decline: str | None = None


class Template(_Strict, frozen=True, kw_only=True):
    """An answer's skeleton; ``whole`` (``fixtures#/…``, ``api#/…``) or ``schema`` is the published object around it."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = {}
    whole: str | None = None
    schema: str | None = None


class Reply(_Strict, frozen=True, kw_only=True):
    """How the provider answers ``request`` (method and path pattern) when all goes well."""

    request: str
    answer: dict[str, Any]
    operations: tuple[Operation, ...] = ()
    when: dict[str, Any] = {}


class Rule(_Strict, frozen=True, kw_only=True):
    """What must stand in a request (method and path pattern) of the cases that ``when`` selects; ``absent`` are
    patterns of fields that must not be there. ``sequence`` is every request the operation makes."""

    about: str
    operations: tuple[Operation, ...]
    when: dict[str, Any] = {}
    request: str | None = None
    fields: dict[str, Any] = {}
    headers: dict[str, str] = {}
    absent: tuple[str, ...] = ()
    sequence: tuple[str, ...] | None = None


class Text(_Strict, frozen=True, kw_only=True):
    """Where free text of a payment goes, one of ``given``. What arrives is its beginning, as it was; with
    ``characters`` (a pattern), it has only those, at most ``length_max`` of them."""

    given: tuple[str, ...]
    place: str
    characters: str | None = None
    length_max: int | None = None


class Golden(_Strict, frozen=True, kw_only=True):
    """One operation with the provider's answers, and exactly what must come of it.

    ``ask`` changes the ordinary request; ``requests`` is every request it may make. ``expect`` holds the fields of the
    result, those left out being absent (``code`` and ``message`` are free). ``mismatch`` says that the switch's own
    reading of the money must differ from what was asked.
    """

    name: str
    operations: tuple[Operation, ...]
    ask: dict[str, Any] = {}
    answers: tuple[dict[str, Any], ...] = ()
    requests: tuple[str, ...] | None = None
    expect: dict[str, Any]
    mismatch: bool = False
    variants: bool = True


class ConversationStep(_Strict, frozen=True, kw_only=True):
    """One operation of a conversation. ``lost``: its answer never comes. ``same_request_as`` names an earlier step
    (from 1) whose first money request must be sent again, byte by byte."""

    operation: Operation
    ask: dict[str, Any] = {}
    answers: tuple[dict[str, Any], ...] = ()
    requests: tuple[str, ...] | None = None
    expect: dict[str, Any] = {}
    mismatch: bool = False
    lost: bool = False
    same_request_as: int | None = None


class Conversation(_Strict, frozen=True, kw_only=True):
    """Several operations on one payment; values of later steps may be ``$1.gateway_reference`` and the like."""

    name: str
    step: tuple[ConversationStep, ...]


class ErrorRow(_Strict, frozen=True, kw_only=True):
    """One refusal of the provider and the outcomes that may be made of it."""

    status: int
    body: dict[str, Any] = {}
    headers: dict[str, str] = {}
    outcomes: tuple[str, ...]
    decline_code: str | None = None
    not_for: tuple[Operation, ...] = ()


class Errors(_Strict, frozen=True, kw_only=True):
    """How the provider says no, over all ``operations``. ``at`` is the field of the answer that rows fill;
    ``code`` the field of a row that holds the error code, where the provider table's further codes are tried too."""

    name: str
    operations: tuple[Operation, ...]
    answer: dict[str, Any]
    at: str | None = None
    code: str | None = None
    rows: tuple[ErrorRow, ...]


class Event(_Strict, frozen=True, kw_only=True):
    """One webhook and what must be heard in it; ``expect`` holds the notification's fields, others must be absent."""

    kind: str
    name: str = ""
    object: dict[str, Any]
    expect: dict[str, Any]
    account: str = "first"


class Knowledge(_Strict, frozen=True, kw_only=True):
    """All that is known of one provider beside its provider table.

    ``keyed`` are by operation the requests (method and path pattern) that carry the idempotency key as it was asked
    for; any other request that changes something carries one made of it. ``success_statuses`` are those of answers that
    succeeded.
    """

    documents: Documents
    keyed: dict[Operation, tuple[str, ...]]
    setting_headers: dict[str, str] = {}
    accounts: dict[str, Account]
    ids: dict[str, str]
    success_statuses: tuple[int, ...] = (200,)
    places: Places
    webhook: WebhookFacts
    template: dict[str, Template]
    reply: tuple[Reply, ...]
    rule: tuple[Rule, ...]
    text: tuple[Text, ...]
    words: tuple[Words, ...]
    golden: tuple[Golden, ...]
    errors: tuple[Errors, ...]
    conversation: tuple[Conversation, ...]
    event: tuple[Event, ...]
    event_words: tuple[str, ...] = ()


class Vocabulary(_Strict, frozen=True, kw_only=True):
    """The switch's own words, which every connector translates into (Stripe's)."""

    decline_codes: tuple[str, ...]
    advice_codes: tuple[str, ...]


@cache
def vocabulary() -> Vocabulary:
    """Return the words that results may use."""
    return msgspec.toml.decode((_FOLDER / "vocabulary.toml").read_bytes(), type=Vocabulary)


def known_providers() -> tuple[str, ...]:
    """Return the names of the providers that this gate knows."""
    return tuple(sorted(path.parent.name for path in _FOLDER.glob("*/facts.toml")))


@cache
def knowledge_of(provider: str) -> Knowledge | None:
    """Return what is known of ``provider`` (a manifest's name), None for one that is not known."""
    if provider not in known_providers():
        return None
    merged: dict[str, Any] = {}
    for name in _FILES:
        content = msgspec.toml.decode((_FOLDER / provider / f"{name}.toml").read_bytes())
        for key, value in content.items():
            if isinstance(value, list) and isinstance(merged.get(key), list):
                merged[key] = [*merged[key], *value]
            elif isinstance(value, dict) and isinstance(merged.get(key), dict):
                merged[key] = {**merged[key], **value}
            else:
                merged[key] = value
    return msgspec.convert(merged, Knowledge)
