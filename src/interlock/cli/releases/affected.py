"""``interlock release affected``: which payments a release touched, and what that means for each."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from interlock.base.problems import Problem
from interlock.bootstrap import Rooms
from interlock.cli.output import ExitCode, JsonOption, RefusedError, print_json, print_rows, say, time_text
from interlock.cli.releases.common import ReleaseId, decided, the_release
from interlock.cli.session import AccountOption, with_rooms
from interlock.payments.representation.amounts import front_amount
from interlock.releases.affected import ATTEMPTS_MAX, Affected, AffectedPayment, Consequence, affected

_COLUMNS = ("id", "consequence", "amount", "currency", "status", "tries", "last", "at")
EXAMPLES = """Examples:

  interlock release affected rel_4f0c

  interlock release affected rel_4f0c --only lost --only open --json

  interlock release affected rel_4f0c --since "2026-11-05 08:45"       UTC

mismatch: the gateway answered another amount · open: not known yet whether money moved · lost: failed, and not done
since · declined: said no, and not done since · saved: failed or declined here, done another way · done
"""

Moment = Annotated[str | None, typer.Option("--since", metavar="TIME", help="Attempts begun then or later, UTC.")]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Attempts begun before, UTC.")]


def show_affected(
    release_id: ReleaseId,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="WHAT", help="Only payments of this consequence; repeat.")
    ] = None,
    since: Moment = None,
    until: Until = None,
    account: AccountOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every payment that was tried through a release, the worst first."""
    wanted = _consequences(only)
    since_ms, until_ms = _moment("--since", since), _moment("--until", until)

    async def work(rooms: Rooms) -> Affected:
        scope, release = await the_release(rooms, account, release_id)
        result: Affected | Problem = await affected(
            rooms.foundation.database, scope, release.id, since_ms=since_ms, until_ms=until_ms
        )
        return decided(result, release.id)

    found = with_rooms(work, doing="reading attempts")
    payments = [payment for payment in found.payments if payment.consequence in wanted]
    if as_json:
        facts = msgspec.to_builtins(found)
        print_json({**facts, "counts": found.counts(), "payments": msgspec.to_builtins(payments)})
        return
    counted = ", ".join(f"{count} {name}" for name, count in found.counts().items() if count) or "none"
    say(f"payments tried through {found.release_id} since {time_text(found.since_ms)} UTC: {counted}")
    if not found.is_whole:
        say(f"only the first {ATTEMPTS_MAX} attempts were read; --since goes on from a later time")
    print_rows(list(_rows(payments)), _COLUMNS, as_json=False, empty="nothing to list")


def _rows(payments: list[AffectedPayment]) -> Iterator[dict[str, Any]]:
    for payment in payments:
        last = payment.attempts[-1]
        yield {
            "id": payment.id,
            "consequence": payment.consequence.value,
            "amount": front_amount(payment.amount_minor, payment.currency),
            "currency": payment.currency,
            "status": payment.status,
            "tries": len(payment.attempts),
            "last": " ".join(filter(None, (last.operation, last.state, last.phase, last.code))),
            "at": (time_text(last.created_at_ms) or "")[:19],
        }


def _consequences(names: list[str] | None) -> frozenset[str]:
    known = {each.value for each in Consequence}
    for name in names or ():
        if name not in known:
            remedy = f"choose {', '.join(each.value for each in Consequence)}"
            raise RefusedError("--only", f"{name!r} is unknown", remedy, ExitCode.USAGE)
    return frozenset(names or known)


def _moment(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        remedy = "write it as 2026-11-05 or 2026-11-05T08:45:00"
        raise RefusedError(option, f"{text!r} is no time", remedy, ExitCode.USAGE) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def register(group: typer.Typer) -> None:
    """Add the verb to ``group``."""
    group.command("affected", epilog=EXAMPLES)(show_affected)
