"""Who may use a payment method: its customer, or one intent, or nobody any more."""

import msgspec
import pytest

from interlock.base.problems import Problem
from interlock.payments.instruments import attachment
from interlock.payments.instruments.method_types import CHARGEABLE, KNOWN, check_type
from interlock.payments.instruments.payment_methods import apply_update
from interlock.payments.instruments.types import CardFacts, PaymentMethod, UpdatePaymentMethod
from interlock.payments.representation.differences import previous_attributes

_FREE = PaymentMethod(
    account_id="acct_1",
    id="pm_1",
    livemode=False,
    version=1,
    created_at_ms=0,
    card=CardFacts(
        vault_card_id="vc_1", brand="visa", last4="4242", exp_month=1, exp_year=2034, fingerprint="f", bin="424242"
    ),
)


def _attached() -> PaymentMethod:
    value = attachment.attach(_FREE, "cus_1")
    assert isinstance(value, PaymentMethod)
    return value


def test_a_card_with_a_new_expiry_is_not_charged_as_the_one_gateways_keep() -> None:
    kept = msgspec.structs.replace(_FREE, credentials={"gw_1": "cus_1/pm_1"})
    same = apply_update(kept, UpdatePaymentMethod(exp_year=2034, metadata={"a": "b"}), 1_790_000_000_000)
    renewed = apply_update(kept, UpdatePaymentMethod(exp_year=2036), 1_790_000_000_000)
    assert isinstance(same, PaymentMethod)
    assert isinstance(renewed, PaymentMethod)
    assert (same.credentials, renewed.credentials) == (kept.credentials, {})


def test_a_free_method_may_be_used_by_anyone_once() -> None:
    assert attachment.check_use(_FREE, None, "pi_1") is None
    assert attachment.check_use(_FREE, "cus_1", "pi_1") is None
    used = attachment.used_by(_FREE, "pi_1")
    assert used.version == 2
    assert attachment.check_use(used, None, "pi_1") is None
    assert attachment.check_use(used, None, "pi_2") is not None
    assert attachment.check_use(used, None, None) is not None
    assert isinstance(attachment.attach(used, "cus_1"), Problem)


def test_an_attached_method_is_its_customers_only() -> None:
    mine = _attached()
    assert attachment.check_use(mine, "cus_1", "pi_1") is None
    for other in ("cus_2", None):
        problem = attachment.check_use(mine, other, "pi_1")
        assert problem is not None
        assert problem.param == "payment_method"
    assert attachment.used_by(mine, "pi_1") is mine
    assert isinstance(attachment.attach(mine, "cus_1"), Problem)
    assert isinstance(attachment.attach(mine, "cus_2"), Problem)


def test_a_detached_method_is_used_no_more() -> None:
    gone = attachment.detach(_attached())
    assert isinstance(gone, PaymentMethod)
    assert gone.customer_id is None
    assert gone.version == 3
    assert attachment.check_use(gone, None, "pi_1") is not None
    assert attachment.check_use(gone, "cus_1", "pi_1") is not None
    assert isinstance(attachment.attach(gone, "cus_1"), Problem)
    assert isinstance(attachment.detach(gone), Problem)


def test_a_method_used_with_future_usage_becomes_the_customers() -> None:
    used = attachment.used_by(_FREE, "pi_1")
    kept = attachment.attached(used, "cus_1")
    assert attachment.check_use(kept, "cus_1", "pi_2") is None
    assert kept.version == used.version + 1


def test_stored_credentials_are_kept_per_gateway_and_the_first_network_id_stays() -> None:
    first = attachment.with_credential(_FREE, "gw_a", network_transaction_id="n1", reference="r1")
    second = attachment.with_credential(first, "gw_b", network_transaction_id="n2", reference="r2")
    assert second.network_transaction_id == "n1"
    assert second.credentials == {"gw_a": "r1", "gw_b": "r2"}
    assert attachment.with_credential(second, "gw_b", network_transaction_id=None, reference="r2") is second


@pytest.mark.parametrize("kind", sorted(KNOWN - CHARGEABLE))
def test_types_that_no_gateway_takes_are_told_so(kind: str) -> None:
    problem = check_type(kind)
    assert problem is not None
    assert problem.code == "payment_method_unactivated"


def test_unknown_types_are_invalid_and_cards_are_fine() -> None:
    assert check_type("card") is None
    problem = check_type("wampum")
    assert problem is not None
    assert problem.code is None


def test_previous_attributes_are_the_old_values_of_what_changed() -> None:
    before = {
        "id": "x",
        "name": "a",
        "address": {"city": "A", "country": "US"},
        "metadata": {"k": "1"},
        "shipping": None,
    }
    after = {**before, "name": "b", "address": {"city": "B", "country": "US"}, "metadata": {"k": "1", "n": "2"}}
    after["shipping"] = {"name": "s"}
    assert previous_attributes(before, after) == {
        "address": {"city": "A"},
        "metadata": {"n": None},
        "name": "a",
        "shipping": None,
    }
    assert previous_attributes(after, msgspec.json.decode(msgspec.json.encode(after))) == {}
