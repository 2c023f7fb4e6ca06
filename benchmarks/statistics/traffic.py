"""Payments of innocent canaries: both arms are one release, and everything else goes wrong around them.

Four scenarios, each a table over the payments of one canary. Whatever happens, happens to both arms alike; the arm is
drawn with the logged share and nothing else knows it. Only a retry is not drawn: it goes where its payer went before.
"""

from collections.abc import Iterator

import msgspec
import numpy as np
from benchmarks.statistics.delays import MIXED
from benchmarks.statistics.twin import Bools, Floats, Ints

PAYMENTS = 1_000
"""Payments of one canary, both arms together."""

STRATA = len(MIXED.shares)


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What holds at each payment of a canary; every field but the last has one entry (or row) per payment.

    ``share_ppm`` is the candidate's share, ``mix`` the strata's shares, ``worse`` the part of good payments that is
    declined on top of the stratum's rate; ``technical``, ``slow`` and ``missing`` are rates. With ``retries`` a payer
    who was declined tries again with the same card and on the same arm, and earlier payers come back.
    """

    share_ppm: Ints
    mix: Floats
    worse: Floats
    technical: Floats
    slow: Floats
    missing: Floats
    retries: bool = False


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One payment in each canary. A missing one has no other verdict."""

    payer: Ints
    stratum: Ints
    treated: Bools
    share_ppm: Ints
    missing: Bools
    bad: Bools
    technical: Bools
    slow: Bools


def plain() -> Scenario:
    """Nothing happens."""
    everywhere = np.ones(PAYMENTS)
    return Scenario(
        share_ppm=np.full(PAYMENTS, 50_000),
        mix=np.broadcast_to(np.array(MIXED.shares), (PAYMENTS, STRATA)),
        worse=0.0 * everywhere,
        technical=0.01 * everywhere,
        slow=0.02 * everywhere,
        missing=0.003 * everywhere,
    )


def drift() -> Scenario:
    """Approval falls from .92 to .69 and comes back, the mix of strata turns over, the share is raised on the way."""
    part = np.linspace(0.0, 1.0, PAYMENTS)
    turned = np.array(MIXED.shares)[::-1]
    return msgspec.structs.replace(
        plain(),
        share_ppm=np.select([part < 0.3, part < 0.6], [10_000, 50_000], 200_000),
        mix=(1.0 - part[:, None]) * np.array(MIXED.shares) + part[:, None] * turned,
        worse=0.25 * np.sin(np.pi * part) ** 2,
        slow=0.02 + 0.1 * part,
    )


def gateway_outage() -> Scenario:
    """For a tenth of the time most payments fail, are slow or get lost; just before, the share was raised."""
    down = (np.arange(PAYMENTS) >= PAYMENTS // 3) & (np.arange(PAYMENTS) < PAYMENTS // 3 + PAYMENTS // 10)
    return msgspec.structs.replace(
        plain(),
        share_ppm=np.where(np.arange(PAYMENTS) < PAYMENTS // 3 - 20, 50_000, 200_000),
        technical=np.where(down, 0.7, 0.01),
        slow=np.where(down, 0.5, 0.02),
        missing=np.where(down, 0.2, 0.003),
    )


def sticky_retries() -> Scenario:
    """Whoever is declined tries up to three times more, with nine in ten declined again; one in twenty comes back."""
    return msgspec.structs.replace(plain(), retries=True)


SCENARIOS = {
    "plain": plain,
    "drift": drift,
    "gateway_outage": gateway_outage,
    "sticky_retries": sticky_retries,
}
_RETRIES_MAX = 3
_RETRIES, _FAILS_AGAIN, _COMES_BACK = 0.7, 0.9, 0.05


def payments(scenario: Scenario, canaries: int, chance: np.random.Generator) -> Iterator[Step]:
    """Yield the payments of ``canaries`` canaries, one of each at a time."""
    base = np.array(MIXED.bad)
    tries: Ints = np.zeros(canaries, dtype=np.int64)
    last: Step | None = None
    for at, share_ppm in enumerate(scenario.share_ppm):
        limits = np.cumsum(scenario.mix[at])
        stratum = np.minimum(np.searchsorted(limits, chance.random(canaries) * limits[-1], side="right"), STRATA - 1)
        treated = chance.random(canaries) < share_ppm / 1e6
        payer: Ints = np.full(canaries, at)
        declines = base[stratum] + (1.0 - base[stratum]) * scenario.worse[at]
        if scenario.retries and last is not None:
            back = chance.random(canaries) < _COMES_BACK
            payer = np.where(back, chance.integers(0, at, canaries), payer)
            tries = np.where(last.bad & ~last.missing & (tries < _RETRIES_MAX), tries + 1, 0)
            again = (tries > 0) & (chance.random(canaries) < _RETRIES)
            tries = np.where(again, tries, 0)
            payer = np.where(again, last.payer, payer)
            stratum, treated = np.where(again, last.stratum, stratum), np.where(again, last.treated, treated)
            declines = np.where(again, _FAILS_AGAIN, declines)
        last = _verdicts(scenario, at, chance, declines, payer=payer, stratum=stratum, treated=treated)
        yield last


def _verdicts(
    scenario: Scenario,
    at: int,
    chance: np.random.Generator,
    declines: Floats,
    *,
    payer: Ints,
    stratum: Ints,
    treated: Bools,
) -> Step:
    technical = chance.random(len(payer)) < scenario.technical[at]
    return Step(
        payer=payer,
        stratum=stratum,
        treated=treated,
        share_ppm=np.full(len(payer), scenario.share_ppm[at]),
        missing=chance.random(len(payer)) < scenario.missing[at],
        bad=technical | (chance.random(len(payer)) < declines),
        technical=technical,
        slow=chance.random(len(payer)) < scenario.slow[at],
    )
