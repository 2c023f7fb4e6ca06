"""Parameters of files."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from interlock.api.parameters.base import NOT_YET, DatedPage, Expandable, Parameters, refuse

Purpose = Literal[
    "account_requirement",
    "additional_verification",
    "business_icon",
    "business_logo",
    "customer_signature",
    "dispute_evidence",
    "identity_document",
    "pci_document",
    "tax_document_user_upload",
]


class Upload(Parameters, frozen=True, kw_only=True):
    """A file as it came in: its name, and what is in it as base64."""

    name: Annotated[str, Meta(max_length=500)] | None = None
    data: str | None = None


class CreateFile(Expandable, frozen=True, kw_only=True):
    """POST /v1/files."""

    REFUSED = refuse(NOT_YET, "file_link_data")

    file: Upload
    purpose: Purpose


class ListFiles(DatedPage, frozen=True, kw_only=True):
    """GET /v1/files."""

    purpose: Annotated[str, Meta(max_length=100)] | UnsetType = UNSET
