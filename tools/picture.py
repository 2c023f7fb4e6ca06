"""Take the README's picture: run ``interlock up`` on a real terminal, pay, look, and export the screen as SVG.

Usage: ``python tools/picture.py docs/up.svg``. Test keys of the throw-away installation are shortened in the picture.
"""

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

_WIDTH = 104
_WAIT_S = 60.0
_KEY = re.compile(r"((?:sk|pk)_test_|whsec_)(\w{6})(\w+)")
_MOVES = re.compile(r"\x1b\[(?:[0-9?]*[ABCDEFGHJKfhlnsu])")


class _Terminal:
    """A program on a pseudo-terminal and everything it has written."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self.text = ""
        environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(_WIDTH), "LINES": "60"}
        self.pid, self.handle = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(sys.executable, [sys.executable, "-m", "interlock.cli.main", *arguments], environment)  # noqa: S606 - ourselves

    def read_until(self, sign: str) -> None:
        """Read until ``sign`` was written or the program has ended."""
        deadline = time.monotonic() + _WAIT_S
        while sign not in self.text and time.monotonic() < deadline:
            if select.select([self.handle], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.handle, 65_536).decode("utf-8", "replace")
                except OSError:
                    return


def _screen(text: str) -> str:
    """Return what stays on a terminal: spinners overwritten, cursor moves gone."""
    lines = [line.split("\r")[-1] for line in _MOVES.sub("", text.replace("\r\n", "\n")).split("\n")]
    shown = [line for line in lines if not re.match(r"\s*(\x1b\[[0-9;]*m)*[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", line)]
    return _KEY.sub(_shortened, "\n".join(shown).strip("\n"))


def _shortened(key: re.Match[str]) -> str:
    """Return a key cut short, as wide as before where a frame follows."""
    in_command = key.string[key.end() : key.end() + 1] == ":"
    return f"{key[1]}{key[2]}…{'' if in_command else ' ' * (len(key[3]) - 1)}"


def _run(folder: Path, *arguments: str) -> tuple[str, str, str]:
    """Run another command beside it; return it as typed, what it showed, and an empty line."""
    program = _Terminal(folder, list(arguments))
    program.read_until("\x00")
    os.waitpid(program.pid, 0)
    return f"$ interlock {' '.join(arguments)}", _screen(program.text), ""


def main() -> int:
    """Take the picture."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="interlock-picture-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        up = _Terminal(folder, ["up"])
        up.read_until("stops everything")
        command = up.text[up.text.index("curl ") :].split("\r\n\r\n")[0].replace("\\\r\n", " ")
        fault = _run(folder, "sandbox", "faults", "add", "stripe", "refuse")
        answer = subprocess.run(["/bin/sh", "-c", f"{command} --silent"], capture_output=True, check=True)  # noqa: S603 - the command we have just printed
        intent = json.loads(answer.stdout)["id"]
        show = _run(folder, "payments", "show", intent)
        os.kill(up.pid, signal.SIGINT)
        os.waitpid(up.pid, 0)
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True)
    parts = ["$ make up", _screen(up.text), "", *fault, "$ curl …", "", *show]
    console.print(Text.from_ansi("\n".join(parts)))
    # The picture asks nobody for fonts: the reader's own monospace one will do.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="interlock"), flags=re.DOTALL)
    target.write_text(picture, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
