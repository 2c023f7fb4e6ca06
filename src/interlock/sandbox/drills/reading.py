"""Reads folders of drills. Whatever is wrong with one is said in one line that names the folder and the field."""

import tomllib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from interlock.base.errors import ConfigurationError
from interlock.sandbox import faults
from interlock.sandbox.drills.types import Drill, Manifest
from interlock.sandbox.shoppers.currencies import BY_CODE
from interlock.sandbox.shoppers.deck import DECK

MANIFEST = "drill.toml"
BUILT_IN = Path(__file__).parent
DRILLS_MAX = 500
_BYTES_MAX = 262_144
_FILES_MAX = 64


def read_drills(folders: Iterable[Path]) -> list[Drill]:
    """Return every drill below ``folders``, by id; a folder that is a drill itself counts as one.

    Raises:
        ConfigurationError: a manifest is wrong, two drills have one id, or a folder holds none.

    """
    found: dict[str, Drill] = {}
    for folder in folders:
        for place in _places(folder):
            drill = read_drill(place)
            if drill.id in found:
                raise ConfigurationError(f"{place.name}/{MANIFEST}", "is there twice", "rename one of the folders")
            found[drill.id] = drill
    if len(found) > DRILLS_MAX:
        raise ConfigurationError("--folder", f"holds more than {DRILLS_MAX} drills", "run them in parts")
    return [found[name] for name in sorted(found)]


def _places(folder: Path) -> list[Path]:
    if (folder / MANIFEST).is_file():
        return [folder]
    places = sorted(file.parent for file in folder.glob(f"*/{MANIFEST}")) if folder.is_dir() else []
    if not places:
        raise ConfigurationError(str(folder), "holds no drill", f"name a folder of folders with {MANIFEST}")
    return places


def read_drill(folder: Path) -> Drill:
    """Return the drill in ``folder``.

    Raises:
        ConfigurationError: the manifest is wrong.

    """
    where = f"{folder.resolve().name}/{MANIFEST}"
    try:
        manifest = msgspec.convert(tomllib.loads(_text(folder / MANIFEST, where)), Manifest)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(where, f"is no TOML ({error})", "correct that line") from None
    except msgspec.ValidationError as error:
        problem, _, place = str(error).partition(" - at ")
        field = place.strip("`").removeprefix("$").removeprefix(".")
        raise ConfigurationError(f"{where} {field}".strip(), problem, "see docs/drills.md") from None
    field, problem = _wrong(manifest)
    if problem:
        raise ConfigurationError(f"{where} {field}", problem, "see docs/drills.md")
    files = None if manifest.package is None else _files(folder / manifest.package, f"{where} package")
    return Drill(id=folder.resolve().name, manifest=manifest, files=files)


def _text(path: Path, where: str) -> str:
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise ConfigurationError(
                where, f"is larger than {_BYTES_MAX // 1024} KiB", "put code into a package folder"
            )
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(where, f"cannot be read ({error})", "it is a TOML file in UTF-8") from None


def _files(folder: Path, where: str) -> dict[str, bytes]:
    if not folder.is_dir():
        raise ConfigurationError(where, f"there is no folder {folder.name}", "put the package beside drill.toml")
    paths = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    if not paths or len(paths) > _FILES_MAX or any(path.stat().st_size > _BYTES_MAX for path in paths):
        raise ConfigurationError(where, f"{folder.name} is empty or too large", "leave only the connector in it")
    return {path.name: path.read_bytes() for path in paths}


def _wrong(manifest: Manifest) -> tuple[str, str]:
    """Return the field that contradicts another and why, or two empty texts."""
    traffic = manifest.traffic
    brands, names = {card.brand for card in DECK}, {card.name for card in DECK}
    unknown = [
        ("traffic.currencies", set(traffic.currencies) - BY_CODE.keys()),
        ("traffic.brands", set(traffic.brands) - brands),
        ("traffic.cards", set(traffic.cards) - names),
    ]
    for field, strange in unknown:
        if strange:
            return field, f"no shopper has {', '.join(sorted(strange))}"
    for number, spec in enumerate(manifest.sandbox):
        if problem := faults.problem(spec):
            return f"sandbox[{number}]", problem
    if manifest.package and manifest.edit:
        return "edit", "a package of its own is not edited"
    if manifest.innocent is not (manifest.earliest is None):
        return "earliest", "is given for every fault and for no innocent drill"
    if not (manifest.edit or manifest.package or manifest.change or manifest.sandbox):
        return "change", "nothing is changed and no gateway fails"
    return "", ""
