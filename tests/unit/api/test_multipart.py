"""Multipart bodies come out as they went in, whatever is in them; anything else is refused, never an error."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from interlock.api import multipart
from interlock.api.forms import Form
from interlock.base.problems import Problem

TYPE = "multipart/form-data; boundary=b0undary"


def body(*parts: tuple[str, bytes]) -> bytes:
    encoded = b"".join(b"--b0undary\r\n" + head.encode() + b"\r\n\r\n" + data + b"\r\n" for head, data in parts)
    return encoded + b"--b0undary--\r\n"


def upload(data: bytes, name: str = "a.pdf") -> tuple[str, bytes]:
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: application/octet-stream'
    return head, data


def field(name: str, value: str) -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="{name}"', value.encode()


@given(st.binary(max_size=300), st.text(alphabet="ab=&+%[]é \r\n", max_size=20))
def test_a_file_and_its_fields_come_out_as_they_went_in(data: bytes, value: str) -> None:
    if b"\r\n--b0undary" in b"\r\n" + data:
        return
    form = multipart.parse(TYPE, body(field("purpose", value), upload(data)))
    assert isinstance(form, Form)
    assert form.values["purpose"] == value
    assert base64.b64decode(form.values["file"]["data"]) == data
    assert form.values["file"]["name"] == "a.pdf"


def test_nested_fields_are_read_as_in_any_form_and_none_passes_for_a_file() -> None:
    form = multipart.parse(TYPE, body(field("expand[0]", "links"), field("file[data]", "!"), field("purpose", "p")))
    assert isinstance(form, Form)
    assert form.values == {"expand": ["links"], "purpose": "p"}


@given(st.binary(max_size=200), st.sampled_from([TYPE, TYPE.upper(), "multipart/form-data", "text/plain", ""]))
def test_anything_else_is_refused(data: bytes, content_type: str) -> None:
    assert isinstance(multipart.parse(content_type, data), (Problem, Form))
    assert isinstance(multipart.parse(content_type, b"--b0undary\r\n" + data), Problem)


def test_more_parts_than_anybody_needs_are_refused() -> None:
    parts = [field(f"f{number}", "v") for number in range(multipart.MAX_PARTS + 1)]
    assert isinstance(multipart.parse(TYPE, body(*parts)), Problem)
    assert isinstance(multipart.parse(TYPE, body(*parts[:-1])), Form)
