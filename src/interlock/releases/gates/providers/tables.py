"""Provider tables: what the switch knows of a provider by itself, typed; an unknown field in one is an error.

``lint`` holds manifests and accounts against them. Those of the built-in connectors come with the product; an operator
lays tables for connectors of his own into a folder (the setting ``providers``), and may add words to a built-in table
there (``<name>.additions.toml``: an API version, a decline code), but never change what it says.
"""

import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta

from interlock.base.errors import ConfigurationError
from interlock.gateways.contract import NotificationKind, Operation
from interlock.gateways.manifest import Method, Network
from interlock.gateways.outcomes import Outcome

PROVIDERS_VARIABLE = "INTERLOCK_PROVIDERS"
_BUILTIN = Path(__file__).parent
_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")
_BYTES_MAX = 262_144
_MISSPELT = "correct this field"

Range = Annotated[tuple[int, int], Meta(description="least and most, both allowed")]
Mode = Literal["live", "test"]
Flag = Literal[
    "incremental",
    "multicapture",
    "multiple_refunds",
    "network_transaction_id",
    "partial_capture",
    "partial_refund",
    "three_d_secure",
]
Words = dict[str, tuple[str, ...]]


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of a table."""


class HostRules(_Section, frozen=True, kw_only=True):
    """The base URLs of each mode, path included; ``{api_version}`` stands for the manifest's."""

    live: tuple[str, ...]
    test: tuple[str, ...]


class VersionRules(_Section, frozen=True, kw_only=True):
    """The API versions that are known to work, and the header that carries one (none where the path does)."""

    known: tuple[str, ...]
    header: str | None = None


class AuthRules(_Section, frozen=True, kw_only=True):
    """How requests are authenticated."""

    scheme: Literal["bearer", "header"]
    header: str
    credential: str


class CredentialRules(_Section, frozen=True, kw_only=True):
    """One credential. A manifest must take each of ``accepts`` (``{prefix}`` stands for each of ``live_prefixes``) and
    turn away each of ``rejects``; a value in live mode must be of ``live_pattern``."""

    required: bool = True
    live_prefixes: tuple[str, ...] = ()
    test_prefixes: tuple[str, ...] = ()
    live_pattern: str | None = None
    accepts: tuple[str, ...] = ()
    rejects: tuple[str, ...] = ()


class SettingRules(_Section, frozen=True, kw_only=True):
    """One setting of an account; ``pattern`` is what its value must be of in live mode."""

    required_in: tuple[Mode, ...] = ()
    pattern: str | None = None
    accepts: tuple[str, ...] = ()
    rejects: tuple[str, ...] = ()


class CapabilityRules(_Section, frozen=True, kw_only=True):
    """What the provider can do. ``can`` names the flags that may be true, ``cannot`` why others may not;
    ``return_parameters`` what a shopper brings back."""

    operations: tuple[Operation, ...]
    needed_operations: tuple[Operation, ...]
    networks: tuple[Network, ...]
    methods: tuple[Method, ...]
    can: tuple[Flag, ...] = ()
    cannot: dict[Flag, str] = {}
    stored_credentials: tuple[Literal["customer", "merchant"], ...] = ()
    asynchronous_operations: tuple[Operation, ...] = ()
    inquiry: tuple[str, ...]
    return_parameters: tuple[str, ...] = ()


class TimeoutRules(_Section, frozen=True, kw_only=True):
    """Sane milliseconds for each phase and for all of an operation."""

    resolve_ms: Range
    connect_ms: Range
    tls_ms: Range
    write_ms: Range
    read_ms: Range
    total_ms: Range


class LimitRules(_Section, frozen=True, kw_only=True):
    """Sane limits of one operation."""

    requests: Range
    request_bytes: Range
    response_bytes: Range


class IdempotencyRules(_Section, frozen=True, kw_only=True):
    """The header, how long a key is remembered by the documentation, and what a manifest may build on."""

    header: str
    documented_ms: int
    retention_ms: Range
    key_max_length: Range


