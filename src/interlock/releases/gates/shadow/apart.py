"""Where code that is being judged runs: the one place that decides it.

Candidate and stable run one after the other, each in a process of its own (``gates.isolation``), so that neither can
touch what is concluded of the other, and neither this process.
"""

import msgspec

from interlock.base.redaction import scrub
from interlock.releases.gates.isolation import Broken, Limits, Nursery, Report
from interlock.releases.gates.shadow.replaying import Replay, Replayed

TASK = "shadow"
LIMITS = Limits(
    wall_ms=180_000,
    step_cpu_ms=15_000,  # the synthetic cases are one step
    memory_bytes=1024 * 1024 * 1024,
    answer_bytes=64 * 1024 * 1024,
)


async def replay_apart(nursery: Nursery, task: Replay, report: Report) -> Replayed:
    """Return what the release of ``task`` does with the recordings; code that misbehaves is ``broken``, with its place.

    Args:
        nursery: a keeper of the task ``shadow``.
        task: what is to be done again.
        report: told of progress.

    Raises:
        IsolationError: no process can be started, or it died of something that is not the release's doing.

    """
    ended = await nursery.run(msgspec.msgpack.encode(task), limits=LIMITS, progress=report)
    if isinstance(ended, Broken):
        return Replayed(broken=scrub(ended.sentence()))
    try:
        return msgspec.msgpack.decode(ended.answer, type=Replayed)
    except msgspec.DecodeError:
        return Replayed(broken="answered with something that cannot be read")
