"""Whatever in a request looks like an amount beside the one that is asked for: alone, a part of it, of an item. Pure.

Providers take the basket of an order as items with a price and a quantity, and taxes, shipping and discounts of an item
or of the whole order. Where it is sent it must add up: ``sum of items + tax + shipping - discount = amount``
(docs.stripe.com/api/payment_intents/object#payment_intent_object-amount_details, docs.adyen.com line items). Called by
``checks.money``.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

_AMOUNT_NAME = re.compile(
    r"(?:^|_)(?:amount|total|price|cost|value)(?:_|$|[A-Z])|(?:Amount|Total|Price|Cost|Value)", re.ASCII
)
_QUANTITY_NAME = re.compile(r"quantity", re.IGNORECASE)
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_FREE = ("/metadata", "/additionalData")
_ITEM = re.compile(r"(.*?)(?:\[(\d+)\]|/(\d+)(?=/))(.*)")
_ADDED = re.compile(r"tax|shipping", re.IGNORECASE)
_TAKEN_OFF = re.compile(r"discount", re.IGNORECASE)
_CONTAINED = re.compile(r"surcharge|(?<![a-z])tip(?![a-z])", re.IGNORECASE)
"""Told as a portion of the amount, whatever the items say."""


class Basket(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says: ``single`` amounts and ``portions`` of the whole by place, ``items`` by their list: the sum
    of the list with the order's own taxes, shipping and discounts. None is what is no number."""

    single: dict[str, Decimal | None]
    portions: dict[str, Decimal | None]
    items: dict[str, Decimal | None]


class _Item(msgspec.Struct):
    """One item: its amounts by place inside of it, and how many of it."""

    amounts: dict[str, Decimal | None]
    quantity: Decimal = Decimal(1)


def basket_of(fields: Mapping[str, Any]) -> Basket:
    """Return everything in ``fields`` (of a form or a JSON body, by place) that looks like an amount."""
    single: dict[str, Decimal | None] = {}
    portions: dict[str, Decimal | None] = {}
    lists: dict[str, dict[str, _Item]] = {}
    for place, value in fields.items():
        if place.startswith(_FREE) or value in ({}, [], None):
            continue
        found, name = _ITEM.fullmatch(place), last_key(place)
        item = lists.setdefault(found[1], {}).setdefault(found[2] or found[3], _Item({})) if found else None
        if item is not None and found is not None and _QUANTITY_NAME.search(name):
            item.quantity = _number(value) or Decimal(1)
        elif not _AMOUNT_NAME.search(name):
            continue
        elif item is not None and found is not None:
            item.amounts[found[4]] = _number(value)
        else:
            (portions if _is_portion(place) else single)[place] = _number(value)
    extra = _sum(_signed(place, number) for place, number in portions.items() if not _CONTAINED.search(place))
    items = {
        where: _sum([extra, *map(_line, listed.values())])
        for where, listed in lists.items()
        if any(one.amounts for one in listed.values())
    }
    return Basket(single=single, portions=portions, items=items)


def last_key(place: str) -> str:
    """Return the name of a field: the last key of a pointer or of a form's brackets."""
    return place.rstrip("]").replace("[", "/").replace("]", "").rpartition("/")[2]


def _is_portion(place: str) -> bool:
    return any(pattern.search(place) for pattern in (_ADDED, _TAKEN_OFF, _CONTAINED))


def _line(item: _Item) -> Decimal | None:
    """Return what a line costs: by the field that says it with everything in it, else from its parts."""
    for place, number in item.amounts.items():
        name = last_key(place).lower()
        if "includingtax" in name or ("total" in name and not _is_portion(place)):
            return None if number is None else number * (1 if "total" in name else item.quantity)
    parts = [place for place in item.amounts if "percent" not in last_key(place).lower()]
    return _sum(_times(item, place) for place in parts)


def _times(item: _Item, place: str) -> Decimal | None:
    """Return a part of a line: a price and its tax are those of one piece, a total and a discount of all of them."""
    number = item.amounts[place]
    if number is None or "excludingtax" in place.lower():
        return None if number is None else number * item.quantity
    whole = "total" in last_key(place).lower() or _TAKEN_OFF.search(place)
    return _signed(place, number if whole else number * item.quantity)


def _signed(place: str, number: Decimal | None) -> Decimal | None:
    return -abs(number) if number is not None and _TAKEN_OFF.search(place) else number


def _sum(numbers: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for number in numbers:
        if number is None:
            return None
        total += number
    return total


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        return None
    text = str(value)
    try:
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:
        return None
