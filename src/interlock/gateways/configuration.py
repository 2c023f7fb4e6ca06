"""Checks one gateway account's settings and credentials against the manifest; used by bootstrap, CLI and lint.

Answers are sentences that name the field and never repeat a secret.
"""

import re
from typing import Literal

from interlock.base.errors import ConfigurationError
from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.manifest import Credential, Manifest, Setting, base_url

_Mode = Literal["live", "test"]


def configuration_problems(manifest: Manifest, config: ConnectorConfig) -> list[ConfigurationError]:
    """Return all that is wrong with ``config``, each naming field, problem and remedy; empty when it is right."""
    found = _unknown_names(manifest, config)
    mode: _Mode = "live" if config.livemode else "test"
    for name, credential in manifest.credentials.items():
        found.extend(_credential_problems(f"credentials.{name}", credential, config.credentials.get(name), mode))
    for name, setting in manifest.settings.items():
        found.extend(_setting_problems(f"settings.{name}", setting, config.settings.get(name), mode))
    if not found:
        try:
            base_url(manifest, config.settings, livemode=config.livemode)
        except ConfigurationError as error:
            found.append(error)
    return found


def _unknown_names(manifest: Manifest, config: ConnectorConfig) -> list[ConfigurationError]:
    known_settings = {*manifest.settings, "base_url"}
    stray = [f"settings.{name}" for name in config.settings if name not in known_settings]
    stray += [f"credentials.{name}" for name in config.credentials if name not in manifest.credentials]
    problem = f"is unknown to {manifest.title}"
    return [ConfigurationError(field, problem, "remove it or correct its name") for field in stray]


def _credential_problems(
    field: str, credential: Credential, value: str | None, mode: _Mode
) -> list[ConfigurationError]:
    if not value:
        return [ConfigurationError(field, "is absent", f"give the {credential.title}")] if credential.required else []
    if " " in value or not value.isascii() or not value.isprintable():
        return [ConfigurationError(field, "has spaces or unprintable characters in it", "paste it again")]
    own, other, wrong = credential.live_prefixes, credential.test_prefixes, "test"
    if mode == "test":
        own, other, wrong = other, own, "live"
    remedy = f"give the {mode} {credential.title}"
    if other and value.startswith(other):
        return [ConfigurationError(field, f"is a {wrong} key in {mode} mode", remedy)]
    if own and not value.startswith(own):
        return [ConfigurationError(field, f"does not begin with {' or '.join(own)}", remedy)]
    if credential.pattern and not re.fullmatch(credential.pattern, value):
        return [ConfigurationError(field, "has not the shape it must have", f"give the {credential.title} as issued")]
    return []


def _setting_problems(field: str, setting: Setting, value: str | None, mode: _Mode) -> list[ConfigurationError]:
    if not value:
        needed = mode in setting.required_in and setting.default is None
        return [ConfigurationError(field, "is absent", f"give the {setting.title}")] if needed else []
    if setting.pattern and not re.fullmatch(setting.pattern, value):
        return [ConfigurationError(field, f"{value!r} has not the shape it must have", f"give the {setting.title}")]
    return []
