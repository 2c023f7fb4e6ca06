"""What a connector is given is kept in parts and comes back whole, with a stand-in for its instrument."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.gateways import completion, follow_on, payment

from interlock.gateways.contract import (
    Initiator,
    InquireRequest,
    MandateAcceptance,
    Operation,
    PaymentRequest,
    Shopper,
    StoredCredential,
)
from interlock.gateways.transport import OperationRequest
from interlock.releases.gates.shadow.requests import recorded, restored
from interlock.releases.gates.shadow.stand_ins import instrument_of
from interlock.releases.gates.shadow.types import AccountShape, CardShape, RecordedRequest, Shape, TransferShape

TEXTS = st.none() | st.text(max_size=20)
SHAPES: st.SearchStrategy[Shape] = st.sampled_from(
    [
        CardShape(brand="visa", exp_month=1, exp_year=2030, has_code=True, holder_name="A B"),
        AccountShape(country="DE", bank_code="37040044", acceptance=MandateAcceptance(online=True, accepted_at_s=1)),
        TransferShape(kind="jp_bank_transfer"),
    ]
)
STORED = st.none() | st.builds(
    StoredCredential,
    initiator=st.sampled_from(list(Initiator)),
    store=st.booleans(),
    reason=TEXTS,
    network_transaction_id=TEXTS,
    reference=TEXTS,
)
SHOPPERS = st.builds(
    Shopper, name=TEXTS, email=TEXTS, address=st.dictionaries(st.sampled_from(["line1", "city"]), TEXTS)
)


@given(SHAPES, STORED, SHOPPERS, TEXTS, st.booleans())
def test_a_payment_comes_back_as_it_was(
    shape: Shape, stored: StoredCredential | None, shopper: Shopper, description: str | None, waits: bool
) -> None:
    request = payment(
        instrument=instrument_of(shape),
        stored_credential=stored,
        shopper=shopper,
        description=description,
        waits_after_challenge=waits,
    )
    assert through_json(request, shape) == request
    assert through_json(inquiry(request), shape) == inquiry(request)


def inquiry(original: OperationRequest | None) -> InquireRequest:
    assert original is None or not isinstance(original, InquireRequest)
    return InquireRequest(
        operation=Operation.SALE,
        reference="at_1",
        idempotency_key="at_1-sale",
        amount=payment().amount,
        original=original,
        identical=True,
        age_ms=12_345,
        sent_at_ms=1_790_000_000_000,
    )


def through_json(request: OperationRequest, shape: Shape | None) -> OperationRequest:
    kept = msgspec.json.encode(recorded(request, shape))
    return restored(msgspec.json.decode(kept, type=RecordedRequest))


@pytest.mark.parametrize(
    "request_", [completion("stripe"), follow_on("adyen", final=False, reverse=True), inquiry(None)], ids=type
)
def test_other_requests_come_back_as_they_were(request_: OperationRequest) -> None:
    assert through_json(request_, None) == request_


def test_no_number_is_kept() -> None:
    request = payment()
    assert isinstance(request, PaymentRequest)
    kept = recorded(request, CardShape(brand="visa", exp_month=1, exp_year=2030))
    assert "4242" not in msgspec.json.encode(kept).decode()


def test_what_is_no_request_is_said_to_be_none() -> None:
    for broken in (
        RecordedRequest(kind="payment", fields={}),
        RecordedRequest(kind="complete", fields={"reference": 7}),
        RecordedRequest(
            kind="inquire", fields=recorded(inquiry(None), None).fields, original=recorded(inquiry(None), None)
        ),
    ):
        with pytest.raises(msgspec.ValidationError):
            restored(broken)
