"""Runs a function of ours that executes candidate code: in a process of its own, under limits, with nothing left over.

Called by the gates and the mutation benchmark. A *keeper* process imports the task's module and whatever is costly
once, never runs candidate code, and forks a *worker* for each run; the worker is confined (:mod:`.confinement`) and
ends as one answer or one clear sentence. Everything dies with the process that asked.

This keeps an accident from hurting: code that allocates, loops, exits, prints, forks, or opens sockets. It is no jail
against malice: judge and judged share the worker. Before this stand the gate ``lint`` and the person who approves.
"""

from interlock.releases.gates.isolation.nursery import Nursery, run_isolated
from interlock.releases.gates.isolation.types import Broken, Finished, Limits, Report

__all__ = ["Broken", "Finished", "Limits", "Nursery", "Report", "run_isolated"]
