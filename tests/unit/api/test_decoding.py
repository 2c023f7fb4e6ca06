"""Typed parameters and the exact complaints when they do not fit."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from interlock.api.endpoints import ENDPOINTS
from interlock.api.forms import Form, parse
from interlock.api.parameters.base import (
    CONNECT,
    Amount,
    Currency,
    Email,
    Expandable,
    Metadata,
    Parameters,
    Range,
    Shipping,
    Text,
    Timestamp,
    Url,
    refuse,
)
from interlock.api.parameters.decoding import decode
from interlock.base.problems import Problem


class Sample(Expandable, frozen=True, kw_only=True):
    """A little of everything."""

    REFUSED = refuse(CONNECT, "transfer_data")

    amount: Amount
    currency: Currency
    confirm: bool = False
    capture_method: Literal["automatic", "automatic_async", "manual"] | UnsetType = UNSET
    created: Timestamp | Range | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    off_session: bool | Literal["one_off", "recurring"] = False
    return_url: Url | UnsetType = UNSET
    shipping: Shipping | UnsetType | None = UNSET
    types: list[Text] = []


GOOD = b"amount=5&currency=usd"


def _decode(raw: bytes) -> Sample | Problem:
    form = parse(raw)
    assert isinstance(form, Form)
    return decode(Sample, form)


def _good(raw: bytes) -> Sample:
    sample = _decode(GOOD + raw)
    assert isinstance(sample, Sample), sample
    return sample


@pytest.mark.parametrize(
    ("raw", "code", "param", "message"),
    [
        (b"currency=usd", "parameter_missing", "amount", "Missing required param: amount."),
        (b"amount=abc&currency=usd", "parameter_invalid_integer", "amount", "Invalid integer: abc"),
        (b"amount=1e3&currency=usd", "parameter_invalid_integer", "amount", "Invalid integer: 1e3"),
        (b"amount=5.0&currency=usd", "parameter_invalid_integer", "amount", "Invalid integer: 5.0"),
        (b"amount=null&currency=usd", "parameter_invalid_integer", "amount", "Invalid integer: null"),
        (b"amount=" + b"9" * 30 + b"&currency=usd", "parameter_invalid_integer", "amount", None),
        (b"amount=&currency=usd", "parameter_invalid_empty", "amount", None),
        (b"amount[]=5&currency=usd", None, "amount", None),
        (GOOD + b"&foo=1", "parameter_unknown", "foo", "Received unknown parameter: foo"),
        (GOOD + b"&shipping[name]=n&shipping[address][x]=1", "parameter_unknown", "shipping[address][x]", None),
        (GOOD + b"&shipping[name]=x", "parameter_missing", "shipping[address]", None),
        (GOOD + b"&shipping=x", None, "shipping", "Invalid object"),
        (GOOD + b"&types=x", None, "types", "Invalid array"),
        (GOOD + b"&confirm=maybe", None, "confirm", "Invalid boolean: maybe"),
        (
            GOOD + b"&capture_method=later",
            None,
            "capture_method",
            "Invalid capture_method: must be one of automatic, automatic_async, or manual",
        ),
        (GOOD + b"&email=nobody", "email_invalid", "email", "Invalid email address: nobody"),
        (GOOD + b"&return_url=nowhere", "url_invalid", "return_url", "Not a valid URL"),
        (b"amount=5&currency=dollars", None, "currency", None),
        (GOOD + b"&created[gt]=x", "parameter_invalid_integer", "created[gt]", "Invalid integer: x"),
        (GOOD + b"&metadata[a][b]=1", None, "metadata[a]", None),
        (GOOD + b"&description=" + b"x" * 5_001, None, "description", None),
        (
            GOOD + b"&transfer_data[destination]=acct_1",
            "parameter_unknown",
            "transfer_data",
            "Interlock does not support the parameter: transfer_data. Interlock has no connected accounts.",
        ),
    ],
)
def test_what_does_not_fit_is_told_exactly(raw: bytes, code: str | None, param: str, message: str | None) -> None:
    problem = _decode(raw)
    assert isinstance(problem, Problem)
    assert (problem.status, problem.type, problem.code, problem.param) == (400, "invalid_request_error", code, param)
    assert message is None or problem.message == message


def test_an_empty_string_unsets_what_can_be_unset() -> None:
    sample = _good(b"&description=&email=&metadata=&shipping=")
    assert (sample.description, sample.email, sample.metadata, sample.shipping) == (None, None, None, None)


def test_what_is_absent_stays_unset() -> None:
    sample = _good(b"")
    assert (sample.description, sample.metadata) == (UNSET, UNSET)


def test_the_word_null_is_text_and_metadata_keeps_empty_values() -> None:
    sample = _good(b"&description=null&metadata[a]=&metadata[b]=null")
    assert sample.description == "null"
    assert sample.metadata == {"a": "", "b": "null"}


def test_a_choice_between_kinds_takes_the_one_that_fits() -> None:
    assert _good(b"&created=5").created == 5
    assert _good(b"&created[gte]=5&created[lt]=9").created == Range(gte=5, lt=9)
    assert _good(b"&off_session=true").off_session is True
    assert _good(b"&off_session=one_off").off_session == "one_off"


def test_a_card_number_in_the_wrong_place_is_not_shown_back() -> None:
    problem = _decode(b"amount=4242+4242+4242+4242&currency=usd")
    assert isinstance(problem, Problem)
    assert problem.message == "Invalid integer: [card]"


@given(
    st.dictionaries(
        st.sampled_from(sorted(Sample.__struct_fields__)) | st.text(max_size=5),
        st.recursive(
            st.sampled_from(["", "1", "x", "true", "null", "usd"]),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "gt", "address"]), inner),
            max_leaves=5,
        ),
    )
)
def test_every_tree_is_either_decoded_or_refused(values: dict[str, object]) -> None:
    assert isinstance(decode(Sample, Form(values, plain=False)), Sample | Problem)


@pytest.mark.parametrize("kind", sorted({endpoint.parameters for endpoint in ENDPOINTS}, key=str))
def test_an_unknown_parameter_is_refused_everywhere(kind: type[Parameters]) -> None:
    problem = decode(kind, Form({"no_such_parameter": "1"}))
    assert isinstance(problem, Problem)
    assert problem.code == "parameter_unknown"
