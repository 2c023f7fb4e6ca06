"""The benchmark itself, small: real gates judge a seeded handful of mutants of one connector, some known by name."""

import asyncio
from pathlib import Path

import pytest
from benchmarks.mutants.catalogue import catalogue, sample
from benchmarks.mutants.gauntlet import Gauntlet, open_gauntlet
from benchmarks.mutants.judged import Judged
from benchmarks.mutants.mutant import Mutant
from msgspec.structs import replace

from interlock.gateways.loader import builtin_package
from interlock.releases.gates.contract.comparing import Touch
from interlock.releases.gates.types import Gate

_GATEWAY = "adyen"
_SEED = 7
_COUNT = 9


def made(file: str, old: str, new: str) -> Mutant:
    text = builtin_package(_GATEWAY).files[file].decode()
    assert text.count(old) == 1, f"{file} has no such text any more"
    content = text.replace(old, new).encode()
    return Mutant(id=new, family="code", gateway=_GATEWAY, file=file, place="1", operator="o", content=content)


async def judged(gauntlet: Gauntlet, mutants: list[Mutant]) -> list[Judged]:
    return list(await asyncio.gather(*(gauntlet.judge(one) for one in mutants)))


@pytest.mark.timeout(240)
async def test_real_gates_stop_what_a_seeded_sample_and_known_changes_break(specs: Path) -> None:
    times = made("bodies.py", '{"value": value, "currency"', '{"value": value * 100, "currency"')
    comment = made("bodies.py", "def payment_body(", "# nothing changes here\n\n\ndef payment_body(")
    hidden = replace(comment, id="hidden", hidden="timing", touches="signature")
    drawn = sample(catalogue([_GATEWAY]), _COUNT, _SEED)
    async with open_gauntlet([_GATEWAY], specs, lanes=2) as gauntlet:
        wrong_amount, same, unseen, *rest = await judged(gauntlet, [times, comment, hidden, *drawn])
    assert wrong_amount.stop is not None
    assert wrong_amount.stop.gate in {Gate.LINT, Gate.CONTRACT}
    assert wrong_amount.money
    assert wrong_amount.touched == {Touch.AMOUNT}
    assert same.equivalent
    assert same.observed == 0
    assert not unseen.equivalent
    assert unseen.survives
    assert unseen.money
    assert {one.family for one in rest} == {"code", "manifest", "semantic"}
    assert len(rest) == _COUNT
    bad = [one for one in rest if not one.equivalent]
    assert all(one.stop is not None for one in bad if one.money), "a change about money passed every gate"
    assert sum(one.stop is not None for one in bad) >= len(bad) - 1
    assert not [one.errors for one in rest if one.errors]
