"""Packages made from the built-in ones by small edits, and a workshop that certifies them one after the other."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from interlock.gateways.loader import builtin_package
from interlock.gateways.package import Package
from interlock.releases.gates.certify import Options, Workshop
from interlock.releases.gates.types import Finding, GateReport, Subject


class Edit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One edit of a built-in package, and who must see it: the check, the case, a part of its sentence.

    ``fault`` names what it stands for, ``only`` are globs of the cases to play; ``where`` is the case of the finding,
    the first of ``only`` without it.
    """

    fault: str
    provider: str
    file: str
    old: str
    new: str
    only: tuple[str, ...]
    check: str
    said: str
    where: str = ""
    also: tuple[tuple[str, str, str], ...] = ()

    @property
    def package(self) -> Package:
        """Return the edited package."""
        return edited(self.provider, (self.file, self.old, self.new), *self.also)


def edits_in(path: Path) -> list[Edit]:
    """Return the edits that a TOML file lists."""
    return msgspec.toml.decode(path.read_bytes(), type=dict[str, list[Edit]])["edit"]


def edited(name: str, *edits: tuple[str, str, str]) -> Package:
    """Return the built-in package ``name`` with (file, old text, new text) exchanged, each text once in its file."""
    files = dict(builtin_package(name).files)
    for file, old, new in edits:
        text = files[file].decode()
        assert text.count(old) == 1, f"{file} has {text.count(old)} places like {old!r}"
        files[file] = text.replace(old, new).encode()
    return Package(files)


class Certifier:
    """A workshop with an event loop of its own, for tests that share both."""

    def __init__(self, runner: asyncio.Runner, workshop: Workshop) -> None:
        """Run ``workshop`` in ``runner``."""
        self._runner = runner
        self._workshop = workshop
        self.steps: list[tuple[str, int, int]] = []

    def certify(
        self,
        package: Package,
        *only: str,
        stable: Package | None = None,
        wall_ms: int = 120_000,
        step_cpu_ms: int = 8_000,
    ) -> GateReport:
        """Return the report on ``package``, over the cases that ``only`` names or all of them."""
        self.steps.clear()
        options = Options(only=only, wall_ms=wall_ms, step_cpu_ms=step_cpu_ms)
        subject = Subject(package=package, livemode=False, stable=stable)
        return self._runner.run(self._workshop.certify(subject, self._told, options))

    def _told(self, what: str, done: int, total: int) -> None:
        self.steps.append((what, done, total))


@contextmanager
def certifier(server_url: str | None = None) -> Iterator[Certifier]:
    """Give a certifier on a running Postgres, or on one of its own; nothing of it is left afterwards."""
    with asyncio.Runner() as runner:
        workshop = Workshop(server_url=server_url, environment={})
        runner.run(workshop.__aenter__())
        try:
            yield Certifier(runner, workshop)
        finally:
            runner.run(workshop.__aexit__(None, None, None))


def found(report: GateReport, check: str) -> list[Finding]:
    """Return the findings of one check."""
    return [finding for finding in report.findings if finding.check == f"certify.{check}"]
