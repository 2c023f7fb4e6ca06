"""Answers are read again with every key as null that other answers of the operation carry."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.support.shadow_recordings import authorised, recording, rows

from interlock.releases.gates.shadow.nulls import null_probes, with_null
from interlock.releases.gates.shadow.types import Recording

REFERENCE = rows().attempt.id
TAKEN = recording()
REFUSED = recording(
    body=authorised(
        REFERENCE, resultCode="Refused", refusalReason="Refused", additionalData={"refusalReasonRaw": "05 : no"}
    ),
    outcome="declined",
)
PAGE = recording(body=b"<html>busy</html>", status=502, outcome="unknown")


def test_what_one_answer_says_and_another_does_not_is_tried_once_for_each_kind() -> None:
    probes = null_probes([TAKEN, REFUSED, PAGE, TAKEN], limit=100)
    assert [(probe.recording, probe.pointer) for probe in probes] == [(0, "/additionalData"), (0, "/refusalReason")]
    assert null_probes([TAKEN, REFUSED], limit=1) == probes[:1]
    assert null_probes([TAKEN, PAGE], limit=100) == []


JSON = st.recursive(
    st.none() | st.integers(0, 9) | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)


def answered(document: object, outcome: str) -> Recording:
    (answer,) = TAKEN.answers
    return msgspec.structs.replace(
        TAKEN,
        answers=(msgspec.structs.replace(answer, body=msgspec.json.encode(document).decode()),),
        slice=msgspec.structs.replace(TAKEN.slice, outcome=outcome),
    )


@given(JSON, JSON)
def test_a_probe_adds_one_null_and_changes_nothing_else(first: object, second: object) -> None:
    recordings = [answered(first, "approved"), answered(second, "declined")]
    for probe in null_probes(recordings, limit=50):
        before = msgspec.json.decode(recordings[probe.recording].answers[-1].body)
        after = msgspec.json.decode(with_null(recordings[probe.recording], probe.place).answers[-1].body)
        inner = after
        for key in probe.place[:-1]:
            inner = inner[key]
        assert inner.pop(probe.place[-1]) is None
        assert after == before
