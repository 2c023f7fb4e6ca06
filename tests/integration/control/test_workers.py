"""Runs of gates that are asked for over HTTP and done by worker processes: killed with -9 in the middle, taken over."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.integration.control.conftest import Control

from interlock.releases.examinations import LEASE_MS

Files = dict[str, str]
_LOWEST = 19
_SLOW = "\n# the module takes its time\nfor _ in range(6_000_000):\n    pass\n"


@asynccontextmanager
async def worker(control: Control, folder: Path) -> AsyncIterator[Process]:
    """Run a worker process on the test's database."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("INTERLOCK_")},
        "PYTHONPATH": os.pathsep.join(sys.path),
        "INTERLOCK_DATABASE_URL": control.rooms.foundation.url,
        "INTERLOCK_DATA_DIR": str(folder),
    }
    with (folder / "worker.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "interlock.worker"), env=environment, cwd=folder, stdout=log, stderr=log
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def until(look: Callable[[], Awaitable[Any]], within_s: float = 90) -> Any:
    async with asyncio.timeout(within_s):
        while not (found := await look()):  # noqa: ASYNC110 - another process works on it
            await asyncio.sleep(0.1)
    return found


def gates_of(process: Process) -> list[int]:
    """Return the processes of gates that a worker has started; each is a session of its own."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"gates.child" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def lives(pids: list[int]) -> bool:
    """Return True while any of the processes is there."""
    return any(Path(f"/proc/{pid}").exists() for pid in pids)


async def _run(control: Control, release: Any) -> Any:
    return (await control.get(f"/releases/{release['id']}/gates"))["run"]


async def test_a_run_whose_worker_is_killed_is_taken_over_and_goes_on(
    control: Control, files: Files, tmp_path: Path
) -> None:
    release = await control.post("/releases", gateway="stripe", note="try", files=files)
    one = f"/releases/{release['id']}"
    asked = await control.post(f"{one}/gates", gates=["lint", "shadow"])
    assert (asked["object"], asked["state"], asked["gates"]) == ("run", "waiting", ["lint", "shadow"])
    assert (await control.post(f"{one}/gates", gates=["lint"]))["id"] == asked["id"], "asked for twice is one run"
    assert (await control.refused(f"{one}/gates", gates=["contract"]))["code"] == "run_open"
    async with worker(control, tmp_path) as first:

        async def a_gate_runs() -> Any:
            return gates_of(first)

        gates = await until(a_gate_runs)

        async def it_gives_way_to_payments() -> bool:
            return os.getpriority(os.PRIO_PROCESS, gates[0]) == _LOWEST

        await until(it_gives_way_to_payments, 20)
        first.send_signal(signal.SIGKILL)
        await first.wait()
    run = await _run(control, release)
    assert (run["state"], run["requested_by"]) == ("running", "ann")

    async def nothing_left() -> bool:
        return not lives(gates)

    await until(nothing_left, 10)
    database = control.rooms.foundation.database
    now_ms = control.rooms.foundation.clock.now_ms()
    ends_ms = await database.fetchval("SELECT until_ms FROM release_examinations")
    assert now_ms < ends_ms <= now_ms + LEASE_MS, "until then nobody else takes it"
    # The lease runs out: only the waiting is left out.
    await database.execute("UPDATE release_examinations SET until_ms = $1", now_ms - 1)
    async with worker(control, tmp_path) as second:

        async def over() -> Any:
            run = await _run(control, release)
            return run if run["state"] in {"done", "failed"} else None

        run = await until(over)
        assert (run["id"], run["state"], run["starts"]) == (asked["id"], "done", 2), run
        assert run["said"].startswith("lint passed")
        second.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(second.wait(), 20) == 0
    verdicts = {gate["gate"]: gate["verdict"] for gate in (await control.get(f"{one}/gates"))["gates"]}
    assert verdicts["lint"] == "passed"
    assert verdicts["shadow"] is not None
    entries = (await control.get(f"/journal?subject={release['id']}"))["data"]
    assert {(entry["action"], entry["actor"]) for entry in entries} == {
        ("release.proposed", "ann"),
        ("release.examined", "ann"),
    }
    assert (await control.post(f"{one}/gates", gates=["lint"]))["id"] != asked["id"], "what is over may be asked again"


async def test_a_worker_that_is_told_to_stop_gives_its_run_back(control: Control, files: Files, tmp_path: Path) -> None:
    slow = {**files, "connector.py": files["connector.py"] + _SLOW}
    release = await control.post("/releases", gateway="stripe", note="try", files=slow)
    await control.post(f"/releases/{release['id']}/gates", gates=["contract"])
    async with worker(control, tmp_path) as process:

        async def a_gate_runs() -> Any:
            return gates_of(process)

        gates = await until(a_gate_runs)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    run = await _run(control, release)
    if run["state"] != "done":  # the gate may have ended within the time that a worker is given
        assert (run["state"], run["starts"], run["said"]) == ("waiting", 0, "its worker stopped; waits for another")
        assert not lives(gates)


async def test_what_serves_is_validated_by_a_worker_and_what_does_not_is_refused(
    control: Control, files: Files, tmp_path: Path
) -> None:
    drafted = await control.post("/releases", gateway="stripe", note="try", files=files)
    refused = await control.refused(f"/releases/{drafted['id']}/validate")
    assert (refused["status"], refused["code"]) == (409, "wrong_state")
    live = (await control.get("/gateways?mode=live"))["data"][0]["pointer"]["stable_release_id"]
    assert (await control.refused(f"/releases/{live}/validate", customer="cus_1"))["param"] == "payment_method"
    asked = await control.post(f"/releases/{live}/validate")
    assert asked["gates"] == ["validate"]
    async with worker(control, tmp_path):

        async def over() -> Any:
            run = await _run(control, {"id": live})
            return run if run["state"] in {"done", "failed"} else None

        run = await until(over)
    assert (run["state"], run["said"]) == ("done", "validate inconclusive"), "live mode has no card of its own"
    report = await control.get(f"/releases/{live}/gates/validate")
    assert "no card is given" in report["findings"][0]["problem"]
    named = await control.post(f"/releases/{live}/validate", payment_method="pm_1", customer="cus_1")
    assert (named["payment_method"], named["customer"]) == ("pm_1", "cus_1")
    refused = await control.refused(f"/releases/{live}/validate", payment_method="pm_2")
    assert refused["code"] == "run_open", "a run that pays with another card is another run"


async def test_so_many_runs_may_wait_and_no_more(
    control: Control, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.releases.examinations.OPEN_MAX", 1)
    test = (await control.get("/gateways"))["data"][0]["pointer"]["stable_release_id"]
    live = (await control.get("/gateways?mode=live"))["data"][0]["pointer"]["stable_release_id"]
    await control.post(f"/releases/{test}/gates")
    refused = await control.refused(f"/releases/{live}/gates")
    assert (refused["status"], refused["code"]) == (429, "runs_waiting")
