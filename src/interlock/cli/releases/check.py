"""``interlock release check``: the gates over a folder, before anything is created."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import typer

from interlock.base.clock import SystemClock
from interlock.base.errors import ConfigurationError
from interlock.bootstrap import Rooms
from interlock.cli.output import ExitCode, JsonOption, RefusedError, print_json
from interlock.cli.releases.common import GatewayName, decided, the_gateway, the_scope
from interlock.cli.releases.reports import (
    AllOption,
    GateOption,
    JunitOption,
    RecordingsOption,
    SpecsOption,
    bar,
    end,
    folder_of_specs,
    gates_of,
    read_recordings_file,
    reports_view,
    show_reports,
    write_junit,
)
from interlock.cli.releases.source import CredentialOption, Directory, ExpiresOption, SetOption, Source, read_source
from interlock.cli.session import AccountOption, LiveOption, with_rooms
from interlock.gateways.contract import ConnectorConfig
from interlock.releases.gates.apart import run_apart
from interlock.releases.gates.running import run_gates, verdict_of
from interlock.releases.gates.types import Gate, GateReport, Subject
from interlock.releases.proposals import merged

EXAMPLES = """Examples:

  interlock release check gateways/stripe                      needs no database

  interlock release check gateways/stripe --gateway stripe     compared with what serves, configured as that is

  interlock release check gateways/adyen --gate lint --gate contract --junit build/gates.xml

Without --gateway the account may be described by --set and --credential, or by a release.toml in the folder.

Exit codes: 0 every gate passed, 1 one failed, 3 held (a gate could not judge), 2 wrong use.
"""


def check(
    folder: Directory,
    gateway: GatewayName = None,
    gates: GateOption = None,
    every: AllOption = False,
    specs: SpecsOption = None,
    recordings: RecordingsOption = None,
    settings: SetOption = None,
    credentials: CredentialOption = None,
    expires: ExpiresOption = None,
    junit: JunitOption = None,
    live: LiveOption = False,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the gates over a folder; nothing is created and nothing takes money."""
    chosen = gates_of(gates)
    real = read_recordings_file(recordings)
    source = _source(folder, settings, credentials, expires)
    subject = Subject(
        package=_package(source),
        livemode=live,
        config=_config(source, live=live),
        specifications=folder_of_specs(specs),
        credentials_expire_at_ms=source.expiries_ms,
        now_ms=SystemClock().now_ms(),
    )
    if gateway is not None:
        subject, real = with_rooms(partial(_beside, account, gateway, source, subject, real, chosen))
    with bar(chosen) as told:
        run = partial(run_apart, recordings=real)
        reports = asyncio.run(run_gates(subject, run, told, gates=chosen, goes_on=every))
    _tell(folder, subject, reports, chosen, as_json=as_json)
    write_junit(junit, str(folder), reports, chosen)
    end(reports)


def _source(
    folder: Path, settings: list[str] | None, credentials: list[str] | None, expires: list[str] | None
) -> Source:
    if not folder.is_dir():
        raise RefusedError("DIR", f"{folder} is no folder", "name the one that holds manifest.toml", ExitCode.USAGE)
    try:
        return read_source(folder, settings, credentials, expires)
    except ConfigurationError as error:
        # What is judged here is the folder: it fails, and the switch is configured well.
        raise RefusedError(error.field, error.problem, error.remedy, ExitCode.FAILED) from None


def _package(source: Source) -> Any:
    assert source.package is not None
    return source.package


def _config(source: Source, *, live: bool) -> ConnectorConfig | None:
    if not source.configures:
        return None
    return ConnectorConfig(livemode=live, settings=merged({}, source.settings), credentials=source.credentials)


async def _beside(
    account: str | None,
    gateway_name: str,
    source: Source,
    subject: Subject,
    recordings: bytes | None,
    gates: tuple[Gate, ...],
    rooms: Rooms,
) -> tuple[Subject, bytes | None]:
    """Return the subject as the gateway would run it, beside what serves there now, and the gateway's recordings."""
    scope = await the_scope(rooms, account, live=subject.livemode)
    gateway = await the_gateway(rooms, scope, gateway_name)
    serving = decided(await rooms.examiner.serving(scope, gateway.id), "--gateway")
    config = ConnectorConfig(
        livemode=scope.livemode,
        settings=merged(serving.config.settings, source.settings),
        credentials={**serving.config.credentials, **source.credentials},
    )
    if recordings is None and Gate.SHADOW in gates:
        recordings = await rooms.examiner.recordings(gateway, serving.config)
    kept = {name: at_ms for name, at_ms in serving.expiries_ms.items() if name not in source.credentials}
    subject = msgspec.structs.replace(
        subject,
        config=config,
        stable=serving.package,
        stable_config=serving.config,
        credentials_expire_at_ms={**kept, **source.expiries_ms},
    )
    return subject, recordings


def _tell(folder: Path, subject: Subject, reports: list[GateReport], gates: tuple[Gate, ...], *, as_json: bool) -> None:
    if not as_json:
        show_reports(str(folder), reports, gates)
        return
    print_json(
        {
            "package": subject.package.id,
            "mode": "live" if subject.livemode else "test",
            "verdict": verdict_of(report.verdict for report in reports).value,
            "gates": reports_view(reports, gates),
        }
    )


def register(group: typer.Typer) -> None:
    """Add the verb to ``group``."""
    group.command("check", epilog=EXAMPLES)(check)
