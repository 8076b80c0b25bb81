"""Every method of the SDK meets a right answer or an honest 501: nothing is missing, nothing is pretended."""

from __future__ import annotations

import functools
import inspect
import io
import typing
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import kernel
import pytest
from kernel._resource import AsyncAPIResource

from tests.local.kernel.conftest import server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(60)]

SERVED = {
    *(f"browsers.{call}" for call in ("create", "retrieve", "update", "list", "delete_by_id")),
    *(f"browser_pools.{call}" for call in ("create", "retrieve", "update", "list", "delete")),
    *(f"browser_pools.{call}" for call in ("acquire", "release", "flush")),
    *(f"browsers.replays.{call}" for call in ("start", "list", "stop", "download")),
    *(f"browsers.telemetry.{call}" for call in ("stream", "events")),
    "organization.limits.retrieve",
}
"""Tried for real elsewhere, as all of `browsers.computer` is."""
NOT_A_REQUEST = {"browsers.stream"}
"""Gives a context, not an answer; it asks what `browsers.request` asks."""
DIRECT_ONLY = {*NOT_A_REQUEST, "browsers.request"}
"""The SDK itself refuses it where it knows no direct way."""
FITTING: dict[str, Any] = {
    "actions": [{"type": "sleep", "sleep": {"duration_ms": 0}}],
    "custom_tools": [],
    "end": datetime(2026, 1, 1, tzinfo=UTC),
    "extensions": [{"name": "one", "zip_file": b"PK"}],
    "file": b"PK",
    "files": [{"dest_path": "/x", "file": b"x"}],
    "contents": b"x",
    "method": "GET",
    "start": datetime(2026, 1, 1, tzinfo=UTC),
    "to": io.BytesIO(),
    "url": "https://example.com/",
    "zip_file": b"PK",
}
BY_TYPE = {"int": 1, "bool": True}


def _methods(resource: Any, prefix: str = "") -> Iterator[tuple[str, Callable[..., Any]]]:
    """Walk the SDK's tree of resources."""
    for name in dir(type(resource)):
        if name.startswith(("_", "with_")):
            continue
        kind = inspect.getattr_static(type(resource), name)
        if isinstance(resource, AsyncAPIResource) and inspect.isfunction(kind):
            yield prefix + name, getattr(resource, name)
        elif isinstance(kind, functools.cached_property) or type(kind).__name__ == "cached_property":
            child = getattr(resource, name)
            if isinstance(child, AsyncAPIResource):
                yield from _methods(child, f"{prefix}{name}.")


def _arguments(method: Callable[..., Any], browser: str) -> dict[str, Any]:
    """Make up what a method asks for."""
    given: dict[str, Any] = {}
    for name, parameter in inspect.signature(method).parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            continue
        hint = str(parameter.annotation)
        if name == "id_or_name" or (name == "id" and "browsers" in method.__qualname__.lower()):
            given[name] = browser
        elif name in FITTING:
            given[name] = FITTING[name]
        elif "Dict" in hint or "Param" in hint or "Credentials" in hint:
            given[name] = {}
        else:
            given[name] = BY_TYPE.get(hint, "x")
    return given


async def _status(method: Callable[..., Any], arguments: dict[str, Any]) -> int:
    """Call it; give the status of a refusal, or 200."""
    try:
        result = method(**arguments)
        if inspect.isawaitable(result):
            await result
    except kernel.APIStatusError as error:
        assert error.response.headers["x-should-retry"] == "false"
        body = typing.cast("dict[str, Any]", error.body)
        assert body["message"].startswith("a local"), body
        assert "/" not in body["message"], body  # a path would mean that nobody thought of it
        return error.status_code
    return 200


@pytest.mark.parametrize("options", [(), ("--plain-routing",)], ids=["direct", "plain"])
async def test_no_method_of_the_sdk_is_unknown_or_pretended(options: tuple[str, ...]) -> None:
    async with server(*options) as up, up.client() as k:
        made = await k.browsers.create(viewport={"width": 640, "height": 480})
        found = dict(_methods(k))
        assert found.keys() >= SERVED
        assert len(found) > 150
        asked = {
            name: await _status(method, _arguments(method, made.session_id))
            for name, method in found.items()
            if name not in SERVED | (DIRECT_ONLY if options else NOT_A_REQUEST)
            and not name.startswith("browsers.computer.")
        }
        assert {name: status for name, status in asked.items() if status != 501} == {}
        with pytest.raises(kernel.NotFoundError):
            await k.browsers.process.exec("nobody", command="true")
