"""Values that the gate's parent and its confined child hand each other."""

import msgspec

from interlock.releases.gates.certify.providers import Provider
from interlock.releases.gates.types import Finding


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the gate is run.

    ``only`` are globs over names of cases (``refund *``); all without any. ``stop_at_first`` ends with the first case
    that fails: the cases that tell most for least time run first. ``at_once`` cases run side by side, for ``wall_ms``
    at most; between the ends of two cases no more than ``step_cpu_ms`` of processor time may go by.
    """

    only: tuple[str, ...] = ()
    stop_at_first: bool = False
    at_once: int = 24
    wall_ms: int = 120_000
    step_cpu_ms: int = 8_000


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One run: the packages (packed), the simulated gateway, and an empty database with every migration applied.

    ``settings`` and ``stable_settings`` are the account's own, where one is given; what the provider's sandbox is
    known by stands over them. ``books_since`` is the last line of the gateway's books that is of an earlier run.
    """

    package: bytes
    stable: bytes | None
    provider: Provider
    sandbox_url: str
    database_url: str
    books_since: int
    settings: dict[str, str]
    stable_settings: dict[str, str]
    options: Options

    def __repr__(self) -> str:
        """Return a text without packages and credentials."""
        return f"Order({self.provider.name} at {self.sandbox_url})"

    __str__ = __repr__


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What the child found; times are left to the parent."""

    checks: dict[str, int]
    findings: tuple[Finding, ...]
    left_out: tuple[str, ...]
    measured: dict[str, bool | int | str]
