"""Between payment methods and the vault: sealing a checked card or bank account, opening one for the wire.

The only module of ``payments`` that hands card numbers and IBANs to the vault and gets them back.
"""

import msgspec

from interlock.base.context import Scope
from interlock.base.errors import InvariantError
from interlock.base.ibans import traits_of
from interlock.gateways import contract
from interlock.payments.instruments.card_rules import CheckedCard
from interlock.payments.instruments.types import CardFacts, PaymentMethod, SepaDebitFacts
from interlock.storage.writes import Write
from interlock.vault.service import Vault
from interlock.vault.test_cards import TOKEN_PREFIX
from interlock.vault.types import Card

_CODES = {"amex": "1234"}
_CODE = "123"


class SealedFacts(msgspec.Struct, frozen=True):
    """What is known of a card that was sealed, and the sealed row for the caller's change."""

    facts: CardFacts
    writes: tuple[Write, ...]


def is_named(method: PaymentMethod) -> bool:
    """Return True for a test card that goes by its name, whose code is known and the same every time."""
    return isinstance(method.card, CardFacts) and method.card.vault_card_id.startswith(TOKEN_PREFIX)


class SealedAccountFacts(msgspec.Struct, frozen=True):
    """What is known of a bank account that was sealed, and the sealed row for the caller's change."""

    facts: SepaDebitFacts
    writes: tuple[Write, ...]


class Sealer:
    """Seals and opens cards and bank accounts."""

    def __init__(self, vault: Vault) -> None:
        """Use ``vault``."""
        self._vault = vault

    def seal(self, scope: Scope, card: CheckedCard, holder_name: str | None, now_ms: int) -> SealedFacts:
        """Return the facts of ``card`` and the row that keeps it; nothing is written yet and the code is left out."""
        plain = Card(number=card.number, exp_month=card.exp_month, exp_year=card.exp_year, holder_name=holder_name)
        sealed = self._vault.seal(scope, plain, now_ms)
        traits = sealed.traits
        facts = CardFacts(
            vault_card_id=sealed.id,
            brand=traits.brand,
            last4=traits.last4,
            exp_month=sealed.exp_month,
            exp_year=sealed.exp_year,
            fingerprint=sealed.fingerprint,
            bin=traits.bin,
            funding=traits.funding,
            country=traits.country,
            networks=traits.networks if len(traits.networks) > 1 else (),
            three_d_secure_supported=traits.three_d_secure_supported,
        )
        return SealedFacts(facts, (sealed.write,))

    def seal_account(self, scope: Scope, iban: str, now_ms: int) -> SealedAccountFacts:
        """Return the facts of a valid plain IBAN and the row that keeps it; nothing is written yet."""
        sealed = self._vault.seal_account(scope, iban, now_ms)
        traits = traits_of(iban)
        facts = SepaDebitFacts(
            vault_account_id=sealed.id,
            country=traits.country,
            bank_code=traits.bank_code,
            branch_code=traits.branch_code,
            last4=traits.last4,
            fingerprint=sealed.fingerprint,
        )
        return SealedAccountFacts(facts, (sealed.write,))

    async def open_account(self, scope: Scope, method: PaymentMethod) -> str:
        """Return the IBAN of ``method``, of type sepa_debit.

        Raises:
            VaultError: the bank account cannot be found or opened.

        """
        facts = method.card
        if not isinstance(facts, SepaDebitFacts):
            raise InvariantError(f"payment method {method.id} of type {method.type} has no bank account to open")
        return await self._vault.open_account(scope, facts.vault_account_id)

    async def open(self, scope: Scope, method: PaymentMethod, code: str | None) -> contract.Card:
        """Return the card of ``method`` in clear, with its present expiry.

        Args:
            scope: account and mode.
            method: a payment method of type card.
            code: the shopper's security code, if one is held; a named test card has the one its issuer would accept.

        Raises:
            VaultError: the card cannot be found or opened.

        """
        facts = method.card
        if not isinstance(facts, CardFacts):
            raise InvariantError(f"payment method {method.id} of type {method.type} has no card to open")
        card = await self._vault.open(scope, facts.vault_card_id)
        if code is None and is_named(method):
            code = _CODES.get(facts.brand, _CODE)
        return contract.Card(
            number=card.number,
            exp_month=facts.exp_month,
            exp_year=facts.exp_year,
            cvc=code,
            holder_name=method.billing_details.get("name") or card.holder_name,
        )
