"""What is to be done again, and under which configurations. Pure.

Every recording is done once as the account would run the candidate. A few of every kind are done again as accounts are
configured that nobody has touched since a setting came into being: with the setting absent, and with it empty. A
release whose tests only know freshly made accounts breaks there. One answer of every kind is read again with nulls.
"""

from itertools import islice

import msgspec

from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.manifest import Manifest
from interlock.releases.gates.shadow.nulls import NullProbe, null_probes
from interlock.releases.gates.shadow.replaying import Rerun
from interlock.releases.gates.shadow.stand_ins import config_of, facts_of_config, invented_config
from interlock.releases.gates.shadow.strata import in_turn
from interlock.releases.gates.shadow.types import ConfigFacts, Recording

replace = msgspec.structs.replace

_CONFIGS_MAX = 8
_REPEATED_MAX = 200
_NULLS_MAX = 400


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A way in which an account is configured: for the candidate, for stable, and what is special about it."""

    candidate: ConnectorConfig
    stable: ConnectorConfig
    called: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What both releases do: the first reruns are every recording in order; ``nulls`` says by position in ``reruns``
    which are with a null; the rest are under another account's configuration."""

    accounts: tuple[Account, ...]
    reruns: tuple[Rerun, ...]
    nulls: dict[int, NullProbe]
    left_out: tuple[str, ...] = ()


def plan(
    recordings: tuple[Recording, ...],
    manifests: tuple[Manifest, ...],
    config: ConnectorConfig | None,
    stable_config: ConnectorConfig | None,
    today: ConfigFacts | None,
    *,
    livemode: bool,
) -> Plan:
    """Return what is to be done.

    Args:
        recordings: all of them.
        manifests: the candidate's, then stable's where there is one.
        config: as the account would run the candidate; None where no account is given.
        stable_config: as it runs stable.
        today: how it was configured when the recordings were read, for want of these two.
        livemode: the mode, for a configuration that has to be invented.

    """
    recorded = _distinct([each.config for each in recordings])[:_CONFIGS_MAX]
    invented = invented_config(manifests[0], livemode=livemode)
    usual = today or (recorded[0] if recorded else invented)
    own = usual if config is None else facts_of_config(config)
    serving = usual if stable_config is None else facts_of_config(stable_config)
    accounts = [_account(own, serving, manifests, "")]
    left_out = []
    tried = [own]
    for facts, called in [variant for each in recorded for variant in _variants(each, serving, manifests[0])]:
        if absent := _absent(facts, manifests[0]):
            left_out.append(f"configuration: {', '.join(absent)} is required and not set by the accounts of today")
        elif facts not in tried:
            tried.append(facts)
            accounts.append(_account(facts, facts, manifests, called))
    reruns = [Rerun(recording=number) for number in range(len(recordings))]
    nulls: dict[int, NullProbe] = {}
    for probe in null_probes(recordings, _NULLS_MAX):
        nulls[len(reruns)] = probe
        reruns.append(Rerun(recording=probe.recording, null=probe.place))
    few = list(islice(in_turn(range(len(recordings)), lambda number: recordings[number].slice), _REPEATED_MAX))
    for position in range(1, len(accounts)):
        reruns += [Rerun(recording=number, config=position) for number in few]
    return Plan(accounts=tuple(accounts), reruns=tuple(reruns), nulls=nulls, left_out=tuple(dict.fromkeys(left_out)))


def _account(candidate: ConfigFacts, stable: ConfigFacts, manifests: tuple[Manifest, ...], called: str) -> Account:
    return Account(candidate=config_of(candidate, manifests), stable=config_of(stable, manifests), called=called)


def _distinct(configs: list[ConfigFacts]) -> list[ConfigFacts]:
    found: list[ConfigFacts] = []
    for config in configs:
        if config not in found:
            found.append(config)
    return found


def _variants(facts: ConfigFacts, serving: ConfigFacts, manifest: Manifest) -> list[tuple[ConfigFacts, str]]:
    """Return the configuration as it is, without what need not be set, and with that set to nothing."""
    mode = "live" if facts.livemode else "test"
    optional = [name for name, setting in manifest.settings.items() if mode not in setting.required_in]
    needed = {name: value for name, value in facts.settings.items() if name not in optional}
    credentials = " ".join(
        name for name in facts.given if name not in manifest.credentials or manifest.credentials[name].required
    )
    found = [(facts, f"as accounts {'are configured today' if facts == serving else 'were configured before'}")]
    if optional or credentials != facts.credentials:
        found.append((replace(facts, settings=needed, credentials=credentials), "without what need not be configured"))
    if optional:
        empty = {**needed, **dict.fromkeys(optional, "")}
        found.append((replace(facts, settings=empty), f"with {', '.join(optional)} configured as nothing"))
    return found


def _absent(facts: ConfigFacts, manifest: Manifest) -> list[str]:
    mode = "live" if facts.livemode else "test"
    settings = [
        f"settings.{name}"
        for name, setting in manifest.settings.items()
        if mode in setting.required_in and setting.default is None and not facts.settings.get(name)
    ]
    return settings + [
        f"credentials.{name}"
        for name, credential in manifest.credentials.items()
        if credential.required and name not in facts.given
    ]
