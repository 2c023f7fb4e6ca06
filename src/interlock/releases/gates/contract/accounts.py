"""Made-up gateway accounts: no secret of a merchant ever reaches the code that is examined."""

import re

import msgspec

from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.manifest import Credential, Manifest, Setting
from interlock.releases.gates.contract.knowledge import Account, Knowledge

FIRST, SECOND, LONG, TURNED = "first", "second", "long", "of the other mode"
_LONG_KEY = 255
_HEX = "0123456789ABCDEF"


def made_up_accounts(manifest: Manifest, knowledge: Knowledge | None, *, livemode: bool) -> dict[str, ConnectorConfig]:
    """Return two accounts that share nothing, one whose key is as long as keys get, and the first of the other mode.

    Args:
        manifest: names settings and credentials.
        knowledge: holds accounts of providers that are known.
        livemode: which mode's keys to make up.

    """
    accounts = {}
    for seed, name in enumerate((FIRST, SECOND)):
        known = knowledge.accounts.get(name) if knowledge else None
        accounts[name] = _account(manifest, known, seed, livemode=livemode)
    first = accounts[FIRST]
    key = manifest.auth.credential
    long_key = first.credentials.get(key, "")
    long_key += _HEX * 20
    longer = {**first.credentials, key: long_key[:_LONG_KEY]}
    accounts[LONG] = msgspec.structs.replace(first, credentials=longer)
    known = knowledge.accounts.get(FIRST) if knowledge else None
    accounts[TURNED] = _account(manifest, known, 0, livemode=not livemode)
    return accounts


def _account(manifest: Manifest, known: Account | None, seed: int, *, livemode: bool) -> ConnectorConfig:
    mode = "live" if livemode else "test"
    settings = dict(known.settings) if known else {}
    credentials = {name: value.replace("{mode}", mode) for name, value in (known.credentials if known else {}).items()}
    for name, setting in manifest.settings.items():
        if name not in settings and (mode in setting.required_in or setting.default is not None):
            settings[name] = setting.default or _made_up_setting(setting, seed)
    for name, credential in manifest.credentials.items():
        if name not in credentials:
            credentials[name] = _made_up_secret(credential, seed, mode)
    return ConnectorConfig(livemode=livemode, settings=settings, credentials=credentials)


def _made_up_setting(setting: Setting, seed: int) -> str:
    for candidate in (f"MadeUp{seed}", f"madeup{seed}", f"{seed + 1}234567890", f"{seed + 1}"):
        if setting.pattern is None or re.fullmatch(setting.pattern, candidate):
            return candidate
    return f"MadeUp{seed}"


def _made_up_secret(credential: Credential, seed: int, mode: str) -> str:
    prefixes = credential.live_prefixes if mode == "live" else credential.test_prefixes
    prefix = prefixes[0] if prefixes else ""
    for body in (_HEX[seed + 1 :] * 4, f"{seed + 1}" * 32, f"madeup{seed}" * 5):
        if credential.pattern is None or re.fullmatch(credential.pattern, prefix + body[:64]):
            return prefix + body[:64]
    return prefix + _HEX * 4
