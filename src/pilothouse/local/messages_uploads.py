"""The routes of the Files API, as the SDK calls them: `/v1/files`, with or without `?beta=true`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.multipart import BodyPartReader

from pilothouse.local.messages_files import MAX_FILE_BYTES, FileStore
from pilothouse.local.messages_refusal import Refusal
from pilothouse.local.messages_wire import json_answer

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK_BYTES = 1024 * 1024


class FileRoutes:
    """Upload, list, describe, download and delete."""

    def __init__(self, files: FileStore, request_id: Callable[[], str]) -> None:
        self._files = files
        self._request_id = request_id

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the routes."""
        router.add_post("/v1/files", self._upload)
        router.add_get("/v1/files", self._list)
        router.add_get("/v1/files/{name}", self._describe)
        router.add_get("/v1/files/{name}/content", self._content)
        router.add_delete("/v1/files/{name}", self._delete)

    def _answer(self, answer: object) -> web.Response:
        return json_answer(answer, self._request_id())

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        self._files.refuse_if_off()
        if not request.content_type.startswith("multipart/"):
            raise Refusal("invalid_request_error", "Content-Type: must be multipart/form-data")
        filename, mime_type, data, expires_in_s = "", "", None, None
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == "file":
                filename = part.filename or ""
                mime_type = part.headers.get("Content-Type", "application/octet-stream")
                data = await _whole(part)
            elif part.name == "expires_in_seconds":
                expires_in_s = _number(await part.text())
        if data is None:
            raise Refusal("invalid_request_error", "file: Field required")
        return self._answer(self._files.upload(filename, mime_type, data, expires_in_s).metadata())

    async def _list(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        ids = [*query.getall("ids[]", []), *query.getall("ids", [])]
        return self._answer(self._files.listed(ids, query.get("limit"), query.get("page")))

    async def _describe(self, request: web.Request) -> web.StreamResponse:
        return self._answer(self._files.get(request.match_info["name"]).metadata())

    async def _content(self, request: web.Request) -> web.StreamResponse:
        stored = self._files.content(request.match_info["name"])
        return web.Response(body=stored.data, content_type=stored.mime_type)

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        return self._answer(self._files.delete(request.match_info["name"]))


async def _whole(part: BodyPartReader) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(_CHUNK_BYTES):
        data += chunk
        if len(data) > MAX_FILE_BYTES:
            raise Refusal("request_too_large", "File exceeds the maximum size", 413)
    return bytes(data)


def _number(said: str) -> int:
    try:
        return int(said)
    except ValueError as error:
        raise Refusal("invalid_request_error", "expires_in_seconds: Input should be an integer") from error
