"""Field by field, what differs from the provider's table is found, under the field's name and with its source."""

import copy
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

import msgspec
import pytest

from interlock.gateways.contract import Operation
from interlock.gateways.loader import builtin_package, known_gateways
from interlock.gateways.manifest import Manifest, Method, Network, read_manifest
from interlock.gateways.outcomes import Outcome
from interlock.releases.gates.lint.manifest import codes, provider
from interlock.releases.gates.lint.notes import Notes
from interlock.releases.gates.providers.tables import ProviderTable, provider_table

Path = tuple[str, ...]

NOT_OF_THE_PROVIDER = {
    "name": "it says which table is meant",
    "contract_version": "the switch's own; another one is refused when the manifest is read",
    "documentation": "any address of the reference will do",
    "credentials.*.title": "words for the operator",
    "settings.*.title": "words for the operator",
    "hosts.test_override": "whether a sandbox may stand in: the switch's own",
    "retry.inquiry_delays_ms": "the switch's own ladder, whose sanity needs no provider",
    "changes": "what is announced to the gates",
}
TEXTS = ("zzz", "/zzz", "header", "bearer", "json", "form", "stripe_v1", "adyen_hmac", "none", "retrieve", *Outcome)
MEMBERS = ("zzz", *Operation, *get_args(Network), *get_args(Method), "live")
NUMBERS = (0, 1, 2, 16, 20, 2_048, 120_000, 1_048_576, 86_400_000)


def leaves(tree: dict[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


def others(value: Any) -> list[Any]:
    """Return values that a field might have instead; those of a wrong type are refused before any check."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [other for other in NUMBERS if other != value]
    if isinstance(value, list | tuple):
        return [[], *([*value, member] for member in MEMBERS if member not in value)]
    return [other for other in TEXTS if other != value]


def changed(tree: dict[str, Any], path: Path, value: Any) -> Manifest | None:
    tree = copy.deepcopy(tree)
    node = tree
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    try:
        return msgspec.convert(tree, Manifest)
    except msgspec.ValidationError:
        return None


def told(manifest: Manifest, table: ProviderTable, field: str) -> bool:
    notes = Notes()
    provider.check(manifest, table, notes, try_patterns=True)
    codes.check(manifest, table, notes)
    return any(
        finding.where.startswith(f"manifest.toml {field}") and finding.remedy.rpartition("see ")[2] in sources(table)
        for finding in notes.findings()
    )


def sources(table: ProviderTable) -> set[str]:
    return set(table.sources.values())


def tree_of(name: str) -> dict[str, Any]:
    manifest = read_manifest(builtin_package(name).manifest, "manifest.toml")
    return dict(msgspec.to_builtins(manifest, str_keys=True))


def is_all_there_is(name: str, path: Path, value: Any) -> bool:
    """Return True for an ability that the provider has in full: a shop may do with less, and nothing is more."""
    table = provider_table(name)
    if table is None or path[0] != "capabilities":
        return False
    every = {"networks": Network, "methods": Method, "stored_credentials": Literal["customer", "merchant"]}
    if path[1] in every:
        return set(getattr(table.capabilities, path[1])) == set(get_args(every[path[1]]))
    return value is True and path[1] in table.capabilities.can


FIELDS = [
    (name, path)
    for name in known_gateways()
    for path, value in leaves(tree_of(name))
    if not is_all_there_is(name, path, value)
    and not any(fnmatchcase(".".join(path), pattern) for pattern in NOT_OF_THE_PROVIDER)
]


@pytest.mark.parametrize(("name", "path"), FIELDS, ids=[f"{name}-{'.'.join(path)}" for name, path in FIELDS])
def test_a_field_that_differs_is_found_with_its_source(name: str, path: Path) -> None:
    tree, table = tree_of(name), provider_table(name)
    assert table is not None
    value = dict(leaves(tree))[path]
    manifests = [found for other in others(value) if (found := changed(tree, path, other)) is not None]
    assert any(told(manifest, table, ".".join(path)) for manifest in manifests)
