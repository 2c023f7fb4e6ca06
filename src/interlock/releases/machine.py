"""Where a release may go from where it stands: the only place that decides it. Pure.

::

    drafted ─gates passed→ gated ─approved→ approved ─started→ canary ─promoted→ stable ─followed→ superseded
       │                     │                 │                 │                 │                   │
       └──── failed ──→ rejected ←─ aborted ───┴──── aborted ────┤                 │        stable ←─ restored
                                                rolled_back ←────┴── rolled back ──┘
"""

from enum import StrEnum

from interlock.routing.releases import ReleaseState


class Trigger(StrEnum):
    """What happens to a release."""

    GATES_PASSED = "gates_passed"
    GATES_FAILED = "gates_failed"
    PROPOSED_AGAIN = "proposed_again"
    APPROVED = "approved"
    FORCED = "forced"
    STARTED = "started"
    PROMOTED = "promoted"
    INSTALLED = "installed"
    FOLLOWED = "followed"
    ABORTED = "aborted"
    ROLLED_BACK = "rolled_back"
    RESTORED = "restored"


_S = ReleaseState
_OVER = (_S.REJECTED, _S.ROLLED_BACK, _S.SUPERSEDED)
_TRANSITIONS: dict[tuple[ReleaseState, Trigger], ReleaseState] = {
    (_S.DRAFTED, Trigger.GATES_PASSED): _S.GATED,
    (_S.DRAFTED, Trigger.GATES_FAILED): _S.REJECTED,
    (_S.GATED, Trigger.GATES_FAILED): _S.REJECTED,
    (_S.GATED, Trigger.GATES_PASSED): _S.GATED,
    **{(state, Trigger.PROPOSED_AGAIN): _S.DRAFTED for state in _OVER},
    (_S.DRAFTED, Trigger.PROPOSED_AGAIN): _S.DRAFTED,
    (_S.GATED, Trigger.APPROVED): _S.APPROVED,
    # Broken glass: by a person, journalled as such.
    **{(state, Trigger.FORCED): _S.APPROVED for state in (_S.DRAFTED, _S.GATED, *_OVER)},
    (_S.APPROVED, Trigger.STARTED): _S.CANARY,
    (_S.CANARY, Trigger.PROMOTED): _S.STABLE,
    # Straight to stable, without a canary: broken glass, or the move of a sandbox.
    (_S.APPROVED, Trigger.INSTALLED): _S.STABLE,
    (_S.STABLE, Trigger.FOLLOWED): _S.SUPERSEDED,
    **{(state, Trigger.ABORTED): _S.REJECTED for state in (_S.DRAFTED, _S.GATED, _S.APPROVED, _S.CANARY)},
    (_S.CANARY, Trigger.ROLLED_BACK): _S.ROLLED_BACK,
    (_S.STABLE, Trigger.ROLLED_BACK): _S.ROLLED_BACK,
    (_S.SUPERSEDED, Trigger.RESTORED): _S.STABLE,
}


def next_state(state: ReleaseState, trigger: Trigger) -> ReleaseState | None:
    """Return where ``trigger`` takes a release that stands at ``state``, or None where it may not happen."""
    return _TRANSITIONS.get((state, trigger))
