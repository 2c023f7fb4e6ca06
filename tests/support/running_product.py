"""The product as its user runs it: ``interlock up`` as a program in a folder of its own, on free ports."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.ports import free_ports

_READY_WITHIN_S = 90.0
_PORTS = ("INTERLOCK_API_PORT", "INTERLOCK_SANDBOX_STRIPE_PORT", "INTERLOCK_SANDBOX_ADYEN_PORT")


def clean_environment(**settings: str) -> dict[str, str]:
    """Return this process's environment without settings of the switch, but with ``settings``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INTERLOCK_")}
    return {**kept, **settings}


class Product:
    """One `interlock up`. Use :meth:`start`, then :meth:`stop`."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        """Run in ``folder`` with the command's ``arguments`` and ``INTERLOCK_*`` settings."""
        self.folder = folder
        self._arguments = arguments
        ports = {name: str(port) for name, port in zip(_PORTS, free_ports(3), strict=True)}
        self.environment = clean_environment(**{**ports, **settings})
        self._output = folder / "output.txt"
        self._process: subprocess.Popen[bytes] | None = None
        self.facts: dict[str, Any] = {}

    @property
    def api_url(self) -> str:
        """Return where the API listens."""
        return str(self.facts["api_url"])

    @property
    def secret_key(self) -> str:
        """Return the secret key of test mode."""
        return str(self.facts["secret_key"])

    @property
    def publishable_key(self) -> str:
        """Return the publishable key of test mode."""
        return str(self.facts["publishable_key"])

    def gateway_url(self, name: str) -> str:
        """Return where the simulated gateway ``name`` listens."""
        return next(str(each["url"]) for each in self.facts["gateways"] if each["name"] == name)

    def text(self) -> str:
        """Return what the command has printed."""
        return self._output.read_text(encoding="utf-8") if self._output.exists() else ""

    def launch(self) -> None:
        """Start the command without waiting."""
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "interlock.cli.main", "up", *self._arguments],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self) -> "Product":
        """Start and wait until it is ready."""
        self.launch()
        self.wait_for_text("Ctrl-C stops everything")
        self.facts = json.loads((self.folder / ".interlock" / "quickstart.json").read_text(encoding="utf-8"))
        return self

    def wait_for_text(self, text: str) -> None:
        """Wait until the command has printed ``text``."""
        assert self._process is not None
        deadline = time.monotonic() + _READY_WITHIN_S
        while text not in self.text():
            assert self._process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.02)

    def stop(self) -> None:
        """Press Ctrl-C and wait for the end."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def child(self, *words: str) -> psutil.Process:
        """Return the running process whose command line holds all ``words``."""
        assert self._process is not None
        family = psutil.Process(self._process.pid).children(recursive=True)
        return next(each for each in family if all(word in each.cmdline() for word in words))

    def command(self, *arguments: str) -> str:
        """Run another ``interlock`` command against the same data and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "interlock.cli.main", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def fetch(method: str, url: str, body: object = None, *, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Return status and body of one plain request; JSON when a ``body`` is given; redirects are not followed."""
    data = None if body is None else json.dumps(body).encode()
    given = {"content-type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data=data, method=method, headers=given)  # noqa: S310 - tests' own loopback
    try:
        with _OPENER.open(request, timeout=30) as response:
            return int(response.status), bytes(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


def location(url: str) -> str:
    """Return where ``url`` redirects to."""
    request = urllib.request.Request(url)  # noqa: S310 - tests' own loopback
    with pytest.raises(urllib.error.HTTPError) as redirected:
        _OPENER.open(request, timeout=30)
    with redirected.value as answer:
        assert answer.code in {302, 303}, f"{url} answered {answer.code}"
        return str(answer.headers["location"])
