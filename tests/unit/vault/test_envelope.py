"""Sealed secrets open only with their key, in their place and unaltered; a new master key leaves them readable."""

import base64
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.base.context import Scope
from interlock.base.errors import ConfigurationError, VaultError
from interlock.vault.envelope import Envelope, Sealed, belonging, pack, unpack
from interlock.vault.keys import KeyRing, generate_key, generate_keys, load_keys, parse_keys

RING = KeyRing({"k1": b"1" * 32}, b"f" * 32)
ROTATED = KeyRing({"k2": b"2" * 32, "k1": b"1" * 32}, b"f" * 32)
SCOPE = Scope("acct_1", livemode=False)


@given(st.binary(max_size=300))
def test_what_is_sealed_opens_again_and_is_never_sealed_the_same(plaintext: bytes) -> None:
    envelope = Envelope(RING)
    first, second = envelope.seal(plaintext, b"here"), envelope.seal(plaintext, b"here")
    assert envelope.open(first, b"here") == plaintext
    assert unpack(pack(first)) == first
    assert first.ciphertext != second.ciphertext
    assert first.wrapped_key != second.wrapped_key
    assert len(plaintext) < 8 or plaintext not in pack(first)


@given(st.integers(0, 200), st.integers(1, 255))
def test_an_altered_byte_anywhere_is_noticed(position: int, flip: int) -> None:
    envelope = Envelope(RING)
    packed = bytearray(pack(envelope.seal(b"4242424242424242", b"here")))
    packed[position % len(packed)] ^= flip
    with pytest.raises(VaultError):
        envelope.open(unpack(bytes(packed)), b"here")


@pytest.mark.parametrize(
    "elsewhere", [Scope("acct_2", livemode=False), Scope("acct_1", livemode=True)], ids=["account", "mode"]
)
def test_a_secret_copied_to_another_place_does_not_open(elsewhere: Scope) -> None:
    envelope = Envelope(RING)
    sealed = envelope.seal(b"x", belonging(SCOPE, "vc_1"))
    for wrong in (belonging(elsewhere, "vc_1"), belonging(SCOPE, "vc_2")):
        with pytest.raises(VaultError, match="altered or belongs elsewhere"):
            envelope.open(sealed, wrong)
        with pytest.raises(VaultError):
            envelope.rewrap(sealed, wrong)


def test_a_new_master_key_opens_old_secrets_and_rewraps_them_without_touching_the_ciphertext() -> None:
    old = Envelope(RING).seal(b"secret", b"here")
    rotated = Envelope(ROTATED)
    assert rotated.open(old, b"here") == b"secret"
    new = rotated.rewrap(old, b"here")
    assert (old.key_id, new.key_id, new.ciphertext == old.ciphertext) == ("k1", "k2", True)
    only_new = Envelope(KeyRing({"k2": b"2" * 32}, b"f" * 32))
    assert only_new.open(new, b"here") == b"secret"
    with pytest.raises(VaultError, match="key k1 is not on the ring"):
        only_new.open(old, b"here")


def test_a_wrapped_key_relabelled_with_another_key_id_does_not_open() -> None:
    same_key_two_names = Envelope(KeyRing({"a": b"1" * 32, "b": b"1" * 32}, b"f" * 32))
    sealed = same_key_two_names.seal(b"x", b"here")
    with pytest.raises(VaultError):
        same_key_two_names.open(Sealed("b", sealed.wrapped_key, sealed.ciphertext), b"here")


@pytest.mark.parametrize("packed", [b"", b"\x01", b"\x02" + b"x" * 100, b"\x01\xff" + b"x" * 70])
def test_what_is_no_sealed_secret_is_refused(packed: bytes) -> None:
    with pytest.raises(VaultError):
        Envelope(RING).open(unpack(packed), b"here")


def test_keys_are_read_newest_first_from_commas_or_lines() -> None:
    text = f"{generate_key('new')}, {generate_key('old')},{generate_key('fingerprint')}"
    ring = parse_keys(text)
    assert (ring.current_id, list(ring.master_keys)) == ("new", ["new", "old"])
    assert parse_keys(f"# kept by ops\n{generate_keys()}\n\n").current_id == "k1"
    assert repr(ring) == "KeyRing(new, old)"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no key called fingerprint"),
        (generate_key("fingerprint"), "no master key"),
        (generate_key("k1"), "no key called fingerprint"),
        (f"k1:short\n{generate_key('fingerprint')}", "key k1 is not base64 of 32 bytes"),
        (f"k1:{base64.b64encode(b'x' * 16).decode()}", "key k1 is not base64 of 32 bytes"),
        (f"{generate_key('k1')}\n{generate_key('k1')}", "two keys are called k1"),
        (":abc", "entry 1 has no proper id"),
        ("\n".join(generate_key(f"k{i}") for i in range(66)), "more than 64 keys"),
    ],
    # The texts are random: as names of tests they would differ between the processes that share them out.
    ids=["nothing", "fingerprint", "master", "short", "half", "twice", "unnamed", "many"],
)
def test_wrong_keys_are_told_in_one_line_without_key_material(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem) as caught:
        parse_keys(text)
    for entry in text.splitlines():
        assert entry.partition(":")[2] == "" or entry.partition(":")[2] not in str(caught.value)


def test_a_key_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "data" / "vault-keys"
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_keys(None, file)
    first = load_keys(None, file, create=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_keys(None, file, create=True).fingerprint_key == first.fingerprint_key
    assert list(file.parent.iterdir()) == [file]
    file.chmod(0o640)
    with pytest.raises(ConfigurationError, match="may be read by others; run: chmod 600"):
        load_keys(None, file)
    assert load_keys(generate_keys("given"), file).current_id == "given"


def test_two_processes_that_start_at_once_end_with_the_same_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "vault-keys"
    real_link = os.link

    def other_process_was_faster(draft: Path, target: Path) -> None:
        winner = tmp_path / "winner"
        winner.write_text(generate_keys("winner"))
        winner.chmod(0o600)
        real_link(winner, target)
        real_link(draft, target)

    monkeypatch.setattr(os, "link", other_process_was_faster)
    assert load_keys(None, file, create=True).current_id == "winner"
