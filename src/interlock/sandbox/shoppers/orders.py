"""What a shopper wants: an order, drawn from a seed. Pure: the same seed and number give the same order, whatever the
number of orders or the pace, so that a failing order can be looked at alone.
"""

import math
import random
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import Literal

import msgspec

from interlock.sandbox.shoppers.currencies import BY_CODE, CURRENCIES, Currency
from interlock.sandbox.shoppers.deck import BY_NUMBER, DECK, Card

_SPREAD = 1.1
_GIVEN = ("Ada", "Björk", "Chidi", "Dolores", "Émile", "Fatima", "Gustaf", "Haruka", "Ines", "João", "Kwame", "Łucja")
_FAMILY = ("O'Brien", "Müller", "Nakamura", "García", "Ståhl", "van der Berg", "Okafor", "Smith", "Đorđević", "Li")


class Flow(StrEnum):
    """How a shop asks for the money."""

    ONE_STEP = "one_step"
    TWO_STEPS = "two_steps"
    STORED = "stored"
    SAVE_AND_AGAIN = "save_and_again"
    SET_UP = "set_up"


class Expected(StrEnum):
    """What the card should come to; ``EITHER`` where gateways may differ."""

    PAID = "paid"
    DECLINED = "declined"
    UNPAID = "unpaid"
    EITHER = "either"


class Part(msgspec.Struct, frozen=True):
    """One capture: how much, in the API's units, and whether it is the last one."""

    amount: int
    final: bool = True


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One order.

    ``card`` is a number of the deck; ``by_name`` says that the shop sends ``pm_card_…`` instead of the number. A
    *manual* order is captured in ``parts`` (none: it is cancelled or left to expire); ``refunds`` follow. ``again`` is
    the amount of a later off-session payment. ``second_try`` offers another card after a decline. ``twice`` sends the
    same request two times at once; ``patience_s`` is when the shop drops a connection and asks again, same key.
    """

    number: int
    id: str
    card: str
    by_name: bool
    currency: str
    amount: int
    flow: Flow = Flow.ONE_STEP
    manual: bool = False
    parts: tuple[Part, ...] = ()
    cancel: bool = False
    refunds: tuple[int, ...] = ()
    again: int = 0
    challenge: Literal["succeed", "fail", "abandon"] = "succeed"
    second_try: bool = False
    twice: bool = False
    patience_s: float = 30.0
    name: str = ""
    country: str = "US"

    @property
    def deck_card(self) -> Card:
        """Return the card."""
        return BY_NUMBER[self.card]

    @property
    def multicapture(self) -> bool:
        """Return True when it is captured in several parts."""
        return len(self.parts) > 1

    @property
    def expected(self) -> Expected:
        """Return what should come of the first payment."""
        card = self.deck_card
        asked = card.asks != "never"
        if asked and self.challenge != "succeed":
            return Expected.UNPAID
        return Expected.PAID if card.pays else Expected.DECLINED

    @property
    def expected_again(self) -> Expected:
        """Return what should come of the off-session payment, where there is one."""
        card = self.deck_card
        if not card.pays:
            return Expected.DECLINED
        return Expected.PAID if card.asks == "never" else Expected.EITHER

    def __repr__(self) -> str:
        """Return a text without the card's number."""
        return f"Order({self.id}, {self.amount} {self.currency}, {self.deck_card!r}, {self.flow})"

    __str__ = __repr__


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """How often things happen, as shares of 1.

    ``currencies``, ``brands`` and ``cards`` (names) narrow the shop's own mix to those; all without any.
    """

    currencies: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    cards: tuple[str, ...] = ()

    manual: float = 0.22
    cancelled: float = 0.18
    partial_capture: float = 0.35
    multicapture: float = 0.2
    refunded: float = 0.16
    several_refunds: float = 0.35
    by_name: float = 0.45
    second_try: float = 0.4
    twice: float = 0.03
    impatient: float = 0.04
    challenge_failed: float = 0.12
    challenge_abandoned: float = 0.12
    flows: tuple[tuple[Flow, float], ...] = (
        (Flow.ONE_STEP, 0.70),
        (Flow.TWO_STEPS, 0.12),
        (Flow.STORED, 0.07),
        (Flow.SAVE_AND_AGAIN, 0.06),
        (Flow.SET_UP, 0.05),
    )


_USUAL = Mix()


@lru_cache(maxsize=64)
def _cards(mix: Mix) -> tuple[list[Card], list[float]]:
    """Return the cards of ``mix`` and their weights."""
    kept = [
        card
        for card in DECK
        if (not mix.brands or card.brand in mix.brands) and (not mix.cards or card.name in mix.cards)
    ]
    return kept, [card.weight for card in kept]


@lru_cache(maxsize=64)
def _currencies(mix: Mix) -> tuple[list[Currency], list[float]]:
    """Return the currencies of ``mix`` and their weights."""
    kept = [currency for currency in CURRENCIES if not mix.currencies or currency.code in mix.currencies]
    return kept, [currency.weight for currency in kept]


