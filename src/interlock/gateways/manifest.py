"""The manifest: everything about a gateway integration that is a fact and not a procedure, as one typed TOML file.

Read by :mod:`interlock.gateways.loader`; its values are used by the transport (hosts, timeouts, limits), the echo
extractor, the connector (:class:`~interlock.gateways.contract.Tables`), the CLI and, later, the release gates. An
unknown field, a wrong type or two fields that contradict each other is a
:class:`~interlock.base.errors.ConfigurationError` that names the file and the field.
"""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from interlock.base.errors import ConfigurationError
from interlock.gateways.contract import CONTRACT_VERSION, Operation, Tables
from interlock.gateways.outcomes import Outcome

PositiveMs = Annotated[int, Meta(ge=1, le=120_000)]
DelayMs = Annotated[int, Meta(ge=100, le=86_400_000)]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
Pointer = Annotated[str, Meta(pattern=r"^(/[A-Za-z0-9_~-]+)+$")]
Network = Literal[
    "amex",
    "cartes_bancaires",
    "diners",
    "discover",
    "eftpos_au",
    "interac",
    "jcb",
    "link",
    "mastercard",
    "unionpay",
    "visa",
]
Method = Literal["card", "customer_balance", "sepa_debit"]
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_HOST_LABEL = r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the manifest; a field that is not declared here is an error."""


class Host(_Section, frozen=True, kw_only=True):
    """Where requests go in one mode. ``{setting}`` in the URL is replaced by that setting, one label of a host name."""

    base_url: str


class Hosts(_Section, frozen=True, kw_only=True):
    """The base URL of each mode; ``test_override`` allows ``settings.base_url`` to replace the test host."""

    live: Host
    test: Host
    test_override: bool = False


class Auth(_Section, frozen=True, kw_only=True):
    """How requests are authenticated: the credential goes into ``header``, after ``Bearer`` for scheme bearer."""

    scheme: Literal["bearer", "header"]
    header: str
    credential: Name


class Credential(_Section, frozen=True, kw_only=True):
    """One secret the account must give. A value that starts with the other mode's prefix is refused."""

    title: str
    required: bool = True
    live_prefixes: tuple[str, ...] = ()
    test_prefixes: tuple[str, ...] = ()
    pattern: str | None = None


class Setting(_Section, frozen=True, kw_only=True):
    """One account setting that is no secret; ``required_in`` lists the modes that cannot do without it."""

    title: str
    required_in: tuple[Literal["live", "test"], ...] = ()
    pattern: str | None = None
    default: str | None = None


class Capabilities(_Section, frozen=True, kw_only=True):
    """What this integration can do; the connector must have a method for each operation.

    ``methods`` are the types of payment method it takes, ``networks`` those of its cards.
    """

    operations: tuple[Operation, ...]
    networks: tuple[Network, ...]
    methods: tuple[Method, ...] = ("card",)
    partial_capture: bool = False
    multicapture: bool = False
    incremental: bool = False
    partial_refund: bool = False
    multiple_refunds: bool = False
    three_d_secure: bool = False
    stored_credentials: tuple[Literal["customer", "merchant"], ...] = ()
    network_transaction_id: bool = False
    asynchronous_operations: tuple[Operation, ...] = ()
    inquiry: Literal["retrieve", "resend", "retrieve_and_resend", "none"] = "none"


class Challenge(_Section, frozen=True, kw_only=True):
    """What a shopper brings back from a challenge: at least one of ``return_parameters``, where any are named. A visit
    of the return page without them is no return."""

    return_parameters: tuple[str, ...] = ()


class Timeouts(_Section, frozen=True, kw_only=True):
    """Milliseconds each phase of one request may take; ``total_ms`` bounds the operation with all its requests."""

    resolve_ms: PositiveMs
    connect_ms: PositiveMs
    tls_ms: PositiveMs
    write_ms: PositiveMs
    read_ms: PositiveMs
    total_ms: PositiveMs


class Limits(_Section, frozen=True, kw_only=True):
    """What one operation may use at most."""

    requests: Annotated[int, Meta(ge=1, le=20)] = 8
    request_bytes: Annotated[int, Meta(ge=1024, le=1_048_576)] = 65_536
    response_bytes: Annotated[int, Meta(ge=1024, le=8_388_608)] = 1_048_576


class Idempotency(_Section, frozen=True, kw_only=True):
    """The provider's promise: how long a key is remembered, and in which header it travels."""

    header: str
    retention_ms: Annotated[int, Meta(ge=1)]
    key_max_length: Annotated[int, Meta(ge=16, le=255)] = 64


class Retry(_Section, frozen=True, kw_only=True):
    """When the payments core may ask again: ``inquiry_delays_ms`` is the recovery ladder, whose last step repeats."""

    inquiry_delays_ms: tuple[DelayMs, ...] = (1_000, 5_000, 30_000, 120_000, 600_000)
    rate_limit_codes: tuple[str, ...] = ()
    never_retry_declines: tuple[str, ...] = ()


