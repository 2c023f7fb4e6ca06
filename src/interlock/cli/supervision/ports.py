"""Choosing free ports: the wanted one when nobody has it, else one nearby, else any."""

import errno
import socket
from collections.abc import Collection

_NEARBY = 50


def is_free(host: str, port: int) -> bool:
    """Return True when a server could listen on ``host``:``port`` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def choose(host: str, wanted: int, taken: Collection[int] = ()) -> int:
    """Return ``wanted`` or, when it is not free, the next free port after it; the kernel's choice when none is near.

    Args:
        host: the address to listen on.
        wanted: the port that is asked for.
        taken: ports already promised to others, free as they may look.

    """
    for port in range(wanted, min(wanted + _NEARBY, 65_536)):
        if port not in taken and is_free(host, port):
            return port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
