"""Ports for servers that tests start as programs: kept clear of the range from which the kernel gives out others."""

import itertools
import os
import socket

# Connections and "any port" of everything else on the machine begin at 32,768 (Linux). A port from below stays free
# between its choice and the server's start, and while the server is away between two starts.
_FIRST, _LAST, _WORKERS = 20_000, 31_999, 8
_EACH = (_LAST + 1 - _FIRST) // _WORKERS


def _own_range() -> range:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
    return range(_FIRST + worker * _EACH, _FIRST + (worker + 1) * _EACH)


# Each run begins elsewhere, for runs beside each other on one machine.
_candidates = itertools.islice(itertools.cycle(_own_range()), os.getpid() * 37 % _EACH, None)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now, each given out once in a long time."""
    tried = itertools.islice(_candidates, _EACH)
    found = list(itertools.islice(filter(_is_free, tried), count))
    assert len(found) == count, "no free port for tests is left"
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
