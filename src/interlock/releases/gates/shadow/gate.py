"""The gate itself: candidate and stable over the same recordings, then the verdict."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from interlock.base.errors import ConfigurationError, IsolationError
from interlock.base.redaction import scrub
from interlock.gateways.contract import Operation
from interlock.gateways.manifest import Manifest, read_manifest
from interlock.gateways.outcomes import Outcome
from interlock.gateways.package import MANIFEST_FILE, Package
from interlock.releases.gates.isolation import Nursery
from interlock.releases.gates.observation import Difference, Trace, differences, unannounced
from interlock.releases.gates.shadow import corpus
from interlock.releases.gates.shadow.apart import TASK, replay_apart
from interlock.releases.gates.shadow.comparing import (
    all_differences,
    announcement_findings,
    causes,
    difference_finding,
    grouped,
    lost_abilities,
    sent_empty,
    share_of,
    share_of_cases,
)
from interlock.releases.gates.shadow.making import BROKEN
from interlock.releases.gates.shadow.planning import Plan, plan
from interlock.releases.gates.shadow.replaying import Replay, Replayed
from interlock.releases.gates.shadow.requests import restored
from interlock.releases.gates.shadow.sends import asks_the_same, drifted
from interlock.releases.gates.shadow.types import Observed, Recording, Recordings
from interlock.releases.gates.types import Finding, Gate, GateReport, Progress, Subject, Verdict, worst

_Place = tuple[Operation | None, str]

RECORDINGS_MIN = 20
_FINDINGS_MAX = 100
_COVERAGE_MAX = 200
_WHY_STABLE = "find out why the release that serves cannot be run here"
OTHERWISE = "the release that serves now asks otherwise than was recorded"
UNRECOGNISED = "redaction took what the answer is recognised by"
UNANSWERED = "the release that serves now asks for more answers than were recorded"


async def run(subject: Subject, progress: Progress, recordings: Recordings | None = None) -> GateReport:
    """Compare what candidate and stable do with real operations; raises nothing that the subject can cause.

    Args:
        subject: the candidate, how an account would run it, and what serves now.
        progress: told of each step.
        recordings: of the gateway that the release is for; None where they are not at hand.

    """
    started = time.perf_counter()
    shadow = _Shadow(subject, recordings)
    try:
        await shadow.compare(progress)
    except ConfigurationError as error:
        shadow.findings.append(_unreadable("the candidate", str(error)))
    except IsolationError as error:
        shadow.findings.append(_error("isolation", str(error), "see that this user may start processes here"))
    return shadow.report(round((time.perf_counter() - started) * 1000))


class _Shadow:
    """One comparison: what it works on, and what it has found so far."""

    def __init__(self, subject: Subject, recordings: Recordings | None) -> None:
        self.subject = subject
        self.given = recordings
        self.left: Counter[str] = Counter() if recordings is None else Counter(recordings.left_out)
        self.recordings = self._readable()
        self.findings: list[Finding] = []
        self.left_out: list[str] = []
        self.checks: dict[str, int] = {}
        self.measured: dict[str, object] = {}
        self.manifests: tuple[Manifest, ...] = ()
        self.compared: Sequence[Recording] = ()

    def _readable(self) -> tuple[Recording, ...]:
        found = []
        for recording in () if self.given is None else self.given.recordings:
            try:
                restored(recording.request)
                found.append(recording)
            except (msgspec.ValidationError, ValueError, TypeError):
                self.left[BROKEN] += 1
        return tuple(found)

    async def compare(self, progress: Progress) -> None:
        """Do everything again with both and write down what differs."""
        subject = self.subject
        self.manifests = self._read_manifests()
        planned = plan(
            self.recordings,
            self.manifests,
            subject.config,
            subject.stable_config,
            None if self.given is None else self.given.config,
            livemode=subject.livemode,
        )
        self.left_out += planned.left_out
        candidate, stable = await self._replay_both(planned, progress)
        if candidate.broken is not None:
            if stable is not None and stable.broken == candidate.broken:
                self.findings.append(_error("candidate and stable", candidate.broken, _WHY_STABLE))
            else:
                self.findings.append(_unreadable("the candidate", candidate.broken))
            return
        if stable is not None and stable.broken is not None:
            self.findings.append(_error("stable", stable.broken, _WHY_STABLE))
            stable = None
        if stable is None:
            self._against_what_was_sent(candidate)
        else:
            await asyncio.to_thread(self._against_stable, planned, stable, candidate)
        self._coverage()

    async def _replay_both(self, planned: Plan, progress: Progress) -> tuple[Replayed, Replayed | None]:
        """Return what the candidate does and what stable does, where there is one."""
        cases = self._cases() if self.subject.stable is not None else None
        subject, total = self.subject, len(planned.reruns) * (1 if self.subject.stable is None else 2)
        stable = None
        async with Nursery(TASK, warm=(cases or "").encode()) as nursery:
            candidate = await replay_apart(
                nursery,
                self._task(subject.package, planned, cases, stable=False),
                lambda what, done, _: progress(f"candidate: {what}", done, total),
            )
            if subject.stable is not None:
                stable = await replay_apart(
                    nursery,
                    self._task(subject.stable, planned, cases, stable=True),
                    lambda what, done, _: progress(f"stable: {what}", len(planned.reruns) + done, total),
                )
        progress("comparing", total, total)
        return candidate, stable

    def _cases(self) -> str | None:
        """Return the name of the synthetic cases; where they are not at hand, that is said."""
        if corpus.at_hand(corpus.CONTRACT):
            return corpus.CONTRACT
        self.left_out.append("corpus: the contract gate's cases are not at hand")
        self.findings.append(
            Finding(
                check="shadow.corpus",
                verdict=Verdict.INCONCLUSIVE,
                where="synthetic cases",
                problem="the contract gate's cases are not at hand, so webhooks and what traffic does not show are "
                "not compared",
                remedy="check the release with a version that has them, or let a person decide",
            )
        )
        return None

    def _read_manifests(self) -> tuple[Manifest, ...]:
        found = [read_manifest(self.subject.package.manifest, MANIFEST_FILE)]
        if self.subject.stable is not None:
            try:
                found.append(read_manifest(self.subject.stable.manifest, f"stable {MANIFEST_FILE}"))
            except ConfigurationError:
                return tuple(found)  # said when it is replayed
        return tuple(found)

    def _task(self, package: Package, planned: Plan, cases: str | None, *, stable: bool) -> Replay:
        return Replay(
            package=package,
            configs=tuple(each.stable if stable else each.candidate for each in planned.accounts),
            recordings=self.recordings,
            reruns=planned.reruns,
            corpus=cases,
            corpus_manifest=None if self.subject.stable is None else self.subject.stable.manifest,
        )

    # With a release that serves

    def _against_stable(self, planned: Plan, stable: Replayed, candidate: Replayed) -> None:
        usable = self._usable(stable.observed)
        changes = self.manifests[0].changes
        everything: list[Difference] = []
        plain: dict[int, list[Difference]] = {}
        nulls: dict[str, dict[int, list[Difference]]] = {}
        accounts: dict[str, dict[int, list[Difference]]] = {}
        for position, rerun in enumerate(planned.reruns):
            if rerun.recording not in usable:
                continue
            found = all_differences(stable.observed[position], candidate.observed[position])
            if position < len(self.recordings):
                found += lost_abilities(self.recordings[position], self.manifests[1], self.manifests[0])
            everything += found
            left = unannounced(found, changes)
            if position < len(self.recordings):
                plain[rerun.recording] = left
            elif position in planned.nulls:
                nulls.setdefault(planned.nulls[position].pointer, {})[rerun.recording] = left
            else:
                called = planned.accounts[rerun.config].called
                accounts.setdefault(called, {})[rerun.recording] = left + sent_empty(found, left)
        said = self._said(plain, set(), "", "")
        for called, several in accounts.items():
            said |= self._said(several, said, f", {called}", "shadow.configuration")
        for pointer, several in nulls.items():
            said |= self._said(several, said, f", where the answer says null at {pointer}", "shadow.nulls")
        everything += self._compare_hosts(planned, stable, candidate)
        everything += self._compare_corpus(stable.corpus, candidate.corpus)
        self.findings += announcement_findings(changes, everything, self.manifests)
        self.checks |= {
            "shadow.request": sum(len(stable.observed[number].trace.requests) for number in usable),
            "shadow.result": len(usable),
            "shadow.nulls": sum(len(each) for each in nulls.values()),
            "shadow.configuration": sum(len(each) for each in accounts.values()),
            "shadow.announcements": len(changes),
        }
        self.measured["differences"] = len(everything)
        self.measured["announced"] = len(everything) - len(unannounced(everything, changes))
        self._drift(stable, usable)

    def _said(self, found: dict[int, list[Difference]], said: set[_Place], under: str, check: str) -> set[_Place]:
        """Add a finding for every place at which recordings differ without an announcement, and return the places.

        Args:
            found: what differs, by number of the recording.
            said: places that differ anyway, whatever the answer or the account: nothing is said twice.
            under: what was made different for this comparison.
            check: the check's name where the place does not tell it.

        """
        compared = {number: self.recordings[number].slice for number in found}
        fresh = {
            number: [one for one in causes(several) if (one.operation, one.place) not in said]
            for number, several in found.items()
        }
        groups = grouped(fresh)
        for group in groups:
            share = share_of(group, compared)
            self.findings.append(difference_finding(group, share, self.manifests, check, under))
        return {(group.operation, group.place) for group in groups}

    def _usable(self, observed: Sequence[Observed]) -> list[int]:
        """Return which recordings the release that serves can do again as they were; the others are counted out."""
        usable = []
        for number, recording in enumerate(self.recordings):
            reason = _unfit(recording, observed[number])
            if reason is None:
                usable.append(number)
            else:
                self.left[reason] += 1
        self._keep(usable)
        return usable

    def _keep(self, usable: Sequence[int]) -> None:
        self.measured["replayed"] = len(usable)
        self.compared = [self.recordings[number] for number in usable]

    def _compare_hosts(self, planned: Plan, stable: Replayed, candidate: Replayed) -> list[Difference]:
        if planned.accounts[0].stable.settings != planned.accounts[0].candidate.settings:
            return []
        before, after = stable.hosts[0], candidate.hosts[0]
        if before == after:
            return []
        found = Difference(case="every request", operation=None, place="request host", before=before, after=after)
        for group in grouped({0: unannounced([found], self.manifests[0].changes)}):
            self.findings.append(difference_finding(group, "every request", self.manifests, "shadow.request"))
        return [found]

    def _compare_corpus(self, stable: Sequence[Trace], candidate: Sequence[Trace]) -> list[Difference]:
        before = {(trace.case, trace.operation): trace for trace in stable}
        after = {(trace.case, trace.operation): trace for trace in candidate}
        nothing = Trace(case="", operation=None, unfinished=True)
        found = {number: differences(before[key], after.get(key, nothing)) for number, key in enumerate(before)}
        by_operation = Counter(operation for _, operation in before)
        left = {number: unannounced(several, self.manifests[0].changes) for number, several in found.items()}
        for group in grouped(left):
            share = share_of_cases(group, by_operation[group.operation])
            self.findings.append(difference_finding(group, share, self.manifests, "shadow.corpus"))
        if before:
            self.checks["shadow.corpus"] = len(before)
            self.checks["shadow.webhook"] = by_operation[None]
        return [one for several in found.values() for one in several]

    def _drift(self, stable: Replayed, usable: Sequence[int]) -> None:
        """Measure how far stable builds what was sent: what differs there is no doing of the candidate's."""
        places: Counter[str] = Counter()
        exact = 0
        for number in usable:
            found = drifted(self.recordings[number], stable.observed[number].trace.requests)
            exact += not found
            places.update(f"{one.operation} {one.place}" for one in found)
        self.measured["sent_alike"] = exact
        self.measured["sent_otherwise"] = dict(places.most_common(20))

    # Without one

    def _against_what_was_sent(self, candidate: Replayed) -> None:
        """Compare the candidate with the requests of earlier releases, as far as redaction leaves them to compare."""
        self.left_out.append("stable: no release serves yet, so there is nothing to compare results with")
        self.findings.append(
            Finding(
                check="shadow.stable",
                verdict=Verdict.INCONCLUSIVE,
                where="stable",
                problem="no release serves yet",
                remedy="let a person decide; the canary begins with the smallest share",
            )
        )
        changes = self.manifests[0].changes
        found: dict[int, list[Difference]] = {}
        for number, recording in enumerate(self.recordings):
            if not recording.inferred:
                found[number] = _against_record(recording, candidate.observed[number])
        self._said({number: unannounced(several, changes) for number, several in found.items()}, set(), "", "")
        self._keep(list(found))
        everything = [one for several in found.values() for one in several]
        self.findings += announcement_findings(changes, everything, self.manifests)
        self.checks |= {"shadow.request": len(found), "shadow.announcements": len(changes)}

    # What it rests on

    def _coverage(self) -> None:
        """Say what was looked at, and what was not although real traffic consists of it."""
        number = len(self.compared)
        if self.given is None:
            self.left_out.append("recordings: they are not at hand")
            problem = "no recordings are at hand"
            self.findings.append(
                _too_little(problem, "check the release where the database is, or with a file of recordings")
            )
        elif number < RECORDINGS_MIN:
            problem = f"only {number} recordings can be done again, {RECORDINGS_MIN} are needed{self._reasons()}"
            self.findings.append(_too_little(problem, "wait for more traffic, or let a person decide"))
        traffic = {} if self.given is None else self.given.traffic
        self._unseen(traffic)
        self.checks["shadow.coverage"] = len(traffic)
        self.left_out += [f"recordings: {count} left out, {reason}" for reason, count in sorted(self.left.items())]
        self.measured |= {
            "recordings": 0 if self.given is None else len(self.given.recordings),
            "left_out": dict(self.left),
            "traffic": traffic,
            "coverage": _table(self.compared),
        }

    def _unseen(self, traffic: Mapping[str, int]) -> None:
        """Name the operations of real traffic that no recording shows: unproven, or declared no more at all."""
        seen = {recording.slice.operation for recording in self.recordings}
        proven = {recording.slice.operation for recording in self.compared}
        manifest = self.manifests[0]
        for name, count in sorted(traffic.items()):
            operation = Operation(name)
            often = f"which was done {count} times in the last 30 days"
            if operation is Operation.FUND or operation in proven:
                continue
            if operation in manifest.capabilities.operations:
                problem = f"no recording of {operation}, {often}"
                self.findings.append(_too_little(problem, "wait until one is kept, or let a person decide"))
            elif operation not in seen:
                gone = Difference(
                    case=often, operation=operation, place="capabilities operations", before=name, after=None
                )
                if unannounced([gone], manifest.changes):
                    self.findings.append(_lost(name, often))

    def _reasons(self) -> str:
        if not self.left:
            return ""
        return " (left out: " + "; ".join(f"{count} because {reason}" for reason, count in self.left.items()) + ")"

    def report(self, duration_ms: int) -> GateReport:
        """Return what was found; of very many findings the first, with their number."""
        findings = sorted(self.findings, key=_weight)
        if len(findings) > _FINDINGS_MAX:
            self.measured["findings"] = len(findings)
            self.left_out.append(f"findings: {len(findings) - _FINDINGS_MAX} more are not shown")
        return GateReport(
            gate=Gate.SHADOW,
            verdict=worst(tuple(findings)),
            checks=self.checks,
            findings=tuple(findings[:_FINDINGS_MAX]),
            left_out=tuple(self.left_out),
            measured=self.measured,
            duration_ms=duration_ms,
        )


