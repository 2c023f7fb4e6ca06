"""What it costs every payment that its exchanges may be kept: ``python -m benchmarks.keeping``.

A payment that simply succeeded asks once, and nearly always hears no. Measured is that answer, for a plain payment and
for a renewal with a stored card, beside the sample of one in 1,024 alone, which is all that was asked before the first
exchanges of every slice were kept.
"""

import timeit
from collections.abc import Callable

from interlock.base.clock import SystemClock
from interlock.base.context import Scope
from interlock.base.money import Money
from interlock.gateways.contract import Card, Initiator, Operation, PaymentRequest, StoredCredential
from interlock.gateways.outcomes import Outcome, Result
from interlock.gateways.transport import Execution, asked_of
from interlock.payments.attempts import exchanges
from interlock.payments.attempts.sampling import FIRST_OF_HOUR
from interlock.payments.attempts.types import Attempt
from interlock.payments.work import Change

BAR_NS = 1_000
_CALLS, _RUNS = 100_000, 15
_ID = "at_0000000000000000000000001"


def main() -> None:
    """Print the table."""
    plain, renewal = _execution(None), _execution(StoredCredential(initiator=Initiator.MERCHANT, reason="recurring"))
    sample = _nanoseconds(lambda: exchanges._sampled(_ID))  # noqa: SLF001 - the part that was there before
    print(f"{'sample alone':<22}{sample:>6.0f} ns")
    for name, execution in (("plain payment", plain), ("renewal, stored card", renewal)):
        whole = _nanoseconds(_asking(execution))
        added = whole - sample
        holds = "holds" if added <= BAR_NS else "is missed"
        print(f"{name:<22}{whole:>6.0f} ns  added {added:>5.0f} ns  bar <= {BAR_NS} ns {holds}")


def _asking(execution: Execution) -> Callable[[], None]:
    """Return the question of a payment whose slice has had its first few exchanges of this hour."""
    attempt, change, now_ms = _attempt(), Change(Scope("acct_1", livemode=False)), SystemClock().now_ms()
    for _ in range(FIRST_OF_HOUR):
        exchanges.keep_exchanges(change, attempt, execution, now_ms)
    return lambda: exchanges.keep_exchanges(change, attempt, execution, now_ms)


def _nanoseconds(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=_CALLS, repeat=_RUNS)) / _CALLS * 1e9


def _execution(stored: StoredCredential | None) -> Execution:
    request = PaymentRequest(
        reference=_ID,
        idempotency_key=f"{_ID}-sale",
        amount=Money(1099, "usd"),
        instrument=Card(number="4242424242424242", exp_month=12, exp_year=2034),
        return_url="https://pay.example/return",
        stored_credential=stored,
    )
    return Execution(result=Result(outcome=Outcome.APPROVED), asked=asked_of(Operation.SALE, request))


def _attempt() -> Attempt:
    return Attempt(
        account_id="acct_1",
        id=_ID,
        livemode=False,
        version=2,
        created_at_ms=0,
        subject_id="pi_1",
        intent_id="pi_1",
        charge_id="ch_1",
        operation=Operation.SALE,
        stage=Operation.SALE,
        state=Outcome.APPROVED,
        sequence=1,
        gateway_id="gw_1",
        connector="stripe",
        release_id="rel_1",
        arm="stable",
        share_ppm=0,
        payer=None,
        amount_minor=1099,
        currency="usd",
        payment_method_id="pm_1",
        network="visa",
        country="US",
        bin="424242",
    )


if __name__ == "__main__":
    main()
