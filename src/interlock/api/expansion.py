"""``expand[]``: which ids may be shown as whole objects, and showing them with one read per kind and level.

Called by the request pipeline (:func:`check`, before anything is done) and by :class:`~interlock.api.call.Call`
(:class:`Expander`, on the rendered answer). The table of what may be expanded is ``api.links``.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from interlock.api.links import INCLUDED, LINKS, PREFIXES, TOTAL_COUNT
from interlock.base.context import Scope
from interlock.base.problems import Problem, invalid

MAX_DEPTH = 4
MAX_PATHS = 100

Shown = dict[str, Any]
Load = Callable[[Scope, Sequence[str]], Awaitable[Mapping[str, Shown]]]
Tree = dict[str, Any]


_PUBLIC = frozenset({"payment_method"})


def check(kind: str, shape: str, paths: Iterable[str], *, publishable: bool = False) -> Problem | None:
    """Return why ``paths`` cannot be expanded in an answer, or None.

    Args:
        kind: the object answered, or the kind of the list's items.
        shape: ``object``, ``list`` or ``search``.
        paths: the ``expand`` parameter.
        publishable: whether a browser asks, which may see its own payment method and nothing else.

    """
    for index, path in enumerate(paths):
        if publishable and path not in _PUBLIC:
            return _refused(path, index, hint=" A publishable API key may only expand payment_method.")
        if shape == "search" and path == TOTAL_COUNT:
            continue
        segments = path.split(".")
        if len(segments) > MAX_DEPTH:
            return invalid(
                f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path[:100]}",
                param=f"expand[{index}]",
            )
        if shape != "object":
            if segments[0] != "data":
                return _refused(segments[0], index, hint=f" You may want to try expanding 'data.{path[:100]}' instead.")
            segments = segments[1:]
        wrong = _first_wrong((kind,), segments)
        if wrong is not None:
            return _refused(wrong, index)
    return None


def reached(kind: str, paths: Iterable[str]) -> set[tuple[str, ...]]:
    """Return what ``paths`` (already checked) show within a ``kind``: for each place the kinds it may hold."""
    found: set[tuple[str, ...]] = set()
    for path in paths:
        _walk((kind,), path.removeprefix("data.").split("."), found)
    return found


def _refused(segment: str, index: int, hint: str = "") -> Problem:
    return invalid(f"This property cannot be expanded ({segment[:100]}).{hint}", param=f"expand[{index}]")


def _first_wrong(kinds: tuple[str, ...], segments: Sequence[str]) -> str | None:
    return _walk(kinds, segments, set())


def _walk(kinds: tuple[str, ...], segments: Sequence[str], places: set[tuple[str, ...]]) -> str | None:
    """Return the first segment that leads nowhere, or None; put the kinds on the way into ``places``."""
    prefix = ""
    for segment in segments:
        if segment == "data" and kinds and kinds[0].startswith("list:"):
            kinds = tuple(kind.removeprefix("list:") for kind in kinds)
            continue
        name = prefix + segment
        found = [target for kind in kinds for target in _targets(kind, name)]
        nested = any(field.startswith(name + ".") for kind in kinds for field in LINKS.get(kind, ()))
        if any(found) or (found and not nested):
            kinds, prefix = tuple(target for targets in found for target in targets), ""
            places.add(tuple(target.removeprefix("list:") for target in kinds))
            continue
        if not nested:
            return segment
        prefix = name + "."
    return None


def _targets(kind: str, name: str) -> list[tuple[str, ...]]:
    link = LINKS.get(kind, {}).get(name)
    if link is not None:
        return [link]
    included = INCLUDED.get((kind, name))
    return [] if included is None else [(f"list:{included}",)]


class Expander:
    """Replaces ids by objects, breadth first: one load per kind and level however long the list."""

    def __init__(self, loaders: Mapping[str, Load], included: Mapping[tuple[str, str], Load]) -> None:
        """Use what can be loaded.

        Args:
            loaders: kind → load rendered objects by their ids.
            included: (kind, field) → load the value of a field that is only shown on request, by the ids of its owners.

        """
        self._loaders = loaders
        self._included = included

    def limited(self, may_show: Callable[[str], bool]) -> "Expander":
        """Return an expander that leaves the ids of kinds as they are that it may not show."""
        loaders = {kind: load for kind, load in self._loaders.items() if may_show(kind)}
        return Expander(loaders, self._included)

    async def expand(self, scope: Scope, root: Shown, paths: Sequence[str], known: Mapping[str, Shown]) -> None:
        """Expand ``paths`` (already checked) inside ``root``, in place.

        Args:
            scope: whose objects may be read.
            root: the rendered answer.
            paths: the ``expand`` parameter.
            known: objects at hand by id, which need no read.

        """
        tree: Tree = {}
        for path in paths:
            node = tree
            for segment in path.split("."):
                node = node.setdefault(segment, {})
        await self._level(scope, [root], tree, known)

    async def _level(self, scope: Scope, objects: list[Shown], tree: Tree, known: Mapping[str, Shown]) -> None:
        for segment, below in tree.items():
            await self._include(scope, objects, segment)
            reached = await self._follow(scope, objects, segment, known)
            if below and reached:
                await self._level(scope, reached, below, known)

    async def _include(self, scope: Scope, objects: list[Shown], segment: str) -> None:
        owners: dict[str, list[Shown]] = {}
        for shown in objects:
            kind = shown.get("object")
            if isinstance(kind, str) and (kind, segment) in INCLUDED and not shown.get("deleted"):
                owners.setdefault(kind, []).append(shown)
        for kind, members in owners.items():
            load = self._included.get((kind, segment))
            if load is None:
                continue
            values = await load(scope, [member["id"] for member in members])
            for member in members:
                member[segment] = values.get(member["id"])

    async def _follow(
        self, scope: Scope, objects: list[Shown], segment: str, known: Mapping[str, Shown]
    ) -> list[Shown]:
        """Return what stands at ``segment`` of each object, ids replaced by what they name."""
        reached: list[Shown] = []
        wanted: dict[str, list[tuple[Shown, str]]] = {}
        for shown in objects:
            value = shown.get(segment)
            if isinstance(value, dict):
                reached.append(value)
            elif isinstance(value, list):
                reached.extend(item for item in value if isinstance(item, dict))
            elif isinstance(value, str):
                wanted.setdefault(PREFIXES.get(value.partition("_")[0], ""), []).append((shown, value))
        for kind, places in wanted.items():
            found = await self._load(scope, kind, [object_id for _, object_id in places], known)
            for shown, object_id in places:
                whole = found.get(object_id)
                if whole is not None:
                    shown[segment] = dict(whole)
                    reached.append(shown[segment])
        return reached

    async def _load(self, scope: Scope, kind: str, ids: Sequence[str], known: Mapping[str, Shown]) -> dict[str, Shown]:
        found = {object_id: known[object_id] for object_id in ids if object_id in known}
        rest = sorted({object_id for object_id in ids if object_id not in found})
        load = self._loaders.get(kind)
        if rest and load is not None:
            found.update(await load(scope, rest))
        return found
