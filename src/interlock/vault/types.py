"""Values of the vault: a card in clear, what may be known of it outside, and the row it is sealed in."""

import msgspec

from interlock.storage.tables import Table
from interlock.storage.writes import Insert


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A card in clear: digits only, four-digit year. Its repr hides everything. ``cvc`` is never sealed."""

    number: str
    exp_month: int
    exp_year: int
    cvc: str | None = None
    holder_name: str | None = None

    def __repr__(self) -> str:
        """Return a text without card data."""
        return "Card(…)"

    __str__ = __repr__


class VaultCard(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed card or bank account as stored. ``key_id`` names the master key that wraps its own data key."""

    account_id: str
    id: str
    livemode: bool
    version: int
    created_at_ms: int
    key_id: str
    wrapped_key: bytes
    ciphertext: bytes
    fingerprint: str


VAULT_CARDS = Table(VaultCard, "vault_cards")


class CardTraits(msgspec.Struct, frozen=True, kw_only=True):
    """What a number tells by itself. ``networks`` are the brands it can be charged through, the brand among them."""

    brand: str
    bin: str
    last4: str
    funding: str
    country: str | None
    networks: tuple[str, ...]
    three_d_secure_supported: bool = True


class SealedCard(msgspec.Struct, frozen=True, kw_only=True):
    """What sealing gives back: the token (``vc_…``), public facts, and the row for the caller's commit."""

    id: str
    fingerprint: str
    traits: CardTraits
    exp_month: int
    exp_year: int
    write: Insert


class SealedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What sealing an IBAN gives back: the token (``vb_…``), its fingerprint, and the row for the caller's commit."""

    id: str
    fingerprint: str
    write: Insert


class RewrapProgress(msgspec.Struct, frozen=True):
    """How far a change of master key has come."""

    rewrapped: int
    lost_races: int
    finished: bool
