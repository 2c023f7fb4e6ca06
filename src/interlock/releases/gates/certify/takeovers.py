"""Cross-version: each of two releases finishes what the other began, and a rollback in the middle. Lives in the child.

Whatever is told of it is read by :mod:`interlock.releases.takeover` and decides who finishes real payments: a direction
is proven when every follow-on that the beginner's manifest claims was finished by the other release, and nothing else.
"""

import asyncio
import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec.structs import replace

from interlock.gateways.manifest import Change, Manifest
from interlock.gateways.package import Package
from interlock.releases.gates.certify.audit.comparing import Difference
from interlock.releases.gates.certify.cases import crossing, rollbacks
from interlock.releases.gates.certify.house import House, Shop
from interlock.releases.gates.certify.playing import PREFIX, Player
from interlock.releases.gates.certify.stage import Stage
from interlock.releases.gates.types import Finding, Verdict
from interlock.releases.takeover import CANDIDATE_FINISHES_STABLE, STABLE_FINISHES_CANDIDATE, STABLE_PACKAGE
from interlock.routing.releases import Release

CROSS, ROLLBACK = "cross_version", "rollback"
_ANNOUNCEABLE = frozenset(
    f"{PREFIX}.{check}" for check in (CROSS, "totals", "holds", "outcomes", "refunds", "ledger", "unsettled")
)
_LOOK_AGAIN = "look at the log; this is the gate's or the sandbox's fault"


@dataclass(frozen=True, slots=True)
class Direction:
    """Who finishes whose payments. ``mark`` begins the names of its cases, ``key`` is what is measured."""

    mark: str
    key: str
    beginner: str
    finisher: str


FORTH = Direction("stable finishes", STABLE_FINISHES_CANDIDATE, "the candidate", "stable")
BACK = Direction("candidate finishes", CANDIDATE_FINISHES_STABLE, "stable", "the candidate")
_ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True)
class Version:
    """A package, what its manifest claims, and the settings of the account that runs it."""

    package: Package
    manifest: Manifest
    settings: Mapping[str, str]


class _Stand:
    """One direction: its shop, what is asked of it, what cannot be asked, and what was played to its end."""

    def __init__(self, direction: Direction, first: Version, second: Version) -> None:
        asked = crossing.crossings(first.manifest)
        possible = {one.name for one in crossing.crossings(common(first.manifest, second.manifest))}
        self.direction = direction
        self.first, self.second = first, second
        self.asked = tuple(one for one in asked if one.name in possible)
        self.lacking = tuple(one.name for one in asked if one.name not in possible)
        self.shop: Shop | None = None
        self.release: Release | None = None
        self.begun: dict[str, Any] = {}
        self.played: set[str] = set()

    def case(self, one: crossing.Crossing) -> str:
        """Return the name of a case of this direction."""
        return f"{self.direction.mark} {one.name}"


