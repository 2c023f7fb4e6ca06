import re

import pytest

from interlock.access.keys import account_of, digest_of, hint_of, new_account_id, new_key_text
from interlock.access.types import KeyKind
from interlock.base.redaction import scrub


@pytest.mark.parametrize("kind", KeyKind)
@pytest.mark.parametrize("livemode", [True, False])
def test_a_key_has_the_shape_clients_insist_on_and_names_its_account(kind: KeyKind, livemode: bool) -> None:
    account_id = new_account_id()
    text = new_key_text(account_id, kind, livemode=livemode)

    assert re.fullmatch(r"(pk|sk|rk)_(test|live)_[A-Za-z0-9]{24,}", text)
    assert text.startswith(f"{'pk' if kind is KeyKind.PUBLISHABLE else 'sk'}_{'live' if livemode else 'test'}_")
    assert account_of(text) == account_id


@pytest.mark.parametrize("text", ["", "sk_test_short", "rk_test_" + "a" * 48, "sk_test_" + "a" * 47 + "-", "x" * 4000])
def test_what_is_no_key_of_ours_belongs_to_nobody(text: str) -> None:
    assert account_of(text) is None


def test_hint_and_digest_do_not_give_the_key_away() -> None:
    text = new_key_text(new_account_id(), KeyKind.SECRET, livemode=False)

    assert hint_of(text) == f"sk_test_…{text[-4:]}"
    assert text[8:-4] not in hint_of(text)
    assert len(digest_of(text)) == 64
    assert text not in scrub(f"using {text} now")
