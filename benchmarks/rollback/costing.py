"""What a canary costs the payments: throughput with a healthy candidate and the controller at work, over that without.

In turns, in one run. The candidate may have 5 % and has what its controller gives it at that rate, five payments a
second.

Four API processes, worker and Postgres as in production, the benchmark's own gateway (a simulated one would be the
slowest part and hide the rest), 64 payments in flight. A turn with a canary begins with unmeasured load, until the
controller has as many payments to look at as it ever looks back on.
"""

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import msgspec
from benchmarks import processes
from benchmarks.figures import Results
from benchmarks.processes import Measured, Target
from benchmarks.rollback import trials
from benchmarks.rollback.plan import THROUGHPUT, Plan
from benchmarks.telling import Tell

from interlock import bootstrap
from interlock.base.context import Scope
from interlock.base.settings import Settings
from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.releases.types import Plan as Trial
from interlock.storage.embedded import running_url

_API_PROCESSES = 4
_SHARE_PPM = 50_000
_SHARE_MIN, _SHARE_MAX = 0.0005, 0.07
_CONNECTOR = "stripe"
_TRIAL = Trial(share_ppm=_SHARE_PPM, waits_for_person=True)
_ARMS = (
    "SELECT count(*) FILTER (WHERE arm = 'candidate') AS candidate, count(*) AS all_of_them "
    "FROM attempts WHERE account_id = $1 AND created_at_ms >= $2"
)


class NoCanaryError(Exception):
    """The candidate did not get its share of a turn's payments: such a turn compares nothing."""


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """Payments per second and CPU per payment of one turn, and the candidate's share of it."""

    per_second: float
    cpu_us: dict[str, float]
    candidate_share: float


class Shop:
    """A running product of four API processes, and how to load it."""

    def __init__(
        self, rooms: bootstrap.Rooms, scope: Scope, target: Target, connection: asyncpg.Connection, postgres: int
    ) -> None:
        """Keep the parts."""
        self.rooms = rooms
        self.scope = scope
        self._target = target
        self._connection = connection
        self._postgres = postgres

    async def turn(self, plan: Plan, seed: int) -> Turn:
        """Load it for one turn."""
        measured, began_ms = await self._load(plan, seed)
        row = await self._connection.fetchrow(_ARMS, self.scope.account_id, began_ms)
        assert row is not None
        return turn_of(measured, row["candidate"], row["all_of_them"])

    async def _load(self, plan: Plan, seed: int) -> tuple[Measured, int]:
        measured = await processes.load(
            self._target, count=plan.payments, seed=seed, in_flight=64, warm=plan.warm, postgres=self._postgres
        )
        return measured, int((time.time() - measured.seconds) * 1000)


def turn_of(measured: Measured, candidate: int, payments: int) -> Turn:
    """Return what a turn comes to; the API's processes are one part."""
    names = {name: "api" if name.startswith("api") else name for name in measured.cpu_s}
    cpu_us: dict[str, float] = dict.fromkeys(names.values(), 0.0)
    for name, part in names.items():
        cpu_us[part] += measured.cpu_us(name)
    return Turn(per_second=measured.per_second, cpu_us=cpu_us, candidate_share=candidate / max(1, payments))


async def measure(folder: Path, plan: Plan, seed: int, results: Results, tell: Tell) -> dict[str, object]:
    """Take turns with and without a canary, add their ratios to ``results`` and return what they are made of.

    Raises:
        NoCanaryError: the candidate got next to nothing of a turn with a canary, or anything of one without.

    """
    with_canary: list[Turn] = []
    without: list[Turn] = []
    async with _shop(folder) as shop:
        for number in range(plan.turns):
            tell(f"throughput in turns, with a canary ({number + 1} of {plan.turns})")
            with_canary.append(await _on_trial(shop, plan, seed * 1_000 + 2 * number))
            tell(f"throughput in turns, without ({number + 1} of {plan.turns})")
            without.append(await shop.turn(plan, seed * 1_000 + 2 * number + 1))
            check_shares(with_canary[-1], without[-1])
            results.add(THROUGHPUT, with_canary[-1].per_second / without[-1].per_second)
    return {"with_canary": msgspec.to_builtins(with_canary), "without": msgspec.to_builtins(without)}


async def _on_trial(shop: Shop, plan: Plan, seed: int) -> Turn:
    rooms, files = shop.rooms, builtin_package(_CONNECTOR).files
    (gateway,) = [one for one in await rooms.routing.list_gateways(shop.scope) if one.connector == _CONNECTOR]
    healthy = Package({**files, "extra.py": b'"""What makes this package another one."""\n'})
    async with trials.on_trial(rooms, shop.scope, gateway.id, _TRIAL, package=healthy):
        return await shop.turn(plan, seed)


def check_shares(with_canary: Turn, without: Turn) -> None:
    """Refuse a pair of turns that compares something else.

    Raises:
        NoCanaryError: see :func:`measure`.

    """
    if not _SHARE_MIN <= with_canary.candidate_share <= _SHARE_MAX or without.candidate_share:
        shares = f"{with_canary.candidate_share:.2%} with a canary, {without.candidate_share:.1%} without"
        raise NoCanaryError(f"the candidate took {shares}")


@contextlib.asynccontextmanager
async def _shop(folder: Path) -> AsyncIterator[Shop]:
    folder.mkdir()  # noqa: ASYNC240 - nothing runs yet
    async with processes.product(folder, api_processes=_API_PROCESSES) as (target, _):
        url = running_url(folder / "postgres")
        assert url is not None
        connection = await processes.connect(url)
        try:
            async with bootstrap.open_rooms(Settings(data_dir=folder), url, pool_size=2) as rooms:
                account = (await rooms.access.list_accounts())[0]
                scope = Scope(account.account_id, livemode=False)
                yield Shop(rooms, scope, target, connection, processes.postgres_pid(folder))
        finally:
            await connection.close()
