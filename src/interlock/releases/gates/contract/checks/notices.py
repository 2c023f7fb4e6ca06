"""What is heard in webhooks: the expected notifications, and nothing at all in what nobody may believe."""

from collections.abc import Mapping
from typing import Any

import msgspec

from interlock.gateways.contract import Notification
from interlock.releases.gates.contract.cases import Delivery, Group
from interlock.releases.gates.contract.checks.reading import builtin
from interlock.releases.gates.contract.knowledge import vocabulary
from interlock.releases.gates.contract.notes import Notes
from interlock.releases.gates.observation import Trace

_ANY = "$any"
_IGNORED = "ignored"
_FREE = frozenset({"code", "message"})


class NoticeChecks:
    """Checks what was heard; remembers the names of notifications, which must tell events apart."""

    def __init__(self, notes: Notes) -> None:
        """Prepare; findings go to ``notes``."""
        self._notes = notes
        self._named: dict[str, str] = {}

    def check(self, delivery: Delivery, trace: Trace) -> None:
        """Look at what was heard in one delivery."""
        if trace.error is not None:
            self._exception(trace)
            return
        self._notes.looked("exceptions")
        self._notes.looked("notifications" if delivery.genuine else "signatures")
        heard = trace.notifications
        if heard is None:
            if delivery.genuine:
                problem = f"a genuine {delivery.topic} is turned away: {trace.signature_invalid}"
                remedy = "verify as the provider signs, and hear every event it documents"
                self._notes.fail("signatures", trace.case, problem, remedy)
            return
        if delivery.genuine is False:
            problem = f"a webhook is believed that nobody signed: {delivery.topic}"
            remedy = "return SignatureInvalid unless a signature matches, compared in constant time"
            self._notes.fail("signatures", trace.case, problem, remedy)
            return
        for said in heard:
            self._form(said, trace)
        if delivery.expected is not None:
            self._expected(delivery, heard, trace)
        self._kinds(delivery, heard, trace)
        if delivery.genuine and delivery.group is Group.WEBHOOK:
            self._names(delivery, heard, trace)

    def _exception(self, trace: Trace) -> None:
        self._notes.looked("exceptions")
        kind, _, place = (trace.error or "").partition(" at ")
        remedy = "what cannot be read is SignatureInvalid"
        where = place if ":" in place else ""
        problem = f"parse_notification {'raises ' if where else ''}{kind}"
        self._notes.fail("exceptions", trace.case, problem, remedy, where=where)

    def _form(self, said: Notification, trace: Trace) -> None:
        """Look whether every field is of its type, and the words are those that are shared."""
        remedy = "check what webhooks hold before it is handed on"
        try:
            msgspec.convert(msgspec.to_builtins(said), Notification)
        except (msgspec.ValidationError, TypeError, OverflowError):
            self._notes.fail("notifications", trace.case, "a notification with a field of a wrong type", remedy)
            return
        result = said.result
        if result is not None and result.decline_code not in {None, *vocabulary().decline_codes}:
            problem = "a notification with a decline_code that is none of Stripe's words"
            self._notes.fail("vocabulary", trace.case, problem, "translate it, or leave decline_code out")

    def _expected(self, delivery: Delivery, heard: tuple[Notification, ...], trace: Trace) -> None:
        expected = delivery.expected or ()
        remedy = "say what the provider documents of this event"
        if delivery.genuine is None:
            for said in heard:
                if said.kind == _IGNORED:
                    continue
                if not any(_compatible(builtin(said), wanted) for wanted in expected):
                    problem = f"something is heard that may not be: {delivery.topic}"
                    self._notes.fail("signatures", trace.case, problem, "believe signed fields only")
            return
        if len(heard) != len(expected):
            problem = f"{delivery.topic}: {len(heard)} notifications, must be {len(expected)}"
            self._notes.fail("notifications", trace.case, problem, remedy)
            return
        for said, wanted in zip(heard, expected, strict=True):
            for place, there, must in _differences(builtin(said), wanted):
                was = "is missing" if there is None else "is there" if must is None else "is another"
                told = "" if must is None else f", must be {str(must)[:80]}"
                about = trace.case.partition(",")[0]
                self._notes.fail("notifications", trace.case, f"{place} {was}{told}", remedy, about=about)

    def _kinds(self, delivery: Delivery, heard: tuple[Notification, ...], trace: Trace) -> None:
        for said in heard:
            if delivery.kinds is not None and str(said.kind) not in delivery.kinds:
                wanted = " or ".join(sorted(delivery.kinds))
                name = trace.case.removeprefix("webhook ").partition(":")[0]
                problem = f"is heard as {said.kind}, must be {wanted}"
                remedy = "map the event as the provider documents it"
                self._notes.fail(
                    "notifications",
                    trace.case,
                    problem,
                    remedy,
                    where=delivery.topic,
                    about=delivery.topic,
                    detail=name,
                )
            if said.result is not None and str(said.result.outcome) in delivery.never:
                problem = f"an event that reports a failure is heard as {said.result.outcome}"
                self._notes.fail("notifications", trace.case, problem, "what cannot be read is no success")

    def _names(self, delivery: Delivery, heard: tuple[Notification, ...], trace: Trace) -> None:
        """Look whether notifications have names, and no two kinds of event the same."""
        for said in heard:
            if not said.notification_id:
                problem = f"{delivery.topic}: a notification without an id"
                self._notes.fail("notifications", trace.case, problem, "give what makes a repeat harmless")
                continue
            topic = self._named.setdefault(said.notification_id, delivery.topic)
            if topic != delivery.topic:
                problem = f"{delivery.topic} and {topic} have the same notification_id: one of them would be lost"
                self._notes.fail("notifications", trace.case, problem, "make the id of what tells the events apart")


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    differing = []
    for name in sorted({*found, *wanted} - {"notification_id"}):
        there, must = found.get(name), wanted.get(name)
        if must in (_ANY, there):
            continue
        if name == "result" and isinstance(there, Mapping) and isinstance(must, Mapping):
            for inner in sorted({*there, *must}):
                if inner in _FREE and inner not in must:
                    continue
                if there.get(inner) != must.get(inner):
                    differing.append((f"result.{inner}", there.get(inner), must.get(inner)))
        else:
            differing.append((name, there, must))
    return differing


def _compatible(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return True when everything that ``wanted`` names is so in ``found``."""
    for name, must in wanted.items():
        there = found.get(name)
        if isinstance(must, Mapping):
            if not isinstance(there, Mapping) or not _compatible(there, must):
                return False
        elif must not in (_ANY, there):
            return False
    return True
