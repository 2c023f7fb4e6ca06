"""Gate ``certify``: drives a release through the real payment rooms against a simulated gateway, then holds both books
against each other. Called by the release gates' runner, the CLI and the mutation benchmark.

:func:`run` certifies one release with everything of its own, and leaves nothing behind; a :class:`Workshop` keeps
database, sandbox and child warm for many. docs/release_gates_certify.md tells which cases there are.
"""

from interlock.releases.gates.certify.types import Options
from interlock.releases.gates.certify.workshop import Workshop
from interlock.releases.gates.types import GateReport, Progress, Subject

__all__ = ["Options", "Workshop", "run"]


async def run(subject: Subject, progress: Progress) -> GateReport:
    """Examine ``subject``; raises nothing that the subject can cause."""
    async with Workshop() as workshop:
        return await workshop.certify(subject, progress)
