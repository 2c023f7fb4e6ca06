"""Each payer counts once, in bounded memory, whatever order things come in."""

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from interlock.releases.canary.payers import Payers

claims = st.tuples(st.integers(0, 12), st.integers(0, 2), st.integers(0, 6))


def _claim(payers: Payers, claim: tuple[int, int, int]) -> bool:
    payer, payment, event = claim
    return payers.claim(f"payer_{payer}", f"at_{payer}_{payment}", event)


@given(st.lists(claims, max_size=120))
def test_only_the_first_payment_of_a_payer_speaks_and_says_each_thing_once(
    events: Sequence[tuple[int, int, int]],
) -> None:
    payers, first, said = Payers(), dict[int, int](), set[tuple[int, int]]()
    for payer, payment, event in events:
        counts = first.setdefault(payer, payment) == payment and (payer, event) not in said
        if counts:
            said.add((payer, event))
        assert _claim(payers, (payer, payment, event)) is counts


@given(st.lists(claims, max_size=120), st.integers(1, 6))
def test_a_full_register_keeps_a_fixed_part_of_the_payers_and_never_forgets_one_that_it_keeps(
    events: Sequence[tuple[int, int, int]], limit: int
) -> None:
    payers, first, said = Payers(limit=limit), dict[int, int](), set[tuple[int, int]]()
    for payer, payment, event in events:
        counted = _claim(payers, (payer, payment, event))
        allowed = first.setdefault(payer, payment) == payment and (payer, event) not in said
        if allowed:
            said.add((payer, event))
        assert allowed or not counted
        assert len(payers.claims) <= limit


def test_a_full_register_halves_and_goes_on() -> None:
    payers = Payers(limit=1_000)
    counted = [payers.claim(f"payer_{number}", f"at_{number}", 0) for number in range(16_000)]
    assert all(counted[:1_000])
    assert payers.halvings in {4, 5}
    assert 300 <= len(payers.claims) <= 1_000
    share = sum(counted[-2_000:]) / 2_000
    assert abs(share - 0.5**payers.halvings) < 0.02


@given(st.lists(claims, max_size=80), st.integers(0, 80), st.sampled_from([3, 1_000]))
def test_a_register_that_was_stored_goes_on_alike(events: Sequence[tuple[int, int, int]], cut: int, limit: int) -> None:
    through, restarted = Payers(limit=limit), Payers(limit=limit)
    for number, event in enumerate(events):
        if number == cut:
            restarted = msgspec.msgpack.decode(msgspec.msgpack.encode(restarted), type=Payers)
        assert _claim(restarted, event) is _claim(through, event)
    assert restarted == through


@given(st.lists(claims, max_size=80), st.sampled_from([3, 1_000]))
def test_a_register_built_again_from_all_earlier_claims_is_the_same(
    events: Sequence[tuple[int, int, int]], limit: int
) -> None:
    through = Payers(limit=limit)
    for event in events:
        _claim(through, event)
    again = Payers(limit=limit, halvings=through.halvings)
    for event in events:
        _claim(again, event)
    assert again.halvings == through.halvings
    assert set(through.claims) <= set(again.claims)


def test_nobody_is_named_in_it() -> None:
    payers = Payers()
    payers.claim("somebody@example.com", "at_1", 0)
    assert b"somebody" not in msgspec.json.encode(payers)