class Inquiry(_Section, frozen=True, kw_only=True):
    """``consistency_delay_ms``: a "not found" from the provider's search proves nothing before this age."""

    consistency_delay_ms: Annotated[int, Meta(ge=0, le=86_400_000)] = 0


class Webhook(_Section, frozen=True, kw_only=True):
    """How notifications are signed and which must be subscribed to."""

    scheme: Literal["stripe_v1", "adyen_hmac"]
    credential: Name
    signature_header: str | None = None
    tolerance_ms: Annotated[int, Meta(ge=0, le=3_600_000)] = 0
    acknowledge_body: str = ""
    subscriptions: tuple[str, ...]


class Echo(_Section, frozen=True, kw_only=True):
    """Where one operation's answer says how much money it is about; read by the switch, never by the connector.

    ``captured`` is compared too, once money was taken. ``cumulative`` says that the amount is a running total of all
    captures of the authorisation.
    """

    amount: Pointer
    currency: Pointer
    captured: Pointer | None = None
    cumulative: bool = False


class Sent(_Section, frozen=True, kw_only=True):
    """Where one operation's request says how much money it asks for; read by the switch's own extractor.

    ``path`` is a pattern of the request that carries it (``*`` stands for one part: ``/v1/payment_intents/*/capture``),
    ``amount`` and ``currency`` are JSON pointers for ``json`` bodies, keys for ``form`` bodies. ``currency`` is None
    where the provider takes it from the object (a capture), ``amount`` where the operation names none (a void).
    """

    path: str
    format: Literal["json", "form"]
    amount: str | None = None
    currency: str | None = None


class Change(_Section, frozen=True, kw_only=True):
    """One difference to the release that serves now, announced: the shadow gate lets it pass, any other blocks.

    ``operation`` is None for all of them. ``place`` says where: a pattern (``*`` for anything) of the request's or
    result's field, as the gate prints it, e.g. ``request /statement_descriptor`` or ``result decline_code``.
    """

    place: str
    why: Annotated[str, Meta(min_length=10)]
    operation: Operation | None = None


class Codes(_Section, frozen=True, kw_only=True):
    """Raw codes and what they mean; every decline word on the right is Stripe's."""

    statuses: dict[str, dict[str, Outcome]]
    declines: dict[str, str] = {}
    refusals: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()


class Currencies(_Section, frozen=True, kw_only=True):
    """Where the provider's minor units differ from ISO 4217, with the source in the manifest's comments."""

    exponents: dict[str, Annotated[int, Meta(ge=0, le=4)]] = {}
    multiples: dict[str, Annotated[int, Meta(ge=2)]] = {}
    unsupported: tuple[str, ...] = ()


class Manifest(_Section, frozen=True, kw_only=True):
    """One provider's manifest."""

    name: Name
    title: str
    contract_version: int
    api_version: str = ""
    documentation: str
    request_id_header: str | None = None
    hosts: Hosts
    auth: Auth
    credentials: dict[str, Credential]
    settings: dict[str, Setting] = {}
    capabilities: Capabilities
    challenge: Challenge = Challenge()
    timeouts: Timeouts
    limits: Limits = Limits()
    idempotency: Idempotency
    retry: Retry = Retry()
    inquiry: Inquiry = Inquiry()
    codes: Codes
    currencies: Currencies = Currencies()
    webhook: Webhook | None = None
    echo: dict[Operation, Echo] = {}
    sent: dict[Operation, Sent] = {}
    changes: tuple[Change, ...] = ()

    def tables(self) -> Tables:
        """Return the tables the connector works by."""
        return Tables(
            api_version=self.api_version,
            statuses=self.codes.statuses,
            declines=self.codes.declines,
            refusals=frozenset(self.codes.refusals),
            uncertain=frozenset(self.codes.uncertain),
            currency_exponents=self.currencies.exponents,
            amount_multiples=self.currencies.multiples,
            inquiry_delay_ms=self.inquiry.consistency_delay_ms,
            resend_within_ms=self.idempotency.retention_ms,
            webhook_tolerance_ms=self.webhook.tolerance_ms if self.webhook else 0,
        )

    def supports_currency(self, currency: str) -> bool:
        """Return False where the provider cannot take ``currency`` (lower case) at all."""
        return currency not in self.currencies.unsupported


def read_manifest(data: bytes, origin: str) -> Manifest:
    """Return the manifest in ``data``.

    Args:
        data: the TOML bytes.
        origin: the file's name, for error messages.

    Raises:
        ConfigurationError: a field is unknown, absent, of a wrong type or contradicts another.

    """
    try:
        manifest = msgspec.toml.decode(data, type=Manifest)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        raise ConfigurationError(f"{origin} {where.strip('.`') or '(top)'}", problem, "correct this field") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(origin, f"is not TOML ({error})", "correct the syntax") from error
    for field, problem in _contradictions(manifest):
        raise ConfigurationError(f"{origin} {field}", problem, "correct this field")
    return manifest


