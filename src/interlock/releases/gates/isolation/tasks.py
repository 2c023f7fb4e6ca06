"""The tasks that may be run in isolation, by name: a list of ours, so that no message can name any other code.

A task is a function ``(argument: bytes, report: Report) -> bytes``. Its ``warm`` function, where it has one, prepares
the keeper (parsed documents, compiled schemas); it must not run code of a candidate.
"""

from collections.abc import Callable
from importlib import import_module
from typing import cast

import msgspec

from interlock.releases.gates.isolation.types import Report


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Where a task's code is."""

    module: str
    function: str
    warm: str | None = None


_GATES = "interlock.releases.gates"

TASKS: dict[str, Task] = {
    "contract": Task(module=f"{_GATES}.contract.examination", function="examine", warm="warm"),
    "contract_compare": Task(module=f"{_GATES}.contract.comparing", function="compare", warm="prepare"),
    "diff": Task(module="interlock.releases.comparing", function="compared"),
    "inspect": Task(module="interlock.releases.inspection", function="check"),
    "load": Task(module=f"{_GATES}.isolation.loading", function="load"),
    "shadow": Task(module=f"{_GATES}.shadow.replaying", function="replay_packed", warm="prepare"),
    "certify": Task(module=f"{_GATES}.certify.child", function="certify"),
}


def run_function(name: str) -> Callable[[bytes, Report], bytes]:
    """Return the function of the task ``name``; raises KeyError where there is none."""
    task = TASKS[name]
    return cast("Callable[[bytes, Report], bytes]", getattr(import_module(task.module), task.function))


def warm_function(name: str) -> Callable[[bytes], None] | None:
    """Import the task ``name`` and return what prepares a keeper for it; raises KeyError where there is none."""
    task = TASKS[name]
    module = import_module(task.module)
    return cast("Callable[[bytes], None]", getattr(module, task.warm)) if task.warm else None
