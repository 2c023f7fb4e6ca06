"""Ids: unique, sortable by time, and never shared between a process and its fork."""

import os

from hypothesis import given
from hypothesis import strategies as st

from interlock.base.ids import first_id, new_id, new_secret


def test_ids_do_not_repeat() -> None:
    assert len({new_id("pi", 1_790_000_000_000) for _ in range(20_000)}) == 20_000


@given(st.integers(0, 2**42), st.integers(1, 2**20))
def test_a_later_id_sorts_after_an_earlier_one(at_ms: int, gap_ms: int) -> None:
    earlier, later = new_id("pi", at_ms), new_id("pi", at_ms + gap_ms)
    assert first_id("pi", at_ms) <= earlier < first_id("pi", at_ms + gap_ms) <= later


@given(st.integers(0, 5_000))
def test_a_secret_has_the_length_asked_for_and_only_letters_and_digits(length: int) -> None:
    secret = new_secret(length)
    assert len(secret) == length
    assert secret == "" or (secret.isalnum() and secret.isascii())


def test_a_forked_child_draws_other_characters_than_its_parent() -> None:
    new_secret(8)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, new_secret(16).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 64).decode() != new_secret(16)
    os.close(reading)
    os.close(writing)
