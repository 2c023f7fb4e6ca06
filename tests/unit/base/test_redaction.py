"""The scrubber finds every planted card number and secret, and leaves everything that is ours alone."""

import io
import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from interlock.base.card_numbers import is_card_number, passes_luhn
from interlock.base.ids import new_id
from interlock.base.redaction import (
    RedactingFilter,
    exception_text,
    install_redaction,
    scrub,
    scrub_bytes,
    scrub_value,
)

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANGES = [
    ("4", 16), ("4", 13), ("4", 19), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15),
    ("6011", 16), ("65", 16), ("644", 19), ("36", 14), ("3056", 16), ("3528", 16), ("3589", 16), ("62", 16), ("62", 19),
    ("81", 16), ("5018", 16), ("6304", 18), ("2202", 16),
]  # fmt: skip


def _luhn_digit(body: str) -> str:
    return next(digit for digit in "0123456789" if passes_luhn(body + digit))


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    prefix, length = draw(st.sampled_from(RANGES))
    rest = draw(st.text("0123456789", min_size=length - len(prefix) - 1, max_size=length - len(prefix) - 1))
    return prefix + rest + _luhn_digit(prefix + rest)


@st.composite
def grouped(draw: st.DrawFn) -> str:
    number = draw(card_numbers())
    separator = draw(
        st.sampled_from([" ", "-", "+", "%20", "%2D", "%2d", "\u00a0", "%C2%A0", "  ", " - ", "\\u0020", "%2520"])
    )
    size = draw(st.sampled_from([1, 2, 3, 4, 5, 6]))
    return separator.join(number[i : i + size] for i in range(0, len(number), size))


def percent_encoded(text: str) -> str:
    return "".join(f"%{ord(character):02X}" for character in text)


def json_escaped(text: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in text)


FRAMES = [
    "{}", "pan {} end", "number={}&x=1", '"number":"{}"', "{'number': '{}'}", "card[number]={}",
    "card%5Bnumber%5D%3D{}", "%22{}%22", '\\"number\\":\\"{}\\"', "\\n{}\\n", "<pan>{}</pan>", "({})", "PAN:{}",
    "%B{}^", "\t{}\r\n", "b'{}'", "{},{{}}", "Card {}: refused", "/cards/{}/x", "LIKE '%{}%'", "\x00{}\x00",
    "number{}", "é {}", "cardnumber:{};",
]  # fmt: skip


@given(card_numbers(), st.sampled_from(FRAMES))
def test_a_plain_number_goes_from_every_frame(number: str, frame: str) -> None:
    assert number not in scrub(frame.replace("{}", number, 1))


@given(grouped(), st.sampled_from(FRAMES[:6]))
def test_a_grouped_number_goes(number: str, frame: str) -> None:
    scrubbed = scrub(frame.replace("{}", number, 1))
    assert number not in scrubbed
    assert "[card]" in scrubbed


def test_dots_hold_a_number_together() -> None:
    assert scrub("4242.4242.4242.4242") == "[card]"
    assert scrub("3782.822463.10005") == "[card]"


@given(card_numbers(), st.sampled_from([percent_encoded, json_escaped, lambda n: quote(percent_encoded(n))]))
def test_an_encoded_number_goes(number: str, encode: object) -> None:
    encoded = encode(number)  # type: ignore[operator]  # a plain function in a sampled list
    assert scrub(f"a={encoded}&b=1") == "a=[card]&b=1"


@given(card_numbers(), st.integers(0, 12))
def test_a_number_escaped_in_part_goes(number: str, cut: int) -> None:
    assert "[card]" in scrub(f'{{"number":"{json_escaped(number[:cut])}{number[cut:]}"}}')
    assert "[card]" in scrub(f"number={number[:cut]}{percent_encoded(number[cut:])}&")