def order(seed: int, number: int, mix: Mix = _USUAL) -> Order:
    """Return the ``number``-th order (from 1) of the crowd called ``seed``."""
    draw = random.Random(f"interlock shoppers {seed} {number}")
    card = draw.choices(*_cards(mix))[0]
    currency = draw.choices(*_currencies(mix))[0]
    amount = _amount(draw, currency)
    flow = draw.choices([flow for flow, _ in mix.flows], [share for _, share in mix.flows])[0]
    manual = draw.random() < mix.manual
    cancel = manual and draw.random() < mix.cancelled
    parts = _parts(draw, mix, currency, amount) if manual and not cancel else ()
    taken = sum(part.amount for part in parts) if manual else amount
    return Order(
        number=number,
        id=f"order_{seed}_{number}",
        card=card.number,
        by_name=bool(card.name) and draw.random() < mix.by_name,
        currency=currency.code,
        amount=amount,
        flow=flow,
        manual=manual,
        parts=parts,
        cancel=cancel,
        refunds=_refunds(draw, mix, currency, taken),
        again=_amount(draw, currency) if flow in {Flow.SAVE_AND_AGAIN, Flow.SET_UP} else 0,
        challenge=_challenge(draw, mix),
        second_try=draw.random() < mix.second_try,
        twice=draw.random() < mix.twice,
        patience_s=draw.uniform(0.02, 1.5) if draw.random() < mix.impatient else 30.0,
        name=f"{draw.choice(_GIVEN)} {draw.choice(_FAMILY)}",
        country=card.country,
    )


def orders(seed: int, count: int | None = None, mix: Mix = _USUAL, first: int = 1) -> Iterator[Order]:
    """Yield ``count`` orders from number ``first`` on; without end when it is None."""
    number = first
    while count is None or number < first + count:
        yield order(seed, number, mix)
        number += 1


def _amount(draw: random.Random, currency: Currency) -> int:
    return currency.units(currency.median * draw.lognormvariate(0.0, _SPREAD))


def _share(draw: random.Random, currency: Currency, amount: int, low: float, high: float) -> int:
    """Return a part of ``amount`` in whole steps, at least one step; 0 when there is no room for a part."""
    part = int(amount * draw.uniform(low, high))
    part -= part % currency.step
    return part if 0 < part < amount else 0


def _parts(draw: random.Random, mix: Mix, currency: Currency, amount: int) -> tuple[Part, ...]:
    kind = draw.random()
    if kind < mix.multicapture:
        first = _share(draw, currency, amount, 0.2, 0.6)
        second = _share(draw, currency, amount - first, 0.3, 0.9) if first else 0
        return (Part(first, final=False), Part(second or amount - first)) if first else (Part(amount),)
    if kind < mix.multicapture + mix.partial_capture:
        return (Part(_share(draw, currency, amount, 0.3, 0.95) or amount),)
    return (Part(amount),)


def _refunds(draw: random.Random, mix: Mix, currency: Currency, taken: int) -> tuple[int, ...]:
    if not taken or draw.random() >= mix.refunded:
        return ()
    if draw.random() >= mix.several_refunds:
        return (taken if draw.random() < 0.6 else _share(draw, currency, taken, 0.1, 0.9) or taken,)
    left, given = taken, []
    for _ in range(draw.randint(2, 3)):
        part = _share(draw, currency, left, 0.2, 0.6)
        if not part:
            break
        given.append(part)
        left -= part
    return tuple(given)


def _challenge(draw: random.Random, mix: Mix) -> Literal["succeed", "fail", "abandon"]:
    drawn = draw.random()
    if drawn < mix.challenge_failed:
        return "fail"
    return "abandon" if drawn < mix.challenge_failed + mix.challenge_abandoned else "succeed"


# --- when they come --------------------------------------------------------------------------------------------------

_NIGHT, _NOON, _EVENING = 0.25, 0.55, 1.0


def day_curve(hour: float) -> float:
    """Return how busy a shop is at ``hour`` (0 to 24), as a factor whose mean over the day is 1."""
    noon = _NOON * math.exp(-((hour - 12.5) ** 2) / 10)
    evening = _EVENING * math.exp(-((hour - 20.0) ** 2) / 8)
    early = _EVENING * math.exp(-((hour + 4.0) ** 2) / 8)  # last night's evening, seen from this day
    return (_NIGHT + noon + evening + early) / _MEAN


def _mean() -> float:
    area = _NIGHT * 24 + _NOON * math.sqrt(10 * math.pi) + _EVENING * math.sqrt(8 * math.pi)
    return area / 24


_MEAN = _mean()
_BUSIEST = 3.0


def arrivals(seed: int, rate_per_s: float, day_s: float | None = None) -> Iterator[float]:
    """Yield when shoppers come, in seconds from the start: Poisson, open loop.

    Args:
        seed: of the crowd.
        rate_per_s: the mean rate.
        day_s: how many seconds one simulated day takes; an even rate without it.

    """
    draw = random.Random(f"interlock arrivals {seed}")
    at_s = 0.0
    while True:
        if day_s is None:
            at_s += draw.expovariate(rate_per_s)
            yield at_s
            continue
        at_s += draw.expovariate(rate_per_s * _BUSIEST)
        if draw.random() * _BUSIEST < day_curve(24 * (at_s % day_s) / day_s):
            yield at_s


def spoken_currency(code: str) -> Currency:
    """Return what is known of a currency of an order."""
    return BY_CODE[code]
