"""API keys have the shape clients expect, and nothing that is kept or shown gives one away."""

import re

from hypothesis import given
from hypothesis import strategies as st

from interlock.base.redaction import scrub
from interlock.payments.access.keys import hash_of, hint_of, looks_like_a_key, new_key, same_hash
from interlock.payments.access.types import ApiKey, KeyKind, NewKey

# What some official client libraries insist on before they send a key at all.
CLIENTS_ACCEPT = re.compile(r"^(pk|sk|rk)_(test|live)_[A-Za-z0-9]{24,}$")


@given(st.sampled_from(KeyKind), st.booleans())
def test_keys_are_accepted_by_clients_recognised_here_and_scrubbed_from_logs(kind: KeyKind, livemode: bool) -> None:
    key = new_key(kind, livemode=livemode)
    assert CLIENTS_ACCEPT.match(key)
    assert looks_like_a_key(key)
    assert key.startswith({"secret": "sk", "publishable": "pk", "restricted": "rk"}[kind])
    assert key[2:8] == ("_live_" if livemode else "_test_")
    assert key not in scrub(f"Authorization: Bearer {key}")
    assert same_hash(hash_of(key), hash_of(key))
    assert not same_hash(hash_of(key), hash_of(new_key(kind, livemode=livemode)))
    assert len(hint_of(key)) == 13


@given(st.text(max_size=60))
def test_other_texts_are_not_looked_up(text: str) -> None:
    assert not looks_like_a_key(text) or CLIENTS_ACCEPT.match(text)


def test_a_new_key_hides_itself() -> None:
    key = new_key(KeyKind.SECRET, livemode=False)
    record = ApiKey(
        account_id="acct_1",
        id="key_1",
        livemode=False,
        version=1,
        created_at_ms=0,
        kind=KeyKind.SECRET,
        key_hash=hash_of(key),
        hint=hint_of(key),
        name="",
    )
    assert key not in f"{NewKey(record, key)!r} {NewKey(record, key)} {record!r}"
