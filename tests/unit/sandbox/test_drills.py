import re
import tomllib
from pathlib import Path

import pytest

from interlock.base.errors import ConfigurationError
from interlock.base.redaction import scrub
from interlock.sandbox.drills.reading import BUILT_IN, MANIFEST, read_drills
from interlock.sandbox.drills.types import Drill, Edit, Manifest, Truth

CATALOGUE = frozenset(
    [
        "F001", "F002", "F004", "F005", "F008", "F009", "F010", "F011", "F014", "F015", "F016", "F018", "F020", "F021",
        "F022", "F024", "F026", "F027", "F028", "F029", "F031", "F032", "F033", "F034", "F037", "F038", "F040", "F041",
        "F042", "F043", "F045", "F046", "F048", "F050", "F051", "F052", "F054", "F055", "F056", "F057", "F059", "F060",
        "F064", "F066", "F068", "F069", "F071", "F072", "F073", "F074", "F076", "F077", "F079", "F081", "F083", "F084",
        "F085", "F087", "F090", "F091", "F093", "F094", "F096", "F097", "F098", "F101", "F102",
    ]
)  # fmt: skip
PLACEHOLDER = re.compile(r"\{(live|test|other)\.[a-z_]+\}")
GOOD = """
title = "A fault"
provider = "stripe"
earliest = "static_lint"
[truth]
wrong = "something"
customer = "nothing"
[[edit]]
file = "forms.py"
new = "# nothing"
"""


def written(folder: Path, text: str, name: str = "F999_mine") -> Path:
    (folder / name).mkdir(parents=True)
    (folder / name / MANIFEST).write_text(text, encoding="utf-8")
    return folder


def drill(*edits: Edit) -> Drill:
    truth = Truth(wrong="w", customer="c")
    return Drill(id="F999", manifest=Manifest(title="t", provider="stripe", truth=truth, edit=edits))


def test_every_fault_of_the_catalogue_is_drilled_or_is_told_why_not() -> None:
    drilled = {fault for one in read_drills([BUILT_IN]) for fault in one.manifest.faults}
    reasons = tomllib.loads((BUILT_IN / "not_drilled.toml").read_text(encoding="utf-8"))
    assert drilled | set(reasons) == CATALOGUE
    assert not drilled & set(reasons)
    assert all(set(said) == {"title", "why"} and said["why"] for said in reasons.values())


def test_a_drill_is_named_after_the_fault_it_is_of_and_no_manifest_holds_a_secret() -> None:
    for one in read_drills([BUILT_IN]):
        assert not one.manifest.faults or one.id[:4] in one.manifest.faults
        text = (BUILT_IN / one.id / MANIFEST).read_text(encoding="utf-8")
        plain = PLACEHOLDER.sub("", text)
        assert scrub(plain) == plain


def test_innocent_drills_are_among_them_and_have_no_stage_to_be_stopped_at() -> None:
    innocent = [one for one in read_drills([BUILT_IN]) if one.manifest.innocent]
    assert len(innocent) >= 4
    assert all(one.manifest.earliest is None for one in innocent)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "F999_mine/drill.toml: is no TOML"),
        (GOOD.replace('"static_lint"', '"soon"'), "F999_mine/drill.toml earliest: Invalid enum value 'soon'"),
        (GOOD.replace("title", "titel"), "F999_mine/drill.toml: Object contains unknown field `titel`"),
        (
            GOOD.replace('wrong = "something"\n', ""),
            "F999_mine/drill.toml truth: Object missing required field `wrong`",
        ),
        (GOOD.replace('earliest = "static_lint"\n', ""), "F999_mine/drill.toml earliest: is given for every fault"),
        (f'{GOOD}[traffic]\nbrands = ["acme"]', "F999_mine/drill.toml traffic.brands: no shopper has acme"),
        (f'{GOOD}[[sandbox]]\nkind = "flood"', "F999_mine/drill.toml sandbox[0].kind: Invalid enum value 'flood'"),
        (
            f'{GOOD}[[sandbox]]\nkind = "html"\nprobability = 2.0',
            "F999_mine/drill.toml sandbox[0]: probability: must be",
        ),
        (f'package = "gone"\n{GOOD.partition("[[edit]]")[0]}', "F999_mine/drill.toml package: there is no folder gone"),
        (GOOD.partition("[[edit]]")[0], "F999_mine/drill.toml change: nothing is changed"),
    ],
)
def test_a_wrong_manifest_is_one_line_that_names_folder_and_field(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_drills([written(tmp_path, text)])
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_a_folder_without_a_drill_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no drill"):
        read_drills([tmp_path])


def test_one_drill_and_a_folder_of_drills_are_both_taken(tmp_path: Path) -> None:
    folder = written(written(tmp_path, GOOD), GOOD, "F998_other")
    assert [one.id for one in read_drills([folder])] == ["F998_other", "F999_mine"]
    assert [one.id for one in read_drills([folder / "F998_other"])] == ["F998_other"]
    with pytest.raises(ConfigurationError, match="is there twice"):
        read_drills([folder, folder / "F998_other"])


def test_a_package_beside_the_manifest_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = written(tmp_path, f'package = "made"\n{GOOD.partition("[[edit]]")[0]}')
    (folder / "F999_mine" / "made").mkdir()
    (folder / "F999_mine" / "made" / "connector.py").write_bytes(b"whole = 1\n")
    [one] = read_drills([folder])
    assert one.changes_release
    assert one.edited({"connector.py": b"other", "manifest.toml": b""}) == {"connector.py": b"whole = 1\n"}


def test_edits_are_made_one_after_the_other_and_only_where_they_fit() -> None:
    made = drill(
        Edit(file="a.py", old="one", new="two"), Edit(file="a.py", old="two", new="three"), Edit(file="b.py", new="b")
    ).edited({"a.py": b"one\n"})
    assert made == {"a.py": b"three\n", "b.py": b"b"}
    for text in (b"one one\n", b"none of it\n"):
        with pytest.raises(ValueError, match="stands there"):
            drill(Edit(file="a.py", old="one one one"[: 3 if b"one one" in text else 11], new="x")).edited(
                {"a.py": text}
            )
