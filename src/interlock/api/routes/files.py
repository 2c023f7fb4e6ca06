"""Endpoints of files. Clients that have an address of its own for uploads are given the API's."""

import base64
from typing import Any

from interlock.api.call import Call
from interlock.api.expansion import Shown
from interlock.api.parameters import files as p
from interlock.api.router import Endpoint
from interlock.api.routes.common import or_none, page_of, show_one, show_page
from interlock.base.problems import Problem
from interlock.payments.files.types import CreateFile, File
from interlock.payments.representation.file import file as show_file
from interlock.payments.work import Answer

_AS_DOWNLOAD = {
    "content-type": "application/octet-stream",
    "content-disposition": "attachment",
    "x-content-type-options": "nosniff",
}


def _show(call: Call[Any], value: File) -> Shown:
    return show_file(value, call.services.rooms.files.public_url)


async def create(call: Call[p.CreateFile]) -> Answer | Problem:
    """POST /v1/files."""
    asked = call.parameters
    command = CreateFile(
        purpose=asked.purpose, filename=asked.file.name or None, data=base64.b64decode(asked.file.data or "")
    )
    service = call.services.rooms.files
    return await service.create(call.context, command, call.responder(lambda value: _show(call, value)))


async def get(call: Call[Any]) -> Answer | Problem:
    """GET /v1/files/{file}."""
    found = await call.services.rooms.files.get(call.scope, call.ids[0])
    return await show_one(call, found, lambda value: _show(call, value))


async def contents(call: Call[Any]) -> Answer | Problem:
    """GET /v1/files/{file}/contents."""
    found = await call.services.rooms.files.contents(call.scope, call.ids[0])
    return found if isinstance(found, Problem) else Answer(200, found, _AS_DOWNLOAD)


async def list_(call: Call[p.ListFiles]) -> Answer | Problem:
    """GET /v1/files."""
    page = page_of(call.parameters)
    if isinstance(page, Problem):
        return page
    found = await call.services.rooms.files.list(call.scope, page, purpose=or_none(call.parameters.purpose))
    return await show_page(call, found, lambda value: _show(call, value))


ENDPOINTS = (
    Endpoint("POST", "/v1/files", create, "file", p.CreateFile, summary="Upload a file", uploads=True),
    Endpoint("GET", "/v1/files", list_, "file", p.ListFiles, shape="list", summary="List files"),
    Endpoint("GET", "/v1/files/{file}", get, "file", summary="Retrieve a file"),
    Endpoint("GET", "/v1/files/{file}/contents", contents, "file", summary="Download a file"),
)
