"""Runs a gate in a process of its own: it can be stopped whatever it does, and takes no time from this one's.

Called by ``cli`` and ``releases.examining``. What :func:`interlock.releases.gates.running.run_gate` does inside one
process stands here behind a wall: a loop without end, an exit or a flood of memory ends as a report that holds the
release. The child gets the subject (credentials too) through a pipe and dies with this process.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping

import msgspec

from interlock.base.redaction import scrub
from interlock.releases.gates.child import PREFIX, Order, Said, encode_order
from interlock.releases.gates.running import REGISTRY, Registered, broken, checked, is_absent, run_gate, too_late
from interlock.releases.gates.types import Gate, GateReport, Progress, Subject

_KEPT = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "INTERLOCK_SPECS", "INTERLOCK_PROVIDERS"}
)
_KEPT_BEGINNING = "INTERLOCK_CERTIFY_SANDBOX_"
"""Variables that a gate may see: none that could hold a secret. Addresses of sandboxes are among them."""
_LINE_BYTES_MAX = 32 << 20
_COMPLAINT_BYTES_MAX = 8_000
_GRACE_S = 3.0
_HELD = "the release is held meanwhile"


async def run_apart(
    gate: Gate,
    subject: Subject,
    progress: Progress,
    *,
    recordings: bytes | None = None,
    gently: bool = False,
    registry: Mapping[Gate, Registered] = REGISTRY,
) -> GateReport:
    """Run one gate in a child process; whatever becomes of that, a report comes back and nothing is left running.

    Args:
        gate: which.
        subject: what is examined.
        progress: told of its steps.
        recordings: of real traffic, as ``gates.shadow.to_file`` writes them.
        gently: with the lowest priority, because payments run on this machine.
        registry: where gates are.

    """
    if is_absent(gate, registry):
        return await run_gate(gate, subject, progress, registry=registry)
    registered = registry[gate]
    order = encode_order(Order(gate=gate, registered=registered, subject=subject, recordings=recordings, gently=gently))
    child = await _started()
    try:
        # The gate keeps its own deadline; this one is for the gate that cannot.
        async with asyncio.timeout(registered.deadline_s + _GRACE_S):
            return await _report(child, gate, order, progress)
    except TimeoutError:
        return too_late(gate, registered.deadline_s)
    finally:
        await _ended(child)


async def _started() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        # -P: a folder that somebody else filled is no place to take modules from.
        *(sys.executable, "-P", "-m", "interlock.releases.gates.child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_BEGINNING)},
        limit=_LINE_BYTES_MAX,
        start_new_session=True,
    )


async def _report(child: asyncio.subprocess.Process, gate: Gate, order: bytes, progress: Progress) -> GateReport:
    assert child.stdin is not None
    assert child.stdout is not None
    complaint = asyncio.create_task(_last_line(child.stderr))
    try:
        with contextlib.suppress(ConnectionError):  # a child that died says why on its standard error
            child.stdin.write(len(order).to_bytes(PREFIX, "big") + order)
            await child.stdin.drain()
        while line := await _line(child.stdout):
            said = msgspec.json.decode(line, type=Said)
            if said.report is not None:
                return checked(gate, said.report)
            progress(said.what, said.done, said.total)
        status = await child.wait()
        await _ended(child)
        return broken(gate, f"its process ended with {_status(status)}: {await complaint}", f"report it; {_HELD}")
    except msgspec.MsgspecError as error:
        return broken(gate, f"its process said what cannot be read ({error})", f"report it; {_HELD}")
    finally:
        complaint.cancel()


async def _line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # longer than the limit
        raise msgspec.ValidationError(f"a line of more than {_LINE_BYTES_MAX >> 20} MiB") from None


async def _last_line(stream: asyncio.StreamReader | None) -> str:
    """Read to the end, so that the child never waits for a reader, and return the last line."""
    assert stream is not None
    kept = b""
    while chunk := await stream.read(65_536):
        kept = (kept + chunk)[-_COMPLAINT_BYTES_MAX:]
    lines = kept.decode("utf-8", "replace").strip().splitlines()
    return scrub(lines[-1])[:300] if lines else "it said nothing"


def _status(status: int) -> str:
    if status >= 0:
        return f"status {status}"
    name = signal.Signals(-status).name if -status in {one.value for one in signal.Signals} else str(-status)
    return f"signal {name}"


async def _ended(child: asyncio.subprocess.Process) -> None:
    """Kill the child with everything it started in its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    await child.wait()
