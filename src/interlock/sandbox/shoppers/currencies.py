"""What shoppers pay in: currencies with 0, 2 and 3 decimals and the front API's own exceptions. Pure data.

The table is the shoppers' own, taken from the API's public documentation: it must be able to contradict the switch.
"""

import msgspec

MOST = 99_999_999
"""The largest amount the API takes, in its units."""


_TENS = (1, 10, 100, 1_000)


class Currency(msgspec.Struct, frozen=True, kw_only=True):
    """A currency as the front API counts it.

    ``decimals`` is how many the API's units have and ``iso_decimals`` how many ISO 4217 gives; an amount must be a
    multiple of ``step`` and at least ``least``, both in the API's units. ``median`` is a typical purchase.
    """

    code: str
    decimals: int = 2
    iso_decimals: int = 2
    step: int = 1
    least: int = 50
    median: float = 35.0
    weight: float = 1.0

    def units(self, major: float) -> int:
        """Return ``major`` in the API's units, brought between the limits and to a multiple of ``step``."""
        wanted = round(major * _TENS[self.decimals])
        stepped = wanted - wanted % self.step
        least = -(-self.least // self.step) * self.step
        return max(least, min(stepped, MOST - MOST % self.step))

    def iso_minor(self, units: int) -> int:
        """Return what ``units`` of the API are in ISO minor units; they are whole because of ``step``."""
        if self.iso_decimals >= self.decimals:
            return units * _TENS[self.iso_decimals - self.decimals]
        return units // _TENS[self.decimals - self.iso_decimals]


CURRENCIES: tuple[Currency, ...] = (
    Currency(code="usd", weight=30),
    Currency(code="eur", weight=22),
    Currency(code="gbp", least=30, weight=9),
    Currency(code="cad", weight=4),
    Currency(code="aud", weight=3),
    Currency(code="chf", weight=3),
    Currency(code="sek", least=300, median=350, weight=2),
    Currency(code="pln", least=200, median=150, weight=2),
    Currency(code="mxn", least=1000, median=600, weight=2),
    Currency(code="inr", least=50, median=1800, weight=2),
    Currency(code="brl", median=160, weight=2),
    Currency(code="huf", least=17500, median=9000, weight=1),
    Currency(code="jpy", decimals=0, iso_decimals=0, median=4200, weight=5),
    Currency(code="krw", decimals=0, iso_decimals=0, least=100, median=38000, weight=2),
    Currency(code="clp", decimals=0, iso_decimals=0, least=500, median=25000, weight=2),
    Currency(code="vnd", decimals=0, iso_decimals=0, least=12000, median=600000, weight=1),
    Currency(code="mga", decimals=0, iso_decimals=2, least=2500, median=120000, weight=1),
    Currency(code="ugx", decimals=2, iso_decimals=0, step=100, least=200000, median=90000, weight=2),
    Currency(code="isk", decimals=2, iso_decimals=0, step=100, least=7000, median=4500, weight=2),
    Currency(code="idr", step=100, least=800000, median=300000, weight=1),
    Currency(code="kwd", decimals=3, iso_decimals=3, step=10, least=200, median=11, weight=2),
    Currency(code="bhd", decimals=3, iso_decimals=3, step=10, least=200, median=13, weight=2),
    Currency(code="tnd", decimals=3, iso_decimals=3, step=10, least=1600, median=90, weight=1),
)
BY_CODE = {currency.code: currency for currency in CURRENCIES}
