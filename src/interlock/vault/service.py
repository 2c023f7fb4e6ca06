"""Use cases of the vault: seal a card or a bank account, open it for a gateway call, change the master key.

Called by ``payments.instruments``; key rotation by ``worker`` and ``cli``.
"""

import asyncio
import hashlib
import hmac

import msgspec

from interlock.base.clock import Clock
from interlock.base.context import Scope
from interlock.base.errors import VaultError
from interlock.base.ibans import is_valid_iban
from interlock.base.ids import new_id
from interlock.storage.database import Database
from interlock.storage.queries import load_queries
from interlock.storage.writes import Committed, Insert, Update
from interlock.vault.cards import traits_of
from interlock.vault.envelope import Envelope, Sealed, belonging
from interlock.vault.keys import KeyRing
from interlock.vault.test_cards import opened_test_card
from interlock.vault.types import (
    VAULT_CARDS,
    Card,
    CardTraits,
    RewrapProgress,
    SealedAccount,
    SealedCard,
    VaultCard,
)

_QUERIES = load_queries("interlock.vault")
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FINGERPRINT_DIGITS = 16
_PADDED_TO = 64
_SYSTEM_YEARS = range(2000, 2100)
_REWRAP_BATCH = 500


class _Plain(msgspec.Struct, array_like=True):
    """What is sealed. A new field may be added at the end; none may be taken away."""

    number: str
    exp_month: int
    exp_year: int
    holder_name: str | None = None


class _PlainAccount(msgspec.Struct, array_like=True):
    """What is sealed of a bank account; the same rule holds."""

    iban: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Plain).decode
_decode_account = msgspec.json.Decoder(_PlainAccount).decode


