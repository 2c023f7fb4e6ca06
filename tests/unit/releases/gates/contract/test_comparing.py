"""A package is compared with one of ours, case by case: what differs is told, and what of it is about money."""

from collections.abc import Iterator

import msgspec
import pytest

from interlock.gateways.loader import builtin_package, load_package
from interlock.gateways.package import Package, pack
from interlock.releases.gates.contract import comparing
from interlock.releases.gates.contract.comparing import Compared, Comparison, Known, Touch
from interlock.releases.gates.contract.corpus import Corpus, observe

_EVERY = 6


@pytest.fixture(scope="module", autouse=True)
def known() -> Iterator[None]:
    """A part of the cases, without published documents: this proves the comparison, not the cases."""
    packages = {"adyen": pack(builtin_package("adyen"))}
    comparing.prepare(msgspec.msgpack.encode(Known(packages=packages, specifications=None)))
    side = comparing._known["adyen"]
    part = Corpus(side.corpus.stage, side.corpus.cases[::_EVERY], side.corpus.deliveries[::_EVERY])
    traces = tuple(observe(load_package(builtin_package("adyen")), part))
    comparing._known["adyen"] = comparing._Side(side.manifest, part, traces)
    yield
    comparing._known.clear()


def compared(edits: dict[str, tuple[str, str]], *, whole: bool = True) -> Compared:
    package = builtin_package("adyen")
    files = dict(package.files)
    for file, (old, new) in edits.items():
        text = files[file].decode()
        assert text.count(old) == 1, f"{file} has no such text any more"
        files[file] = text.replace(old, new).encode()
    order = Comparison(package=pack(Package(files)), known="adyen", whole=whole)
    answer = comparing.compare(msgspec.msgpack.encode(order), lambda *_: None)
    return msgspec.msgpack.decode(answer, type=Compared)


def test_a_package_is_the_same_as_itself_in_every_case() -> None:
    same = compared({})
    assert same.seen > 200
    assert (same.differing, same.touched, same.examples) == (0, frozenset(), ())


def test_comments_and_lines_that_move_are_no_difference() -> None:
    assert compared({"bodies.py": ("def payment_body(", "# moved\n\n\ndef payment_body(")}).differing == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "touch"),
    [
        ("bodies.py", '{"value": value, "currency"', '{"value": value * 100, "currency"', Touch.AMOUNT),
        ("bodies.py", '"currency": money.currency.upper()', '"currency": "EUR"', Touch.CURRENCY),
        ("notifications.py", "if not all(_genuine(item, keys) for item in items):", "if not items:", Touch.SIGNATURE),
    ],
)
def test_money_that_differs_is_told_as_such(file: str, old: str, new: str, touch: Touch) -> None:
    found = compared({file: (old, new)})
    assert touch in found.touched
    assert found.differing > 1


def test_another_idempotency_key_touches_the_key() -> None:
    found = compared({"http.py": ("idempotency_key[:_MAX_KEY]", "idempotency_key[:9]")})
    assert Touch.KEY in found.touched


def test_text_for_people_is_a_difference_and_not_about_money() -> None:
    found = compared({"answers.py": ('f"HTTP {response.status}, {kind}', 'f"status {response.status}, {kind}')})
    assert found.differing
    assert not found.touched
    assert all("message" in one.place for one in found.examples)


def test_a_comparison_ends_at_the_first_difference_about_money_where_that_is_enough() -> None:
    edit = {"bodies.py": ('{"value": value, "currency"', '{"value": value * 100, "currency"')}
    whole, soon = compared(edit), compared(edit, whole=False)
    assert soon.seen < whole.seen
    assert soon.touched == {Touch.AMOUNT}


def test_a_request_in_other_bytes_is_a_difference_although_its_fields_are_the_same() -> None:
    edit = {"http.py": ("headers=headers, body=body)", 'headers=headers, body=b" " + body if body else body)')}
    assert compared(edit).differing


def test_a_package_that_raises_where_it_did_not_differs() -> None:
    found = compared(
        {
            "answers.py": (
                "def unreadable(response: HttpResponse) -> Result:",
                "def unreadable(response: HttpResponse) -> Result:\n    raise ValueError",
            )
        }
    )
    assert found.differing
    assert any(one.place.endswith("error") for one in found.examples)