@given(card_numbers(), st.text("0123456789", min_size=4, max_size=17), st.sampled_from(["=", "%3D", "D"]))
def test_track_2_goes_whole(number: str, rest: str, separator: str) -> None:
    assert scrub(f"x;{number}{separator}3012{rest}?y") == "x;[card]y"


@given(card_numbers(), st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ /", min_size=2, max_size=26))
def test_track_1_goes_whole(number: str, name: str) -> None:
    assert scrub(f"%B{number}^{name}^30121010000000123?;") == "%B[card];"
    assert number not in scrub(quote(f"%B{number}^{name}^30121010000000123?"))


def test_numbers_split_over_encodings_of_a_form_go() -> None:
    body = "type=card&card[number]=4242%204242%204242%204242&card[exp_month]=12&card[exp_year]=2034&card[cvc]=123"
    kept = "type=card&card[number]=[card]&card[exp_month]=12&card[exp_year]=2034&card[cvc]=[cvc]"
    assert scrub(body) == kept
    encoded = "card%5Bnumber%5D=4242+4242+4242+4242&card%5Bcvc%5D=1234"
    assert scrub(encoded) == "card%5Bnumber%5D=[card]&card%5Bcvc%5D=[cvc]"
    assert "4242424242424242" not in scrub(quote_plus(quote_plus("card[number]=4242424242424242")))
    assert scrub("\uff14\uff12\uff14\uff12 \uff14\uff12\uff14\uff12 4242 4242") == "[card]"
    assert scrub("&#52;242424242424242") == "[card]"
    assert scrub("".join(f"\\x{ord(digit):02x}" for digit in "4242424242424242")) == "[card]"


@pytest.mark.parametrize(
    "text",
    [
        '"cvc":"123"', "'cvc': '1234'", "cvc=123", "card[cvc]=123", "card%5Bcvc%5D=123", "card%5Bcvc%5D%3D123",
        "cvv2=999", '\\"cvc\\":\\"123\\"', "securityCode: 123", "card_verification_value=123", "Card(cvc='123')",
        "CVC=123", "cvc => 123", "b'cvc=123'", '"cvc": 123', "card.cvc=123", "cvc=%31%32%33",
    ],
)  # fmt: skip
def test_a_verification_code_goes_by_its_field_name(text: str) -> None:
    scrubbed = scrub(text)
    assert "[cvc]" in scrubbed
    assert not any(code in scrubbed for code in ("123", "999", "%31"))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("key sk_test_51Habcdefghijklmnopqrstu used", "51Habcdefghijklmnopqrstu"),
        ("rk_live_51Habcdefghijklmnopqrstu", "51Habcdefghijklmnopqrstu"),
        ("whsec_0123456789abcdefghijklmn", "0123456789abcdefghijklmn"),
        ("token iop_0123456789abcdefghijklmnopqrstuvwxyzABCD.", "0123456789abcdefghijklmnopqrstuvwxyzABCD"),
        ("pi_0Rk2abcdefghijklmnopqrst_secret_AbCdEf123456", "AbCdEf123456"),
        ("/v1/payment_intents?client_secret=seti_1abcdefgh_secret_Zz123456", "Zz123456"),
        ("Authorization: Bearer abcdef123456", "abcdef123456"),
        ("authorization: Basic c2tfdGVzdDo=", "c2tfdGVzdDo="),
        ("('Authorization', 'Bearer abcdef123456')", "abcdef123456"),
        ("{b'authorization': b'Bearer abcdef123456'}", "abcdef123456"),
        ("{'X-API-Key': 'AQEyhmfxK4PIaBxO'}", "AQEyhmfxK4PIaBxO"),
        ("X-API-Key: AQEyhmfxK4PIaBxO", "AQEyhmfxK4PIaBxO"),
        ("password=hunter22", "hunter22"),
        ("hmac_key='44782DEF547AAA06'", "44782DEF547AAA06"),
    ],
)
def test_a_secret_goes(text: str, secret: str) -> None:
    scrubbed = scrub(text)
    assert secret not in scrubbed
    assert "[secret]" in scrubbed


