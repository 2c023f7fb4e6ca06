"""Looks at a package and its configuration before anything is stored, in a process that can be stopped.

Called by ``releases.proposals``. A package may hold anything: code that never ends, patterns that take for ever, a
manifest of a hundred thousand lines. None of it is evaluated in a process that sends payments.
"""

import asyncio

import msgspec

from interlock.base.errors import ConfigurationError
from interlock.gateways.configuration import configuration_problems
from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.manifest import read_manifest
from interlock.gateways.package import MANIFEST_FILE, Package, pack
from interlock.releases.gates.isolation import Broken, Limits, Nursery, Report

_READ = Limits(wall_ms=15_000, step_cpu_ms=2_000)
_LOAD = Limits(wall_ms=30_000, step_cpu_ms=2_000)


class _Question(msgspec.Struct, frozen=True):
    """What the confined process reads: no code of the package runs where credentials are."""

    manifest: bytes
    config: ConnectorConfig


class _Answer(msgspec.Struct, frozen=True):
    """Whose package it says it is, and what is wrong first: field, problem, remedy."""

    name: str
    wrong: tuple[str, str, str] | None = None


async def inspect(package: Package, config: ConnectorConfig, *, loads: bool) -> str:
    """Return the connector's name when manifest, configuration and code can be used.

    Args:
        package: from anybody.
        config: how an account would run it.
        loads: import the code too, which is for packages that nobody has loaded yet.

    Raises:
        ConfigurationError: something is wrong: file and line or field, problem, remedy.
        IsolationError: no process can be started.

    """
    async with Nursery("inspect", gently=True) as nursery:
        question = msgspec.msgpack.encode(_Question(package.manifest, config))
        read = await nursery.run(question, limits=_READ)
        if isinstance(read, Broken):
            raise ConfigurationError(MANIFEST_FILE, read.reason, "correct the manifest")
        answer = msgspec.msgpack.decode(read.answer, type=_Answer)
        if answer.wrong is not None:
            raise ConfigurationError(*answer.wrong)
        # In a thread: compressing a large package takes longer than payments should wait.
        packed = await asyncio.to_thread(pack, package) if loads else b""
        loaded = await nursery.run(packed, limits=_LOAD, task="load") if loads else None
        if isinstance(loaded, Broken):
            raise ConfigurationError(loaded.where or "package", loaded.reason, "correct the connector's code")
        return answer.name


def check(argument: bytes, report: Report) -> bytes:
    """Answer a question about a manifest and a configuration; the isolated task ``inspect``."""
    question = msgspec.msgpack.decode(argument, type=_Question)
    report("manifest", 0, 2)
    try:
        manifest = read_manifest(question.manifest, MANIFEST_FILE)
    except ConfigurationError as error:
        return msgspec.msgpack.encode(_Answer("", (error.field, error.problem, error.remedy)))
    report("configuration", 1, 2)
    wrong = [(each.field, each.problem, each.remedy) for each in configuration_problems(manifest, question.config)]
    return msgspec.msgpack.encode(_Answer(manifest.name, wrong[0] if wrong else None))