class RetryRules(_Section, frozen=True, kw_only=True):
    """Codes of rate limiting, and the declines (Stripe's words) after which nothing may be tried again."""

    rate_limit_codes: tuple[str, ...] = ()
    never_retry_declines: tuple[str, ...] = ()


class InquiryRules(_Section, frozen=True, kw_only=True):
    """How old an operation must be before "not found" proves that it was never executed."""

    consistency_delay_ms: Range


class CodeRules(_Section, frozen=True, kw_only=True):
    """Error codes that prove a request was not executed, and those that leave it open."""

    refusals: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()


class CurrencyRules(_Section, frozen=True, kw_only=True):
    """Where minor units differ from ISO 4217, what amounts must be a multiple of, and what is not taken at all."""

    exponents: dict[str, int] = {}
    multiples: dict[str, int] = {}
    unsupported: tuple[str, ...] = ()


class WebhookRules(_Section, frozen=True, kw_only=True):
    """How notifications are signed; ``subscriptions`` names what each operation needs, ``disputes`` always."""

    scheme: str
    credential: str
    signature_header: str | None = None
    tolerance_ms: Range
    acknowledge_body: str = ""
    subscriptions: dict[str, tuple[str, ...]]


class EchoRules(_Section, frozen=True, kw_only=True):
    """Where an answer says how much money it is about."""

    amount: str
    currency: str
    captured: str | None = None
    cumulative: bool = False


class SentRules(_Section, frozen=True, kw_only=True):
    """Where a request says how much money it asks for; a manifest need not name what is ``optional``."""

    path: str
    format: Literal["json", "form"]
    amount: str | None = None
    currency: str | None = None
    optional: bool = False


class ProviderTable(_Section, frozen=True, kw_only=True):
    """One provider, as its documentation (``sources``, by section) describes it.

    ``statuses``: group → raw word → outcomes it may mean (*unknown* among them: the word may be left out).
    ``declines``: raw code → Stripe's words it may mean. ``notifications``: event → kinds it may mean; ``dispute_ends``
    the same for a dispute's last status. ``words`` are further texts that a connector may compare a status with.
    """

    name: str
    title: str
    sources: dict[str, str]
    request_id_header: str | None = None
    hosts: HostRules
    versions: VersionRules
    auth: AuthRules
    credentials: dict[str, CredentialRules]
    settings: dict[str, SettingRules] = {}
    capabilities: CapabilityRules
    timeouts: TimeoutRules
    limits: LimitRules
    idempotency: IdempotencyRules
    retry: RetryRules = RetryRules()
    inquiry: InquiryRules
    codes: CodeRules = CodeRules()
    statuses: dict[str, dict[str, tuple[Outcome, ...]]]
    declines: Words = {}
    currencies: CurrencyRules = CurrencyRules()
    webhook: WebhookRules | None = None
    notifications: dict[str, tuple[NotificationKind, ...]] = {}
    dispute_ends: dict[str, tuple[NotificationKind, ...]] = {}
    words: Words = {}
    echo: dict[Operation, EchoRules] = {}
    sent: dict[Operation, SentRules] = {}

    def source(self, section: str) -> str:
        """Return where it is documented, for a finding's sentence."""
        return self.sources.get(section, f"the provider table {self.name}.toml")

    def status_words(self) -> frozenset[str]:
        """Return every word that a status of this provider may be."""
        groups = [word for group in self.statuses.values() for word in group]
        return frozenset([*groups, *self.dispute_ends, *self.words.get("status", ())])


class Additions(_Section, frozen=True, kw_only=True):
    """What an operator knows beyond a built-in table, each word with its meaning; nothing the table says may come
    again."""

    sources: dict[str, str]
    versions: tuple[str, ...] = ()
    statuses: dict[str, dict[str, tuple[Outcome, ...]]] = {}
    declines: Words = {}
    refusals: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()
    notifications: dict[str, tuple[NotificationKind, ...]] = {}
    unsupported_currencies: tuple[str, ...] = ()


