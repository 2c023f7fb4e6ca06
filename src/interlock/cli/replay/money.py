"""Is the money right? The gateways' own books against the charges of the switch, per currency, to the minor unit."""

import asyncio
from collections import Counter
from decimal import Decimal

import msgspec

from interlock.cli.replay.scene import Scene
from interlock.cli.supervision.sandboxes import control
from interlock.sandbox.shoppers.currencies import BY_CODE
from interlock.storage.queries import load_queries

_SIGNS = {"capture": 1, "capture_reversal": -1, "refund": -1, "refund_reversal": 1}
_QUERIES = load_queries("interlock.cli.replay")
_LOOKS = 12
_PAUSE_S = 1.0


class _Entry(msgspec.Struct):
    kind: str
    status: str
    currency: str
    amount_major: str


class _Books(msgspec.Struct):
    entries: list[_Entry]


async def wrong_minor(scene: Scene) -> int:
    """Return how much money, in minor units of all currencies together, books and charges do not agree about.

    Captures that a gateway confirms by webhook take a moment, so it is looked at again for a while until both agree.
    """
    wrong = 0
    for _ in range(_LOOKS):
        ours, theirs = await _ours(scene), await _theirs(scene)
        wrong = sum(abs(ours[currency] - theirs[currency]) for currency in {*ours, *theirs})
        if wrong == 0:
            break
        await asyncio.sleep(_PAUSE_S)
    return wrong


async def _ours(scene: Scene) -> Counter[str]:
    rows = await scene.rooms.foundation.database.fetch(_QUERIES["net_by_currency"], scene.scope.account_id)
    return Counter({row["currency"]: row["net"] for row in rows})


async def _theirs(scene: Scene) -> Counter[str]:
    net: Counter[str] = Counter()
    for gateway in scene.quickstart.gateways:
        answer = await control("GET", f"{gateway.url}/_sandbox/books")
        for entry in msgspec.json.decode(answer, type=_Books).entries:
            sign = _SIGNS.get(entry.kind)
            if sign is not None and entry.status == "approved" and entry.currency in BY_CODE:
                net[entry.currency] += sign * _iso_minor(entry.currency, entry.amount_major)
    return net


def _iso_minor(currency: str, major: str) -> int:
    return int(Decimal(major).scaleb(BY_CODE[currency].iso_decimals))
