"""First code of every child process: tie its life to the supervisor's, redact what it logs, then run its module.

Started by the supervisor as ``python -m interlock.cli.supervision.launch PARENT_PID MODULE [ARGUMENT…]``. The kernel
kills the child when the supervisor dies in whatever way, so nothing is left running; kill -9 is survived anyway.
"""

import ctypes
import os
import runpy
import signal
import sys
import threading
import time

from interlock.base.redaction import install_redaction

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.5


def die_with_parent(parent_pid: int) -> None:
    """Make this process die when ``parent_pid`` does; exits at once when that has happened already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=_watch_parent, args=(parent_pid,), daemon=True).start()
    if os.getppid() != parent_pid:
        sys.exit(0)


def _watch_parent(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(_POLL_S)
    os._exit(0)


def main() -> None:
    """Run the module named on the command line as a program."""
    parent_pid, module, *arguments = sys.argv[1:]
    die_with_parent(int(parent_pid))
    install_redaction()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