ids = st.builds(
    lambda prefix, tail: f"{prefix}_{tail}",
    st.sampled_from(["pi", "ch", "at", "txn", "re", "cus", "pm", "evt", "req", "acct", "vc", "gw", "card"]),
    st.text(BASE62, min_size=24, max_size=24) | st.text("0123456789a", min_size=24, max_size=24),
)


@given(
    ids,
    st.sampled_from(["{}", '{{"id": "{}"}}', "/v1/x/{}/capture", "id={}&amount=1099", "%22{}%22", "a {} b", "({})"]),
)
@example("pi_abcdefgh4242424242424242", "{}")
@example("pi_4242424242424242abcdefgh", "{}")
@example("pi_xxxx5555555555554444yyyy", "id={}")
def test_our_own_ids_stay(object_id: str, frame: str) -> None:
    text = frame.replace("{{", "{").replace("}}", "}").replace("{}", object_id)
    assert scrub(text) == text
    assert scrub_bytes(text.encode()) == text.encode()


def test_generated_ids_stay() -> None:
    text = json.dumps([new_id("pi") for _ in range(2000)])
    assert scrub(text) == text


@given(
    st.integers(0, 99_999_999),
    st.sampled_from(["usd", "jpy", "kwd"]),
    st.integers(1_500_000_000_000, 1_999_999_999_999),
)
def test_amounts_and_times_stay(amount: int, currency: str, at_ms: int) -> None:
    text = (
        f'{{"amount":{amount},"currency":"{currency}","at_ms":{at_ms}}} amount={amount} at={at_ms} {amount} {currency}'
    )
    assert scrub(text) == text
    assert scrub_value({"amount": amount, "created_at_ms": at_ms}) == {"amount": amount, "created_at_ms": at_ms}


@given(st.uuids() | st.uuids(version=4), st.binary(min_size=20, max_size=32), st.floats(0, 20, allow_nan=False))
def test_uuids_hashes_and_fractions_stay(uuid: object, digest: bytes, fraction: float) -> None:
    text = f"key={uuid} sha={digest.hex()} rel_{digest.hex()} latency={fraction!r}"
    assert scrub(text) == text


@given(st.from_regex(r"[0-9a-f]{64}", fullmatch=True).filter(lambda text: any(c.isalpha() for c in text)))
@example("4242424242424242" + "a" * 48)
@example("a" * 48 + "4242424242424242")
def test_hex_digests_stay_whatever_digits_they_hold(digest: str) -> None:
    assert scrub(digest) == digest


@given(st.text("0123456789", min_size=13, max_size=19).filter(lambda digits: not is_card_number(digits)))
def test_a_number_that_is_no_card_stays(digits: str) -> None:
    assert scrub(f"x={digits}") == f"x={digits}"


@pytest.mark.parametrize(
    "text",
    ["1764000000000", "1764000000000000", "2026-05-27 12:30:45.123456", "10.0.0.1 192.168.100.200", "cvc_check: pass",
     "authorization: expired", "capture of authorization: at_0Rk2abcdefghijklmnopqrst", '"client_secret": null',
     "decided 123"],
)  # fmt: skip
def test_ordinary_texts_stay(text: str) -> None:
    assert scrub(text) == text


@given(st.text(max_size=300))
def test_scrubbing_again_changes_nothing(text: str) -> None:
    once = scrub(text)
    assert scrub(once) == once


@given(st.binary(max_size=300))
def test_bytes_without_secrets_survive_or_lose_only_card_data(data: bytes) -> None:
    scrubbed = scrub_bytes(data)
    assert scrubbed == data or b"[" in scrubbed


