"""Accounts to examine releases with: made of the examples in the provider's table, with what a drill has otherwise.

No manifest of a drill holds a secret: it names a right value (``{live.secret_key}``) or another right one.
"""

import re
from collections.abc import Mapping

from interlock.base.errors import ConfigurationError
from interlock.gateways.contract import ConnectorConfig
from interlock.releases.gates.providers.tables import ProviderTable, provider_table
from interlock.sandbox.drills.types import Account, Mode

_PLACEHOLDER = re.compile(r"\{(live|test|other)\.([a-z_]{1,40})\}")
_KEPT_LETTERS = 8


def account_of(provider: str, mode: Mode, differs: Account) -> ConnectorConfig:
    """Return an account at ``provider`` as it should be, with what ``differs``.

    Raises:
        ConfigurationError: a placeholder names nothing, or nothing is known of the provider.

    """
    table = provider_table(provider)
    if table is None:
        raise ConfigurationError("provider", f"no table describes {provider}", "name one that is built in")
    credentials = {name: value_of(table, mode, name) for name in table.credentials}
    settings = {
        name: rules.accepts[0] for name, rules in table.settings.items() if mode in rules.required_in and rules.accepts
    }
    return ConnectorConfig(
        livemode=mode == "live",
        settings=changed(settings, differs.settings, table, mode),
        credentials=changed(credentials, differs.credentials, table, mode),
    )


def changed(values: Mapping[str, str], differs: Mapping[str, str], table: ProviderTable, mode: Mode) -> dict[str, str]:
    """Return ``values`` with what ``differs``, its placeholders filled in; an empty value removes one."""
    filled = {name: resolved(value, table, mode) for name, value in differs.items()}
    return {name: value for name, value in {**values, **filled}.items() if value}


def resolved(text: str, table: ProviderTable, mode: Mode) -> str:
    """Return ``text`` with each placeholder filled in.

    Raises:
        ConfigurationError: a placeholder names nothing.

    """

    def fill(found: re.Match[str]) -> str:
        wanted, name = found[1], found[2]
        if wanted == "other":
            return _another(value_of(table, mode, name))
        return value_of(table, "live" if wanted == "live" else "test", name)

    return _PLACEHOLDER.sub(fill, text)


def value_of(table: ProviderTable, mode: Mode, name: str) -> str:
    """Return a right value of a credential or setting.

    Raises:
        ConfigurationError: the provider has none of this name.

    """
    if name in table.credentials:
        rules = table.credentials[name]
        prefixes = rules.live_prefixes if mode == "live" else rules.test_prefixes
        return rules.accepts[0].replace("{prefix}", prefixes[0] if prefixes else "")
    if name in table.settings:
        return table.settings[name].accepts[0]
    raise ConfigurationError(f"{{{mode}.{name}}}", f"{table.title} has nothing of that name", "see its manifest")


def _another(value: str) -> str:
    """Return a value of the same shape: its last letters turned round."""
    kept, rest = value[:_KEPT_LETTERS], value[_KEPT_LETTERS:]
    return kept + rest[::-1]
