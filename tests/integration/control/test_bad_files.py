"""Files that are no connector, over HTTP: one line with file, field or line; nothing is half created."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.control.conftest import Control
from tests.support.release_verbs import counts

Files = dict[str, str]


def _append(text: str) -> Callable[[Files], Files]:
    return lambda files: {**files, "connector.py": files["connector.py"] + text}


def _manifest(old: str, new: str) -> Callable[[Files], Files]:
    def change(files: Files) -> Files:
        assert old in files["manifest.toml"]
        return {**files, "manifest.toml": files["manifest.toml"].replace(old, new, 1)}

    return change


def _without(name: str) -> Callable[[Files], Files]:
    return lambda files: {key: text for key, text in files.items() if key != name}


BAD: dict[str, tuple[Callable[[Files], Files], str]] = {
    "syntax error": (_append("\ndef broken(:\n"), r"connector\.py:\d+: cannot be imported: SyntaxError"),
    "endless loop": (_append("\nwhile True:\n    pass\n"), r"connector\.py:\d+: used more than 2 s"),
    "one gigabyte": (_append("\nx = bytearray(1 << 30)\n"), r"connector\.py:\d+: .*[Mm]emory"),
    "ends the process": (_append("\nimport os\nos._exit(0)\n"), r"connector\.py:\d+: ends the process"),
    "opens a socket": (_append("\nimport socket\nsocket.socket()\n"), r"connector\.py:\d+: opens a socket"),
    "missing manifest": (_without("manifest.toml"), r"files\.manifest\.toml: is missing"),
    "missing package": (_without("__init__.py"), r"files\.__init__\.py: is missing"),
    "missing module": (_without("connector.py"), r"__init__\.py:\d+: cannot be imported"),
    "a way out": (lambda files: {**files, "../x.py": ""}, r"files\.\.\./x\.py: does not belong"),
    "a program": (lambda files: {**files, "run.sh": ""}, r"files\.run\.sh: does not belong"),
    "a configuration": (lambda files: {**files, "release.toml": ""}, r"files\.release\.toml: does not belong"),
    "too large a file": (lambda files: {**files, "a.md": "x" * 262_145}, r"files\.a\.md: is larger than 256 KiB"),
    "too much": (lambda files: {**files, **{f"a{n}.md": "x" * 200_000 for n in range(6)}}, r"files: are more than"),
    "too many": (lambda files: {**files, **{f"a{n}.md": "" for n in range(64)}}, r"files: are more than 64"),
    "unknown field": (_manifest("title =", "nonsense = 1\ntitle ="), r"manifest\.toml .*unknown field `nonsense`"),
    "no TOML": (_manifest("title =", "title"), r"manifest\.toml: is not TOML .*line \d+"),
    "other contract": (
        _manifest("contract_version = 1", "contract_version = 9"),
        r"manifest\.toml contract_version: is 9",
    ),
    "other provider": (_manifest('name = "stripe"', 'name = "paypal"'), r"manifest\.toml name: is 'paypal'"),
}


async def test_bad_files_are_one_line_with_their_place_and_nothing_is_half_created(
    control: Control, files: Files
) -> None:
    rows = await counts(control.rooms.foundation.database)
    for name, (spoil, complaint) in BAD.items():
        body: Any = {"gateway": "stripe", "note": "try", "files": spoil(files)}
        refused = await control.refused("/releases", **body)
        assert (refused["status"], refused["code"]) == (400, "release_invalid"), (name, refused)
        assert re.search(complaint, refused["message"]), (name, refused)
        assert "\n" not in refused["message"], name
        assert refused["message"].startswith(refused["param"]), (name, refused)
    assert await counts(control.rooms.foundation.database) == rows


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"credentials": {"nonsense": "x"}}, "credentials.nonsense"),
        ({"credentials": {"secret_key": "sk_live_" + "Q7rT2vX9" * 4}}, "credentials.secret_key"),
        ({"settings": {"nonsense": "x"}}, "settings.nonsense"),
        ({"settings": {"base_url": "nowhere"}}, "base_url"),
        ({"credentials_expire_at_ms": {"secret_key": 5}}, "credentials_expire_at_ms.secret_key"),
    ],
)
async def test_a_wrong_setting_or_secret_is_told_by_its_field_and_not_repeated(
    control: Control, more: dict[str, Any], param: str
) -> None:
    rows = await counts(control.rooms.foundation.database)
    refused = await control.refused("/releases", gateway="stripe", note="try", **more)
    assert (refused["status"], refused["param"]) == (400, param)
    assert "Q7rT2vX9" not in refused["message"]
    assert await counts(control.rooms.foundation.database) == rows
