"""Values of the isolation: limits, what a run ends as, and what parent and child tell each other."""

from collections.abc import Callable

import msgspec

Report = Callable[[str, int, int], None]
"""Tells the parent of progress and begins a new step, whose CPU time is bounded on its own (``Limits.step_cpu_ms``)."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one run may use at most.

    ``wall_ms`` bounds all of it, ``step_cpu_ms`` the processor time between two reports of progress: a loop without end
    is found by it soon, and a machine under load does not set it off. ``memory_bytes`` comes on top of what the keeper
    has loaded.
    """

    wall_ms: int = 60_000
    step_cpu_ms: int = 5_000
    memory_bytes: int = 512 * 1024 * 1024
    answer_bytes: int = 16 * 1024 * 1024
    printed_bytes: int = 65_536
    open_files: int = 64
    file_bytes: int = 1024 * 1024


class Finished(msgspec.Struct, frozen=True):
    """The task returned ``answer``."""

    answer: bytes


class Broken(msgspec.Struct, frozen=True):
    """The task did not return. ``reason`` is one phrase; ``where`` the candidate's file and line (``answers.py:12``),
    empty where no code of the candidate was running or nothing could find it out."""

    reason: str
    where: str = ""

    def sentence(self) -> str:
        """Return both in one line."""
        return f"{self.where}: {self.reason}" if self.where else self.reason


class Warm(msgspec.Struct, frozen=True):
    """The keeper's first message: which task to load, and what to prepare with."""

    task: str
    argument: bytes


class Order(msgspec.Struct, frozen=True):
    """One run."""

    task: str
    argument: bytes
    limits: Limits


class Step(msgspec.Struct, frozen=True, array_like=True):
    """Progress."""

    what: str
    done: int
    total: int
