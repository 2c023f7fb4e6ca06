"""One mutant: a connector package with exactly one change, and how it is named and shown. Used by every part here."""

import difflib
from collections import Counter
from collections.abc import Iterable

import msgspec

from interlock.gateways.package import Package

FAMILIES = ("code", "manifest", "semantic")


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """A package that differs from the built-in one of ``gateway`` in one place of one file.

    ``family`` is ``code`` (mechanical operators), ``manifest`` or ``semantic`` (changes shaped after incidents).
    ``operator`` names what was done, ``place`` where: a line or a field. ``content`` is the file afterwards, None where
    it is gone. ``hidden`` names what a change does that no request, answer or output shows (a comparison's timing):
    such a mutant is never taken for an equivalent one. ``touches`` then says which kind of harm it is. ``unparsable``
    marks a file that is broken on purpose.
    """

    id: str
    family: str
    gateway: str
    file: str
    place: str
    operator: str
    content: bytes | None
    hidden: str | None = None
    touches: str | None = None
    unparsable: bool = False

    def package(self, original: Package) -> Package:
        """Return ``original`` with the change made."""
        files = {name: content for name, content in original.files.items() if name != self.file}
        if self.content is not None:
            files[self.file] = self.content
        return Package(files)

    def diff(self, original: Package) -> str:
        """Return the change as a unified diff, for people."""
        before = original.files.get(self.file, b"").decode("utf-8", "replace").splitlines(keepends=True)
        after = (self.content or b"").decode("utf-8", "replace").splitlines(keepends=True)
        path = f"{self.gateway}/{self.file}"
        lines = difflib.unified_diff(
            before, after, f"a/{path}", f"b/{path}" if self.content is not None else "/dev/null"
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A change before it has its id. Fields as in :class:`Mutant`."""

    file: str
    place: str
    operator: str
    content: bytes | None
    hidden: str | None = None
    touches: str | None = None
    unparsable: bool = False


def named(family: str, gateway: str, drafts: Iterable[Draft]) -> list[Mutant]:
    """Return the drafts as mutants. An id is made of family, file, place, operator and the how-manieth this is of
    those, so that it stays the same as long as what stands before it on its line does."""
    seen: Counter[str] = Counter()
    found = []
    for draft in drafts:
        stem = f"{family}:{gateway}/{draft.file}:{draft.place}:{draft.operator}"
        seen[stem] += 1
        found.append(Mutant(id=f"{stem}:{seen[stem]}", family=family, gateway=gateway, **msgspec.structs.asdict(draft)))
    return found
