"""Security codes are held briefly, in bounded number, and given out once."""

from interlock.base.clock import ManualClock
from interlock.payments.instruments.security_codes import KEPT_FOR_MS, SecurityCodes


def test_a_code_is_given_out_once() -> None:
    codes = SecurityCodes(ManualClock(0))
    codes.put("acct_1", "pm_1", "123")
    assert codes.take("acct_1", "pm_1") == "123"
    assert codes.take("acct_1", "pm_1") is None


def test_a_code_is_not_given_to_another_account() -> None:
    codes = SecurityCodes(ManualClock(0))
    codes.put("acct_1", "pm_1", "123")
    assert codes.take("acct_2", "pm_1") is None


def test_a_code_expires_and_leaves_memory_with_the_next_one() -> None:
    clock = ManualClock(0)
    codes = SecurityCodes(clock)
    codes.put("acct_1", "pm_1", "123")
    codes.put("acct_1", "pm_2", "124")
    clock.advance(KEPT_FOR_MS)
    assert codes.take("acct_1", "pm_1") is None
    codes.put("acct_1", "pm_3", "125")
    assert len(codes) == 1


def test_the_oldest_makes_room() -> None:
    codes = SecurityCodes(ManualClock(0), capacity=2)
    for name in ("a", "b", "c"):
        codes.put("acct_1", name, "123")
    assert len(codes) == 2
    assert codes.take("acct_1", "a") is None
    assert codes.take("acct_1", "c") == "123"


def test_a_token_hands_its_code_to_the_payment_method() -> None:
    codes = SecurityCodes(ManualClock(0))
    codes.put("acct_1", "tok_1", "123")
    codes.move("acct_1", "tok_1", "pm_1")
    codes.move("acct_1", "tok_absent", "pm_2")
    assert codes.take("acct_1", "tok_1") is None
    assert codes.take("acct_1", "pm_1") == "123"


def test_a_shared_code_is_given_out_once_whoever_takes_it() -> None:
    for taker in ("tok_1", "pm_1", "pm_2"):
        codes = SecurityCodes(ManualClock(0))
        codes.put("acct_1", "tok_1", "123")
        codes.share("acct_1", "tok_1", "pm_1")  # refused: it was never stored
        codes.share("acct_1", "tok_1", "pm_2")
        codes.share("acct_1", "tok_absent", "pm_3")
        assert codes.take("acct_1", taker) == "123"
        assert [codes.take("acct_1", owner) for owner in ("tok_1", "pm_1", "pm_2", "pm_3")] == [None] * 4
        assert len(codes) == 0


def test_shared_codes_expire_and_make_room_as_others() -> None:
    clock = ManualClock(0)
    codes = SecurityCodes(clock, capacity=3)
    codes.put("acct_1", "tok_1", "123")
    for number in range(5):
        codes.share("acct_1", "tok_1", f"pm_{number}")
        assert len(codes) <= 3
    codes.put("acct_1", "tok_2", "124")
    codes.share("acct_1", "tok_2", "pm_9")
    clock.advance(KEPT_FOR_MS)
    assert codes.take("acct_1", "pm_9") is None
    codes.put("acct_1", "tok_3", "125")
    assert len(codes) == 1


def test_the_repr_shows_no_code() -> None:
    codes = SecurityCodes(ManualClock(0))
    codes.put("acct_1", "pm_1", "987")
    assert "987" not in repr(codes)
