"""A sweep goes on after the one before, and begins again when it has come to the end."""

from interlock.payments.rotation import Rotation


def test_a_full_batch_is_gone_on_after_and_a_short_one_was_the_last() -> None:
    rotation = Rotation("due_ms", limit=2)
    assert rotation.after == (0, "")
    rotation.read([{"due_ms": 5, "id": "a"}, {"due_ms": 5, "id": "b"}])
    assert rotation.after == (5, "b")
    rotation.read([{"due_ms": 6, "id": "c"}])
    assert rotation.after == (0, "")
    rotation.read([])
    assert rotation.after == (0, "")
