"""Compares the tables of two manifests row by row: what each raw code, error and currency came to mean.

Pure; used by ``comparing``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from interlock.base.money import Money, iso_exponent, to_provider
from interlock.gateways.manifest import Codes, Currencies, Manifest
from interlock.gateways.outcomes import Outcome, Result
from interlock.payments.declines import card_error
from interlock.releases.diff.types import RowChange, Severity
from interlock.releases.showing import shown
from interlock.routing.declines import NEVER_RETRIED

_THEN = {
    Outcome.APPROVED: "counts as paid",
    Outcome.DECLINED: "is told to the shopper as a decline and goes on elsewhere only where a rule says so",
    Outcome.CHALLENGE: "sends the shopper to act",
    Outcome.PENDING: "waits for the provider's later word",
    Outcome.REFUSED: "counts as never executed: the next gateway is tried at once",
    Outcome.NOT_SENT: "counts as never executed: the next gateway is tried at once",
    Outcome.UNKNOWN: "is asked about before anything else is tried",
}
_NOT_EXECUTED = frozenset({Outcome.REFUSED, Outcome.NOT_SENT})
_MAYBE = frozenset({Outcome.APPROVED, Outcome.CHALLENGE, Outcome.PENDING, Outcome.UNKNOWN})
_UNCLASSIFIED = "the table does not know it any more; what cannot be classified is unknown"
_REFUSED = "believed to have executed nothing: the next gateway is tried at once"
_UNCERTAIN = "believed to leave open whether the request was executed: it is asked about first"
_EXAMPLE_UNITS = 10
_Tell = Callable[[str, str | None, str | None], tuple[Severity, str]]


def row_changes(before: Manifest, after: Manifest) -> tuple[RowChange, ...]:
    """Return every row that was added, removed or means something else, table by table."""
    found = [
        *_statuses(before.codes, after.codes),
        *_rows("declines", before.codes.declines, after.codes.declines, _decline),
        *_error_codes(before.codes, after.codes),
        *_currencies(before.currencies, after.currencies),
    ]
    return tuple(found)


def _rows(table: str, old: Mapping[str, str], new: Mapping[str, str], tell: _Tell) -> Iterator[RowChange]:
    for raw in (*old, *(raw for raw in new if raw not in old)):
        before, after = old.get(raw), new.get(raw)
        if before == after:
            continue
        severity, meaning = tell(raw, before, after)
        yield RowChange(
            table=shown(table),
            raw=shown(raw),
            severity=severity,
            before=None if before is None else shown(before),
            after=None if after is None else shown(after),
            meaning=meaning,
        )


def _statuses(old: Codes, new: Codes) -> Iterator[RowChange]:
    for group in (*old.statuses, *(group for group in new.statuses if group not in old.statuses)):
        yield from _rows(f"statuses.{group}", old.statuses.get(group, {}), new.statuses.get(group, {}), _status)


def _status(_raw: str, before: str | None, after: str | None) -> tuple[Severity, str]:
    if after is None:
        return Severity.MONEY, _UNCLASSIFIED
    now = Outcome(after)
    if before is None:
        return Severity.MONEY, f"an answer with it {_THEN[now]}"
    was = Outcome(before)
    return Severity.MONEY, f"an answer with it {_THEN[now]}{_danger(was, now)}"


def _danger(was: Outcome, now: Outcome) -> str:
    """Return what goes wrong if the change is a mistake."""
    if was in _MAYBE and now in _NOT_EXECUTED:
        return "; if the provider did take the money, the shopper pays twice"
    if now is Outcome.APPROVED:
        return "; if no money was taken, goods leave for nothing"
    if was is Outcome.APPROVED:
        return "; money that was taken no longer counts as paid"
    if was in _MAYBE and now is Outcome.DECLINED:
        return "; a payment that was taken after all counts as failed"
    if was is Outcome.DECLINED and now in _NOT_EXECUTED:
        return "; an issuer's no is taken to the next gateway"
    return ""


def _decline(_raw: str, before: str | None, after: str | None) -> tuple[Severity, str]:
    if after is None:
        return Severity.ROUTING, "the table does not know it any more: its reason is not told in Stripe's words"
    told = f"shoppers are told “{_told(after)}”"
    if before is None:
        return Severity.ROUTING if after in NEVER_RETRIED else Severity.OTHER, f"{told}{_hopeless(after)}"
    if (before in NEVER_RETRIED) == (after in NEVER_RETRIED):
        return Severity.OTHER, told if _told(before) != _told(after) else f"{told} as before; reports count it anew"
    change = _hopeless(after) or "; a rule may now send it to another gateway, which no rule could before"
    return Severity.ROUTING, f"{told}{change}"


def _hopeless(code: str) -> str:
    return "; no rule can send it to another gateway" if code in NEVER_RETRIED else ""


def _told(decline_code: str) -> str:
    return card_error(Result(outcome=Outcome.DECLINED, decline_code=decline_code)).message


def _error_codes(old: Codes, new: Codes) -> Iterator[RowChange]:
    """Refusals and uncertain codes are two sides of one question, so a code that moves is one row of where it went."""
    for table, mine, theirs, others in (
        ("refusals", old.refusals, new.refusals, new.uncertain),
        ("uncertain", old.uncertain, new.uncertain, new.refusals),
    ):
        meaning = _REFUSED if table == "refusals" else _UNCERTAIN
        yield from _rows(table, _marked(mine, table), _marked(theirs, table), _membership(meaning, set(others)))


def _marked(codes: Iterable[str], table: str) -> dict[str, str]:
    return dict.fromkeys(codes, "not executed" if table == "refusals" else "maybe executed")


def _membership(meaning: str, others: set[str]) -> _Tell:
    def tell(raw: str, _before: str | None, after: str | None) -> tuple[Severity, str]:
        if after is not None:
            return Severity.MONEY, meaning
        moved = "it moved to the other table" if raw in others else "other tables decide what it means"
        return Severity.MONEY, f"no longer {meaning.partition(':')[0]}; {moved}"

    return tell


def _currencies(old: Currencies, new: Currencies) -> Iterator[RowChange]:
    for currency in sorted({*old.exponents, *new.exponents}):
        iso = iso_exponent(currency)
        before, after = old.exponents.get(currency, iso), new.exponents.get(currency, iso)
        if before != after or (currency in old.exponents) != (currency in new.exponents):
            yield _exponent(currency, before, after)
    multiples = [{name: str(each) for name, each in side.multiples.items()} for side in (old, new)]
    yield from _rows("multiples", multiples[0], multiples[1], _multiple)


def _exponent(currency: str, before: int | None, after: int | None) -> RowChange:
    sums = [_sum(currency, exponent) for exponent in (before, after)]
    if before == after:
        meaning = "as ISO 4217 has it: nothing changes"
    elif None in sums:
        meaning = "ISO 4217 does not know this currency: no amount of it can be sent"
    else:
        meaning = (
            f"{_EXAMPLE_UNITS} {currency.upper()} is sent as {sums[1]}, not as {sums[0]}: a factor of "
            f"{10 ** abs((after or 0) - (before or 0))}"
        )
    return RowChange(
        table="exponents",
        raw=shown(currency),
        severity=Severity.OTHER if before == after else Severity.MONEY,
        before=None if before is None else str(before),
        after=None if after is None else str(after),
        meaning=meaning,
    )


def _sum(currency: str, exponent: int | None) -> int | None:
    iso = iso_exponent(currency)
    if iso is None or exponent is None:
        return None
    return to_provider(Money(_EXAMPLE_UNITS * 10**iso, currency), {currency: exponent})


def _multiple(raw: str, before: str | None, after: str | None) -> tuple[Severity, str]:
    currency = shown(raw.upper())
    if after is None:
        return Severity.MONEY, f"any amount in {currency} may be sent, not only multiples of {before}"
    return Severity.MONEY, f"amounts in {currency} must be multiples of {after} in the provider's minor units"
