"""Checks of a manifest against the one that serves now: what a release takes away, and what it asks of old accounts."""

from fnmatch import fnmatchcase

from interlock.gateways.contract import ConnectorConfig
from interlock.gateways.manifest import Manifest
from interlock.releases.gates.lint.manifest.alone import FILE
from interlock.releases.gates.lint.manifest.provider import FLAGS
from interlock.releases.gates.lint.notes import Notes

_LISTS = ("operations", "networks", "methods", "stored_credentials")


def check(manifest: Manifest, stable: Manifest, config: ConnectorConfig | None, notes: Notes) -> None:
    """Look at what ``stable`` could do and at what accounts made for it do not have.

    Args:
        manifest: the candidate's.
        stable: of the release that serves now.
        config: the account, None where none is given.
        notes: where findings go.

    """
    if manifest.name != stable.name:
        problem = f"is {manifest.name}, and {stable.name} serves now"
        notes.fail("capabilities", f"{FILE} name", problem, "a release supersedes one of the same provider")
        return
    _check_lost(manifest, stable, notes)
    _check_demands(manifest, stable, config, notes)


def announced(manifest: Manifest, place: str) -> bool:
    """Return True where the manifest announces a change of ``place``."""
    return any(place == change.place or fnmatchcase(place, change.place) for change in manifest.changes)


def _check_lost(manifest: Manifest, stable: Manifest, notes: Notes) -> None:
    able, before = manifest.capabilities, stable.capabilities
    lost: dict[str, list[str]] = {}
    for name in _LISTS:
        lost[name] = sorted({str(each) for each in getattr(before, name)} - {str(each) for each in getattr(able, name)})
    lost |= {flag: [flag] for flag in FLAGS if getattr(before, flag) and not getattr(able, flag)}
    gone = sorted(set(manifest.currencies.unsupported) - set(stable.currencies.unsupported))
    fields = {f"capabilities.{name}": words for name, words in lost.items()} | {"currencies.unsupported": gone}
    for field, words in fields.items():
        notes.looked("capabilities")
        if words and not announced(manifest, field):
            problem = f"no longer has {', '.join(words)}, which the release that serves now has"
            remedy = f"add it again, or announce it in changes with place {field!r}"
            notes.fail("capabilities", f"{FILE} {field}", problem, remedy)


def _check_demands(manifest: Manifest, stable: Manifest, config: ConnectorConfig | None, notes: Notes) -> None:
    """A field that was added later is empty for every account that is older than it."""
    demanded: dict[str, bool] = {}
    for name, setting in manifest.settings.items():
        old = stable.settings.get(name)
        needed, before = set(setting.required_in), set(old.required_in) if old is not None else set()
        given = bool(config and config.settings.get(name))
        demanded[f"settings.{name}"] = bool(needed - before) and setting.default is None and not given
    for name, credential in manifest.credentials.items():
        known = stable.credentials.get(name)
        given = bool(config and config.credentials.get(name))
        demanded[f"credentials.{name}"] = credential.required and not (known and known.required) and not given
    for field, missing in demanded.items():
        notes.looked("new_fields")
        if missing:
            problem = "is required now, and accounts made before have no value for it"
            notes.fail(
                "new_fields", f"{FILE} {field}", problem, "make it optional, or give every account a value first"
            )