class Vault:
    """Sealed cards of every account. One per process; an opened card is handed out once and kept nowhere."""

    def __init__(self, database: Database, ring: KeyRing, clock: Clock) -> None:
        """Read rows from ``database``; seal and open with ``ring``."""
        self._database = database
        self._clock = clock
        self._fingerprint_key = ring.fingerprint_key
        self.envelope = Envelope(ring)

    def fingerprint(self, scope: Scope, number: str) -> str:
        """Return what stays the same for a number within an account and mode, and tells nothing of it elsewhere."""
        message = b"\n".join((belonging(scope, "fingerprint"), number.encode()))
        value = int.from_bytes(hmac.digest(self._fingerprint_key, message, hashlib.sha256), "big")
        text = ""
        for _ in range(_FINGERPRINT_DIGITS):
            value, digit = divmod(value, len(_ALPHABET))
            text += _ALPHABET[digit]
        return text

    def seal(self, scope: Scope, card: Card, now_ms: int) -> SealedCard:
        """Seal ``card`` (its security code is dropped) and return its token, public facts and row.

        No input or output: the caller puts ``write`` into the commit of whatever refers to the token.

        Raises:
            VaultError: the number is no 12 to 19 digits or the expiry no date; rules for shoppers come before this.

        """
        number = card.number
        if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19):
            raise VaultError("a card number is not 12 to 19 digits")
        if not 1 <= card.exp_month <= 12 or card.exp_year not in _SYSTEM_YEARS:
            raise VaultError("a card's expiry is no month of this century")
        plain = _encode(_Plain(number, card.exp_month, card.exp_year, card.holder_name))
        row = self._sealed_row(scope, new_id("vc", now_ms), plain, self.fingerprint(scope, number), now_ms)
        return SealedCard(
            id=row.id,
            fingerprint=row.fingerprint,
            traits=self.traits(scope, number),
            exp_month=card.exp_month,
            exp_year=card.exp_year,
            write=Insert(VAULT_CARDS, row),
        )

    def seal_account(self, scope: Scope, iban: str, now_ms: int) -> SealedAccount:
        """Seal a bank account as :meth:`seal` does a card; the rows of both have one form, so keys change for both.

        Raises:
            VaultError: it is no valid plain IBAN; rules for shoppers come before this.

        """
        if not is_valid_iban(iban):
            raise VaultError("a bank account is no valid IBAN")
        plain = _encode(_PlainAccount(iban))
        row = self._sealed_row(scope, new_id("vb", now_ms), plain, self.fingerprint(scope, iban), now_ms)
        return SealedAccount(id=row.id, fingerprint=row.fingerprint, write=Insert(VAULT_CARDS, row))

    def _sealed_row(self, scope: Scope, token: str, plain: bytes, fingerprint: str, now_ms: int) -> VaultCard:
        padded = plain.ljust(-(-len(plain) // _PADDED_TO) * _PADDED_TO)  # JSON may end in spaces: length tells little
        sealed = self.envelope.seal(padded, belonging(scope, token))
        return VaultCard(
            account_id=scope.account_id,
            id=token,
            livemode=scope.livemode,
            version=1,
            created_at_ms=now_ms,
            key_id=sealed.key_id,
            wrapped_key=sealed.wrapped_key,
            ciphertext=sealed.ciphertext,
            fingerprint=fingerprint,
        )

    def traits(self, scope: Scope, number: str) -> CardTraits:
        """Return what is known of a number in the scope's mode."""
        return traits_of(number, livemode=scope.livemode)

    async def open(self, scope: Scope, token: str) -> Card:
        """Return the card behind ``token``, without a security code, for one gateway call.

        Tokens of named test cards (``test_…``) open in test mode without a row; they expire in a year.

        Raises:
            VaultError: there is no such card in this scope, or it cannot be opened.

        """
        test_card = None if scope.livemode else opened_test_card(token)
        if test_card is not None:
            month, year = test_card.expiry(self._clock.now_ms())
            return Card(number=test_card.number, exp_month=month, exp_year=year)
        row = await self._database.get(VAULT_CARDS, scope, token)
        if row is None:
            raise VaultError(f"no card {token} in this account and mode")
        return self._opened(scope, row)

    async def open_account(self, scope: Scope, token: str) -> str:
        """Return the IBAN behind ``token``, for one gateway call.

        Raises:
            VaultError: there is no such bank account in this scope, or it cannot be opened.

        """
        row = await self._database.get(VAULT_CARDS, scope, token)
        if row is None:
            raise VaultError(f"no bank account {token} in this account and mode")
        try:
            return _decode_account(self._unsealed(scope, row)).iban
        except msgspec.DecodeError:
            raise VaultError(f"bank account {token} cannot be read") from None

    def _unsealed(self, scope: Scope, row: VaultCard) -> bytes:
        return self.envelope.open(Sealed(row.key_id, row.wrapped_key, row.ciphertext), belonging(scope, row.id))

    def _opened(self, scope: Scope, row: VaultCard) -> Card:
        try:
            plain = _decode(self._unsealed(scope, row))
        except msgspec.DecodeError:
            raise VaultError(f"card {row.id} cannot be read") from None
        return Card(
            number=plain.number, exp_month=plain.exp_month, exp_year=plain.exp_year, holder_name=plain.holder_name
        )

    # Rotation

    async def keys_in_use(self) -> dict[str, int]:
        """Return how many cards each master key wraps. A key may be retired when it is not among them."""
        return {row["key_id"]: row["cards"] for row in await self._database.fetch(_QUERIES["keys_in_use"])}

    async def missing_keys(self) -> list[str]:
        """Return the ids of keys that stored cards need and the ring does not have: those cards do not open."""
        return sorted(set(await self.keys_in_use()) - self.envelope.key_ids)

    async def rewrap(self, *, batches_max: int = 1_000) -> RewrapProgress:
        """Wrap every card's data key by the current master key, in batches; safe to stop and to run twice.

        Raises:
            VaultError: a row's key is not on the ring (nothing of its batch was written).

        """
        rewrapped = lost = 0
        after = ("", "")
        for _ in range(batches_max):
            rows = await self._database.fetch(
                _QUERIES["wrapped_by_other_keys"], *after, self.envelope.current_key_id, _REWRAP_BATCH
            )
            if not rows:
                return RewrapProgress(rewrapped, lost, finished=not lost)
            values = [self._rewrapped(VAULT_CARDS.decode(row)) for row in rows]
            results = await asyncio.gather(*(self._database.commit([Update(VAULT_CARDS, value)]) for value in values))
            won = sum(isinstance(result, Committed) for result in results)
            rewrapped += won
            lost += len(rows) - won
            after = (rows[-1]["account_id"], rows[-1]["id"])
        return RewrapProgress(rewrapped, lost, finished=False)

    def _rewrapped(self, row: VaultCard) -> VaultCard:
        belongs_to = belonging(Scope(row.account_id, row.livemode), row.id)
        sealed = self.envelope.rewrap(Sealed(row.key_id, row.wrapped_key, row.ciphertext), belongs_to)
        return msgspec.structs.replace(
            row, version=row.version + 1, key_id=sealed.key_id, wrapped_key=sealed.wrapped_key
        )
