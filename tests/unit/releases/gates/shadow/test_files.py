"""Recordings as a file: what is written is read again, and what is none is refused in words."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from tests.support.shadow_keeper import one_keeper, verdict
from tests.support.shadow_recordings import recording

from interlock.base.errors import ConfigurationError
from interlock.gateways.loader import builtin_package
from interlock.releases.gates.shadow import Recordings, from_file, run, to_file
from interlock.releases.gates.types import Subject, Verdict

ONE = recording()
WHOLE = Recordings(connector="adyen", livemode=False, recordings=(ONE, ONE), left_out={"x": 2}, traffic={"sale": 9})


def test_a_file_is_read_as_it_was_written_a_recording_a_line() -> None:
    data = to_file(WHOLE)
    assert len(data.splitlines()) == 3
    assert from_file(data) == WHOLE


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff\xfe", to_file(WHOLE) + b'{"case": 1}\n'])
def test_what_is_no_file_of_recordings_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"traffic\.jsonl: holds no recordings"):
        from_file(data, "traffic.jsonl")


def test_a_file_of_another_format_is_refused() -> None:
    data = to_file(msgspec.structs.replace(WHOLE, format=2))
    with pytest.raises(ConfigurationError, match="has format 2, not 1"):
        from_file(data)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _keeper() -> AsyncIterator[None]:
    async with one_keeper():
        yield


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.usefixtures("_keeper")
async def test_a_recording_that_somebody_has_broken_is_left_out_and_said() -> None:
    broken = msgspec.structs.replace(ONE, request=msgspec.structs.replace(ONE.request, fields={}))
    given = msgspec.structs.replace(WHOLE, recordings=(broken, ONE))
    package = builtin_package("adyen")
    report = await run(Subject(package=package, livemode=False, stable=package), lambda *_: None, given)
    assert (verdict(report), report.measured["replayed"]) == (Verdict.INCONCLUSIVE, 1)
    assert "recordings: 1 left out, what was stored of it cannot be read" in report.left_out


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.usefixtures("_keeper")
async def test_a_candidate_that_cannot_be_loaded_fails_and_a_broken_stable_is_an_error() -> None:
    good = builtin_package("adyen")
    bad = type(good)({**good.files, "connector.py": b"import nothing_of_that_name\n"})
    nonsense = type(good)({**good.files, "manifest.toml": b"name = 1"})
    for package in (bad, nonsense):
        report = await run(Subject(package=package, livemode=False, stable=good), lambda *_: None, WHOLE)
        assert (report.verdict, report.findings[0].where) == (Verdict.FAILED, "the candidate")
        report = await run(Subject(package=good, livemode=False, stable=package), lambda *_: None, WHOLE)
        assert Verdict.ERROR in {each.verdict for each in report.findings}
        assert report.verdict is not Verdict.PASSED
