"""What a connector does over the whole corpus is the same every time, and another connector's is told apart from it."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from tests.support.lint import edited

from interlock.gateways.loader import builtin_package, known_gateways, load
from interlock.gateways.package import Package, pack
from interlock.releases.gates.contract import Compared, Comparison, Known, Touch, corpus_of
from interlock.releases.gates.isolation import Finished, Limits, Nursery
from interlock.releases.gates.providers.tables import provider_table

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nursery(specs: Path) -> AsyncIterator[Nursery]:
    packages = {name: pack(builtin_package(name)) for name in known_gateways()}
    known = Known(packages=packages, specifications=str(specs))
    async with Nursery("contract_compare", warm=msgspec.msgpack.encode(known)) as warm:
        yield warm


async def compared(nursery: Nursery, package: Package, known: str, *, whole: bool = True) -> Compared:
    order = Comparison(package=pack(package), known=known, whole=whole)
    ended = await nursery.run(msgspec.msgpack.encode(order), limits=Limits(wall_ms=120_000))
    assert isinstance(ended, Finished), ended
    return msgspec.msgpack.decode(ended.answer, type=Compared)


@pytest.mark.parametrize("name", known_gateways())
async def test_a_package_does_what_it_did_in_another_process(nursery: Nursery, name: str) -> None:
    same = await compared(nursery, builtin_package(name), name)
    assert same.seen > 10_000
    assert (same.differing, same.touched, same.examples) == (0, frozenset(), ())


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "touched"),
    [
        ("stripe", "forms.py", "currency_exponents)", "currency_exponents) or 1", set()),
        ("stripe", "manifest.toml", "isk = 2, ", "", {Touch.AMOUNT}),
        ("adyen", "bodies.py", "money.currency.upper()", '"USD"', {Touch.CURRENCY}),
        ("adyen", "http.py", "idempotency_key[:_MAX_KEY]", "idempotency_key[:8]", {Touch.KEY}),
        ("stripe", "notifications.py", "expected, signature)", "expected[:9], signature[:9])", {Touch.SIGNATURE}),
    ],
)
async def test_a_difference_is_seen_and_what_it_touches_is_named(
    nursery: Nursery, name: str, file: str, old: str, new: str, touched: set[Touch]
) -> None:
    found = await compared(nursery, edited(name, file, old, new), name, whole=False)
    assert found.differing
    assert found.examples
    assert touched <= found.touched


@pytest.mark.parametrize("name", known_gateways())
async def test_cases_have_names_of_their_own_and_come_in_the_same_order(specs: Path, name: str) -> None:
    loaded = load(name)
    one, other = (corpus_of(loaded.manifest, specifications=specs, table=provider_table(name)) for _ in range(2))
    names = [case.name for case in one.cases] + [delivery.name for delivery in one.deliveries]
    assert names == [case.name for case in other.cases] + [delivery.name for delivery in other.deliveries]
    assert len(set(names)) == len(names)
