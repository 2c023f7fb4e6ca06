import asyncio
import threading

import pytest

from interlock.base.loops import running_loop


def test_each_loop_that_runs_after_another_is_found() -> None:
    async def found() -> bool:
        return running_loop() is running_loop() is asyncio.get_running_loop()

    assert asyncio.run(found())
    assert asyncio.run(found())


def test_a_loop_of_another_thread_is_not_ours() -> None:
    async def elsewhere() -> asyncio.AbstractEventLoop:
        return running_loop()

    async def here() -> None:
        seen: list[asyncio.AbstractEventLoop] = []
        ours = running_loop()
        thread = threading.Thread(target=lambda: seen.append(asyncio.run(elsewhere())))
        thread.start()
        await asyncio.to_thread(thread.join)
        assert seen != [ours]
        assert running_loop() is ours

    asyncio.run(here())


def test_without_a_loop_it_says_so() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        running_loop()
