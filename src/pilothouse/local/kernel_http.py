"""What the routes share: reading bodies and numbers, and how a refusal looks. No route here."""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from aiohttp import web

from pilothouse.local.kernel_actions import Refused, bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")
DIGITS_MAX = 20
NO_RETRY = {"x-should-retry": "false"}
"""The SDK would send a click again after a 409, 429 or 5xx (kernel-api §0.4); it obeys this."""


def same(given: str, expected: str) -> bool:
    """Compare two credentials in constant time."""
    # A header may hold bytes that are no text: they are no credential of ours either.
    return hmac.compare_digest(given.encode(errors="backslashreplace"), expected.encode())


def is_direct(request: web.Request) -> bool:
    """Say whether it came straight to the machine, past the control plane."""
    return request.path.startswith("/vm/")


def refusal(request: web.Request, error: Refused) -> web.Response:
    """Answer a refusal; the machine itself sends the message alone."""
    body = {"message": error.message}
    if not is_direct(request):
        body = {"code": error.code, **body}
    headers = dict(NO_RETRY)
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    return web.json_response(body, status=error.status, headers=headers)


async def read_any(request: web.Request) -> Any:
    """Read a JSON body; None for none."""
    data = await request.read()
    if not data.strip():
        return None
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise bad_request(f"invalid request body: {error}") from None


async def read_object(request: web.Request) -> dict[str, Any]:
    """Read a JSON object; an empty one for none, or for anything else."""
    body = await read_any(request)
    return body if isinstance(body, dict) else {}


async def read_required(request: web.Request) -> Any:
    """Read a JSON body that must be there."""
    body = await read_any(request)
    if body is None:
        raise bad_request("request body is required")
    return body


async def read(request: web.Request, kind: type[T], default: Any = None) -> T:
    """Read a body as a struct; without a default it must be there."""
    body = await read_any(request) if default is not None else await read_required(request)
    try:
        return msgspec.convert(default if body is None else body, kind)
    except msgspec.ValidationError as error:
        raise bad_request(f"invalid request body: {error}") from None


def number(query: Mapping[str, str], name: str, low: int, high: int, default: int) -> int:
    """Read a whole number of a query."""
    text = query.get(name)
    if text is None:
        return default
    known = digits(text)
    if known is None or not low <= known <= high:
        raise bad_request(f"{name} must be between {low} and {high}")
    return known


def digits(text: str) -> int | None:
    """Read a whole number of a sane length; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX else None


def flag(query: Mapping[str, str], name: str) -> bool:
    """Read a truth value of a query."""
    return query.get(name, "").lower() in ("true", "1")


def list_headers(next_offset: int) -> dict[str, str]:
    """Write the headers of a piece of a list; an offset of 0 says that it was the last."""
    return {"X-Has-More": json.dumps(next_offset > 0), "X-Next-Offset": str(next_offset)}
