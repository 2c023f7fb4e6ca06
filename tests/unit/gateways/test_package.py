"""Packages: what a folder may hold, what its hash names, and releases that run side by side in one process."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.base.errors import ConfigurationError, ConnectorError
from interlock.gateways.loader import builtin_package, known_gateways, load, load_package
from interlock.gateways.package import FILE_BYTES_MAX, FILES_MAX, Package, pack, read_folder, unpack


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "stripe"
    folder.mkdir()
    for name, content in builtin_package("stripe").files.items():
        (folder / name).write_bytes(content)
    return folder


def test_the_id_changes_with_code_manifest_and_names() -> None:
    first = Package({"manifest.toml": b"x = 1", "a.py": b"A = 1"})
    others = [
        Package({**first.files, "a.py": b"A = 2"}),
        Package({**first.files, "manifest.toml": b"x = 2"}),
        Package({"manifest.toml": b"x = 1", "b.py": b"A = 1"}),
    ]
    assert len({first.id, *(other.id for other in others)}) == 4
    assert Package(dict(reversed(first.files.items()))).id == first.id


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.binary(max_size=40), max_size=5))
def test_a_package_comes_back_from_the_database_as_it_went(files: dict[str, bytes]) -> None:
    package = Package(files)
    assert unpack(pack(package)) == package


@pytest.mark.parametrize("content", [b"", b"nonsense", pack(Package({}))[:-3], pack(Package({"a": b"0" * 3_000_000}))])
def test_bytes_that_are_no_package_are_refused(content: bytes) -> None:
    with pytest.raises(ConfigurationError):
        unpack(content)


def test_a_folder_reads_as_the_package_it_was_copied_from(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    (folder / "__pycache__").mkdir()
    (folder / ".hidden").write_text("x")
    (folder / "release.toml").write_text("x")
    assert read_folder(folder).id == builtin_package("stripe").id


@pytest.mark.parametrize("name", ["manifest.toml", "__init__.py"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = _folder(tmp_path)
    (folder / name).unlink()
    with pytest.raises(ConfigurationError, match=f"stripe/{name}: is missing"):
        read_folder(folder)


def test_a_symbolic_link_out_is_refused_by_name(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    (folder / "extra.py").symlink_to("/etc/passwd")
    with pytest.raises(ConfigurationError, match=r"stripe/extra.py: is a symbolic link"):
        read_folder(folder)


def test_pipes_folders_other_files_and_large_ones_are_refused(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    os.mkfifo(folder / "pipe.py")
    with pytest.raises(ConfigurationError, match=r"pipe.py: is no plain file"):
        read_folder(folder)
    (folder / "pipe.py").unlink()
    (folder / "more").mkdir()
    with pytest.raises(ConfigurationError, match=r"more: is no plain file"):
        read_folder(folder)
    (folder / "more").rmdir()
    (folder / "lib.so").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"lib.so: does not belong into a package"):
        read_folder(folder)
    (folder / "lib.so").unlink()
    (folder / "large.py").write_bytes(b"#" * (FILE_BYTES_MAX + 1))
    with pytest.raises(ConfigurationError, match=r"large.py: is larger than 256 KiB"):
        read_folder(folder)


def test_a_folder_of_too_many_files_is_refused(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    for number in range(FILES_MAX):
        (folder / f"m{number}.py").write_text("")
    with pytest.raises(ConfigurationError, match=f"more than {FILES_MAX} files"):
        read_folder(folder)


def test_two_packages_of_one_connector_run_side_by_side() -> None:
    package = builtin_package("stripe")
    other = Package({**package.files, "extra.py": b"A = 1"})
    mine, theirs = load_package(package, "rel_a"), load_package(other, "rel_b")
    assert (mine.release_id, theirs.release_id) == ("rel_a", "rel_b")
    assert type(mine.connector) is not type(theirs.connector)
    assert load_package(package, "rel_c").connector is mine.connector


def test_code_that_cannot_be_imported_is_named_with_its_line() -> None:
    package = builtin_package("adyen")
    with pytest.raises(ConnectorError, match=r"^answers.py:3: cannot be imported: ZeroDivisionError"):
        load_package(Package({**package.files, "answers.py": b"\n\n1/0"}))
    with pytest.raises(ConnectorError, match=r"^http.py:2: cannot be imported: SyntaxError"):
        load_package(Package({**package.files, "http.py": b"\ndef (:"}))


@pytest.mark.parametrize("name", known_gateways())
def test_a_broken_package_hides_no_other(name: str) -> None:
    with pytest.raises(ConnectorError):
        load_package(Package({**builtin_package(name).files, "connector.py": b"raise SystemError"}))
    assert load(name).name == name
