"""What `make bench-rollback` measures, against which bars, and how much of it. Pure values."""

import msgspec
from benchmarks.figures import Bar

LAST_PAYMENT = "decision_to_last_candidate_payment_p99_s"
RESUMED = "sent_to_candidate_by_resumed_process"
SHOPPERS = "shopper_failures_dead_candidate"
EXCESS = "excess_candidate_failures_dead"
THROUGHPUT = "throughput_with_canary_over_without"
GATES = "gates_seconds"

BARS = (
    Bar(LAST_PAYMENT, "s", "<= 1", "p99"),
    Bar(RESUMED, "payments", "== 0", "sum"),
    Bar(SHOPPERS, "shoppers", "== 0", "sum"),
    Bar(EXCESS, "payments", "<= 6"),
    Bar(THROUGHPUT, "ratio", ">= 0.95"),
    Bar(GATES, "s", "<= 60"),
)
NAMES = tuple(bar.name for bar in BARS)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured.

    ``cuts`` are rollbacks with a process stopped, ``deaths`` trials of a dead candidate (in turn each way of being
    dead), ``gates`` runs of all gates. Throughput is taken in ``turns`` of ``payments`` after ``warm`` unmeasured ones:
    enough that the canary has been running for as long as its controller looks back.
    """

    quick: bool
    cuts: int
    deaths: int
    gates: int
    turns: int
    payments: int
    warm: int


FULL = Plan(quick=False, cuts=36, deaths=20, gates=3, turns=5, payments=15_000, warm=15_000)
QUICK = Plan(quick=True, cuts=6, deaths=5, gates=1, turns=1, payments=5_000, warm=5_000)
