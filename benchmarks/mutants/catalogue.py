"""All mutants of the built-in connectors, and stratified samples of them. Deterministic.

The order of families matters where two operators make the same change: it is kept once, under the name that says most.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from benchmarks.mutants.code import code_drafts
from benchmarks.mutants.manifests import manifest_drafts
from benchmarks.mutants.mutant import FAMILIES, Mutant, named
from benchmarks.mutants.semantic import semantic_drafts

from interlock.gateways.loader import builtin_package, known_gateways

Stratum = tuple[str, str, str]


def catalogue(gateways: Sequence[str] = ()) -> list[Mutant]:
    """Return every mutant, each change once.

    Args:
        gateways: whose connectors; all that came with this version where none is named.

    """
    found: dict[tuple[str, str, bytes | None], Mutant] = {}
    for gateway in gateways or known_gateways():
        package = builtin_package(gateway)
        made = (
            *named("semantic", gateway, semantic_drafts(package, gateway)),
            *named("manifest", gateway, manifest_drafts(package)),
            *named("code", gateway, code_drafts(package)),
        )
        for mutant in made:
            found.setdefault((gateway, mutant.file, mutant.content), mutant)
    return sorted(found.values(), key=lambda mutant: FAMILIES.index(mutant.family))


def sample(mutants: Iterable[Mutant], count: int, seed: int) -> list[Mutant]:
    """Return ``count`` mutants, stratified by family and file.

    Each family gives the same number, or all it has; within a family each file gives in proportion to how many it has,
    at least one. Which ones is decided by a hash of seed and id, so that a mutant more or less in one file changes
    nothing in the others.

    Args:
        mutants: to choose from.
        count: how many; all where there are fewer.
        seed: of the choice.

    """
    families: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        families[mutant.family].append(mutant)
    shares = _equal_shares({family: len(members) for family, members in families.items()}, count)
    return [one for family, members in families.items() for one in _by_file(members, shares[family], seed)]


def _equal_shares(sizes: dict[str, int], count: int) -> dict[str, int]:
    """Return how many each takes of ``count`` when all take the same, but no more than they have."""
    shares = dict.fromkeys(sizes, 0)
    left = min(count, sum(sizes.values()))
    while left:
        hungry = [name for name in sizes if shares[name] < sizes[name]]
        each, rest = divmod(left, len(hungry))
        for number, name in enumerate(hungry):
            taken = min(each + (number < rest), sizes[name] - shares[name])
            shares[name] += taken
            left -= taken
    return shares


def _by_file(members: list[Mutant], count: int, seed: int) -> list[Mutant]:
    files: dict[tuple[str, str], list[Mutant]] = defaultdict(list)
    for mutant in members:
        files[mutant.gateway, mutant.file].append(mutant)
    chosen = []
    left, among = count, len(members)
    # The smallest first: what a file must give more than its due is taken from the large ones.
    for inside in sorted(files.values(), key=len):
        taken = min(left, max(1, round(left * len(inside) / among)))
        chosen.extend(sorted(inside, key=lambda mutant: _draw(seed, mutant.id))[:taken])
        left, among = left - taken, among - len(inside)
    return chosen


def _draw(seed: int, mutant_id: str) -> bytes:
    return hashlib.sha256(f"{seed}:{mutant_id}".encode()).digest()