class Takeovers:
    """Both directions and the rollbacks, each in a shop of its own."""

    def __init__(self, house: House, player: Player, candidate: Version, stable: Version) -> None:
        """Let ``player`` play them in ``house``."""
        self._house = house
        self._player = player
        self._candidate = candidate
        self._stable = stable
        self._stands = (_Stand(FORTH, candidate, stable), _Stand(BACK, stable, candidate))
        both = common(candidate.manifest, stable.manifest)
        self._rollbacks = [name for name in rollbacks.names(both) if player.wanted(name)]
        self._rolled_back: tuple[Shop, Release] | None = None

    async def prepare(self) -> None:
        """Open the shops, each with the second release stored.

        Raises:
            ConfigurationError: a manifest does not fit the account at the simulated gateway.

        """
        for stand in self._stands:
            wanted = [one for one in stand.asked if self._player.wanted(stand.case(one))]
            self._player.expect(len(wanted))
            if wanted:
                mark = stand.direction.mark
                stand.shop = await self._house.new_shop(mark, stand.first.package, stand.first.settings)
                stand.release = await self._house.propose(stand.shop, stand.second.package, mark)
                await self._house.certify(stand.shop, stand.release, stand.first.package.id)
        self._player.expect(len(self._rollbacks))
        if self._rollbacks:
            shop = await self._house.new_shop(_ROLLED_BACK, self._stable.package, self._stable.settings)
            self._rolled_back = shop, await self._house.propose(shop, self._candidate.package, _ROLLED_BACK)
        await self._house.look()

    async def play(self) -> None:
        """Play all of it."""
        await asyncio.gather(*(self._cross(stand) for stand in self._stands), self._roll_back())

    # What is told

    def proven(self, differences: Iterable[Difference]) -> dict[str, bool | str]:
        """Return what was seen of either side, in the words of ``releases.takeover``.

        A candidate that has failed anything finishes nobody's payments, and money that nobody can place proves nothing.

        Args:
            differences: what the auditor found.

        """
        failed, unplaced = set(self._player.score.failed), False
        for one in differences:
            failed.add(one.case)
            unplaced = unplaced or not one.case
        seen = {stand.direction.key: not unplaced and self._is_seen(stand, failed) for stand in self._stands}
        its_own = {case for case in failed if not case.startswith(FORTH.mark)}
        seen[CANDIDATE_FINISHES_STABLE] = seen[CANDIDATE_FINISHES_STABLE] and not its_own
        return {STABLE_PACKAGE: self._stable.package.id, **seen}

    @staticmethod
    def _is_seen(stand: _Stand, failed: set[str]) -> bool:
        cases = {stand.case(one) for one in stand.asked}
        return bool(cases) and not stand.lacking and cases <= stand.played and not cases & failed

    def split(self, findings: Iterable[Finding]) -> tuple[list[Finding], tuple[str, ...]]:
        """Return the findings that stand, and those of what the manifest announces as sentences of what is left out.

        A release may break with the one before on purpose (``changes`` with place ``cross_version <case>``): nothing is
        taken over then. Money that was charged twice, or in another amount, cannot be announced.
        """
        stand, announced = [], dict[str, str]()
        for one in findings:
            change = self._announcement(one.where) if one.check in _ANNOUNCEABLE else None
            if change is None:
                stand.append(one)
            else:
                told = f"{CROSS}: {one.where}: {one.problem} (announced: {change.why}), so that nothing is taken over"
                announced.setdefault(one.where, told)
        return stand, (*self._lacking(), *announced.values())

    def _announcement(self, case: str) -> Change | None:
        if not case.startswith((FORTH.mark, BACK.mark)):
            return None
        changes = self._candidate.manifest.changes
        return next((one for one in changes if fnmatch.fnmatchcase(f"{CROSS} {case}", one.place)), None)

    def _lacking(self) -> tuple[str, ...]:
        """Return what could not be asked of a side, and what follows from that."""
        return tuple(
            f"{CROSS}: {stand.direction.finisher} lacks what {stand.direction.beginner} claims "
            f"({', '.join(stand.lacking)}), and does not take its payments over"
            for stand in self._stands
            if stand.lacking
        )

    # Playing

    async def _cross(self, stand: _Stand) -> None:
        if stand.shop is None or stand.release is None:
            return
        shop = stand.shop
        wanted = [one for one in stand.asked if self._player.wanted(stand.case(one))]
        stages = {one.name: Stage(self._house, shop, stand.case(one)) for one in wanted}
        began = self._house.serving(shop).release.id

        async def begin(one: crossing.Crossing) -> None:
            stand.begun[one.name] = await one.begin(stages[one.name])

        async def finish(one: crossing.Crossing) -> None:
            if one.name not in stand.begun:
                return
            case = stand.case(one)
            if await self._player.step(CROSS, case, lambda: one.finish(stages[one.name], stand.begun[one.name])):
                stand.played.add(case)

        await asyncio.gather(
            *(self._player.step(CROSS, stand.case(one), partial(begin, one), ends=False) for one in wanted)
        )
        sent = len(self._house.transport.sent)
        await self._house.install(shop, stand.release)
        await asyncio.gather(*(finish(one) for one in wanted))
        self._expect_other(stand, began, sent)

    def _expect_other(self, stand: _Stand, began: str, sent: int) -> None:
        """Note it when the release that began went on by itself: then nothing was proven."""
        since = {one.release_id for one in self._house.transport.sent[sent:]}
        if began in since or (stand.played and stand.release is not None and stand.release.id not in since):
            problem = f"{stand.direction.finisher} was not asked to finish what {stand.direction.beginner} began"
            self._player.score.add(CROSS, stand.direction.mark, problem, Verdict.ERROR, _LOOK_AGAIN)
            stand.played.clear()

    async def _roll_back(self) -> None:
        if self._rolled_back is None or self._player.is_over():
            return
        shop, release = self._rolled_back
        await self._house.install(shop, release)
        stages = {name: Stage(self._house, shop, name) for name in self._rollbacks}
        begun: Mapping[str, Any] = {}

        async def begin() -> None:
            nonlocal begun
            begun = await rollbacks.begin(stages, partial(self._house.roll_back, shop, release))

        if not await self._player.step(ROLLBACK, self._rollbacks[0], begin, ends=False):
            return
        await asyncio.gather(
            *(
                self._player.step(ROLLBACK, name, partial(rollbacks.ends_right, stages[name], begun[name]))
                for name in self._rollbacks
            )
        )


def common(one: Manifest, other: Manifest) -> Manifest:
    """Return ``one`` with no more claimed than ``other`` claims too: more cannot be asked across releases."""
    able, also = one.capabilities, other.capabilities
    both = replace(
        able,
        operations=tuple(operation for operation in able.operations if operation in also.operations),
        methods=tuple(method for method in able.methods if method in also.methods),
        stored_credentials=tuple(name for name in able.stored_credentials if name in also.stored_credentials),
        partial_capture=able.partial_capture and also.partial_capture,
        incremental=able.incremental and also.incremental,
        partial_refund=able.partial_refund and also.partial_refund,
        three_d_secure=able.three_d_secure and also.three_d_secure,
        inquiry=able.inquiry if also.inquiry != "none" else "none",
    )
    return replace(one, capabilities=both, webhook=one.webhook if other.webhook is not None else None)
