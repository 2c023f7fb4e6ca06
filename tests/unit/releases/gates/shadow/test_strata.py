"""Rare kinds of payments are taken before the many plain ones; a share is named by what its payments have in common."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.gateways.contract import Operation
from interlock.releases.gates.shadow.strata import described_share, in_turn, noun
from interlock.releases.gates.shadow.types import Slice


@given(st.lists(st.sampled_from(["aaaaaaaaab", "c"][0] + "bc"), max_size=60), st.integers(1, 20))
def test_every_kind_has_its_turn_before_any_has_another(kinds: list[str], limit: int) -> None:
    numbered = list(enumerate(kinds))
    order = list(in_turn(numbered, lambda each: each[1]))
    assert sorted(order) == numbered
    taken = Counter(kind for _, kind in order[:limit])
    left = Counter(kind for _, kind in order[limit:])
    for kind, count in taken.items():
        assert all(count <= taken[other] + 1 for other in left)
        newest = [number for number, each in numbered if each == kind][:count]
        assert [number for number, each in order[:limit] if each == kind] == newest


def part(**changes: Any) -> Slice:
    return Slice(
        **{"operation": Operation.SALE, "outcome": "approved", "currency": "usd", "network": "visa", **changes}
    )


KNOWN, UNKNOWN = part(credential="merchant_known"), part(credential="merchant_unknown")
PLAIN, YEN = part(), part(currency="jpy")
EVERYTHING = [*[PLAIN] * 30, *[YEN] * 5, *[KNOWN] * 28, *[UNKNOWN] * 12, part(operation=Operation.REFUND)]


@pytest.mark.parametrize(
    ("affected", "said"),
    [
        ([UNKNOWN] * 12, "12 of 12 recorded merchant-initiated sales without a network transaction id"),
        ([KNOWN, *[UNKNOWN] * 11], "12 of 40 recorded merchant-initiated sales"),
        ([YEN] * 5, "5 of 5 recorded JPY sales"),
        ([PLAIN, YEN, KNOWN], "3 of 75 recorded sales"),
        ([part(operation=Operation.REFUND)], "1 of 1 recorded refunds"),
    ],
)
def test_a_share_is_told_of_the_narrowest_part_that_one_property_names(affected: list[Slice], said: str) -> None:
    assert described_share(affected, EVERYTHING) == said


@pytest.mark.parametrize("operation", [*Operation, None])
def test_every_operation_has_a_name_for_one_and_for_many(operation: Operation | None) -> None:
    assert noun(operation) != noun(operation, 1)
    assert noun(operation).endswith("s")
