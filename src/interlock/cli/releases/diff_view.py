"""How a release diff looks in a terminal, and as JSON. Called by the verbs of ``interlock release``.

Everything is drawn as plain text objects: a manifest cannot bring markup of its own. Colour repeats what a word says,
so that nothing is lost without it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from interlock.releases.diff.types import (
    Behaviour,
    BehaviourChange,
    Example,
    FieldChange,
    FileChange,
    ReleaseDiff,
    RowChange,
    Severity,
    State,
    ValueChange,
)
from interlock.releases.showing import shown

T = TypeVar("T")

ROWS_FOLDED = 12
LINES_FOLDED = 24
_COLOURS = {
    Severity.MONEY: "bold red",
    Severity.SECURITY: "bold magenta",
    Severity.ROUTING: "yellow",
    Severity.OTHER: "dim",
}
_SIGNS = {State.ADDED: ("+", "green"), State.REMOVED: ("-", "red"), State.CHANGED: ("~", "yellow")}
_LINE_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_WHOLE = "--whole shows all"
_ONE_LINE_SHARE = 0.6


def diff_facts(diff: ReleaseDiff) -> dict[str, Any]:
    """Return the diff as JSON can hold it, with its counts."""
    facts: dict[str, Any] = msgspec.to_builtins(diff)
    counts = {severity.value: count for severity, count in diff.severities().items()}
    return {"severities": counts, "unannounced": len(diff.unannounced), **facts}


def render_diff(diff: ReleaseDiff, console: Console, *, whole: bool = False) -> None:
    """Draw ``diff`` on ``console``, as wide as that is.

    Args:
        diff: what ``compare`` returned.
        console: where to draw.
        whole: fold nothing.

    """
    console.print(_head(diff))
    if diff.is_empty:
        console.print(Text("nothing differs"))
        return
    view = _View(console.width, whole=whole)
    sections = (
        ("Requests and results", view.behaviour(diff.behaviour)),
        ("Manifest", view.fields(diff.fields)),
        ("Codes and currencies", view.rows(diff.rows)),
        ("Settings", view.values(diff.settings)),
        ("Credentials", view.values(diff.credentials)),
        ("Code", view.files(diff.files)),
    )
    for title, parts in sections:
        drawn = list(parts)
        if drawn:
            console.print()
            console.print(Rule(Text(title, style="bold"), align="left", style="dim", characters="─"))
            console.print(*drawn, sep="\n")
    if diff.behaviour is None:
        console.print()
        console.print(Text("requests and results were not observed", style="dim"))


def _head(diff: ReleaseDiff) -> Text:
    before, after = (each.release_id or each.package_id for each in (diff.before, diff.after))
    head = Text.assemble((diff.after.title, "bold"), "  ", (before, "dim"), " → ", (after, "bold"))
    parts = [(f"{count} {severity}", _COLOURS[severity]) for severity, count in diff.severities().items()]
    if diff.files:
        parts.append((f"{len(diff.files)} {'file' if len(diff.files) == 1 else 'files'}", ""))
    for number, part in enumerate(parts):
        head.append(" · " if number else "\n")
        head.append(*part)
    if diff.unannounced:
        count = len({change.place for change in diff.unannounced})
        places = "1 place behaves" if count == 1 else f"{count} places behave"
        head.append(f"\n{places} otherwise without being announced", style="bold red")
    return head


class _View:
    """Draws the sections for one width."""

    def __init__(self, width: int, *, whole: bool) -> None:
        self._width = width
        self._whole = whole

    # -- requests and results

    def behaviour(self, behaviour: Behaviour | None) -> Iterator[RenderableType]:
        if behaviour is None:
            return
        for title, announced in (("not announced", False), ("announced", True)):
            places = _by_place(change for change in behaviour.changes if change.announced is announced)
            if places:
                yield Text(title, style="bold" if announced else "bold red")
                yield from self._grid(map(self._place, places), len(places))
        notes = [
            ("announced, and shown by no case", behaviour.unseen),
            ("only the old version was tried in", behaviour.only_before),
            ("only the new version was tried in", behaviour.only_after),
        ]
        yield from (Text(f"{what}: {self._few(names)}", style="dim") for what, names in notes if names)
        if behaviour.changes or any(names for _, names in notes):
            yield Text(f"cases in which both were tried: {behaviour.cases}", style="dim")

    def _place(self, changes: Sequence[BehaviourChange]) -> tuple[Severity, list[Text]]:
        """Draw one place with all operations in which it differs."""
        count = sum(change.count for change in changes)
        operations = ", ".join(_operation(change) for change in changes)
        cases = "1 case" if count == 1 else f"{count} cases"
        lines = [Text.assemble((changes[0].place, "bold"), f"  {operations}  ", (f"in {cases}", "dim"))]
        examples = [(change, example) for change in changes for example in change.examples]
        for change, example in examples if self._whole else examples[:1]:
            lines += self._example(_operation(change), example)
        lines += [Text(why, style="italic") for why in dict.fromkeys(change.why for change in changes) if why]
        return changes[0].severity, lines

    def _example(self, operation: str, example: Example) -> Iterator[Text]:
        lead = Text.assemble((f"{operation} {example.case}: ", "dim"))
        if example.hidden:
            yield lead.append(f"{example.before}, another one (not shown)")
            return
        first, *rest = self._change(example.before, example.after, used=len(lead))
        yield lead.append_text(first)
        yield from rest

    # -- manifest, tables, settings

    def fields(self, changes: Sequence[FieldChange]) -> Iterator[RenderableType]:
        for group in dict.fromkeys(change.group for change in changes):
            mine = [change for change in changes if change.group is group]
            yield Text(group.value.replace("_", " "), style="bold")
            yield from self._grid((self._field_row(change) for change in mine), len(mine))

    def _field_row(self, change: FieldChange) -> tuple[Severity, list[Text]]:
        if change.added or change.removed:
            parts = [(f"+{name}", "green") for name in change.added]
            parts += [(f"-{name}", "red") for name in change.removed]
            head = Text(" ").join(Text(text, style=style) for text, style in parts)
            return change.severity, [Text(change.path, style="bold"), head, Text(change.meaning)]
        return change.severity, self._named(change.path, change.before, change.after, change.meaning)

    def rows(self, changes: Sequence[RowChange]) -> Iterator[RenderableType]:
        for table in dict.fromkeys(change.table for change in changes):
            mine = [change for change in changes if change.table == table]
            yield Text(table, style="bold")
            yield from self._grid(
                ((row.severity, self._named(row.raw, row.before, row.after, row.meaning)) for row in mine), len(mine)
            )

    def values(self, changes: Sequence[ValueChange]) -> Iterator[RenderableType]:
        told = (
            (change.severity, self._named(change.name, change.before, change.after, change.meaning))
            for change in changes
        )
        yield from self._grid(told, len(changes))

    def _named(self, name: str, before: object, after: object, meaning: str) -> list[Text]:
        head = Text.assemble((name, "bold"), "  ")
        first, *rest = self._change(before, after, used=len(head))
        return [head.append_text(first), *rest, Text(meaning)]

    def _change(self, before: object, after: object, *, used: int) -> list[Text]:
        """Return ``before → after`` in one line where it fits, else one below the other."""
        old, new = ("absent" if value is None else shown(value) or "“”" for value in (before, after))
        old_style, new_style = ("dim" if before is None else "red"), ("dim" if after is None else "green")
        if used + len(old) + len(new) <= self._width * _ONE_LINE_SHARE:
            return [Text.assemble((old, old_style), " → ", (new, new_style))]
        return [Text(""), Text(f"- {old}", style=old_style), Text(f"+ {new}", style=new_style)]

    # -- code

    def files(self, changes: Sequence[FileChange]) -> Iterator[RenderableType]:
        for change in changes:
            sign, style = _SIGNS[change.state]
            head = Text.assemble((f"{sign} {change.name}", f"bold {style}"))
            if change.only_text:
                head.append("  comments, formatting or docstrings only", style="dim")
            if change.problem:
                head.append(f"  {change.problem}", style="bold red")
            yield head
            for part in self._folded(change.parts, ROWS_FOLDED):
                sign, style = _SIGNS[part.state]
                yield Padding(Text.assemble((sign, style), f" {part.name}", (f"  {part.kind}", "dim")), (0, 0, 0, 2))
            yield from self._rest(len(change.parts), ROWS_FOLDED)
            for line in self._folded(change.text, LINES_FOLDED):
                text = Text(line.expandtabs(4), style=_LINE_STYLES.get(line[:1], ""), no_wrap=not self._whole)
                text.overflow = "ellipsis"
                yield Padding(text, (0, 0, 0, 4))
            yield from self._rest(len(change.text), LINES_FOLDED)

    # -- parts

    def _grid(self, rows: Iterable[tuple[Severity, list[Text]]], count: int) -> Iterator[RenderableType]:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True, min_width=8)
        grid.add_column(overflow="fold", ratio=1)
        for severity, lines in self._folded(list(rows), ROWS_FOLDED):
            grid.add_row(Text(severity.value, style=_COLOURS[severity]), Text("\n").join(_filled(lines)))
        if count:
            yield Padding(grid, (0, 0, 0, 2))
        yield from self._rest(count, ROWS_FOLDED)

    def _folded(self, items: Sequence[T], limit: int) -> Sequence[T]:
        return items if self._whole else items[:limit]

    def _rest(self, count: int, limit: int) -> Iterator[RenderableType]:
        if not self._whole and count > limit:
            yield Padding(Text(f"… {count - limit} more; {_WHOLE}", style="dim"), (0, 0, 0, 2))

    def _few(self, names: Sequence[str]) -> str:
        listed = ", ".join(self._folded(names, ROWS_FOLDED))
        hidden = 0 if self._whole else max(0, len(names) - ROWS_FOLDED)
        return f"{listed} … {hidden} more; {_WHOLE}" if hidden else listed


def _by_place(changes: Iterable[BehaviourChange]) -> list[list[BehaviourChange]]:
    places: dict[tuple[str, Severity], list[BehaviourChange]] = {}
    for change in changes:
        places.setdefault((change.place, change.severity), []).append(change)
    return list(places.values())


def _operation(change: BehaviourChange) -> str:
    return "notification" if change.operation is None else change.operation.value


def _filled(lines: Iterable[Text]) -> list[Text]:
    """Return the lines without empty ones and without space at their ends."""
    kept = []
    for line in lines:
        line.rstrip()
        if line.plain:
            kept.append(line)
    return kept