def _weight(finding: Finding) -> tuple[int, int, int]:
    """Return what comes first: what failed, of that what is about money, of that what concerns most."""
    order = (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.PASSED)
    return order.index(finding.verdict), not finding.facts.get("money"), -finding.facts.get("count", 0)


def _unfit(recording: Recording, observed: Observed) -> str | None:
    """Return why a recording proves nothing with the release that serves: it does not do again what was recorded."""
    trace = observed.trace
    if trace.error is None and not asks_the_same(recording, trace.requests):
        return OTHERWISE
    if trace.unfinished and not recording.unanswered:
        return UNANSWERED
    read = None if trace.result is None else trace.result.outcome
    if recording.marked and read is not None and read != recording.slice.outcome:
        return UNRECOGNISED
    return None


def _against_record(recording: Recording, observed: Observed) -> list[Difference]:
    """Return how a candidate differs from what is recorded: in its requests, and in what it makes of the answers."""
    found = drifted(recording, observed.trace.requests)
    trace = observed.trace
    if len(trace.requests) != len(recording.sent):
        before, after = str(len(recording.sent)), str(len(trace.requests))
        found.append(_told(recording, "requests", before, after))
    if trace.error is not None:
        found.append(_told(recording, "error", None, trace.error))
    known = recording.slice.outcome in set(Outcome)
    if trace.result is not None and known and not recording.marked and trace.result.outcome != recording.slice.outcome:
        found.append(_told(recording, "result outcome", repr(recording.slice.outcome), repr(str(trace.result.outcome))))
    return found


