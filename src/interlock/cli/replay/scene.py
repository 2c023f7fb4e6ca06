"""The scene of a replay: a whole switch with two simulated gateways in a scratch folder, shoppers in front of it."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from rich.console import Console

from interlock import bootstrap
from interlock.base.context import Scope
from interlock.base.settings import Settings
from interlock.cli.supervision.quickstart import Quickstart
from interlock.cli.supervision.running import Switch
from interlock.cli.supervision.screen import Screen
from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.routing.types import Gateway
from interlock.sandbox.shoppers.crowd import Crowd, Plan
from interlock.sandbox.shoppers.journal import Journal
from interlock.storage.embedded import running_url

CONNECTOR = "stripe"
_RATE_PER_S = 25.0
_RIGHT = 'payment_method_data%5Btype%5D=card&"'
_WRONG = 'payment_method_data%5Btype%5D=cards&"'


class Scene(msgspec.Struct, frozen=True):
    """What the acts of a replay play on."""

    rooms: bootstrap.Rooms
    scope: Scope
    quickstart: Quickstart
    gateways: dict[str, Gateway]

    def __repr__(self) -> str:
        """Return a text without keys."""
        return f"Scene({self.quickstart.api_url})"

    __str__ = __repr__


def misconfigured(mark: str) -> Package:
    """Return the release of the founding report: the connector that came with this version, with one constant wrong.

    Every card payment of it is answered 400 by the gateway; nothing is slow, nothing is down.

    Args:
        mark: goes into a comment, so that each act has a release of its own.

    """
    package = builtin_package(CONNECTOR)
    source = package.files["forms.py"].decode()
    if _RIGHT not in source:
        raise LookupError("the constant that this replay gets wrong is not there any more")
    return Package({**package.files, "forms.py": f"{source.replace(_RIGHT, _WRONG, 1)}# {mark}\n".encode()})


@asynccontextmanager
async def open_scene(log: Path | None = None) -> AsyncIterator[Scene]:
    """Start everything in a folder that is gone afterwards, and give it.

    Args:
        log: where what `up` prints goes; nowhere without it.

    """
    with tempfile.TemporaryDirectory(prefix="interlock-replay-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # noqa: ASYNC240 - nothing runs yet; the database server may run as another user
        settings = Settings(data_dir=folder / ".interlock", database_url=None)
        with (log or folder / "up.log").open("w", encoding="utf-8") as quiet:
            switch = Switch(settings, Screen(Console(file=quiet, width=200)))
            try:
                quickstart = await switch.start()
                url = running_url(settings.data_dir.absolute() / "postgres")
                async with bootstrap.open_rooms(settings, url or "", pool_size=2, serves=True) as rooms:
                    account = (await rooms.access.list_accounts())[0]
                    scope = Scope(account.account_id, livemode=False)
                    found = await rooms.routing.list_gateways(scope)
                    yield Scene(rooms, scope, quickstart, {gateway.name: gateway for gateway in found})
            finally:
                await switch.stop()


def crowd(scene: Scene, seed: int, first: int) -> Crowd:
    """Return shoppers who come until they are told to stop.

    Args:
        scene: where they buy.
        seed: what they want follows from it.
        first: the number of the first order: no order comes twice.

    """
    plan = Plan(seed=seed, rate_per_s=_RATE_PER_S, first=first, all_s=30.0)
    return Crowd(plan, scene.quickstart.api_url, scene.quickstart.secret_key, Journal(None))
