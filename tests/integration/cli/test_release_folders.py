"""What a folder and its release.toml say: whatever is wrong is one line with its place, and nothing is half created."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.cli.conftest import Interlock, created, one_line
from tests.support.release_verbs import copied_connector, counts, everything, with_database

from interlock.cli.output import ExitCode
from interlock.storage.database import Database


@pytest.fixture
def rows(database_url: str) -> Callable[[], dict[str, int]]:
    return lambda: with_database(database_url, counts)


def test_a_release_toml_names_settings_secrets_by_variable_and_their_end(
    shop: Interlock, folder: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("NEW_KEY", "sk_test_" + "n" * 30)
    (folder / "release.toml").write_text(
        '[settings]\nbase_url = "http://127.0.0.1:4242"\n'
        '[credentials]\nsecret_key = "@NEW_KEY"\n[expires]\nsecret_key = 2031-01-31\n'
    )
    release = created(shop, folder)
    assert release["settings"] == {"base_url": "http://127.0.0.1:4242"}

    async def end_of(database: Database) -> tuple[int, str]:
        ends = await database.fetchval(
            "SELECT expires_at_ms FROM gateway_credentials WHERE id = $1", release["credentials"]["secret_key"]
        )
        return ends, await everything(database)

    ends, text = with_database(database_url, end_of)
    assert ends == 1_927_584_000_000
    assert "sk_test_nnnnn" not in text
    assert "base_url" not in shop("release", "show", created(shop, folder, "--set", "base_url=")["id"]).out


def test_a_new_key_alone_is_a_release(shop: Interlock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEW_KEY", "sk_test_" + "n" * 30)
    said = shop(
        *("release", "create", "--gateway", "stripe", "--note", "rotation", "--json"),
        *("--credential", "secret_key=@NEW_KEY", "--expires", "secret_key=2031-01-31"),
    )
    release, was = said.json(), shop("release", "list", "--json").json()[-1]
    assert release["package_id"] == was["package_id"]
    assert release["credentials"]["secret_key"] != was["credentials"]["secret_key"]
    assert release["base_release_id"] == was["id"]


@pytest.mark.parametrize(
    ("configuration", "complaint"),
    [
        ('[credentials]\nsecret_key = "sk_test_clear1234"\n', "credentials secret_key: is given in clear"),
        ('[credentials]\nsecret_key = "@NOT_SET"\n', "credentials secret_key: the variable NOT_SET is not set"),
        ("[setings]\na = 1\n", "release.toml: Object contains unknown field `setings`"),
        ("[settings]\nport = 1\n", "release.toml settings"),
        ("[settings\n", "release.toml: is no TOML"),
        ("[expires]\nsecret_key = 2031-01-31\n", "--expires secret_key: is the end of a secret that is not given"),
    ],
)
def test_a_wrong_release_toml_is_told_by_file_and_field(
    shop: Interlock, folder: Path, rows: Callable[[], dict[str, int]], configuration: str, complaint: str
) -> None:
    before = rows()
    (folder / "release.toml").write_text(configuration)
    said = shop("release", "create", str(folder), "--gateway", "stripe", "--note", "try")
    assert said.code in {ExitCode.USAGE, ExitCode.CONFIGURATION}
    assert complaint in one_line(said)
    assert "clear1234" not in said.err
    assert rows() == before


Spoil = Callable[[Path], object]


def _append(name: str, text: str) -> Spoil:
    return lambda folder: (folder / name).write_text((folder / name).read_text() + text)


def _manifest(old: str, new: str) -> Spoil:
    def change(folder: Path) -> None:
        path = folder / "manifest.toml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def _huge(folder: Path) -> None:
    with (folder / "connector.py").open("r+b") as file:
        file.truncate(1 << 30)


def _link_out(folder: Path) -> None:
    (folder / "connector.py").unlink()
    (folder / "connector.py").symlink_to("/etc/passwd")


BAD: dict[str, tuple[Spoil, str]] = {
    "syntax error": (_append("connector.py", "\ndef broken(:\n"), r"connector.py:\d+: cannot be imported: SyntaxError"),
    "endless loop": (_append("connector.py", "\nwhile True:\n    pass\n"), r"connector.py:\d+: used more than 2 s"),
    "ends the process": (_append("connector.py", "\nimport os\nos._exit(0)\n"), r"connector.py:\d+: ends the process"),
    "eats memory": (_append("connector.py", "\nx = 'a' * 10**11\n"), r"connector.py:\d+: .*MemoryError"),
    "one gigabyte": (_huge, r"stripe/connector.py: is larger than 256 KiB"),
    "missing manifest": (lambda folder: (folder / "manifest.toml").unlink(), r"stripe/manifest.toml: is missing"),
    "missing module": (lambda folder: (folder / "connector.py").unlink(), r"__init__.py:\d+: cannot be imported"),
    "link out": (_link_out, r"stripe/connector.py: is a symbolic link"),
    "unknown field": (_manifest("title =", "nonsense = 1\ntitle ="), r"manifest.toml .*unknown field `nonsense`"),
    "other contract": (
        _manifest("contract_version = 1", "contract_version = 9"),
        r"manifest.toml contract_version: is 9",
    ),
    "other provider": (_manifest('name = "stripe"', 'name = "paypal"'), r"manifest.toml name: is 'paypal'"),
    "evil pattern": (
        _manifest("[credentials.secret_key]", '[credentials.secret_key]\npattern = "((?:[a-z0-9_]+)+)+!"'),
        r"manifest.toml: used more than 2 s|manifest.toml .*",
    ),
    "a program": (lambda folder: (folder / "run.sh").write_text("x"), r"stripe/run.sh: does not belong"),
    "a folder": (lambda folder: (folder / "more").mkdir(), r"stripe/more: is no plain file"),
    "no folder": (lambda folder: folder.rename(folder.with_name("gone")), r"stripe: is no folder"),
}


def test_a_bad_folder_is_one_line_with_its_place_and_nothing_is_half_created(
    shop: Interlock, tmp_path: Path, rows: Callable[[], dict[str, int]]
) -> None:
    before = rows()
    for number, (name, (spoil, complaint)) in enumerate(BAD.items()):
        folder = copied_connector(tmp_path / str(number))
        spoil(folder)
        said = shop("release", "create", str(folder), "--gateway", "stripe", "--note", "try")
        assert said.code in {ExitCode.CONFIGURATION, ExitCode.USAGE}, (name, said.err)
        assert re.search(complaint, one_line(said)), (name, said.err)
    assert rows() == before


CHECKED = {
    "syntax error": r"connector\.py:\d+: cannot be parsed \(SyntaxError",
    "endless loop": r"connector\.py:\d+: loops without an end",
    "ends the process": r"connector\.py:\d+: imports os, which reaches files",
    "one gigabyte": r"stripe/connector\.py: is larger than 256 KiB",
    "missing manifest": r"stripe/manifest\.toml: is missing",
    "missing module": r"__init__\.py:\d+: imports connector, and there is no connector\.py",
    "link out": r"stripe/connector\.py: is a symbolic link",
    "unknown field": r"manifest\.toml .*unknown field `nonsense`",
    "other contract": r"manifest\.toml contract_version: is 9",
    "evil pattern": r"manifest\.toml credentials\.secret_key\.pattern: can take for ever",
    "a program": r"stripe/run\.sh: does not belong",
}


def test_check_tells_a_bad_folder_with_its_place_and_fails(tmp_path: Path, interlock_alone: Interlock) -> None:
    for number, (name, complaint) in enumerate(CHECKED.items()):
        folder = copied_connector(tmp_path / str(number))
        BAD[name][0](folder)
        said = interlock_alone("release", "check", str(folder), "--gate", "lint")
        assert said.code == ExitCode.FAILED, (name, said.out, said.err)
        told = [line for line in (said.out + said.err).splitlines() if re.search(complaint, line)]
        assert len(told) == 1, (name, said.out, said.err)
        assert "Traceback" not in said.out + said.err


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("while True:\n            pass", r"connector\.py:\d+: used more than 5 s"),
        ("bytearray(1 << 30)", r"connector\.py:\d+: authorise raises MemoryError"),
    ],
)
def test_a_call_that_never_ends_or_takes_all_memory_is_told_by_its_line(
    folder: Path, interlock_alone: Interlock, lines: str, complaint: str
) -> None:
    module = folder / "connector.py"
    head, found, rest = module.read_text().partition('intent with manual capture."""\n')
    assert found
    module.write_text(f"{head}{found}        {lines}\n{rest}")
    said = interlock_alone("release", "check", str(folder), "--gate", "contract", "--json")
    assert said.code == ExitCode.FAILED
    sentences = [f"{one['where']}: {one['problem']}" for one in said.json()["gates"][0]["findings"]]
    assert any(re.match(complaint, sentence) for sentence in sentences), sentences
