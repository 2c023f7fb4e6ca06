"""Checks of an account's settings and credentials: right mode, right kind, real values, nothing lost on the way.

Sentences name fields and never repeat a credential.
"""

import re

from interlock.gateways.configuration import configuration_problems
from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.manifest import Manifest
from interlock.releases.gates.lint.code.money import setting_scales
from interlock.releases.gates.lint.manifest.change import announced
from interlock.releases.gates.lint.notes import Notes
from interlock.releases.gates.providers.tables import ProviderTable
from interlock.releases.gates.types import Subject

_PLACEHOLDER = re.compile(
    r"(?i)x{3,}|\*{3,}|\.{3,}|-+|change[_-]?me|todo|tbd|fixme|none|null|nil|undefined|n/?a|empty|dummy|placeholder"
    r"|(?:my|your|the)[_ -].*|insert.*here|<.*>|\{.*\}|\[.*\]|\$\{?\w+\}?"
)
_EXAMPLE = re.compile(r"(?i)secret|password|example.*|test|sample|demo|foo|bar")
"""What is a placeholder in live mode only: a sandbox may well take it."""
_ELSEWHERE = re.compile(
    r"(?i)\b(?:localhost|127\.0\.0\.1|0\.0\.0\.0|10\.\d+\.\d+\.\d+|192\.168\.\d+\.\d+)\b"
    r"|\.(?:test|local|invalid|internal)\b"
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ENVIRONMENTS = frozenset({"sandbox", "staging", "stage", "uat", "qa", "dev", "development", "preprod", "simulator"})
_EXAMPLES = frozenset({"test", "tests", "testing", "demo", "example", "sample", "dummy", "fake"})
_KEY = re.compile(r"(?:[sprk]k_(?:live|test)_|whsec_|AQE)[0-9A-Za-z+/=_]{6,}|-----BEGIN ")
_BASE_URL = "base_url"


def check(manifest: Manifest, table: ProviderTable | None, subject: Subject, notes: Notes) -> None:
    """Look at everything an account gives.

    Args:
        manifest: what the connector asks for.
        table: what the switch knows of the provider, None where nobody wrote it down.
        subject: with the account, and with the one that serves now where there is one.
        notes: where findings go.

    """
    config = subject.config
    if config is None:
        return
    for error in configuration_problems(manifest, config):
        notes.refuse("configuration", error)
    notes.looked("configuration", len(manifest.credentials) + len(manifest.settings))
    _check_mode(manifest, config, subject, notes)
    _check_kinds(manifest, table, config, notes)
    _check_webhook(manifest, config, notes)
    for name, value in config.credentials.items():
        _check_credential(name, value, table, config, notes)
    _check_doubles(config, notes)
    for name, value in config.settings.items():
        _check_setting(name, value, table, subject, notes)
    if subject.stable_config is not None:
        _check_stable(manifest, config, subject.stable_config, notes)


def check_names(manifest: Manifest, notes: Notes) -> None:
    """Look for settings that would let an account decide how many decimals money has."""
    for name in manifest.settings:
        notes.looked("settings")
        if setting_scales(name):
            problem = "lets an account set decimals or factors, and those are the currency's alone"
            notes.fail(
                "settings", f"manifest.toml settings.{name}", problem, "take exponents from ISO 4217 and the manifest"
            )


def _check_mode(manifest: Manifest, config: ConnectorConfig, subject: Subject, notes: Notes) -> None:
    notes.looked("mode", 2)
    if config.livemode is not subject.livemode:
        problem = f"is for {_mode(config.livemode)} mode, and the release is for {_mode(subject.livemode)} mode"
        notes.fail("mode", "configuration", problem, "give the account of this mode")
    if config.settings.get(_BASE_URL) and (config.livemode or subject.livemode or not manifest.hosts.test_override):
        notes.fail("mode", f"settings.{_BASE_URL}", "replaces the provider's host in live mode", "remove it")


def _mode(livemode: bool) -> str:  # noqa: FBT001 - the one thing it is about
    return "live" if livemode else "test"


def _check_kinds(manifest: Manifest, table: ProviderTable | None, config: ConnectorConfig, notes: Notes) -> None:
    """Each credential is what its field asks for: keys and secrets get swapped when they are pasted."""
    beginnings: dict[str, tuple[str, ...]] = {
        name: (*credential.live_prefixes, *credential.test_prefixes)
        for name, credential in manifest.credentials.items()
    }
    for name, rules in (table.credentials if table else {}).items():
        beginnings[name] = (*beginnings.get(name, ()), *rules.live_prefixes, *rules.test_prefixes)
    for name, value in config.credentials.items():
        notes.looked("kind")
        for other, prefixes in beginnings.items():
            if other != name and prefixes and value.startswith(prefixes):
                notes.fail(
                    "kind", f"credentials.{name}", f"is a {other}", f"give the {name}; {other} has its own field"
                )
        own = beginnings.get(name, ())
        foreign = re.match(r"(?:[sr]k_|pk_|whsec_|we_|acct_)", value)
        if foreign and own and not foreign[0].startswith(tuple(prefix[:3] for prefix in own)):
            notes.fail(
                "kind", f"credentials.{name}", f"begins with {foreign[0]}, as no such key does", f"give the {name}"
            )


def _check_webhook(manifest: Manifest, config: ConnectorConfig, notes: Notes) -> None:
    notes.looked("webhook_secret")
    if manifest.webhook is None or config.credentials.get(manifest.webhook.credential):
        return
    late = ", ".join(manifest.capabilities.asynchronous_operations)
    if not config.livemode and not late:
        return
    what = f"the result of {late}" if late else "disputes and late results"
    problem = f"is absent, and {what} come by webhook alone"
    remedy = "give the secret of the webhook endpoint"
    notes.fail("webhook_secret", f"credentials.{manifest.webhook.credential}", problem, remedy)


def _check_credential(
    name: str, value: str, table: ProviderTable | None, config: ConnectorConfig, notes: Notes
) -> None:
    notes.looked("placeholders")
    field = f"credentials.{name}"
    bare = value
    for prefix in ("sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_", "AQE"):
        bare = bare.removeprefix(prefix)
    if value and (_is_placeholder(bare, config) or (len(bare) >= 8 and len(set(bare)) < 3)):
        notes.fail("placeholders", field, "is a placeholder", "give the value that the provider issued")
    rules = table.credentials.get(name) if table else None
    if value and config.livemode and rules and rules.live_pattern and not re.fullmatch(rules.live_pattern, value):
        problem = f"is nothing that {table.title if table else ''} issues as {name} in live mode"
        notes.fail("kind", field, problem, f"give it as issued; see {table.source('credentials') if table else ''}")


def _is_placeholder(value: str, config: ConnectorConfig) -> bool:
    return bool(_PLACEHOLDER.fullmatch(value) or (config.livemode and _EXAMPLE.fullmatch(value)))


def _check_doubles(config: ConnectorConfig, notes: Notes) -> None:
    notes.looked("doubles")
    seen: dict[str, str] = {}
    for group, values in (("credentials", config.credentials), ("settings", config.settings)):
        for name, value in values.items():
            field = f"{group}.{name}"
            if value and value in seen and (group == "credentials" or seen[value].startswith("credentials")):
                notes.fail("doubles", field, f"is the same as {seen[value]}", "give each its own value")
            seen.setdefault(value, field)


def _check_setting(name: str, value: str, table: ProviderTable | None, subject: Subject, notes: Notes) -> None:
    field = f"settings.{name}"
    notes.looked("placeholders")
    if value != value.strip() or not value.isprintable():
        notes.fail("configuration", field, "has space or a line break around it", "paste it again")
    if setting_scales(name):
        notes.fail("configuration", field, "sets decimals or factors, which are the currency's alone", "remove it")
    if _KEY.search(value):
        notes.fail(
            "kind", field, "holds a key, and settings are shown to everybody", "withdraw it; give it as credential"
        )
    if name == _BASE_URL:
        return  # told by lint.mode
    if subject.config is not None and value and _is_placeholder(value.strip(), subject.config):
        notes.fail("placeholders", field, "is a placeholder", "give the real value")
    if not subject.livemode:
        return
    rules = table.settings.get(name) if table else None
    if rules is not None and rules.pattern and value and not re.fullmatch(rules.pattern, value):
        problem = f"has not the shape that {table.title if table else ''} gives it"
        notes.fail("configuration", field, problem, f"see {table.source('settings') if table else ''}")
    _check_environment(field, value, subject, notes)


def _check_environment(field: str, value: str, subject: Subject, notes: Notes) -> None:
    """A live account whose values speak of another environment is most often a copy of that one."""
    name = field.partition(".")[2]
    serves = subject.stable_config is not None and subject.stable_config.settings.get(name) == value
    words = {word.lower() for word in _WORDS.findall(value)}
    notes.looked("environment")
    if _ELSEWHERE.search(value) or words & _ENVIRONMENTS:
        found = ", ".join(sorted(words & _ENVIRONMENTS)) or "a private address"
        if not serves:
            notes.fail("environment", field, f"names {found} in live mode", "give the live account's value")
    elif words & _EXAMPLES and not serves:
        problem = f"has {', '.join(sorted(words & _EXAMPLES))} in its name, in live mode"
        notes.doubt("environment", field, problem, "make sure that it is the live account's")


def _check_stable(manifest: Manifest, config: ConnectorConfig, stable: ConnectorConfig, notes: Notes) -> None:
    notes.looked("account", len(stable.settings) + len(stable.credentials))
    if stable.livemode is not config.livemode:
        problem = f"is for {_mode(config.livemode)} mode, and what serves now for {_mode(stable.livemode)} mode"
        notes.fail("mode", "configuration", problem, "give the account of the same mode")
    for group, before, now, declared in (
        ("settings", stable.settings, config.settings, frozenset(manifest.settings)),
        ("credentials", stable.credentials, config.credentials, frozenset(manifest.credentials)),
    ):
        for name in before:
            if before[name] and not now.get(name) and name in declared:
                problem = "is absent, and the release that serves now has it"
                notes.fail("account", f"{group}.{name}", problem, "give it, or take it out of the manifest")
    _check_rolled(manifest, config, stable, notes)
    for name, value in config.settings.items():
        old = stable.settings.get(name)
        if name == _BASE_URL or not old or old == value:
            continue
        if not announced(manifest, f"setting {name}"):
            problem = "is another one than serves now: payments would go to another account"
            remedy = f"correct it, or announce it in the manifest's changes with place 'setting {name}'"
            notes.fail("account", f"settings.{name}", problem, remedy)


def _check_rolled(manifest: Manifest, config: ConnectorConfig, stable: ConnectorConfig, notes: Notes) -> None:
    """A webhook secret that is exchanged at once: what is still signed with the old one is refused, and where the new
    one is another endpoint's, everything is. No value shows which; both side by side lose nothing either way."""
    if manifest.webhook is None:
        return
    name = manifest.webhook.credential
    before, now = _secrets(stable.credentials.get(name, "")), _secrets(config.credentials.get(name, ""))
    if before and now and not before & now:
        problem = "is exchanged at once: webhooks signed with the one that serves now would be refused"
        remedy = "give both, separated by a comma, and take the old one out with a later release"
        notes.doubt("webhook_secret", f"credentials.{name}", problem, remedy)


def _secrets(value: str) -> frozenset[str]:
    return frozenset(secret.strip() for secret in value.split(",") if secret.strip())
