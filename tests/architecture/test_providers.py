"""What import-linter cannot say: a provider folder may import exactly these modules of ours, and itself."""

import ast
from pathlib import Path

import pytest

_SOURCE = Path(__file__).parents[2] / "src" / "interlock"
_ALLOWED = {"interlock.gateways.contract", "interlock.gateways.outcomes", "interlock.base.money"}
_NO_OUTSIDE = {"asyncio", "datetime", "os", "random", "secrets", "socket", "ssl", "subprocess", "threading", "time"}
_PROVIDERS = sorted(path.parent for path in (_SOURCE / "gateways").glob("*/connector.py"))


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module)
    return found


def test_there_are_providers_to_check() -> None:
    assert _PROVIDERS


@pytest.mark.parametrize("folder", _PROVIDERS, ids=lambda folder: folder.name)
def test_a_provider_imports_only_the_contract_and_money(folder: Path) -> None:
    own = f"interlock.gateways.{folder.name}"
    for path in folder.rglob("*.py"):
        ours = {name for name in _imports(path) if name.split(".")[0] == "interlock"}
        assert {name for name in ours - _ALLOWED if name != own and not name.startswith(f"{own}.")} == set(), path


@pytest.mark.parametrize("folder", _PROVIDERS, ids=lambda folder: folder.name)
def test_a_provider_reads_no_clock_opens_no_socket_and_draws_nothing(folder: Path) -> None:
    for path in folder.rglob("*.py"):
        assert {name.split(".")[0] for name in _imports(path)} & _NO_OUTSIDE == set(), path


def test_the_sandbox_imports_nothing_of_ours_but_base() -> None:
    for path in (_SOURCE / "sandbox").rglob("*.py"):
        ours = {name for name in _imports(path) if name.split(".")[0] == "interlock"}
        assert {name for name in ours if not name.startswith(("interlock.sandbox", "interlock.base"))} == set(), path


def test_only_the_command_line_knows_the_sandbox() -> None:
    for path in _SOURCE.rglob("*.py"):
        if not {_SOURCE / "sandbox", _SOURCE / "cli"} & set(path.parents):
            assert not any(name.startswith("interlock.sandbox") for name in _imports(path)), path
