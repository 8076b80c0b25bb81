"""What a person wishes for in a browser, as Kernel's parameters. Nothing here asks for one.

This is read before a run begins, so that a wish nobody can grant is one sentence; it loads no SDK.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pilothouse.engine.browser_rules import EXISTING, LOCAL, NEW, POOL, REGIONS, RULES, not_kept_by, source_of
from pilothouse.errors import UsageError
from pilothouse.ids import host_hash

if TYPE_CHECKING:
    from pilothouse.engine.spec import BrowserOptions

TIMEOUT_SECONDS = 300
"""Kernel ends a browser left idle this long: our dead-man switch (design §7)."""
APP = "pilothouse"
TAGS_MAX = 50
_SOURCES = {
    NEW: "a browser made for the run",
    LOCAL: "a browser on this machine",
    EXISTING: "an existing browser",
    POOL: "a browser from a pool",
}
PROXY_MODES = ("direct", "default")
CAPTURED = ("console", "network", "page", "interaction")
"""Categories of telemetry that are off unless asked for; the operational ones come with it."""
_ID = re.compile(r"[a-z0-9]{24}")
"""What Kernel's ids look like. A name that looks like one is written `name:…`."""


def check(options: BrowserOptions, kind: str) -> None:
    """Refuse wishes that contradict each other, or that nobody could keep.

    Raises:
        UsageError: The sentence names the wish.
    """
    if options.existing and kind == "local":
        raise UsageError(
            "the local browser's server starts and ends with the run: none exists before it",
            f"existing browser {options.existing}",
            "start `pilothouse local` and name its address in KERNEL_BASE_URL",
        )
    if options.existing and options.pool:
        raise UsageError(
            "a browser is either an existing one or from a pool", f"pool {options.pool}", "choose one"
        )
    _check_source(options, source_of(options, kind))
    if options.region and options.region not in REGIONS:
        raise UsageError("there is no such region", options.region, f"choose from {', '.join(REGIONS)}")
    if options.save_profile and not options.profile:
        raise UsageError("there is no profile to save", "save profile", "name a profile")
    _check_tags(options.tags)


def _check_source(options: BrowserOptions, source: str) -> None:
    """Refuse what a browser from there can't have."""
    plain = type(options)()
    for field in not_kept_by(source):
        if getattr(options, field) != getattr(plain, field):
            raise UsageError(
                f"{_SOURCES[source]} is as it is",
                RULES[field].words,
                "leave that out, or let Kernel make one for the run",
            )


def _check_tags(tags: dict[str, str]) -> None:
    most = TAGS_MAX - len(our_tags(""))
    if len(tags) > most:
        raise UsageError(f"a browser takes at most {most} tags besides ours", f"{len(tags)} tags")


def our_tags(run: str) -> dict[str, str]:
    """Name whose browser it is: by these tags a stray is found, and told from another host's."""
    return {"app": APP, "run": run, "host": host_hash()}


def is_ours(tags: dict[str, str] | None, run: str) -> bool:
    """Say whether a browser's tags are those of this run, on this host."""
    return tags is not None and our_tags(run).items() <= tags.items()


def create_params(options: BrowserOptions, name: str, run: str, start_url: str) -> dict[str, Any]:
    """Word the wishes as the parameters of `browsers.create` (kernel-api §1.3)."""
    params: dict[str, Any] = {
        "name": name,
        "tags": options.tags | our_tags(run),
        "timeout_seconds": TIMEOUT_SECONDS,
        "viewport": {"width": options.width_px, "height": options.height_px},
    }
    wishes: dict[str, Any] = {
        "start_url": start_url,
        "network": {"allowed_hosts": list(options.allow_hosts)} if options.allow_hosts else None,
        "stealth": options.stealth,
        "headless": options.headless,
        "kiosk_mode": options.kiosk,
        "profile": _profile(options),
        "proxy": _proxy(options.proxy),
        "region": options.region,
        "invocation_id": options.invocation,
        "telemetry": telemetry(options),
    }
    return params | {key: value for key, value in wishes.items() if value}


def acquire_params(options: BrowserOptions, name: str, run: str, start_url: str) -> dict[str, Any]:
    """Word them as the parameters of `browser_pools.acquire`: name and tags are for this lease only."""
    params: dict[str, Any] = {"name": name, "tags": options.tags | our_tags(run)}
    wishes = {"start_url": start_url, "profile": _profile(options), "telemetry": telemetry(options)}
    return params | {key: value for key, value in wishes.items() if value}


def update_params(options: BrowserOptions) -> dict[str, Any]:
    """Word them as the parameters of `browsers.update`, for a browser that is there; none for none."""
    wishes = {"start_url": options.start_url, "telemetry": telemetry(options)}
    return {key: value for key, value in wishes.items() if value}


def telemetry(options: BrowserOptions) -> dict[str, Any] | None:
    """Ask for everything that is read later; None when nothing is."""
    if not options.telemetry:
        return None
    return {"enabled": True, "browser": {category: {"enabled": True} for category in CAPTURED}}


def _profile(options: BrowserOptions) -> dict[str, Any] | None:
    if not options.profile:
        return None
    return _by_id_or_name(options.profile) | ({"save_changes": True} if options.save_profile else {})


def _proxy(proxy: str) -> dict[str, Any] | None:
    if proxy in PROXY_MODES:
        return {"mode": proxy}
    return _by_id_or_name(proxy) if proxy else None


def _by_id_or_name(text: str) -> dict[str, Any]:
    for kind in ("id", "name"):
        if text.startswith(f"{kind}:"):
            return {kind: text.removeprefix(f"{kind}:")}
    return {"id" if _ID.fullmatch(text) else "name": text}
