"""What came of a drill, and who is told meanwhile."""

from collections.abc import Callable

import msgspec

Tell = Callable[[str, str], None]
"""Told which drill does what."""


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What one gate said: its verdict, how long it took, and its first finding in words. ``stops`` is False also where
    it is in doubt about no more than it is of the unchanged connector."""

    gate: str
    verdict: str
    stops: bool
    seconds: float
    said: str = ""


class Harm(msgspec.Struct, frozen=True, kw_only=True):
    """What a drill did while it was live. ``lost`` are purchases that a good card could not make, ``wrong`` payments
    whose money is not what their shop was told, ``minor`` how much of it, ``untold`` those that nothing names."""

    payments: int = 0
    lost: int = 0
    wrong: int = 0
    minor: int = 0
    untold: int = 0
    open: int = 0
    examples: tuple[str, ...] = ()


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one drill.

    ``stopped_by`` is a stage of :data:`~interlock.cli.drills.stages.ORDER`, None where nothing stopped it. ``holds``
    says whether it came out as it must: a fault in time and with nobody charged wrongly in silence, an innocent change
    not blamed. ``told`` is who was told what, in words.
    """

    id: str
    title: str
    provider: str
    innocent: bool
    faults: tuple[str, ...]
    earliest: str | None
    stopped_by: str | None
    in_time: bool
    holds: bool
    harm: Harm
    told: tuple[str, ...]
    gates: tuple[Examined, ...]
    seconds: float
    problem: str = ""
