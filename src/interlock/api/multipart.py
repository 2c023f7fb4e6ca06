"""Multipart bodies, the form in which clients upload a file: one file in ``file``, a few plain fields beside it.

Called by the request pipeline for endpoints that take uploads. Pure.
"""

import base64
import re
from urllib.parse import urlencode

from interlock.api import forms
from interlock.base.problems import Problem, invalid

MAX_PARTS = 20
_MAX_HEAD_BYTES = 4_096
_BOUNDARY = re.compile(r'multipart/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))', re.IGNORECASE)
_NAME = re.compile(r'[;\s]name="((?:[^"\\]|\\.){1,500})"', re.IGNORECASE)
_FILENAME = re.compile(r'[;\s]filename="((?:[^"\\]|\\.){0,500})"', re.IGNORECASE)
_WRONG = "Invalid request: this multipart body cannot be read."
_NOT_MULTIPART = "Invalid request (check that your POST content type is multipart/form-data): a file is uploaded here."


def parse(content_type: str, body: bytes) -> forms.Form | Problem:
    """Return the fields of a multipart ``body`` as a form; ``file`` is a hash of its name and base64 data."""
    found = _BOUNDARY.match(content_type)
    if found is None:
        return invalid(_NOT_MULTIPART)
    parts = (b"\r\n" + body).split(b"\r\n--" + (found[1] or found[2]).encode("latin-1"), MAX_PARTS + 2)
    if len(parts) < 2 or len(parts) > MAX_PARTS + 2 or not parts[-1].startswith(b"--"):
        return invalid(_WRONG)
    plain: list[tuple[str, str]] = []
    upload: dict[str, str] | None = None
    for part in parts[1:-1]:
        read = _read_part(part)
        if isinstance(read, Problem):
            return read
        name, filename, data = read
        if filename is not None and name == "file":
            upload = {"name": filename, "data": base64.b64encode(data).decode()}
        else:
            plain.append((name, data.decode("utf-8", "replace")))
    form = forms.parse(urlencode(plain).encode())
    if isinstance(form, Problem):
        return form
    form.values.pop("file", None)  # a plain field of that name is no file
    if upload is not None:
        form.values["file"] = upload
    return form


def _read_part(part: bytes) -> tuple[str, str | None, bytes] | Problem:
    """Return (field, file name, contents)."""
    head, gap, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not gap or len(head) > _MAX_HEAD_BYTES:
        return invalid(_WRONG)
    lines = [line for line in head.decode("utf-8", "replace").split("\r\n") if line.lower().startswith("content-disp")]
    name = _NAME.search(lines[0]) if lines else None
    if name is None:
        return invalid(_WRONG)
    filename = _FILENAME.search(lines[0])
    return name[1], None if filename is None else re.sub(r"\\(.)", r"\1", filename[1]), data
