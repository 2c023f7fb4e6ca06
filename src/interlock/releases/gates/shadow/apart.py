"""Where code that is being judged runs: the one place that decides it.

Candidate and stable run separately, so that neither can touch what is concluded of the other.
"""

import asyncio

from interlock.releases.gates.shadow.replaying import Replay, Replayed, replay


async def replay_apart(task: Replay) -> Replayed:
    """Return what the release of ``task`` does with the recordings, without stopping this process's event loop."""
    return await asyncio.to_thread(replay, task)
