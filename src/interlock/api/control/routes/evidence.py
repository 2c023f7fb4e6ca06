"""Gates: asked for here, run by a worker under a lease; their progress and every word they said."""

from typing import Any

from interlock.api import answers
from interlock.api.control.calls import PREFIX, Call, ControlEndpoint, no_such_cursor, scope_of
from interlock.api.control.parameters import ListEvidence, Parameters, RunGates, Validate
from interlock.base.problems import Problem, invalid, missing
from interlock.payments.work import Answer
from interlock.releases.examinations import Examination
from interlock.releases.gates.types import Gate
from interlock.releases.standing import evidence_view, gates_view, run_view
from interlock.releases.validation import Probe


async def run_gates(call: Call[RunGates]) -> Answer | Problem:
    """Ask for a run of the gates that a release has not passed; the answer does not wait for it."""
    release, asked = await call.release(), call.parameters
    if isinstance(release, Problem):
        return release
    gates = tuple(Gate(name) for name in asked.gates)
    run = await call.rooms.examinations.request(
        scope_of(release), release.id, call.actor, gates=gates, again=asked.again
    )
    return _shown(run)


async def validate(call: Call[Validate]) -> Answer | Problem:
    """Ask for a proof of what serves: each operation once through the live path, by a worker."""
    release, asked = await call.release(), call.parameters
    if isinstance(release, Problem):
        return release
    if asked.customer is not None and asked.payment_method is None:
        return invalid("customer comes with payment_method: name the card too.", param="payment_method")
    probe = None if asked.payment_method is None else Probe(asked.payment_method, asked.customer)
    return _shown(await call.rooms.examinations.request_validation(scope_of(release), release.id, call.actor, probe))


def _shown(run: Examination | Problem) -> Answer | Problem:
    return run if isinstance(run, Problem) else answers.of_value({"object": "run", **run_view(run)})


async def show_gates(call: Call[Parameters]) -> Answer | Problem:
    """Show the newest word of each gate, and how the newest run stands."""
    release = await call.release()
    if isinstance(release, Problem):
        return release
    evidence = await call.rooms.proposals.store.newest_evidence(release)
    run = await call.rooms.examinations.latest(release)
    shown: dict[str, Any] = {
        "object": "gates",
        "release_id": release.id,
        "state": release.state.value,
        "gates": gates_view(evidence),
        "run": None if run is None else run_view(run),
    }
    return answers.of_value(shown)


async def show_gate(call: Call[Parameters]) -> Answer | Problem:
    """Show the newest report of one gate whole."""
    release, name = await call.release(), call.ids[1]
    if isinstance(release, Problem):
        return release
    if name not in {gate.value for gate in Gate}:
        return missing("gate", name, param="gate")
    some = await call.rooms.proposals.store.page_of_evidence(release, gate=Gate(name), limit=1)
    if not some:
        message = f"The gate {name} has not been run over {release.id}."
        return invalid(message, code="resource_missing", param="gate", status=404)
    return answers.of_value({"object": "evidence", **evidence_view(some[0])})


async def list_evidence(call: Call[ListEvidence]) -> Answer | Problem:
    """List every report about a release whole, newest first."""
    release, asked = await call.release(), call.parameters
    if isinstance(release, Problem):
        return release
    store = call.rooms.proposals.store
    if asked.starting_after is not None and not await store.has_evidence(release, asked.starting_after):
        return no_such_cursor(asked.starting_after)
    some = await store.page_of_evidence(release, gate=asked.gate, after_id=asked.starting_after, limit=asked.limit + 1)
    shown = [{"object": "evidence", **evidence_view(each)} for each in some[: asked.limit]]
    return call.listing(shown, has_more=len(some) > asked.limit)


_ONE = f"{PREFIX}/releases/{{id}}"
ENDPOINTS = (
    ControlEndpoint("POST", f"{_ONE}/gates", run_gates, RunGates, "Ask for a run of its gates"),
    ControlEndpoint("GET", f"{_ONE}/gates", show_gates, Parameters, "Show what its gates said, and how a run stands"),
    ControlEndpoint("GET", f"{_ONE}/gates/{{gate}}", show_gate, Parameters, "Show a gate's newest report"),
    ControlEndpoint("GET", f"{_ONE}/evidence", list_evidence, ListEvidence, "List every report", heavy=True),
    ControlEndpoint("POST", f"{_ONE}/validate", validate, Validate, "Ask for a proof on the live path"),
)
