"""Mutants are one change each, the same for the same seed, and a sample holds something of everything."""

import tomllib
from collections import Counter

import pytest
from benchmarks.mutants.catalogue import sample
from benchmarks.mutants.code import code_drafts
from benchmarks.mutants.manifests import manifest_drafts
from benchmarks.mutants.mutant import Mutant, named
from benchmarks.mutants.patches import patches
from benchmarks.mutants.semantic import semantic_drafts
from benchmarks.mutants.toml_edits import Edit, edited

from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package

_SOURCE = '''"""A module."""

import hmac


def request(config, request, tables):
    amount = to_provider(request.amount, tables.currency_exponents)
    if amount is None:
        return None
    headers = {"idempotency-key": request.idempotency_key, "accept": "application/json"}
    return post(path=f"/v1/payments/{amount}", headers=headers)


def genuine(expected, given):
    return hmac.compare_digest(expected, given)
'''


def toy() -> Package:
    return Package({"connector.py": _SOURCE.encode(), "answers.py": b"def read(answer):\n    return str(answer)\n"})


def made(family: str, count: int, file: str = "connector.py") -> list[Mutant]:
    return [
        Mutant(
            id=f"{family}:{file}:{number}",
            family=family,
            gateway="acme",
            file=file,
            place=str(number),
            operator="number",
            content=str(number).encode(),
        )
        for number in range(count)
    ]


def changed(package: Package, mutant: Mutant) -> set[str]:
    after = mutant.package(package).files
    return {name for name in {*package.files, *after} if package.files.get(name) != after.get(name)}


def test_every_mechanical_change_changes_exactly_its_own_file() -> None:
    mutants = named("code", "acme", code_drafts(toy()))
    assert len(mutants) > 20
    assert all(changed(toy(), mutant) == {mutant.file} for mutant in mutants)
    assert len({mutant.id for mutant in mutants}) == len(mutants)


def test_amounts_keys_and_signatures_are_broken_in_the_shapes_of_incidents() -> None:
    found = {draft.operator: (draft.content or b"").decode() for draft in semantic_drafts(toy(), "acme")}
    assert "amount * 100" in found["amount_times_100"]
    assert "'interlock'" in found["key_constant"]
    assert "idempotency-key" not in found["key_dropped"]
    assert "return True" in found["signature_always_genuine"]
    assert "if False:" in found["check_dropped"]


def test_every_change_of_a_manifest_is_in_one_table_and_leaves_the_others_letter_for_letter() -> None:
    package = builtin_package("adyen")
    before = tomllib.loads(package.manifest.decode())
    mutants = named("manifest", "adyen", manifest_drafts(package))
    assert len(mutants) > 300
    for mutant in mutants[::7]:
        if mutant.unparsable or not mutant.content:
            continue
        after = tomllib.loads(mutant.content.decode())
        tables = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        assert tables == {mutant.place.split(".")[0]}, mutant.id
        comments = [line for line in package.manifest.decode().splitlines() if line.startswith("#")]
        if mutant.operator != "removed":
            assert [line for line in mutant.content.decode().splitlines() if line.startswith("#")] == comments


def test_a_patch_fits_the_connector_that_it_is_for() -> None:
    for patch in patches():
        text = builtin_package(patch.gateway).files[patch.file].decode()
        assert text.count(patch.old) == 1, (patch.gateway, patch.operator)


def test_an_edit_of_what_is_not_there_is_refused() -> None:
    with pytest.raises(KeyError):
        edited("[a]\nb = 1\n", Edit(path=("c",), operator="removed", action="table"))


def test_a_diff_shows_the_change_and_nothing_else() -> None:
    package = Package({"connector.py": b"a = 1\nb = 2\n"})
    mutant = Mutant(
        id="x", family="code", gateway="acme", file="connector.py", place="2", operator="n", content=b"a = 1\nb = 3\n"
    )
    lines = mutant.diff(package).splitlines()
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-b = 2", "+b = 3"]


def test_a_sample_takes_the_same_of_each_family_and_something_of_each_file() -> None:
    mutants = [*made("code", 500), *made("code", 3, "small.py"), *made("manifest", 40), *made("semantic", 9)]
    chosen = sample(mutants, 60, 7)
    assert Counter(one.family for one in chosen) == {"semantic": 9, "code": 26, "manifest": 25}
    assert any(one.file == "small.py" for one in chosen)


def test_a_sample_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    mutants = made("code", 500)
    assert sample(mutants, 20, 7) == sample(mutants, 20, 7)
    assert sample(mutants, 20, 7) != sample(mutants, 20, 8)


def test_a_mutant_more_changes_a_sample_by_one_at_most() -> None:
    few, more = (sample(made("code", count), 20, 7) for count in (500, 501))
    assert len(set(few) - set(more)) <= 1


def test_a_sample_larger_than_what_there_is_takes_everything() -> None:
    mutants = [*made("code", 5), *made("manifest", 3)]
    assert set(sample(mutants, 100, 7)) == set(mutants)
