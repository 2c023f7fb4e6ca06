"""The search for card numbers finds them in every form it claims to, and takes nothing else for one."""

import random
from pathlib import Path

import pytest
from benchmarks.soak.pans import PANS, count_in_files, count_pans

VISA = "4242424242424242"
AMEX = "378282246310005"


@pytest.mark.parametrize(
    "data",
    [
        VISA,
        f'{{"number":"{AMEX}"}}',
        f"12{VISA}99",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "4242.4242.4242.4242",
        "card%5Bnumber%5D=4242%204242%204242%204242",
        "card=4242+4242+4242+4242",
        "".join(f"%{ord(digit):02x}" for digit in VISA),
        r"\x" + f'{{"number":"{VISA}"}}'.encode().hex(),
        r"\\x" + f"....{AMEX}....".encode().hex(),
    ],
)
def test_a_card_number_is_found_however_it_is_written(data: str) -> None:
    assert count_pans(data.encode()) == 1


def test_every_number_of_the_deck_is_found() -> None:
    assert all(count_pans(f"x{number}y".encode()) >= 1 for number in PANS)


def test_ids_times_and_amounts_are_no_card_numbers() -> None:
    draw = random.Random(1)
    letters = "0123456789ABCDEFabcdefxyz"
    noise = " ".join(
        f"pi_{''.join(draw.choices(letters, k=24))} {draw.randrange(10**12, 2 * 10**12)} {draw.randrange(10**9)}"
        for _ in range(5_000)
    )
    assert count_pans(noise.encode()) == 0


def test_a_number_that_lies_across_two_chunks_of_a_file_is_found(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"." * ((1 << 22) - 8) + VISA.encode() + b"." * 100)
    assert set(count_in_files([file])) == {str(file)}
