"""``lint.words``: what connector code itself says statuses and events mean, held against the provider's table.

Most meanings stand in the manifest; some stand in code (a capture's statuses, the kinds of events). A dictionary from
words to outcomes or kinds is compared entry by entry, and a status is only compared with words the provider has.
"""

import ast

from interlock.gateways.contract import NotificationKind
from interlock.gateways.manifest import Manifest
from interlock.gateways.outcomes import Outcome
from interlock.releases.gates.lint.code.source import Module, last
from interlock.releases.gates.lint.notes import Notes
from interlock.releases.gates.providers.tables import ProviderTable

CHECK = "words"
_STATUS_ATTRIBUTES = frozenset({"status", "result_code"})


def check(modules: dict[str, Module], manifest: Manifest, table: ProviderTable, notes: Notes) -> None:
    """Look at every dictionary of outcomes or kinds and at every word that a status is compared with."""
    kinds: dict[str, str] = {}
    for module in modules.values():
        for node in module.nodes:
            if isinstance(node, ast.Dict):
                kinds.update(_check_mapping(module, node, table, notes))
            elif isinstance(node, ast.Compare):
                _check_comparison(module, node, table, notes)
    if manifest.webhook is not None and kinds:
        _check_events(manifest, kinds, table, notes)


def _check_mapping(module: Module, node: ast.Dict, table: ProviderTable, notes: Notes) -> dict[str, str]:
    """Return the kinds that ``node`` gives to events."""
    kinds: dict[str, str] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str) or not isinstance(value, ast.Attribute):
            continue
        owner = last(module.origin(value.value))
        if owner == "Outcome" and value.attr in Outcome.__members__:
            _check_outcome(module, key, Outcome[value.attr], table, notes)
        elif _is_kind(module, owner) and value.attr in NotificationKind.__members__:
            _check_kind(module, key, NotificationKind[value.attr], table, notes)
            kinds[key.value] = value.attr.lower()
    return kinds


def _is_kind(module: Module, owner: str) -> bool:
    """Return True for ``NotificationKind`` and for a name the module gives to it."""
    value = module.assigned.get(owner)
    return "NotificationKind" in {owner, last(module.origin(value)) if value is not None else ""}


def _check_outcome(module: Module, key: ast.Constant, outcome: Outcome, table: ProviderTable, notes: Notes) -> None:
    notes.looked(CHECK)
    word = str(key.value)
    allowed = {each for group in table.statuses.values() for each in group.get(word, ())}
    if outcome is Outcome.UNKNOWN or outcome in allowed:
        return
    if not allowed:
        problem = f"gives a meaning to {word!r}, a status that {table.title} does not document"
    else:
        meant = " or ".join(sorted(allowed))
        problem = f"takes {word!r} for {outcome}; {table.title} means {meant} ({table.source('statuses')})"
    module.report(notes, CHECK, key, problem, "correct the outcome")


def _check_kind(module: Module, key: ast.Constant, kind: NotificationKind, table: ProviderTable, notes: Notes) -> None:
    notes.looked(CHECK)
    word = str(key.value)
    allowed = {*table.notifications.get(word, ()), *table.dispute_ends.get(word, ())}
    if kind in allowed or (not allowed and kind is NotificationKind.IGNORED):
        return
    if not allowed:
        problem = f"gives a kind to {word!r}, an event that {table.title} does not document"
    else:
        meant = " or ".join(sorted(allowed))
        problem = f"takes {word!r} for {kind}; with {table.title} it is {meant} ({table.source('notifications')})"
    module.report(notes, CHECK, key, problem, "correct the kind")


def _check_comparison(module: Module, node: ast.Compare, table: ProviderTable, notes: Notes) -> None:
    sides = [node.left, *node.comparators]
    if not any(isinstance(side, ast.Attribute) and side.attr in _STATUS_ATTRIBUTES for side in sides):
        return
    words = table.status_words()
    for side in sides:
        for text in [side, *getattr(side, "elts", ())]:
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                notes.looked(CHECK)
                if text.value not in words:
                    problem = f"compares a status with {text.value!r}, which {table.title} never says"
                    module.report(notes, CHECK, text, problem, f"see {table.source('statuses')}")


def _check_events(manifest: Manifest, kinds: dict[str, str], table: ProviderTable, notes: Notes) -> None:
    """Every event that is subscribed to means something, and none that means something is forgotten."""
    subscribed = manifest.webhook.subscriptions if manifest.webhook else ()
    for event in subscribed:
        notes.looked(CHECK)
        if kinds.get(event, "ignored") == "ignored":
            problem = f"subscribes to {event}, which the code ignores"
            notes.fail(CHECK, "manifest.toml webhook.subscriptions", problem, "read it, or do not ask for it")
    needed = {event for events in table.webhook.subscriptions.values() for event in events} if table.webhook else set()
    for event in sorted(needed - set(subscribed)):
        if kinds.get(event, "ignored") == "ignored" and event in table.notifications:
            problem = f"gives {event} no kind; {table.title} sends it ({table.source('notifications')})"
            notes.fail(CHECK, "package", problem, "map it to its kind")
