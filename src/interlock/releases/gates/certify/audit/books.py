"""The gateway's books, payment by payment, in ISO minor units. Pure.

Amounts come from the books' decimal texts (``10.99``), which the gateway writes by its own table of decimals, so that a
connector that counts a currency wrongly is not believed here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from interlock.base.money import iso_exponent


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """One line: what happened to a payment. ``amount_minor`` is None for a fraction of a minor unit."""

    kind: str
    approved: bool
    reference: str
    key: str
    currency: str
    amount_minor: int | None
    entry: str


class Booked(msgspec.Struct, kw_only=True):
    """One payment at the gateway."""

    payment: str
    lines: list[Booking] = []

    def of(self, *kinds: str) -> list[Booking]:
        """Return the approved lines of ``kinds``."""
        return [line for line in self.lines if line.approved and line.kind in kinds]

    def sum(self, *kinds: str) -> int:
        """Return what the approved lines of ``kinds`` add up to."""
        return sum(line.amount_minor or 0 for line in self.of(*kinds))

    @property
    def is_approved(self) -> bool:
        """Return True for a payment that the gateway has authorised."""
        return bool(self.of("authorisation"))

    @property
    def currency(self) -> str:
        """Return the payment's currency."""
        return self.lines[0].currency

    @property
    def captured(self) -> int:
        """Return what was taken for good."""
        return self.sum("capture") - self.sum("capture_reversal")

    @property
    def refunded(self) -> int:
        """Return what was given back for good."""
        return self.sum("refund") - self.sum("refund_reversal")

    @property
    def net(self) -> int:
        """Return what was taken and not given back, disputes aside."""
        return self.captured - self.refunded

    @property
    def disputed(self) -> int:
        """Return what banks have taken back."""
        return self.sum("dispute") - self.sum("dispute_won")

    @property
    def held(self) -> int:
        """Return what an authorisation holds that is neither captured nor released."""
        if self.of("void") or self.of("capture"):
            return 0
        return self.sum("authorisation", "increment")


def read_books(entries: Iterable[Mapping[str, object]]) -> dict[str, Booked]:
    """Return the payments of the books by their id at the gateway.

    Args:
        entries: lines as the control API shows them, oldest first.

    """
    payments: dict[str, list[Booking]] = defaultdict(list)
    for entry in entries:
        currency = str(entry["currency"])
        payments[str(entry["payment_id"])].append(
            Booking(
                kind=str(entry["kind"]),
                approved=entry["status"] == "approved",
                reference=str(entry["reference"]),
                key=str(entry["idempotency_key"]),
                currency=currency,
                amount_minor=iso_minor(currency, str(entry["amount_major"])),
                entry=str(entry["entry_id"]),
            )
        )
    return {payment: Booked(payment=payment, lines=lines) for payment, lines in payments.items()}


def iso_minor(currency: str, major: str) -> int | None:
    """Return a decimal amount in ISO minor units, None when that is no whole number or the currency is unknown."""
    exponent = iso_exponent(currency)
    if exponent is None:
        return None
    try:
        minor = Decimal(major).scaleb(exponent)
        return int(minor) if minor == minor.to_integral_value() else None
    except ArithmeticError:  # no number, none that ends, one beyond all bounds
        return None
