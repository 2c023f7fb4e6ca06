"""Whatever bytes a package is made of, the gate answers with a report: it raises nothing and lets nothing odd pass."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.lint import LIVE, edited, findings_of, named, report_of

from interlock.gateways.loader import builtin_package
from interlock.gateways.package import FILE_BYTES_MAX, FILES_MAX, Package
from interlock.releases.gates.lint.notes import FINDINGS_MAX
from interlock.releases.gates.types import GateReport, Verdict

ADYEN = builtin_package("adyen").files
ADYEN_TEXT = ADYEN["notifications.py"]


def with_module(content: bytes) -> Package:
    return Package({**ADYEN, "http.py": content})


def alone(content: bytes) -> Package:
    return Package({"__init__.py": content, "manifest.toml": ADYEN["manifest.toml"]})


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_bytes_as_a_module_are_examined(content: bytes) -> None:
    assert findings_of(alone(content))


@given(st.binary(max_size=300))
@settings(max_examples=40, deadline=None)
def test_any_bytes_as_a_manifest_are_examined(content: bytes) -> None:
    assert named(findings_of(Package({"__init__.py": b"", "manifest.toml": content})), "manifest")


@given(st.text(alphabet="()[]{}:,.=+-*/%<>!'\"\\#@ \n\tabcdefiorstuwxyz01_", max_size=120))
@settings(max_examples=60, deadline=None)
def test_any_source_is_examined(source: str) -> None:
    assert findings_of(alone(source.encode()))


@given(st.binary(max_size=200), st.binary(max_size=200))
@settings(max_examples=15, deadline=None)
def test_any_bytes_pass_through_the_whole_gate_to_a_report_that_can_be_stored(module: bytes, manifest: bytes) -> None:
    package = Package({"__init__.py": module, "manifest.toml": manifest})
    report = report_of(package, stable=package, config=LIVE["stripe"], stable_config=LIVE["stripe"], livemode=True)
    assert report.verdict is Verdict.FAILED
    assert msgspec.json.decode(msgspec.json.encode(report), type=GateReport) == report
    assert not [finding for finding in report.findings if finding.verdict is Verdict.ERROR]


@given(st.lists(st.tuples(st.integers(0, len(ADYEN_TEXT) - 1), st.integers(0, 40), st.binary(max_size=4)), max_size=3))
@settings(max_examples=25, deadline=None)
def test_a_connector_that_was_cut_and_spliced_is_examined(cuts: list[tuple[int, int, bytes]]) -> None:
    content = ADYEN_TEXT
    for start, length, inserted in cuts:
        content = content[:start] + inserted + content[start + length :]
    findings_of(Package({**ADYEN, "notifications.py": content}))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x = (", "cannot be parsed"),
        (b"def f(:\n    pass\n", "http.py:1"),
        (b"return 1\n", "cannot be parsed"),
        (b"x = '\xff'\n", "is no UTF-8"),
        (b"x = 1\n\ny = '\0'\n", "http.py:3: holds a NUL"),
        (b"# -*- coding: latin-1 -*-\nx = 1\n", "says it is latin-1"),
        ("\u0430bc = 1\n".encode(), "is not ASCII"),
        (b"x = " + b"(" * 300 + b"1" + b")" * 300, "cannot be parsed"),
        (b"x = " + b"-" * 200 + b"1", "levels deep"),
        (b"x = " + b"+".join([b"1"] * 2500), "http.py"),
        (b"x = " + b"[" * 90 + b"]" * 90, "levels deep"),
        (b"x = 1\n" * 2500, "more than 2000 lines"),
        (b"import re\n_P = re.compile('\\d')\n", "invalid escape"),
        (b"def f(x):\n    return x is 'a'\n", "is"),
    ],
)
def test_source_that_cannot_be_examined_is_named(content: bytes, said: str) -> None:
    found = named(findings_of(with_module(content)), "syntax")
    assert any(said in finding.sentence() for finding in found), [each.sentence() for each in found]


def test_what_a_module_that_cannot_be_parsed_would_have_read_is_not_held_against_it() -> None:
    assert named(findings_of(Package({**ADYEN, "answers.py": b"x = ("})), "reads") == []


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"../evil.py": b"x = 1"}, "is no plain name"),
        ({"a b.py": b"x = 1"}, "is no plain name"),
        ({"ca.pem": b"x"}, "is no plain name"),
        ({"big.py": b"#" * (FILE_BYTES_MAX + 1)}, "KiB"),
        ({f"m{number}.py": b"" for number in range(FILES_MAX)}, "files, at most"),
        ({f"m{number}.md": b"x" * 200_000 for number in range(6)}, "holds more than"),
    ],
)
def test_files_that_no_package_holds_are_named(files: dict[str, bytes], said: str) -> None:
    found = named(findings_of(Package({**ADYEN, **files})), "package")
    assert any(said in finding.sentence() for finding in found)


@pytest.mark.parametrize("absent", ["manifest.toml", "__init__.py"])
def test_a_package_without_what_it_needs_is_told_so(absent: str) -> None:
    report = report_of(Package({name: content for name, content in ADYEN.items() if name != absent}))
    assert report.verdict is Verdict.FAILED
    assert f"{absent}: is missing; a release needs it" in [finding.sentence() for finding in report.findings]


def test_an_empty_package_is_told_so() -> None:
    assert report_of(Package({})).verdict is Verdict.FAILED


def test_findings_are_bounded_and_say_how_many_more_there_are() -> None:
    source = "".join(f"def f{number}(x):\n    print(x)\n" for number in range(FINDINGS_MAX + 20))
    findings = findings_of(with_module(source.encode()))
    assert len(findings) == FINDINGS_MAX + 1
    assert findings[-1].check == "lint.findings"
    assert "findings more" in findings[-1].problem


def test_no_finding_repeats_a_secret_or_a_card_number() -> None:
    key, card = "sk_live_" + "9fK2vQ7xT1bN4mZ8", "4242424242424242"
    package = edited(
        "adyen", "http.py", "_MAX_KEY = 64", f'_MAX_KEY = 64\n_A = "{key}"\n_B = "{card}"\n_C = f"/{{{card}}}"'
    )
    findings = findings_of(package)
    assert {finding.check for finding in findings} >= {"lint.literals"}
    assert not [finding for finding in findings if key in repr(finding) or card in repr(finding)]


def test_a_check_that_breaks_is_an_error_and_keeps_no_other_from_its_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("no")

    monkeypatch.setattr("interlock.releases.gates.lint.gate.state.check", broken)
    report = report_of(edited("adyen", "http.py", "    headers = {", "    print(body)\n    headers = {"))
    assert {finding.check: finding.verdict for finding in report.findings} == {
        "lint.output": Verdict.FAILED,
        "lint.state": Verdict.ERROR,
    }
