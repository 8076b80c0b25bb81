"""What `POST` and `PATCH /browsers` ask for: read, checked, and what a local browser can't do refused.

A parameter whose absence a program would notice is answered 501; one that only concerns the cloud is taken,
echoed, and named in the answer's `warnings` (docs/local.md has the table). Nothing here starts a browser.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from pilothouse.local.kernel_actions import Screen, bad_request, not_implemented
from pilothouse.local.kernel_telemetry import OFF, Categories, read_telemetry

TIMEOUT_MIN_S, TIMEOUT_MAX_S, TIMEOUT_DEFAULT_S = 10, 259_200, 60
TAGS_MAX = 50
NAME_MAX_CHARS = 255
_REFUSED = ("chrome_policy", "extensions", "gpu", "location", "profile", "proxy", "proxy_id", "vaults")
_REFUSED_IN_PATCH = (*_REFUSED, "disable_default_proxy", "network", "viewport")
_ECHOED = {
    "headless": "the browser is always shown on a screen of its own",
    "invocation_id": "there are no invocations here",
    "memory": "memory is not limited",
    "region": "the region is this machine",
    "stealth": "there is no stealth mode and no CAPTCHA solver",
    "video_memory": "there is no GPU",
}
T = TypeVar("T")
_HOST = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


class Viewport(msgspec.Struct, frozen=True, kw_only=True):
    """The size of the screen; the refresh rate is echoed."""

    width: int = 1920
    height: int = 1080
    refresh_rate: int = 25

    @property
    def screen(self) -> Screen:
        """The same, as the desktop takes it."""
        return Screen(self.width, self.height)


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """Which hosts may be reached; empty for all."""

    allowed_hosts: tuple[str, ...] = ()
    private_hosts: tuple[str, ...] = ()
    proxy_routes: tuple[Any, ...] = ()


class CreateParams(msgspec.Struct, frozen=True, kw_only=True):
    """A new browser."""

    name: str | None = None
    tags: dict[str, str] = {}
    timeout_seconds: int = TIMEOUT_DEFAULT_S
    viewport: Viewport = Viewport()
    start_url: str = ""
    kiosk_mode: bool = False
    headless: bool = False
    stealth: bool = False
    network: Network = Network()
    telemetry: Categories = OFF
    warnings: tuple[str, ...] = ()


class UpdateParams(msgspec.Struct, frozen=True, kw_only=True):
    """A change to a browser; None leaves things as they are, an empty name takes it away."""

    name: str | None = None
    tags: dict[str, str] | None = None
    start_url: str | None = None
    telemetry: dict[str, Any] | None = None


def read_create(body: dict[str, Any]) -> CreateParams:
    """Read the parameters of a new browser.

    Raises:
        Refused: 400 for what Kernel refuses, 501 for what is not done here.
    """
    _refuse(body, _REFUSED)
    telemetry = read_telemetry(body.get("telemetry"), OFF)
    ours = ("warnings", "telemetry")
    body = {name: value for name, value in body.items() if name not in ours and value is not None}
    params = shape(body, CreateParams)
    if not TIMEOUT_MIN_S <= params.timeout_seconds <= TIMEOUT_MAX_S:
        raise bad_request(f"timeout_seconds must be between {TIMEOUT_MIN_S} and {TIMEOUT_MAX_S}")
    check_lease(params.name, params.tags, params.start_url)
    _check_viewport(params.viewport)
    _check_network(params.network)
    warnings = tuple(f"{name}: {why}" for name, why in _ECHOED.items() if body.get(name))
    return msgspec.structs.replace(params, warnings=warnings, telemetry=telemetry)


def read_update(body: dict[str, Any]) -> UpdateParams:
    """Read a change.

    Raises:
        Refused: 400 for what Kernel refuses, 501 for what is not done here.
    """
    _refuse(body, _REFUSED_IN_PATCH)
    params = shape(body, UpdateParams)
    check_lease(params.name or None, params.tags or {}, params.start_url or "")
    return params


def shape(body: Any, kind: type[T], what: str = "") -> T:
    """Read something as a type of ours."""
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise bad_request(f"invalid request body: {what + ': ' if what else ''}{error}") from None


def _refuse(body: dict[str, Any], names: tuple[str, ...]) -> None:
    asked = [name for name in names if body.get(name) or (name in body and body[name] == {})]
    if "viewport" in asked:
        raise not_implemented("a local browser's screen keeps its size: make another browser")
    if "profile" in asked:
        raise not_implemented("a local browser starts with an empty profile, which goes with it")
    if asked:
        raise not_implemented(f"a local browser has no {asked[0]}")


def check_lease(name: str | None, tags: dict[str, str], start_url: str) -> None:
    """Refuse a name, tags or an address that Kernel refuses."""
    if name is not None and not 0 < len(name) <= NAME_MAX_CHARS:
        raise bad_request(f"name must have 1 to {NAME_MAX_CHARS} characters")
    if name is not None and "/" in name:
        raise bad_request("name must not contain a slash")
    if len(tags) > TAGS_MAX:
        raise bad_request(f"at most {TAGS_MAX} tags are allowed")
    if start_url and not (start_url == "about:blank" or _is_http(start_url)):
        raise bad_request("start_url must be an http or https address")


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _check_viewport(viewport: Viewport) -> None:
    if not (320 <= viewport.width <= 7680 and 240 <= viewport.height <= 4320):
        raise bad_request("viewport must be between 320x240 and 7680x4320")


def _check_network(network: Network) -> None:
    if network.private_hosts or network.proxy_routes:
        raise not_implemented("a local browser has no private_hosts and no proxy_routes")
    for host in network.allowed_hosts:
        if not _HOST.fullmatch(host):
            raise bad_request(f"allowed_hosts: {host!r} is not a host name")
