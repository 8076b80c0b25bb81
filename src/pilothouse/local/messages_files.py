"""The Files API: uploaded files, kept in memory, and the rules about them. Serves nothing itself.

`mode` makes it the account of your choice: `on`, `off` (as without data retention: every upload is refused),
or `uploads-only` (uploads are taken, but no result may refer to one).
"""

from __future__ import annotations

import mimetypes
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local.messages_images import Size, size_of
from pilothouse.local.messages_refusal import Refusal, coded

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
MODES = ("on", "off", "uploads-only")
QUOTA_BYTES = 512 * 2**20
MAX_FILE_BYTES = 500 * 2**20
_EXPIRY_S = (3_600, 7_776_000)
_PAGE = 20
_PAGE_MAX = 1_000
_IDS_MAX = 100


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """One uploaded file."""

    id: str
    filename: str
    mime_type: str
    data: bytes
    created: datetime
    expires: datetime | None = None
    size: Size | None = None
    """Width and height, when it is a picture."""

    def metadata(self) -> Json:
        """Word it as the API does; what a person uploaded can't be downloaded again."""
        return {
            "id": self.id,
            "type": "file",
            "filename": self.filename,
            "mime_type": self.mime_type,
            "size_bytes": len(self.data),
            "created_at": self.created.isoformat().replace("+00:00", "Z"),
            "expires_at": self.expires.isoformat().replace("+00:00", "Z") if self.expires else None,
            "downloadable": False,
        }


def _now() -> datetime:
    return datetime.now(UTC)


class FileStore:
    """Files in the order of their upload."""

    def __init__(self, mode: str = "on", now: Callable[[], datetime] = _now) -> None:
        self.mode = mode
        self._now = now
        self._files: dict[str, Stored] = {}

    def upload(self, filename: str, mime_type: str, data: bytes, expires_in_s: int | None = None) -> Stored:
        """Keep a file.

        Raises:
            Refusal: The account has no files, the quota is used up, or the lifetime is out of bounds.
        """
        self.refuse_if_off()
        if expires_in_s is not None and not _EXPIRY_S[0] <= expires_in_s <= _EXPIRY_S[1]:
            bounds = f"between {_EXPIRY_S[0]} and {_EXPIRY_S[1]}"
            raise Refusal("invalid_request_error", f"expires_in_seconds: Input should be {bounds}")
        if not data:
            raise Refusal("invalid_request_error", "file: must not be empty")
        if sum(len(stored.data) for stored in self._files.values()) + len(data) > QUOTA_BYTES:
            raise coded("storage_quota_exceeded", "The storage quota of the organization is exceeded")
        name = filename.replace("\\", "/").rsplit("/", 1)[-1]
        stored = Stored(
            id=f"file_{uuid.uuid4().hex[:24]}",
            filename=name or "unnamed" + (mimetypes.guess_extension(mime_type) or ""),
            mime_type=mime_type,
            data=data,
            created=self._now(),
            expires=self._now() + timedelta(seconds=expires_in_s) if expires_in_s else None,
            size=size_of(data[: 64 * 1024]),
        )
        self._files[stored.id] = stored
        return stored

    def refuse_if_off(self) -> None:
        """Refuse everything to an account without files.

        Raises:
            Refusal: This is such an account.
        """
        if self.mode == "off":
            words = "The Files API is not available to organizations with zero data retention."
            raise Refusal("permission_error", words, 403)

    def get(self, name: str) -> Stored:
        """Find a file.

        Raises:
            Refusal: There is none, or its time is over.
        """
        self.refuse_if_off()
        stored = self._files.get(name)
        if stored is None:
            raise Refusal("not_found_error", f"File not found: {name}", 404)
        if stored.expires and stored.expires <= self._now():
            details = {"error_code": "file_expired"}
            raise Refusal("not_found_error", f"File has expired: {name}", 404, details=details)
        return stored

    def content(self, name: str) -> Stored:
        """Find a file to download.

        Raises:
            Refusal: Always for what was uploaded: only files that a tool made can be downloaded.
        """
        self.get(name)
        raise coded("file_not_downloadable", f"File {name} is not downloadable")

    def delete(self, name: str) -> Json:
        """Forget a file.

        Raises:
            Refusal: There is none.
        """
        stored = self.get(name)
        del self._files[stored.id]
        return {"id": stored.id, "type": "file_deleted"}

    def listed(self, ids: list[str], limit: str | None, page: str | None) -> Json:
        """List files, newest first, a page at a time.

        Raises:
            Refusal: A parameter is out of bounds.
        """
        self.refuse_if_off()
        everything = [stored for stored in reversed(self._files.values()) if self.has(stored.id)]
        if ids:
            if len(set(ids)) > _IDS_MAX or limit or page:
                raise Refusal("invalid_request_error", "ids: at most 100, and without `limit` and `page`")
            return {"data": [s.metadata() for s in everything if s.id in ids], "next_page": None}
        count = int(limit) if limit and limit.isdigit() else _PAGE
        if not 1 <= count <= _PAGE_MAX:
            raise Refusal("invalid_request_error", f"limit: Input should be between 1 and {_PAGE_MAX}")
        start = _page_start(page, everything)
        more = everything[start + count :]
        return {
            "data": [stored.metadata() for stored in everything[start : start + count]],
            "next_page": f"page_{more[0].id}" if more else None,
        }

    def has(self, name: str) -> bool:
        """Say whether a file is there and its time is not over."""
        stored = self._files.get(name)
        return stored is not None and (stored.expires is None or stored.expires > self._now())

    def size_of(self, name: str) -> Size | None:
        """Say how large a picture is; None for no file, or one that is no picture."""
        stored = self._files.get(name)
        return stored.size if stored else None


def _page_start(page: str | None, files: list[Stored]) -> int:
    if not page:
        return 0
    wanted = page.removeprefix("page_")
    found = next((i for i, stored in enumerate(files) if stored.id == wanted), None)
    if found is None:
        raise Refusal("invalid_request_error", "page: Invalid page cursor")
    return found
