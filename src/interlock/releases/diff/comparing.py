"""Makes the diff of two versions. Called by the release service and the command line."""

from collections.abc import Callable, Mapping

from interlock.gateways.manifest import Manifest, read_manifest
from interlock.gateways.package import MANIFEST_FILE
from interlock.releases.diff.behaviour import behaviour_of
from interlock.releases.diff.code import file_changes
from interlock.releases.diff.fields import field_changes
from interlock.releases.diff.tables import row_changes
from interlock.releases.diff.types import Observed, ReleaseDiff, Severity, Side, ValueChange, Version
from interlock.releases.showing import shown

_HOST_SETTING = "base_url"


def compare(before: Version, after: Version, observed: Observed | None = None) -> ReleaseDiff:
    """Return everything that differs between two versions.

    Args:
        before: what serves, or served.
        after: what is to take its place.
        observed: what both did in the same cases; without it the diff says nothing of requests and results.

    Raises:
        ConfigurationError: a manifest cannot be read; the error names the side, the file and the field.

    """
    old, new = (_manifest(side, version) for side, version in (("before", before), ("after", after)))
    fields, rows = field_changes(old, new), row_changes(old, new)
    return ReleaseDiff(
        before=_side(before, old),
        after=_side(after, new),
        fields=fields,
        rows=rows,
        settings=_values(before.settings, after.settings, _setting(old, new)),
        credentials=_values(before.credentials, after.credentials, _credential(old, new)),
        files=file_changes(before.package, after.package, manifest_told=bool(fields or rows)),
        behaviour=None if observed is None else behaviour_of(observed, old, new),
    )


def _manifest(side: str, version: Version) -> Manifest:
    return read_manifest(version.package.manifest, f"{side}: {MANIFEST_FILE}")


def _side(version: Version, manifest: Manifest) -> Side:
    return Side(
        package_id=version.package.id,
        release_id=version.release_id,
        name=manifest.name,
        title=shown(manifest.title),
        api_version=shown(manifest.api_version),
    )


_Tell = Callable[[str, str | None, str | None], tuple[Severity, str]]


def _values(old: Mapping[str, str], new: Mapping[str, str], tell: _Tell) -> tuple[ValueChange, ...]:
    found = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if before != after:
            severity, meaning = tell(name, before, after)
            found.append(
                ValueChange(
                    name=shown(name),
                    severity=severity,
                    before=None if before is None else shown(before),
                    after=None if after is None else shown(after),
                    meaning=meaning,
                )
            )
    return tuple(found)


def _setting(old: Manifest, new: Manifest) -> _Tell:
    def tell(name: str, before: str | None, after: str | None) -> tuple[Severity, str]:
        if name == _HOST_SETTING:
            goes_to = "the manifest's host" if after is None else shown(after)
            return Severity.SECURITY, f"test requests, with their keys, go to {goes_to}"
        declared = new.settings.get(name) or old.settings.get(name)
        title = shown(name if declared is None else declared.title)
        used = any(f"{{{name}}}" in host.base_url for host in (new.hosts.live, new.hosts.test))
        severity = Severity.SECURITY if used else Severity.OTHER
        if after is None:
            return severity, f"the {title} is not given any more"
        place = "; it is part of the host that requests go to" if used else ""
        return severity, f"the {title} is {'given' if before is None else 'another one'}{place}"

    return tell


def _credential(old: Manifest, new: Manifest) -> _Tell:
    def tell(name: str, before: str | None, after: str | None) -> tuple[Severity, str]:
        declared = new.credentials.get(name) or old.credentials.get(name)
        title = shown(name if declared is None else declared.title)
        if after is None:
            return Severity.SECURITY, f"the {title} is not given any more"
        if before is None:
            return Severity.SECURITY, f"the {title} is given"
        return Severity.SECURITY, f"the {title} is taken from another place"

    return tell
