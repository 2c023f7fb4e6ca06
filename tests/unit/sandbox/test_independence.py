import ast
from collections.abc import Iterator
from pathlib import Path

import interlock.sandbox

ROOM = Path(interlock.sandbox.__file__).parent
GATEWAY_FILES = [path for path in ROOM.rglob("*.py") if path.relative_to(ROOM).parts[0] not in {"shoppers", "drills"}]
ALLOWED = ("interlock.sandbox", "interlock.base.ids", "interlock.base.money", "interlock.base.clock")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_simulated_gateways_share_no_code_with_the_connectors() -> None:
    ours = {name for path in GATEWAY_FILES for name in imported(path) if name.startswith("interlock")}
    assert not {name for name in ours if not name.startswith(ALLOWED)}


def test_the_two_providers_do_not_know_each_other() -> None:
    for provider, other in (("stripe", "adyen"), ("adyen", "stripe")):
        names = {name for path in (ROOM / provider).rglob("*.py") for name in imported(path)}
        assert not {name for name in names if name.startswith(f"interlock.sandbox.{other}")}
