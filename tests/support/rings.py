"""Objects that hold each other in a ring, which only the garbage collector frees: no hot path may leave any."""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_in_rings() -> Iterator[Counter[str]]:
    """Count by type, into what it yields, the objects of ours that the block left to the collector."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        kinds = [type(left) for left in gc.garbage]
        found.update(
            f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if kind.__module__.startswith("interlock")
        )
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        gc.collect()