def _contradictions(manifest: Manifest) -> list[tuple[str, str]]:
    found = _host_problems(manifest) + _capability_problems(manifest)
    if manifest.contract_version != CONTRACT_VERSION:
        found.append(("contract_version", f"is {manifest.contract_version}, this switch speaks {CONTRACT_VERSION}"))
    if manifest.auth.credential not in manifest.credentials:
        found.append(("auth.credential", f"names {manifest.auth.credential}, which is not under credentials"))
    if manifest.webhook and manifest.webhook.credential not in manifest.credentials:
        found.append(("webhook.credential", f"names {manifest.webhook.credential}, which is not under credentials"))
    timeouts = manifest.timeouts
    phases = timeouts.resolve_ms, timeouts.connect_ms, timeouts.tls_ms, timeouts.write_ms, timeouts.read_ms
    if timeouts.total_ms < max(phases):
        found.append(("timeouts.total_ms", "is less than one of its phases"))
    codes = set(manifest.codes.refusals) & set(manifest.codes.uncertain)
    if codes:
        found.append(("codes.refusals", f"{', '.join(sorted(codes))} cannot be refused and uncertain at once"))
    found.extend(_pattern_problems(manifest))
    return found


def _host_problems(manifest: Manifest) -> list[tuple[str, str]]:
    found = []
    for mode, host in (("live", manifest.hosts.live), ("test", manifest.hosts.test)):
        field = f"hosts.{mode}.base_url"
        parts = urlsplit(host.base_url)
        if parts.scheme != "https" or not parts.hostname:
            found.append((field, "must begin with https:// and name a host"))
        if parts.query or parts.fragment or parts.username or host.base_url.endswith("/"):
            found.append((field, "must have no query, fragment, user or final slash"))
        for name in _PLACEHOLDER.findall(host.base_url):
            setting = manifest.settings.get(name)
            if setting is None or mode not in setting.required_in:
                found.append((field, f"uses {{{name}}}, which is not a setting required in {mode} mode"))
    return found


def _capability_problems(manifest: Manifest) -> list[tuple[str, str]]:
    able = manifest.capabilities
    found = []
    if able.incremental != (Operation.INCREMENT in able.operations):
        found.append(("capabilities.incremental", "must be true exactly when operations has increment"))
    if able.three_d_secure != (Operation.COMPLETE in able.operations):
        found.append(("capabilities.three_d_secure", "must be true exactly when operations has complete"))
    if (able.inquiry != "none") != (Operation.INQUIRE in able.operations):
        found.append(("capabilities.inquiry", "must be none exactly when operations lacks inquire"))
    if ("customer_balance" in able.methods) != (Operation.FUND in able.operations):
        found.append(("capabilities.methods", "must have customer_balance exactly when operations has fund"))
    if able.multicapture and not able.partial_capture:
        found.append(("capabilities.multicapture", "needs partial_capture"))
    if stray := set(able.asynchronous_operations) - set(able.operations):
        found.append(("capabilities.asynchronous_operations", f"{', '.join(sorted(stray))} not in operations"))
    stray_echoes = [operation for operation in manifest.echo if operation not in able.operations]
    found.extend(("echo", f"{operation} is not in operations") for operation in stray_echoes)
    stray_sent = [operation for operation in manifest.sent if operation not in able.operations]
    found.extend(("sent", f"{operation} is not in operations") for operation in stray_sent)
    return found


def _pattern_problems(manifest: Manifest) -> list[tuple[str, str]]:
    found = []
    for group, entries in (("credentials", manifest.credentials), ("settings", manifest.settings)):
        for name, entry in entries.items():
            try:
                re.compile(entry.pattern or "")
            except re.error as error:
                found.append((f"{group}.{name}.pattern", f"is no regular expression ({error})"))
    return found


def base_url(manifest: Manifest, settings: dict[str, str], *, livemode: bool) -> str:
    """Return where requests go for an account with ``settings``.

    Raises:
        ConfigurationError: a setting the host needs is absent, or the host is overridden where that is not allowed.

    """
    override = settings.get("base_url")
    if override:
        if livemode or not manifest.hosts.test_override:
            raise ConfigurationError("base_url", "may replace the host in test mode only", "remove this setting")
        parts = urlsplit(override)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
            raise ConfigurationError("base_url", f"{override!r} is no base URL", "give one like http://127.0.0.1:4242")
        return override.rstrip("/")

    def fill(match: re.Match[str]) -> str:
        value = settings.get(match[1], "")
        if not re.match(_HOST_LABEL, value):
            raise ConfigurationError(match[1], f"{value!r} is no part of a host name", "give it without dots")
        return value

    host = manifest.hosts.live if livemode else manifest.hosts.test
    return _PLACEHOLDER.sub(fill, host.base_url)
