"""Choosing ports and keeping them: the wanted one when nobody has it, else one nearby, else any."""

import errno
import socket
import sys
from contextlib import ExitStack

from interlock.base.errors import ConfigurationError

_NEARBY = 50
_IN_USE = (errno.EADDRINUSE, errno.EACCES)


class Ports:
    """The ports promised to child processes; a child finds its own free at its first start and at each later one.

    Choosing alone is not enough: seconds pass until the child listens, and as long between a crash and its restart. So
    each port stays bound here, without listening. Linux lets the child bind it too, because both set SO_REUSEADDR, and
    gives it to nobody who asks for any port or connects from one; connections are refused while the child is away.
    Elsewhere the port is let go at once.
    """

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._kept = ExitStack()
        self._promised: set[int] = set()

    def choose(self, host: str, wanted: int) -> int:
        """Keep and return ``wanted`` or, when it is not free, the next free port after it; else the kernel's choice.

        Args:
            host: the address to listen on.
            wanted: the port that is asked for.

        Raises:
            ConfigurationError: this machine has no port left.

        """
        for port in (*range(wanted, min(wanted + _NEARBY, 65_536)), 0):
            chosen = 0 if port in self._promised else self._keep(host, port)
            if chosen:
                return chosen
        raise ConfigurationError("port", f"{host} has no free one, near {wanted} or elsewhere", "stop what holds them")

    def release(self) -> None:
        """Let every port go."""
        self._kept.close()
        self._promised.clear()

    def _keep(self, host: str, port: int) -> int:
        """Return the port that was bound (``port``, or the kernel's choice for 0); 0 when another has it."""
        with ExitStack() as stack:
            sock = stack.enter_context(_reusing(host))
            if not _bound(sock, (host, port)):
                return 0
            chosen = int(sock.getsockname()[1])
            if sys.platform == "linux":
                # Two starts at one moment could both bind before either's child listens. A name in the kernel that
                # goes with its owner, in the same network namespace as the port, keeps them apart.
                name = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                if not _bound(name, f"\0interlock-port-{chosen}"):
                    return 0
                self._kept.push(stack.pop_all())
            self._promised.add(chosen)
        return chosen


def is_free(host: str, port: int) -> bool:
    """Return True when a server could listen on ``host``:``port`` now."""
    with _reusing(host) as probe:
        return _bound(probe, (host, port))


def _reusing(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return sock


def _bound(sock: socket.socket, address: tuple[str, int] | str) -> bool:
    try:
        sock.bind(address)
    except OSError as error:
        if error.errno in _IN_USE:
            return False
        raise
    return True