def _told(recording: Recording, place: str, before: str | None, after: str | None) -> Difference:
    operation = recording.slice.operation
    return Difference(case=recording.case, operation=operation, place=place, before=before, after=after)


def _table(recordings: Sequence[Recording]) -> list[dict[str, object]]:
    counted = Counter(
        (
            each.slice.operation.value,
            each.slice.outcome,
            each.slice.method,
            each.slice.network,
            each.slice.currency,
            each.slice.credential,
        )
        for each in recordings
    )
    names = ("operation", "outcome", "method", "network", "currency", "credential")
    return [{**dict(zip(names, key, strict=True)), "recordings": n} for key, n in counted.most_common(_COVERAGE_MAX)]


def _unreadable(what: str, problem: str) -> Finding:
    return Finding(
        check="shadow.loading",
        verdict=Verdict.FAILED,
        where=what,
        problem=scrub(problem),
        remedy="make it pass the lint gate first",
    )


def _error(what: str, problem: str, remedy: str) -> Finding:
    return Finding(check="shadow.loading", verdict=Verdict.ERROR, where=what, problem=problem, remedy=remedy)


def _lost(operation: str, often: str) -> Finding:
    return Finding(
        check="shadow.coverage",
        verdict=Verdict.FAILED,
        where=f"{operation} capabilities operations",
        problem=f"the candidate cannot do {operation}, {often}",
        remedy=f"declare it, or announce it in manifest.toml: changes = "
        f'[{{ operation = "{operation}", place = "capabilities operations", why = "…" }}]',
    )


def _too_little(problem: str, remedy: str) -> Finding:
    return Finding(
        check="shadow.coverage", verdict=Verdict.INCONCLUSIVE, where="recordings", problem=problem, remedy=remedy
    )
