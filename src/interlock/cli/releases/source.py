"""What a folder and the options say a release consists of: package, settings, secrets by variable, expiries.

``release.toml`` beside the package may hold what an account sets; secrets are named by variable there too::

    [settings]
    merchant_account = "Bakery"

    [credentials]
    api_key = "@ADYEN_KEY"

    [expires]
    api_key = 2027-01-31
"""

import os
import stat
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from interlock.base.errors import ConfigurationError
from interlock.cli.output import ExitCode, RefusedError
from interlock.cli.pairs import pairs, resolved
from interlock.gateways.package import CONFIGURATION_FILE, Package, read_folder

_BYTES_MAX = 65_536

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The folder with manifest.toml and the code.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting of the provider account; NAME= removes it."),
]
CredentialOption = Annotated[
    list[str] | None,
    typer.Option("--credential", metavar="NAME=@VARIABLE", help="A new secret, from a variable; the others stay."),
]
ExpiresOption = Annotated[
    list[str] | None,
    typer.Option("--expires", metavar="NAME=2027-01-31", help="The day on which that new secret ends."),
]


class _Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``release.toml``."""

    settings: dict[str, str] = {}
    credentials: dict[str, str] = {}
    expires: dict[str, date] = {}


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What was found; ``package`` is None where no folder is given. A setting of None is to be removed."""

    package: Package | None
    settings: dict[str, str | None]
    credentials: dict[str, str]
    expiries_ms: dict[str, int]

    def __repr__(self) -> str:
        """Return a text without secrets."""
        return f"Source({self.package}, settings={sorted(self.settings)}, credentials={sorted(self.credentials)})"

    __str__ = __repr__

    @property
    def configures(self) -> bool:
        """Return True where it says anything of an account."""
        return bool(self.settings or self.credentials)


def read_source(
    folder: Path | None,
    settings: Sequence[str] | None,
    credentials: Sequence[str] | None,
    expires: Sequence[str] | None,
) -> Source:
    """Return what ``folder`` and the options say; an option wins over ``release.toml``.

    Raises:
        ConfigurationError: a file of the folder cannot be used.
        RefusedError: an option is wrong, a secret is given in clear, a variable is not set.

    """
    package = None if folder is None else read_folder(folder)
    beside = _Configuration() if folder is None else _read_configuration(folder)
    place = "" if folder is None else f"{folder.resolve().name}/{CONFIGURATION_FILE}"
    given = pairs("--credential", credentials)
    kept = {name: value for name, value in beside.credentials.items() if name not in given}
    secrets = {**resolved(kept, f"{place} credentials"), **resolved(given, "--credential")}
    days = {**beside.expires, **{name: _day(name, text) for name, text in pairs("--expires", expires).items()}}
    stray = sorted(set(days) - set(secrets))
    if stray:
        problem, remedy = "is the end of a secret that is not given", "give --credential for it too"
        raise RefusedError(f"--expires {stray[0]}", problem, remedy, ExitCode.USAGE)
    return Source(
        package=package,
        settings={**beside.settings, **_settings(settings)},
        credentials=secrets,
        expiries_ms={name: _beginning_ms(day) for name, day in days.items()},
    )


def _settings(texts: Sequence[str] | None) -> Mapping[str, str | None]:
    return {name: value or None for name, value in pairs("--set", texts).items()}


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        problem = f"{text!r} is no day"
        raise RefusedError(f"--expires {name}", problem, "write it as 2027-01-31", ExitCode.USAGE) from None


def _beginning_ms(day: date) -> int:
    # The safe side: whatever ends on a day may end as it begins.
    return int(datetime.combine(day, time(), UTC).timestamp() * 1000)


def _read_configuration(folder: Path) -> _Configuration:
    where = f"{folder.resolve().name}/{CONFIGURATION_FILE}"
    data = _bytes_of(folder / CONFIGURATION_FILE, where)
    if data is None:
        return _Configuration()
    try:
        return msgspec.convert(tomllib.loads(data.decode()), _Configuration)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(where, f"is no TOML ({error})", "correct that line") from None
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at ")
        field = place.strip("`").removeprefix("$").removeprefix(".")
        raise ConfigurationError(f"{where} {field}".strip(), problem, "see `interlock release create --help`") from None


def _bytes_of(path: Path, where: str) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        problem = "is a symbolic link" if path.is_symlink() else f"cannot be read ({error.strerror})"
        raise ConfigurationError(where, problem, "put the file itself there") from None
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > _BYTES_MAX:
            problem = f"is no plain file of at most {_BYTES_MAX // 1024} KiB"
            raise ConfigurationError(where, problem, "keep settings and names of variables in it only")
        return file.read(_BYTES_MAX)
