"""The public shape of a file."""

from typing import Any

from interlock.payments.files.types import File


def file(value: File, public_url: str) -> dict[str, Any]:
    """Return the file as the API shows it; its contents are at ``url``, for the secret key."""
    return {
        "id": value.id,
        "object": "file",
        "created": value.created_at_ms // 1000,
        "expires_at": None,
        "filename": value.filename,
        "links": {"object": "list", "data": [], "has_more": False, "url": f"/v1/file_links?file={value.id}"},
        "purpose": value.purpose,
        "size": value.size_bytes,
        "title": None,
        "type": value.type,
        "url": f"{public_url}/v1/files/{value.id}/contents",
    }
