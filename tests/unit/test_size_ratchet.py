import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("size_ratchet", Path(__file__).parents[2] / "tools" / "size_ratchet.py")
assert _spec is not None
assert _spec.loader is not None
size_ratchet = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(size_ratchet)


def _offenders(tmp_path: Path, source: str) -> list[str]:
    path = tmp_path / "sample.py"
    path.write_text(source, encoding="utf-8")
    return [line.removeprefix(str(path)) for line in size_ratchet.offenders(path)]


def test_the_limits_themselves_are_allowed(tmp_path: Path) -> None:
    function = "def f():\n" + "    x = 1\n" * 59
    assert _offenders(tmp_path, function) == []
    assert _offenders(tmp_path, "x = 1\n" * 500) == []


def test_one_line_more_is_named_with_its_place(tmp_path: Path) -> None:
    function = "\n@property\ndef f():\n" + "    x = 1\n" * 59
    assert _offenders(tmp_path, function) == [":2: function f has 61 lines, at most 60"]
    assert _offenders(tmp_path, "x = 1\n" * 501) == [":1: file has 501 lines, at most 500"]


def test_methods_and_inner_functions_count_too(tmp_path: Path) -> None:
    source = "class A:\n    async def f(self):\n" + "        x = 1\n" * 60
    assert _offenders(tmp_path, source) == [":2: function f has 61 lines, at most 60"]
