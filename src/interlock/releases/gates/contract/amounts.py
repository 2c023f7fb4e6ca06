"""The provider's integers for money: by the switch's own table of the provider, never by the package's."""

import msgspec

from interlock.base.money import Money, from_provider, to_provider
from interlock.gateways.manifest import Manifest
from interlock.releases.gates.providers.tables import ProviderTable


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """Decimals where the provider differs from ISO 4217, and what amounts must be multiples of, by currency."""

    exponents: dict[str, int] = {}
    multiples: dict[str, int] = {}
    unsupported: tuple[str, ...] = ()

    def express(self, money: Money) -> int | None:
        """Return the provider's integer for ``money``, or None when it cannot be expressed."""
        amount = to_provider(money, self.exponents)
        if amount is None or money.currency in self.unsupported:
            return None
        return None if amount % self.multiples.get(money.currency, 1) else amount

    def mean(self, amount: int, currency: str) -> Money | None:
        """Return the money that the provider's integer means, or None when it is no whole ISO minor amount."""
        return from_provider(amount, currency, self.exponents)


def amounts_of(table: ProviderTable | None, manifest: Manifest) -> Amounts:
    """Return the amounts of the provider's table; those the manifest claims where there is no table."""
    known = table.currencies if table is not None else manifest.currencies
    return Amounts(exponents=known.exponents, multiples=known.multiples, unsupported=known.unsupported)