def test_values_are_scrubbed_at_any_depth_and_by_name() -> None:
    class Inner(msgspec.Struct):
        number: str
        cvc: str | None

    value = {
        "card": {"number": 4242424242424242, "cvc": 123, "4242424242424242": 1},
        "list": ["4242 4242 4242 4242", (b"4242424242424242", None, True, 1.5)],
        "client_secret": "x",
        "inner": Inner("4242424242424242", "999"),
        "amount": 1099,
    }
    assert scrub_value(value) == {
        "card": {"number": "[card]", "cvc": "[cvc]", "[card]": 1},
        "list": ["[card]", [b"[card]", None, True, 1.5]],
        "client_secret": "[secret]",
        "inner": {"number": "[card]", "cvc": "[cvc]"},
        "amount": 1099,
    }


def test_a_value_that_holds_itself_ends() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert "too deep" in json.dumps(scrub_value(loop))


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Return what a handler that knows nothing of redaction writes, with redaction installed."""
    before = (logging.getLogRecordFactory(), sys.excepthook, threading.excepthook, sys.unraisablehook)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s %(extra_field)s", defaults={"extra_field": ""}))
    root = logging.getLogger()
    root.addHandler(handler)
    install_redaction()
    install_redaction()
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        logging.setLogRecordFactory(before[0])
        sys.excepthook, threading.excepthook, sys.unraisablehook = before[1:]
        logging.captureWarnings(capture=False)


def test_log_messages_arguments_extras_and_chained_exceptions_are_scrubbed(log: io.StringIO) -> None:
    logger = logging.getLogger("interlock.test")
    try:
        try:
            int("4242 4242 4242 4242")
        except ValueError as inner:
            raise RuntimeError("pan 5555 5555 5555 4444") from inner
    except RuntimeError:
        logger.exception(
            "card %s failed %d", "378282246310005", 3, extra={"extra_field": {"number": "4242424242424242"}}
        )
    logger.warning("bad %d arguments", "4242424242424242")
    logger.warning("stack 6011111111111117", stack_info=True)
    text = log.getvalue()
    for number in ("4242424242424242", "5555 5555 5555 4444", "378282246310005", "6011111111111117"):
        assert number not in text
    assert "ERROR card [card] failed 3 {'number': '[card]'}" in text
    assert "invalid literal for int() with base 10: '[card]'" in text
    assert "RuntimeError: pan [card]" in text
    assert sum(isinstance(present, RedactingFilter) for present in logging.getLogger().handlers[-1].filters) == 1


def test_uncaught_exceptions_are_scrubbed(log: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    error = ValueError("4242424242424242")
    sys.excepthook(ValueError, error, None)

    def fail() -> None:
        raise error

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    written = capsys.readouterr().err
    assert "4242424242424242" not in written
    assert written.count("ValueError: [card]") == 2


def test_exception_text_shows_the_chain_without_card_data() -> None:
    try:
        try:
            {}["4242424242424242"]  # type: ignore[index]  # fails on purpose
        except KeyError as inner:
            raise TypeError("cvc=123") from inner
    except TypeError as error:
        text = exception_text(error)
    assert "KeyError: '[card]'" in text
    assert text.splitlines()[-1] == "TypeError: cvc=[cvc]"


@pytest.mark.parametrize(
    "piece",
    [
        "1 ",
        "4 ",
        "1",
        "4242-",
        "%34",
        "\\u0034",
        "cvc",
        "authorization:",
        "a_secret_",
        "4.2.",
        "12345678-",
        "%25",
        "&#5",
        "4 4  4   ",
    ],
)
def test_hostile_text_costs_linear_time(piece: str) -> None:
    def seconds(size: int) -> float:
        text = (piece * size)[:size]
        began = time.thread_time()  # what others do on the machine meanwhile is not counted
        scrub(text)
        return time.thread_time() - began

    seconds(1_000)
    small = min(seconds(10_000) for _ in range(3))
    assert min(seconds(80_000) for _ in range(2)) < max(small, 0.000_5) * 8 * 4
