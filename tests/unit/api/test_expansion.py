"""``expand``: refused before anything is done, loaded once per kind and level, and only where ids stand."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.support import stripe_shapes

from interlock.api.endpoints import ENDPOINTS
from interlock.api.expansion import Expander, check
from interlock.api.links import LINKS, PREFIXES
from interlock.base.context import Scope

SCOPE = Scope("acct_1", livemode=False)


@pytest.mark.parametrize(
    ("kind", "shape", "path"),
    [
        ("payment_intent", "object", "latest_charge"),
        ("payment_intent", "object", "latest_charge.balance_transaction"),
        ("payment_intent", "object", "customer.invoice_settings.default_payment_method"),
        ("payment_intent", "list", "data.latest_charge.customer"),
        ("charge", "search", "data.payment_intent"),
        ("charge", "search", "total_count"),
        ("charge", "object", "refunds"),
        ("charge", "object", "refunds.data.balance_transaction"),
        ("customer", "object", "sources"),
        ("setup_intent", "object", "latest_attempt.payment_method"),
        ("balance_transaction", "list", "data.source"),
        ("payment_intent", "object", "payment_attempt_records"),
        ("payment_intent", "object", "review"),
        ("payment_intent", "object", "shipping"),
        ("charge", "list", "data.payment_method_details"),
        ("customer", "object", "invoice_settings"),
        ("checkout.session", "object", "total_details.breakdown"),
        ("checkout.session", "object", "line_items.data.discounts"),
    ],
)
def test_what_the_published_api_expands_may_be_asked(kind: str, shape: str, path: str) -> None:
    assert check(kind, shape, [path]) is None


@pytest.mark.parametrize(
    ("kind", "shape", "path", "message"),
    [
        ("payment_intent", "object", "amount", "This property cannot be expanded (amount)."),
        ("payment_intent", "object", "data.customer", "This property cannot be expanded (data)."),
        ("payment_intent", "object", "latest_charge.nope", "This property cannot be expanded (nope)."),
        ("payment_intent", "object", "total_count", "This property cannot be expanded (total_count)."),
        ("payment_intent", "object", "", "This property cannot be expanded ()."),
        (
            "payment_intent",
            "list",
            "customer",
            "This property cannot be expanded (customer). You may want to try expanding 'data.customer' instead.",
        ),
        (
            "charge",
            "object",
            "payment_intent.latest_charge.payment_intent.latest_charge.customer",
            (
                "You cannot expand more than 4 levels of a property. Property: "
                "payment_intent.latest_charge.payment_intent.latest_charge.customer"
            ),
        ),
    ],
)
def test_what_cannot_be_expanded_is_refused_with_the_place(kind: str, shape: str, path: str, message: str) -> None:
    problem = check(kind, shape, ["customer" if shape == "object" else "data.customer", path])
    assert problem is not None
    assert (problem.status, problem.message, problem.param) == (400, message, "expand[1]")


def test_a_browser_expands_its_own_payment_method_and_nothing_else() -> None:
    assert check("payment_intent", "object", ["payment_method"], publishable=True) is None
    assert check("payment_intent", "object", ["payment_method.customer"], publishable=True) is not None


class Shelf:
    """Loaders over a few objects, counting reads."""

    def __init__(self) -> None:
        self.reads: list[tuple[str, tuple[str, ...]]] = []
        self.objects: dict[str, dict[str, Any]] = {
            "cus_1": {"id": "cus_1", "object": "customer", "default_source": None},
            "ch_1": {"id": "ch_1", "object": "charge", "customer": "cus_1", "balance_transaction": "txn_1"},
            "ch_2": {"id": "ch_2", "object": "charge", "customer": "cus_1", "balance_transaction": None},
            "txn_1": {"id": "txn_1", "object": "balance_transaction", "source": "ch_1"},
        }

    def expander(self) -> Expander:
        async def refunds(scope: Scope, ids: Sequence[str]) -> Mapping[str, Any]:
            self.reads.append(("refunds", tuple(ids)))
            return {owner: {"object": "list", "data": []} for owner in ids}

        kinds = ("customer", "charge", "balance_transaction")
        return Expander({kind: self._loader(kind) for kind in kinds}, {("charge", "refunds"): refunds})

    def _loader(self, kind: str) -> Any:
        async def load(scope: Scope, ids: Sequence[str]) -> Mapping[str, Any]:
            assert scope == SCOPE
            self.reads.append((kind, tuple(ids)))
            return {name: self.objects[name] for name in ids if name in self.objects}

        return load


async def test_a_list_is_expanded_with_one_read_per_kind_and_level() -> None:
    shelf = Shelf()
    intents = [{"id": f"pi_{n}", "object": "payment_intent", "latest_charge": f"ch_{n}"} for n in (1, 2, 3)]
    answer: dict[str, Any] = {"object": "list", "data": intents}
    paths = ["data.latest_charge.customer", "data.latest_charge.balance_transaction"]
    await shelf.expander().expand(SCOPE, answer, paths, {})
    assert shelf.reads == [
        ("charge", ("ch_1", "ch_2", "ch_3")),
        ("customer", ("cus_1",)),
        ("balance_transaction", ("txn_1",)),
    ]
    first, second, third = answer["data"]
    assert first["latest_charge"]["customer"]["object"] == "customer"
    assert first["latest_charge"]["balance_transaction"]["source"] == "ch_1"
    assert second["latest_charge"]["balance_transaction"] is None
    assert third["latest_charge"] == "ch_3"


async def test_objects_at_hand_are_not_read_and_loaded_ones_are_not_changed() -> None:
    shelf = Shelf()
    answer: dict[str, Any] = {"id": "pi_1", "object": "payment_intent", "latest_charge": "ch_1"}
    known = {"ch_1": {"id": "ch_1", "object": "charge", "customer": "cus_1"}}
    await shelf.expander().expand(SCOPE, answer, ["latest_charge.customer"], known)
    assert shelf.reads == [("customer", ("cus_1",))]
    assert known["ch_1"]["customer"] == "cus_1"


async def test_fields_shown_on_request_are_loaded_by_their_owners() -> None:
    shelf = Shelf()
    answer: dict[str, Any] = {"id": "ch_1", "object": "charge"}
    await shelf.expander().expand(SCOPE, answer, ["refunds"], {})
    assert answer["refunds"] == {"object": "list", "data": []}


def test_every_link_is_one_the_published_api_has() -> None:
    schemas = stripe_shapes._spec()["components"]["schemas"]
    ours = {"invoice", "transfer", "payment_method_details.card.mandate", "source", "single_use_mandate", "account"}
    for kind, fields in LINKS.items():
        schema = schemas.get(kind)
        if schema is None:
            continue
        published = set(schema.get("x-expandableFields", ()))
        assert {field.partition(".")[0] for field in fields} - published - ours == set(), kind


def test_everything_the_published_api_expands_in_an_answer_may_be_asked() -> None:
    schemas = stripe_shapes._spec()["components"]["schemas"]
    for kind in {endpoint.answers for endpoint in ENDPOINTS} | set(LINKS):
        for field in schemas.get(kind, {}).get("x-expandableFields", ()):
            assert check(kind, "object", [field]) is None, (kind, field)


def test_every_target_has_an_id_prefix() -> None:
    targets = {target for fields in LINKS.values() for names in fields.values() for target in names}
    assert targets - set(PREFIXES.values()) == set()