def providers_folder() -> Path | None:
    """Return the folder that ``INTERLOCK_PROVIDERS`` names, None where it names none."""
    named = os.environ.get(PROVIDERS_VARIABLE)
    return Path(named) if named else None


def provider_table(name: str, folder: Path | None = None) -> ProviderTable | None:
    """Return the table of the provider called ``name``, None where nobody wrote one.

    Args:
        name: as manifests say it, e.g. ``stripe``.
        folder: the operator's own tables and additions; ``INTERLOCK_PROVIDERS`` without it.

    Raises:
        ConfigurationError: a table cannot be read or errs, or the operator's contradicts a built-in one.

    """
    if not _NAME.fullmatch(name):
        return None
    folder = folder or providers_folder()
    if folder is not None and not folder.is_dir():
        raise ConfigurationError(str(folder), "is no folder", "name the folder that holds the provider tables")
    builtin = _builtin(name)
    own = folder / f"{name}.toml" if folder else None
    if own is None or not own.exists():
        return _with_additions(builtin, folder) if builtin else None
    if builtin is not None:
        remedy = f"remove it; what is missing goes into {name}.additions.toml"
        raise ConfigurationError(str(own), "names a provider whose table comes with the product", remedy)
    table = _read(own, ProviderTable)
    if table.name != name:
        raise ConfigurationError(f"{own} name", f"is {table.name!r}", f"call it {name}, like the file")
    return table


@cache
def _builtin(name: str) -> ProviderTable | None:
    path = _BUILTIN / f"{name}.toml"
    return _read(path, ProviderTable) if path.exists() else None


T = TypeVar("T", bound=msgspec.Struct)


def _read(path: Path, kind: type[T]) -> T:
    try:
        data = path.read_bytes()
        if len(data) > _BYTES_MAX:
            raise ConfigurationError(str(path), f"is larger than {_BYTES_MAX // 1024} KiB", "make it smaller")
        return msgspec.toml.decode(data, type=kind)
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise ConfigurationError(str(path), problem, "correct its permissions") from None
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        raise ConfigurationError(f"{path} {where.strip('.`') or '(top)'}", problem, _MISSPELT) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(path), f"is not TOML ({error})", "correct the syntax") from None


def _with_additions(table: ProviderTable, folder: Path | None) -> ProviderTable:
    path = folder / f"{table.name}.additions.toml" if folder else None
    if path is None or not path.exists():
        return table
    more = _read(path, Additions)
    statuses = {group: dict(words) for group, words in table.statuses.items()}
    for group, words in more.statuses.items():
        statuses[group] = _joined(path, f"statuses.{group}", statuses.get(group, {}), words)
    return msgspec.structs.replace(
        table,
        versions=msgspec.structs.replace(table.versions, known=(*table.versions.known, *more.versions)),
        statuses=statuses,
        declines=_joined(path, "declines", table.declines, more.declines),
        codes=CodeRules(
            refusals=(*table.codes.refusals, *_new(path, "refusals", table.codes.uncertain, more.refusals)),
            uncertain=(*table.codes.uncertain, *_new(path, "uncertain", table.codes.refusals, more.uncertain)),
        ),
        notifications=_joined(path, "notifications", table.notifications, more.notifications),
        currencies=msgspec.structs.replace(
            table.currencies, unsupported=(*table.currencies.unsupported, *more.unsupported_currencies)
        ),
    )


V = TypeVar("V")


def _joined(path: Path, field: str, known: dict[str, V], more: dict[str, V]) -> dict[str, V]:
    _new(path, field, tuple(known), tuple(more))
    return {**known, **more}


def _new(path: Path, field: str, known: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    if again := sorted(set(known) & set(more)):
        problem = f"says {', '.join(again)} again, which the built-in table decides"
        raise ConfigurationError(f"{path} {field}", problem, "additions may only add")
    return more
