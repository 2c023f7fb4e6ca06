"""IBANs: which are valid, what they tell, and that none stays in text that is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.base.ibans import LAYOUTS, IbanTraits, iban_spans, is_valid_iban, plain_iban, traits_of
from interlock.base.redaction import IBAN, scrub, scrub_value

EXAMPLES = (
    "AT611904300234573201",
    "BE68539007547034",
    "DE89370400440532013000",
    "FR1420041010050500013M02606",
    "GB82WEST12345698765432",
    "IT60X0542811101000000123456",
    "MT84MALT011000012345MTLCAST001S",
    "NL91ABNA0417164300",
    "NO9386011117947",
)


@pytest.mark.parametrize("iban", EXAMPLES)
def test_published_examples_are_valid_and_every_wrong_digit_is_noticed(iban: str) -> None:
    assert is_valid_iban(iban)
    for place, character in enumerate(iban[4:], 4):
        if character.isdigit():
            assert not is_valid_iban(iban[:place] + str((int(character) + 1) % 10) + iban[place + 1 :])
    assert not is_valid_iban(iban[:-1])
    assert not is_valid_iban(iban + "0")
    assert not is_valid_iban(iban.lower())


def test_accounts_outside_the_area_are_not_taken_although_their_digits_are_right() -> None:
    assert not is_valid_iban("SA0380000000608010167519")


def test_what_an_iban_tells() -> None:
    assert plain_iban("de89 3704-0044 0532 0130 00") == EXAMPLES[2]
    assert traits_of(EXAMPLES[2]) == IbanTraits("DE", "37040044", None, "3000")
    assert traits_of(EXAMPLES[3]) == IbanTraits("FR", "20041", "01005", "2606")
    for layout in LAYOUTS.values():
        assert layout.bank[1] <= layout.length - 4


@pytest.mark.parametrize("iban", EXAMPLES)
@pytest.mark.parametrize("gap", ["", " ", "+", "%20", "-"])
@pytest.mark.parametrize("around", ["%s", "iban=%s&x=1", '{"iban":"%s"}', "iban%%5D=%s", "x%%3D%s%%26", "from %s, to"])
def test_an_iban_in_text_is_found_however_it_is_written(iban: str, gap: str, around: str) -> None:
    written = gap.join(iban[at : at + 4] for at in range(0, len(iban), 4))
    for form in (written, written.lower().replace("%2", "%2")):
        assert scrub(around % form) == around % IBAN
    assert scrub_value({"iban": written}) == {"iban": IBAN}


@pytest.mark.parametrize(
    "text", ["at_01DE89370400440532013000", "vb_DE893704004405320130001x", "DE89370400440532013001"]
)
def test_ids_and_wrong_numbers_are_left_alone(text: str) -> None:
    assert iban_spans(text) == []


@given(st.text(alphabet="DEAT0123456789 %+-_", max_size=80))
def test_any_text_is_searched_and_what_is_found_is_valid(text: str) -> None:
    for start, end in iban_spans(text):
        compact = text[start:end].replace("%20", "").translate(str.maketrans("", "", " +-"))
        assert is_valid_iban(compact.upper())
