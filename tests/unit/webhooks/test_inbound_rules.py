"""Pure rules of inbound notifications: when to try again, in which order, under which id."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from interlock.gateways.contract import Notification, NotificationKind
from interlock.payments.recovery.notifications import Verdict
from interlock.webhooks.inbound.schedule import GIVE_UP_AFTER_MS, LONGEST_DELAY_MS, after_try, delay_ms
from interlock.webhooks.inbound.service import by_payment
from interlock.webhooks.inbound.types import GatewayNotification, NotificationState, notification_row_id

_DRAW = st.floats(min_value=0, max_value=1, exclude_max=True)


def row(number: int = 0, reference: str | None = "psp_1", occurred_at_ms: int = 0) -> GatewayNotification:
    said = Notification(
        kind=NotificationKind.PAYMENT,
        notification_id=f"n{number}",
        occurred_at_ms=occurred_at_ms,
        gateway_reference=reference,
    )
    return GatewayNotification(
        account_id="acct_1",
        id=notification_row_id("gw_1", said.notification_id),
        livemode=False,
        version=1,
        created_at_ms=0,
        gateway_id="gw_1",
        notification_id=said.notification_id,
        notification=said,
        state=NotificationState.WAITING,
        attempts=0,
        next_attempt_at_ms=0,
    )


def test_applied_and_ignored_end_the_waiting() -> None:
    applied = after_try(row(), Verdict.APPLIED, now_ms=5, draw=0.5)
    assert (applied.state, applied.next_attempt_at_ms, applied.version) == (NotificationState.APPLIED, None, 2)
    ignored = after_try(row(), Verdict.IGNORED, now_ms=5, draw=0.5)
    assert (ignored.state, ignored.next_attempt_at_ms) == (NotificationState.IGNORED, None)


@given(st.lists(_DRAW, min_size=400, max_size=400))
def test_what_cannot_be_applied_yet_is_tried_for_a_week_and_then_given_up(draws: list[float]) -> None:
    one, now_ms = row(), 0
    for draw in draws:
        one = after_try(one, Verdict.NOT_YET, now_ms=now_ms, draw=draw, note="x" * 1_000)
        assert len(one.note or "") <= 300
        if one.next_attempt_at_ms is None:
            break
        assert 0 < one.next_attempt_at_ms - now_ms <= LONGEST_DELAY_MS * 1.2
        now_ms = one.next_attempt_at_ms
    assert one.state is NotificationState.FAILED
    assert GIVE_UP_AFTER_MS - LONGEST_DELAY_MS * 1.2 <= now_ms <= GIVE_UP_AFTER_MS
    assert one.attempts < 250


@given(st.integers(1, 1_000), _DRAW)
def test_waits_grow_and_stay_bounded(attempts: int, draw: float) -> None:
    assert 800 <= delay_ms(attempts, draw) <= LONGEST_DELAY_MS * 1.2


def test_facts_of_one_payment_are_applied_oldest_first() -> None:
    rows = [row(1, "a", 30), row(2, "b", 5), row(3, "a", 10), row(4, None, 1), row(5, None, 2)]
    groups = [[one.notification_id for one in group] for group in by_payment(rows)]
    assert groups == [["n3", "n1"], ["n2"], ["n4"], ["n5"]]


@given(st.text(max_size=300), st.text(max_size=300))
def test_the_row_id_is_short_and_follows_gateway_and_notification(gateway_id: str, notification_id: str) -> None:
    gateway_id = gateway_id.encode("utf-8", "replace").decode()
    notification_id = notification_id.encode("utf-8", "replace").decode()
    first = notification_row_id(gateway_id, notification_id)
    assert first == notification_row_id(gateway_id, notification_id)
    assert len(first) == 43
    assert first != notification_row_id(gateway_id + "x", notification_id)


def test_a_notification_survives_being_stored() -> None:
    said = row().notification
    assert msgspec.json.decode(msgspec.json.encode(said), type=Notification) == said
