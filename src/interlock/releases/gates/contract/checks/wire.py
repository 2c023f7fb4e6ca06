"""What every request must be, whatever it asks for: allowed by the published document, authenticated, keyed, and clean.

The document knows paths, fields and types; this room adds what no document says: one idempotency key per request, and
that no secret and no card stands anywhere but where it belongs.
"""

import re
from collections.abc import Iterator
from typing import Any

from interlock.gateways.contract import Card, ConnectorConfig, InquireRequest, Instrument, PaymentRequest, SepaDebit
from interlock.gateways.sent import SentExtractor
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.contract.accounts import FIRST, LONG, SECOND, TURNED
from interlock.releases.gates.contract.cases import Performed
from interlock.releases.gates.contract.matching import is_request, made_of
from interlock.releases.gates.contract.notes import Notes
from interlock.releases.gates.contract.stage import Stage
from interlock.releases.gates.observation import SentRequest, Trace

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_SEEN_MAX = 20_000
_SECRET_MIN = 8
_SEPARATORS = re.compile(r"[\s._-]")


class WireChecks:
    """Checks requests; remembers which bytes it has already looked at."""

    def __init__(self, stage: Stage, notes: Notes, sent: SentExtractor) -> None:
        """Prepare.

        Args:
            stage: what is known of the provider.
            notes: where findings go.
            sent: reads money; tells the request that carries it where nothing else does.

        """
        self._stage = stage
        self._notes = notes
        self._sent = sent
        self._documented: dict[tuple[str, str, bytes, str], list[str]] = {}
        manifest, table = stage.manifest, stage.table
        self._header = (table.idempotency if table else manifest.idempotency).header.lower()
        self._key_length_max = table.idempotency.key_max_length[1] if table else manifest.idempotency.key_max_length
        self._auth = table.auth if table else manifest.auth
        self._foreign = self._foreign_words()

    def check(self, performed: Performed) -> None:
        """Look at every request of a case."""
        for request, trace in zip(performed.asked, performed.traces, strict=True):
            for sent in trace.requests:
                self._form(sent, trace)
                self._document(sent, trace)
                self._headers(sent, trace, performed.config)
                self._secrets(sent, trace, performed)
                self._cards(sent, trace, request)
            self._keys(trace, request)
            self._limits(trace)

    def _form(self, sent: SentRequest, trace: Trace) -> None:
        """Look whether the request could leave at all: the transport stops what could break out of its line."""
        self._notes.looked("wire")
        remedy = "make a request that HTTP can carry: quote what goes into a path, put no text into headers"
        if sent.method not in _METHODS:
            self._notes.fail("wire", trace.case, f"the method {sent.method!r} is none", remedy)
        target = sent.target
        if not target.startswith("/") or not target.isascii() or not target.isprintable() or " " in target:
            self._notes.fail("wire", trace.case, "a path that is not printable ASCII beginning with /", remedy)
        if ".." in sent.path.split("/") or "//" in sent.path:
            self._notes.fail("wire", trace.case, "a path that leads elsewhere (.. or //)", remedy)
        for name, value in sent.headers.items():
            if not value.isprintable() or not name.isascii() or not name.replace("-", "").isalnum():
                self._notes.fail("wire", trace.case, f"the header {name!r} breaks out of its line", remedy)

    def _limits(self, trace: Trace) -> None:
        limits = self._stage.manifest.limits
        if len(trace.requests) > limits.requests:
            problem = f"more requests than the manifest's limit of {limits.requests}"
            self._notes.fail("wire", trace.case, problem, "make fewer, or raise limits.requests")
        if any(len(sent.raw) > limits.request_bytes for sent in trace.requests):
            problem = f"a body of more than the manifest's {limits.request_bytes} bytes"
            self._notes.fail("wire", trace.case, problem, "cut long texts, or raise limits.request_bytes")

    def _document(self, sent: SentRequest, trace: Trace) -> None:
        documents = self._stage.documents
        if documents is None:
            return
        self._notes.looked("document")
        kind = next((value for name, value in sent.headers.items() if name.lower() == "content-type"), "")
        key = (sent.method, sent.target, sent.raw, kind)
        problems = self._documented.get(key)
        if problems is None:
            if len(self._documented) >= _SEEN_MAX:
                self._documented.clear()
            problems = documents.checker.problems(sent.method, sent.target, sent.raw, sent.headers)
            self._documented[key] = problems
        template = documents.checker.template(sent.method, sent.path)
        where = f"{sent.method} {template}" if template else f"{sent.method} of {trace.operation}"
        for problem in problems:
            remedy = "see the provider's published document"
            self._notes.fail("document", trace.case, f"{where}: {problem}", remedy)

    def _headers(self, sent: SentRequest, trace: Trace, config: ConnectorConfig) -> None:
        self._notes.looked("headers")
        headers = {name.lower(): value for name, value in sent.headers.items()}
        if len(headers) != len(sent.headers):
            self._notes.fail("headers", trace.case, "a header that is there twice", "send it once")
        wanted = self._wanted(config)
        for name, value in wanted.items():
            if headers.get(name) != value:
                what = "is missing" if name not in headers else "is not the account's own"
                problem = f"the header {name} {what}"
                self._notes.fail("headers", trace.case, problem, "send what the account has, unchanged")
        for name in self._stage.knowledge.setting_headers if self._stage.knowledge else ():
            if name in headers and name not in wanted:
                problem = f"the header {name} without that setting"
                self._notes.fail("headers", trace.case, problem, "send it where the account has the setting only")

    def _wanted(self, config: ConnectorConfig) -> dict[str, str]:
        stage = self._stage
        secret = config.credentials.get(self._auth.credential, "")
        wanted = {self._auth.header.lower(): f"Bearer {secret}" if self._auth.scheme == "bearer" else secret}
        if stage.table is not None and stage.table.versions.header:
            wanted[stage.table.versions.header.lower()] = stage.manifest.api_version
        for header, setting in (stage.knowledge.setting_headers if stage.knowledge else {}).items():
            if setting in config.settings:
                wanted[header.lower()] = config.settings[setting]
        return wanted

    def _keys(self, trace: Trace, request: OperationRequest) -> None:
        """Look whether each request that changes something has its own idempotency key, made of the asked one."""
        self._notes.looked("idempotency")
        asked, keys = request.idempotency_key, []
        remedy = f"send the operation's key in {self._header}, and one made of it with any other request"
        for sent in trace.requests:
            if sent.method == "GET":
                continue
            key = {name.lower(): value for name, value in sent.headers.items()}.get(self._header)
            keys.append(key)
            if key is None:
                problem = f"a request that changes something without the header {self._header}"
            elif self._is_keyed(trace, sent, request) and key != asked:
                problem = "another idempotency key than the operation was asked with"
            elif asked not in key:
                problem = "an idempotency key that is not made of the operation's"
            elif len(key) > self._key_length_max:
                problem = f"an idempotency key of more than {self._key_length_max} characters"
            else:
                continue
            self._notes.fail("idempotency", trace.case, problem, remedy)
        if len(set(keys)) != len(keys):
            self._notes.fail("idempotency", trace.case, "two requests of one operation share a key", remedy)

    def _is_keyed(self, trace: Trace, sent: SentRequest, request: OperationRequest) -> bool:
        operation = request.operation if isinstance(request, InquireRequest) else trace.operation
        assert operation is not None
        knowledge = self._stage.knowledge
        if knowledge is not None:
            return any(is_request(pattern, sent) for pattern in knowledge.keyed.get(operation, ()))
        return self._sent.carries(operation, made_of(sent))

    def _foreign_words(self) -> dict[str, tuple[str, ...]]:
        """Return by account what belongs to another one alone."""
        own = {name: _words_of(config) for name, config in self._stage.accounts.items()}
        pairs = {FIRST: SECOND, LONG: SECOND, SECOND: FIRST, TURNED: SECOND}
        return {name: tuple(sorted(own[other] - own[name])) for name, other in pairs.items()}

    def _secrets(self, sent: SentRequest, trace: Trace, performed: Performed) -> None:
        self._notes.looked("secrets")
        self._notes.looked("accounts")
        shown = _text_of(sent)
        header = self._auth.header.lower()
        outside = {name: value for name, value in sent.headers.items() if name.lower() != header}
        for name, secret in performed.config.credentials.items():
            for part in (secret, *secret.split(",")):
                if len(part) >= _SECRET_MIN and (part in shown or any(part in value for value in outside.values())):
                    problem = f"the credential {name} outside of the header {header}"
                    self._notes.fail("secrets", trace.case, problem, "send secrets in their header only")
        everything = shown + "".join(sent.headers.values())
        if any(word in everything for word in self._foreign[performed.case.account]):
            problem = "something of another account: it is kept from an earlier call"
            self._notes.fail("accounts", trace.case, problem, "keep nothing between calls")

    def _cards(self, sent: SentRequest, trace: Trace, request: OperationRequest) -> None:
        instrument = _instrument_of(request)
        if instrument is None:
            return
        self._notes.looked("card_data")
        places = self._stage.knowledge.places if self._stage.knowledge else None
        remedy = "send it where the provider takes it, and nowhere else"
        for what, value in _sensitive(instrument):
            allowed = getattr(places, what) if places is not None else None
            for place, found in _parts(sent):
                exact = what == "cvc"
                plain = _SEPARATORS.sub("", str(found))
                if (plain == value if exact else value in plain) and not _belongs(place, allowed):
                    self._notes.fail("card_data", trace.case, f"the {_NAMES[what]} at {place}", remedy)


