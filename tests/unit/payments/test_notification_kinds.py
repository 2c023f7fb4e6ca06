"""Every kind of news from a gateway has its place, and every operation a gateway may answer later has its news."""

from interlock.gateways.contract import NotificationKind, Operation
from interlock.gateways.loader import load
from interlock.payments.recovery.notifications import DISPUTES, OPERATIONS

WITHOUT_NEWS = {Operation.COMPLETE, Operation.INQUIRE, Operation.FUND}


def test_every_kind_that_speaks_of_an_operation_is_classified() -> None:
    others = {NotificationKind.EXPIRED, NotificationKind.IGNORED}
    assert set(OPERATIONS) | DISPUTES | others == set(NotificationKind)
    assert not set(OPERATIONS) & (DISPUTES | others)


def test_every_operation_is_settled_by_some_news() -> None:
    settled = {operation for operations in OPERATIONS.values() for operation in operations}
    assert settled == set(Operation) - WITHOUT_NEWS


def test_what_a_gateway_answers_later_is_settled_by_news() -> None:
    later = {one for name in ("stripe", "adyen") for one in load(name).manifest.capabilities.asynchronous_operations}
    assert later <= {operation for operations in OPERATIONS.values() for operation in operations}
