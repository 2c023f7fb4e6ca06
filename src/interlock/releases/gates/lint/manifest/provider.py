"""Checks of a manifest against the provider's table: hosts, keys, capabilities, times, webhook, money pointers."""

from interlock.gateways.configuration import configuration_problems
from interlock.gateways.contract import ConnectorConfig, Operation
from interlock.gateways.manifest import Manifest
from interlock.releases.gates.lint.manifest.alone import FILE
from interlock.releases.gates.lint.notes import Notes
from interlock.releases.gates.providers.tables import (
    CredentialRules,
    Flag,
    Mode,
    ProviderTable,
    Range,
    SettingRules,
)

FLAGS: tuple[Flag, ...] = (
    "incremental",
    "multicapture",
    "multiple_refunds",
    "network_transaction_id",
    "partial_capture",
    "partial_refund",
    "three_d_secure",
)
_OPERATIONS = frozenset(operation.value for operation in Operation)


def check(manifest: Manifest, table: ProviderTable, notes: Notes, *, try_patterns: bool) -> None:
    """Hold everything but codes and currencies against ``table``.

    Args:
        manifest: what the package says.
        table: what the switch knows.
        notes: where findings go.
        try_patterns: False where a pattern of the manifest could run for ever.

    """
    book = Book(table, notes)
    _check_hosts(manifest, table, book)
    _check_identity(manifest, table, book)
    _check_entries(manifest, table, book)
    if try_patterns:
        _check_samples(manifest, table, notes)
    _check_capabilities(manifest, table, book)
    _check_ranges(manifest, table, book)
    _check_retry(manifest, table, book)
    _check_webhook(manifest, table, book)
    _check_pointers(manifest, table, book)


class Book:
    """Writes a deviation down: file and field, what it is, what the table says, and where that is documented."""

    def __init__(self, table: ProviderTable, notes: Notes) -> None:
        """Keep whose table it is and where findings go."""
        self.table = table
        self.notes = notes

    def equal(self, check: str, section: str, field: str, found: object, known: object) -> None:
        """Write down where a field is not what the table says."""
        self.notes.looked(check)
        if found != known:
            self.differs(check, section, field, f"is {shown(found)}", f"{shown(known)}")

    def within(self, check: str, section: str, field: str, found: int, known: Range) -> None:
        """Write down where a number is outside of what is sane for this provider."""
        self.notes.looked(check)
        least, most = known
        if not least <= found <= most:
            self.differs(check, section, field, f"is {found}", f"{least} to {most}")

    def among(self, check: str, section: str, field: str, found: tuple[str, ...], known: tuple[str, ...]) -> None:
        """Write down what the table does not know."""
        self.notes.looked(check)
        if stray := [str(each) for each in found if each not in known]:
            self.differs(check, section, field, f"has {', '.join(stray)}", shown(known))

    def having(self, check: str, section: str, field: str, found: tuple[str, ...], needed: tuple[str, ...]) -> None:
        """Write down what is missing."""
        self.notes.looked(check)
        if absent := [str(each) for each in needed if each not in found]:
            self.differs(check, section, field, f"lacks {', '.join(absent)}", shown(needed))

    def differs(self, check: str, section: str, field: str, problem: str, known: str) -> None:
        """Write one deviation down."""
        sentence = f"{problem}; {self.table.title} has {known}"
        self.notes.fail(check, f"{FILE} {field}", sentence, f"see {self.table.source(section)}")