_NAMES = {"number": "card number", "cvc": "security code", "iban": "bank account"}


def _belongs(place: str, allowed: tuple[str, ...] | None) -> bool:
    """Return True where ``place`` may hold it; of an unknown provider, anywhere in a body."""
    return place.startswith("/") and (allowed is None or place in allowed)


def _parts(sent: SentRequest) -> Iterator[tuple[str, Any]]:
    """Yield every value of a request and its place; those of the body begin with a slash."""
    yield from sent.fields.items()
    for part in sent.path.split("/"):
        yield "the path", part
    yield from ((f"the query ({name})", value) for name, value in sent.query.items())
    yield from ((f"the header {name}", value) for name, value in sent.headers.items())


def _text_of(sent: SentRequest) -> str:
    return f"{sent.target}\n{sent.raw.decode('utf-8', 'replace')}\n{sent.query}{sent.fields}"


def _words_of(config: ConnectorConfig) -> set[str]:
    values = [*config.credentials.values(), *config.settings.values()]
    return {part for value in values for part in value.split(",") if len(part) >= _SECRET_MIN}


def _instrument_of(request: OperationRequest) -> Instrument | None:
    about = request.original if isinstance(request, InquireRequest) else request
    return about.instrument if isinstance(about, PaymentRequest) else None


def _sensitive(instrument: Instrument) -> Iterator[tuple[str, str]]:
    if isinstance(instrument, Card):
        yield "number", instrument.number
        if instrument.cvc:
            yield "cvc", instrument.cvc
    elif isinstance(instrument, SepaDebit):
        yield "iban", instrument.iban
