"""Whether a connector is a function: the same requests of the same input, in any order, for any account in between.

This room runs the connector again, which the other checks do not.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from interlock.gateways.loader import LoadedConnector
from interlock.releases.gates.contract.accounts import FIRST, SECOND
from interlock.releases.gates.contract.cases import Delivery, Group, Performed, deliver, perform
from interlock.releases.gates.contract.notes import Notes
from interlock.releases.gates.contract.stage import Stage
from interlock.releases.gates.observation import Trace, differences, driving

_PAIRS_MAX = 200
_REMEDY = "keep nothing between calls; take time and randomness from nowhere"


class PurityChecks:
    """Runs cases again and compares."""

    def __init__(self, stage: Stage, notes: Notes, loaded: LoadedConnector) -> None:
        """Prepare.

        Args:
            stage: holds the accounts.
            notes: where findings go.
            loaded: the connector.

        """
        self._stage = stage
        self._notes = notes
        self._loaded = loaded

    def inputs(self, performed: Performed) -> None:
        """Look whether a case left what it was given alone."""
        self._notes.looked("inputs")
        if performed.changed:
            problem = f"{performed.traces[-1].operation} changes what it was given"
            self._notes.fail("inputs", performed.case.name, problem, "copy before you change")

    def again(self, performed: Performed) -> None:
        """Run a case again, whatever was run since, and compare."""
        case = performed.case
        second = perform(self._loaded, self._stage.accounts[case.account], case)
        self._notes.looked("purity")
        for before, after in zip(performed.traces, second.traces, strict=False):
            if before != after:
                self._differ("purity", before, after, "differs when the same is asked again")

    def hear_again(self, delivery: Delivery, trace: Trace) -> None:
        """Let a delivery be heard again, and compare."""
        self._notes.looked("purity")
        second = deliver(self._loaded, self._stage.accounts[delivery.account], delivery)
        if trace != second:
            self._differ("purity", trace, second, "differs when the same is heard again")

    def interleave(self, done: Sequence[Performed]) -> None:
        """Run pairs of operations of two accounts step by step in turn, and compare with each alone."""
        for first, second in _pairs(done):
            self._notes.looked("interleaving")
            for alone, together in zip((first, second), self._in_turn(first, second), strict=True):
                if alone.traces[0] != together:
                    said = "differs while an operation of another account is under way"
                    self._differ("interleaving", alone.traces[0], together, said)

    def _in_turn(self, *pair: Performed) -> list[Trace]:
        running = {}
        for number, each in enumerate(pair):
            act, request = each.case.acts[0], each.asked[0]
            config = self._stage.accounts[each.case.account]
            name = each.traces[0].case
            running[number] = driving(self._loaded, config, act.operation, request, act.answers(request, ()), name)
        ended: dict[int, Trace] = {}
        while running:
            for number, steps in list(running.items()):
                try:
                    next(steps)
                except StopIteration as stop:
                    ended[number] = stop.value
                    del running[number]
        return [ended[number] for number in range(len(pair))]

    def _differ(self, check: str, before: Trace, after: Trace, said: str) -> None:
        found = differences(before, after)
        place = found[0].place if found else "something"
        what = before.operation or "parse_notification"
        self._notes.fail(check, before.case, f"{what}: {place} {said}", _REMEDY)


def _pairs(done: Sequence[Performed]) -> Iterator[tuple[Performed, Performed]]:
    """Return pairs of cases of two accounts, at most :data:`_PAIRS_MAX`, as different as they come."""
    whole = [each for each in done if each.case.group is Group.MATRIX and each.traces and each.traces[0].requests]
    first = [each for each in whole if each.case.account == FIRST]
    second = [each for each in whole if each.case.account == SECOND]
    if not first or not second:
        return iter(())
    stride = max(1, len(first) // _PAIRS_MAX)
    return islice(((each, second[number % len(second)]) for number, each in enumerate(first[::stride])), _PAIRS_MAX)