def shown(value: object) -> str:
    """Return a value as a sentence shows it."""
    if value is None or value == "" or (isinstance(value, tuple | list) and not value):
        return "nothing"
    if isinstance(value, tuple | list | set | frozenset):
        return ", ".join(str(each) for each in value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _check_hosts(manifest: Manifest, table: ProviderTable, book: Book) -> None:
    for mode, found, known in (
        ("live", manifest.hosts.live.base_url, table.hosts.live),
        ("test", manifest.hosts.test.base_url, table.hosts.test),
    ):
        book.notes.looked("hosts")
        urls = [each.replace("{api_version}", manifest.api_version) for each in known]
        if found not in urls:
            book.differs("hosts", "hosts", f"hosts.{mode}.base_url", f"is {found}", " or ".join(urls))


def _check_identity(manifest: Manifest, table: ProviderTable, book: Book) -> None:
    book.notes.looked("api_version")
    if manifest.api_version not in table.versions.known:
        problem = f"is {shown(manifest.api_version)}"
        book.differs("api_version", "versions", "api_version", problem, f"{shown(table.versions.known)} tried out")
    book.equal("manifest", "hosts", "title", manifest.title, table.title)
    book.equal(
        "request_id", "request_id_header", "request_id_header", manifest.request_id_header, table.request_id_header
    )
    for name in ("scheme", "header", "credential"):
        book.equal("auth", "auth", f"auth.{name}", getattr(manifest.auth, name), getattr(table.auth, name))
    book.equal(
        "idempotency", "idempotency", "idempotency.header", manifest.idempotency.header, table.idempotency.header
    )


def _check_entries(manifest: Manifest, table: ProviderTable, book: Book) -> None:
    for group, found, known in (
        ("credentials", tuple(manifest.credentials), tuple(table.credentials)),
        ("settings", tuple(manifest.settings), tuple(table.settings)),
    ):
        book.among(group, group, group, found, known)
        book.having(group, group, group, found, known)
    for name, credential in manifest.credentials.items():
        rules = table.credentials.get(name)
        if rules is not None:
            field = f"credentials.{name}"
            book.equal("credentials", "credentials", f"{field}.required", credential.required, rules.required)
            for prefixes in ("live_prefixes", "test_prefixes"):
                own, theirs = sorted(getattr(credential, prefixes)), sorted(getattr(rules, prefixes))
                book.equal("credentials", "credentials", f"{field}.{prefixes}", own, theirs)
    for name, setting in manifest.settings.items():
        wanted = table.settings.get(name)
        if wanted is not None:
            modes = sorted(setting.required_in)
            book.equal("settings", "settings", f"settings.{name}.required_in", modes, sorted(wanted.required_in))
            book.equal("settings", "settings", f"settings.{name}.default", setting.default, None)


def _check_samples(manifest: Manifest, table: ProviderTable, notes: Notes) -> None:
    """Try the manifest's patterns and prefixes on samples: a pattern says nothing by its looks."""
    for group, entries in (("credentials", table.credentials), ("settings", table.settings)):
        declared = manifest.credentials if group == "credentials" else manifest.settings
        for name, rules in entries.items():
            if name not in declared:
                continue
            for sample, wanted in _samples(rules):
                notes.looked(group)
                if _takes(manifest, group, name, sample, "live") is wanted:
                    continue
                kind = "turns away what" if wanted else "takes what no"
                problem = f"{kind} {table.title} issues ({_outline(sample)})"
                remedy = f"correct the pattern; see {table.source(group)}"
                notes.fail(group, f"{FILE} {group}.{name}.pattern", problem, remedy)


def _samples(rules: CredentialRules | SettingRules) -> list[tuple[str, bool]]:
    """Return texts, each with whether a live account must be able to give it."""
    prefixes = rules.live_prefixes if isinstance(rules, CredentialRules) else ()
    accepted = [each.replace("{prefix}", prefix) for each in rules.accepts for prefix in prefixes or ("",)]
    return [*((each, True) for each in accepted), *((each, False) for each in rules.rejects)]


def _takes(manifest: Manifest, group: str, name: str, sample: str, mode: Mode) -> bool:
    config = ConnectorConfig(livemode=mode == "live", **{group: {name: sample}})
    return not any(error.field == f"{group}.{name}" for error in configuration_problems(manifest, config))


def _outline(sample: str) -> str:
    """Return the beginning of a sample; the rest of one only looks like a secret."""
    return f"{sample[:12]}…" if len(sample) > 12 else sample


def _check_capabilities(manifest: Manifest, table: ProviderTable, book: Book) -> None:
    able, known = manifest.capabilities, table.capabilities
    check = section = "capabilities"
    book.among(check, section, "capabilities.operations", able.operations, known.operations)
    book.having(check, section, "capabilities.operations", able.operations, known.needed_operations)
    book.among(check, section, "capabilities.networks", able.networks, known.networks)
    book.among(check, section, "capabilities.methods", able.methods, known.methods)
    book.among(check, section, "capabilities.stored_credentials", able.stored_credentials, known.stored_credentials)
    for flag in FLAGS:
        book.notes.looked(check)
        if getattr(able, flag) and flag not in known.can:
            why = known.cannot.get(flag, "cannot do that")
            problem = (
                f"is true, and with {table.title} it {why}" if flag in known.cannot else f"is true; {table.title} {why}"
            )
            book.notes.fail(check, f"{FILE} capabilities.{flag}", problem, f"see {table.source(section)}")
    late = sorted(set(able.operations) & set(known.asynchronous_operations))
    found = sorted(able.asynchronous_operations)
    book.equal(check, section, "capabilities.asynchronous_operations", found, late)
    book.among("inquiry", "inquiry", "capabilities.inquiry", (able.inquiry,), known.inquiry)
    if Operation.COMPLETE in able.operations:
        returned = sorted(manifest.challenge.return_parameters)
        book.equal("challenge", "challenge", "challenge.return_parameters", returned, sorted(known.return_parameters))


def _check_ranges(manifest: Manifest, table: ProviderTable, book: Book) -> None:
    for name in ("resolve_ms", "connect_ms", "tls_ms", "write_ms", "read_ms", "total_ms"):
        found, known = getattr(manifest.timeouts, name), getattr(table.timeouts, name)
        book.within("timeouts", "timeouts", f"timeouts.{name}", found, known)
    for name in ("requests", "request_bytes", "response_bytes"):
        book.within("limits", "limits", f"limits.{name}", getattr(manifest.limits, name), getattr(table.limits, name))
    own, rules = manifest.idempotency, table.idempotency
    book.within("idempotency", "idempotency", "idempotency.key_max_length", own.key_max_length, rules.key_max_length)
    book.notes.looked("idempotency")
    least, most = rules.retention_ms
    if not least <= own.retention_ms <= most:
        known_ms = f"{rules.documented_ms} promised, of which {least} to {most} can be built on"
        book.differs("idempotency", "idempotency", "idempotency.retention_ms", f"is {own.retention_ms}", known_ms)
    delay_ms = manifest.inquiry.consistency_delay_ms
    known_delay = table.inquiry.consistency_delay_ms
    book.within("inquiry", "inquiry", "inquiry.consistency_delay_ms", delay_ms, known_delay)


def _check_retry(manifest: Manifest, table: ProviderTable, book: Book) -> None:
    own, rules = manifest.retry, table.retry
    book.equal("retry", "retry", "retry.rate_limit_codes", sorted(own.rate_limit_codes), sorted(rules.rate_limit_codes))
    words = {word for meanings in table.declines.values() for word in meanings} | set(rules.never_retry_declines)
    field = "retry.never_retry_declines"
    book.having("retry", "retry", field, own.never_retry_declines, rules.never_retry_declines)
    book.notes.looked("retry")
    if stray := sorted(set(own.never_retry_declines) - words):
        book.differs("retry", "retry", field, f"has {', '.join(stray)}", "no such decline")


def _check_webhook(manifest: Manifest, table: ProviderTable, book: Book) -> None:
    own, rules = manifest.webhook, table.webhook
    if own is None or rules is None:
        book.equal(
            "webhook", "webhook", "webhook", "absent" if own is None else "there", "there" if rules else "absent"
        )
        return
    for name in ("scheme", "credential", "signature_header", "acknowledge_body"):
        book.equal("webhook", "webhook", f"webhook.{name}", getattr(own, name), getattr(rules, name))
    book.within("webhook", "webhook", "webhook.tolerance_ms", own.tolerance_ms, rules.tolerance_ms)
    events = tuple(table.notifications)
    if events:
        book.among("webhook", "notifications", "webhook.subscriptions", own.subscriptions, events)
    for reason, needed in rules.subscriptions.items():
        book.notes.looked("webhook")
        wanted = reason not in _OPERATIONS or reason in manifest.capabilities.operations
        absent = [event for event in needed if event not in own.subscriptions]
        if wanted and absent:
            problem = f"lacks {', '.join(absent)}"
            book.differs("webhook", "notifications", "webhook.subscriptions", problem, f"these for {reason}")


def _check_pointers(manifest: Manifest, table: ProviderTable, book: Book) -> None:
    for operation, echo in manifest.echo.items():
        known = table.echo.get(operation)
        if known is None:
            book.differs("echo", "echo", f"echo.{operation}", "is given", "no money in that answer")
            continue
        for name in ("amount", "currency", "captured", "cumulative"):
            book.equal("echo", "echo", f"echo.{operation}.{name}", getattr(echo, name), getattr(known, name))
    for operation, sent in manifest.sent.items():
        rules = table.sent.get(operation)
        if rules is None:
            book.differs("sent", "sent", f"sent.{operation}", "is given", "no money in that request")
            continue
        for name in ("path", "format", "amount", "currency"):
            book.equal("sent", "sent", f"sent.{operation}.{name}", getattr(sent, name), getattr(rules, name))
    for section, given, rules_of in (("echo", manifest.echo, table.echo), ("sent", manifest.sent, table.sent)):
        for operation, rule in rules_of.items():
            book.notes.looked(section)
            wanted = operation in manifest.capabilities.operations and not getattr(rule, "optional", False)
            if wanted and operation not in given:
                book.differs(section, section, f"{section}.{operation}", "is missing", f"its amount at {rule.amount}")
