"""``interlock release validate``: after the promotion, each operation once through the live path, and the hold-back."""

from typing import Annotated

import typer

from interlock.bootstrap import Rooms
from interlock.cli.output import ExitCode, JsonOption, RefusedError, print_json, say, time_text
from interlock.cli.releases.common import ReleaseId, acting, decided, percent, say_next, stands, the_release
from interlock.cli.releases.reports import bar, end, reports_view, show_reports
from interlock.cli.session import AccountOption, with_rooms
from interlock.releases.gates.types import Gate, GateReport
from interlock.releases.standing import standing_view
from interlock.releases.types import Standing, TrialState
from interlock.releases.validating import not_serving
from interlock.releases.validation import Probe
from interlock.routing.releases import TrialKind

EXAMPLES = """Examples:

  interlock release validate rel_4f0c                                         in test mode

  interlock release validate rel_4f0c --payment-method pm_… --customer cus_…  in live mode

  interlock release validate rel_4f0c --finish --why "a day without a sign"   ends the hold-back arm

Exit codes: 0 passed, 1 failed, 3 held (it could not judge), 2 wrong use.
"""


PaymentMethod = Annotated[
    str | None, typer.Option("--payment-method", metavar="pm_…", help="What to pay the probes with: a card of yours.")
]
Customer = Annotated[str | None, typer.Option("--customer", metavar="cus_…", help="The customer it is stored with.")]


def validate(
    release_id: ReleaseId,
    finish: Annotated[
        bool, typer.Option("--finish", help="End the hold-back arm now instead: stable takes everything.")
    ] = False,
    why: Annotated[str, typer.Option("--why", help="The reason, for the journal; needed with --finish.")] = "",
    payment_method: PaymentMethod = None,
    customer: Customer = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """Prove a stable release on the live path, and tell how its hold-back arm stands."""
    if finish and not why.strip():
        raise RefusedError("--why", "is needed with --finish", "say why it may end", ExitCode.USAGE)

    if customer is not None and payment_method is None:
        raise RefusedError("--customer", "comes with --payment-method", "name the card too", ExitCode.USAGE)
    probe = None if payment_method is None else Probe(payment_method, customer)

    async def work(rooms: Rooms) -> tuple[Standing, list[GateReport]]:
        scope, release = await the_release(rooms, account, release_id)
        decided(not_serving(release), release.id)
        actor = await acting(rooms, scope)
        if finish:
            ended = await rooms.rollouts.end_holdback(scope, release.id, actor, why)
            return await stands(rooms, decided(ended, release.id)), []
        with bar((Gate.VALIDATE,)) as told:
            report = await rooms.validations.validate(scope, release.id, actor, told, probe)
        return await stands(rooms, release), [decided(report, release.id)]

    found, reports = with_rooms(work)
    if as_json:
        gates = reports_view(reports, (Gate.VALIDATE,)) if reports else []
        print_json({**standing_view(found), "reports": gates})
    else:
        say(_holdback(found))
        if reports:
            show_reports(found.release.id, reports, (Gate.VALIDATE,))
        say_next(found)
    if reports:
        end(reports)


def _holdback(found: Standing) -> str:
    trial, pointer = found.trial, found.pointer
    if trial is None or trial.kind is not TrialKind.HOLDBACK:
        return "hold-back: none"
    if trial.state is not TrialState.RUNNING:
        return f"hold-back: {trial.state.value}: {trial.verdict}"
    until = (time_text(trial.created_at_ms + trial.plan.holdback_ms) or "")[:19]
    share = percent(pointer.share_ppm)
    return f"hold-back: {share} of payments stay with {trial.against_release_id} until {until}: {trial.verdict}"


def register(group: typer.Typer) -> None:
    """Add the verb to ``group``."""
    group.command("validate", epilog=EXAMPLES)(validate)
