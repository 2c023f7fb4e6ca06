"""Files: uploaded and read by the official SDK, given as evidence, downloaded with the secret key alone."""

import functools
import io
from typing import Any

import pytest
import stripe
from tests.support.official_clients import Pay, connect, refused
from tests.support.running_product import Product, fetch
from tests.support.watching_proxy import WatchingProxy

PDF = b"%PDF-1.4\r\n--not-the-boundary\r\n\x00\xff\r\n"


@pytest.fixture
def uploader(product: Product, proxy: WatchingProxy) -> Any:
    """Return an official client whose address for uploads is the API's."""
    return uploads_to(proxy.url, product.secret_key)


def uploads_to(url: str, key: str) -> Any:
    return stripe.StripeClient(key, base_addresses={"api": url, "files": url}, max_network_retries=0).v1


def named(data: bytes, name: str) -> io.BytesIO:
    file = io.BytesIO(data)
    file.name = name
    return file


def test_a_file_is_kept_listed_and_downloaded_as_it_was(uploader: Any, product: Product) -> None:
    made = uploader.files.create({"purpose": "dispute_evidence", "file": named(PDF, "receipt.pdf")})
    assert (made.purpose, made.filename, made.type, made.size) == ("dispute_evidence", "receipt.pdf", "pdf", len(PDF))
    assert uploader.files.retrieve(made.id).to_dict() == made.to_dict()
    assert uploader.files.list({"purpose": "dispute_evidence", "limit": 1}).data[0].id == made.id
    assert uploader.files.list({"purpose": "business_logo"}).data == []
    secret = {"authorization": f"Bearer {product.secret_key}"}
    assert fetch("GET", made.url, headers=secret) == (200, PDF)
    assert fetch("GET", made.url)[0] == 401
    browser = {"authorization": f"Bearer {product.publishable_key}"}
    assert fetch("GET", made.url, headers=browser)[0] == 401


def test_a_file_is_evidence_and_is_shown_with_it(uploader: Any, pay: Pay) -> None:
    intent = pay("pm_card_createDispute")
    dispute = uploader.disputes.list({"payment_intent": intent.id}).data[0]
    file = uploader.files.create({"purpose": "dispute_evidence", "file": named(PDF, "a.pdf")})
    evidence = {"receipt": file.id, "uncategorized_text": "see the receipt"}
    asked = {"evidence": evidence, "submit": False, "expand": ["evidence.receipt"]}
    assert uploader.disputes.update(dispute.id, asked).evidence.receipt.filename == "a.pdf"
    assert uploader.disputes.retrieve(dispute.id).evidence.receipt == file.id


def test_a_large_file_fits_and_a_huge_one_is_refused(product: Product) -> None:
    uploader = uploads_to(product.api_url, product.secret_key)
    large = uploader.files.create({"purpose": "dispute_evidence", "file": named(PDF + bytes(5_000_000), "l.pdf")})
    assert large.size == 5_000_000 + len(PDF)
    huge: Any = {"purpose": "dispute_evidence", "file": named(bytes(7_000_000), "h.pdf")}
    assert refused(stripe.StripeError, lambda: uploader.files.create(huge)).http_status == 413


def test_what_is_no_file_is_refused_by_name(uploader: Any, product: Product, proxy: WatchingProxy) -> None:
    forms: tuple[tuple[dict[str, Any], str], ...] = (
        ({"purpose": "dispute_evidence", "file": named(b"", "e.pdf")}, "file"),
        ({"purpose": "selfie", "file": named(PDF, "s.pdf")}, "purpose"),
        ({"purpose": "dispute_evidence"}, "file"),
    )
    for form, param in forms:
        call = functools.partial(uploader.files.create, form)
        assert refused(stripe.InvalidRequestError, call).param == param
    plain = {"authorization": f"Bearer {product.secret_key}", "content-type": "application/x-www-form-urlencoded"}
    status, body = fetch("POST", proxy.url + "/v1/files", {"purpose": "dispute_evidence"}, headers=plain)
    assert (status, b"multipart/form-data" in body) == (400, True)
    stranger: Any = connect("sk_test_" + "a" * 30, proxy.url).v1
    assert refused(stripe.AuthenticationError, stranger.files.list).http_status == 401
    error = refused(stripe.InvalidRequestError, lambda: uploader.files.retrieve("file_none"))
    assert error.user_message == "No such file upload: 'file_none'"
