"""Test cards by name: every use of ``pm_card_visa`` is a fresh payment method, at the cost of making one value.

On the path of a payment: no query, no sealing. The card's token holds its name (its number is public and needs no
vault), its facts are computed once a day for each account and kept in a bounded cache. Live mode knows no such names.
"""

from functools import lru_cache

from interlock.base.context import Scope
from interlock.base.ids import new_id
from interlock.payments.instruments.types import CardFacts, PaymentMethod
from interlock.vault.service import Vault
from interlock.vault.test_cards import named_test_card, token_of

_DAY_MS = 86_400_000
_CACHED = 4_096
_NAME_PREFIXES = ("pm_card_", "tok_")


class TestCards:
    """Makes payment methods of test cards' names."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    def __init__(self, vault: Vault) -> None:
        """Take fingerprints and traits from ``vault``."""
        self._vault = vault
        self._facts = lru_cache(maxsize=_CACHED)(self._compute_facts)

    def resolve(self, scope: Scope, name: str, now_ms: int) -> PaymentMethod | None:
        """Return a fresh payment method for a test card's name, not stored yet; None when it is no such name.

        Args:
            scope: account and mode; live mode knows no test cards.
            name: ``pm_card_visa``, ``tok_visa`` and the like.
            now_ms: the time of creation.

        """
        if scope.livemode or not name.startswith(_NAME_PREFIXES):
            return None
        facts = self._facts(scope.account_id, name, now_ms // _DAY_MS)
        if facts is None:
            return None
        return PaymentMethod(
            account_id=scope.account_id,
            id=new_id("pm", now_ms),
            livemode=False,
            version=1,
            created_at_ms=now_ms,
            card=facts,
        )

    def _compute_facts(self, account_id: str, name: str, day: int) -> CardFacts | None:
        card = named_test_card(name)
        if card is None:
            return None
        scope = Scope(account_id, livemode=False)
        traits = self._vault.traits(scope, card.number)
        month, year = card.expiry(day * _DAY_MS)
        return CardFacts(
            vault_card_id=token_of(card),
            brand=traits.brand,
            last4=traits.last4,
            exp_month=month,
            exp_year=year,
            fingerprint=self._vault.fingerprint(scope, card.number),
            bin=traits.bin,
            funding=traits.funding,
            country=traits.country,
            networks=traits.networks if len(traits.networks) > 1 else (),
            three_d_secure_supported=traits.three_d_secure_supported,
        )
