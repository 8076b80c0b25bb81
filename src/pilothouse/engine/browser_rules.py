"""Which wishes for a browser can be kept, by where it comes from: one table, for settings and for the engine.

Nothing here decides what is done with a wish that can't be; it loads nothing but the specs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pilothouse.engine.spec import BrowserOptions

NEW, LOCAL, EXISTING, POOL = "new", "local", "existing", "pool"
"""One that Kernel makes for the run, one on this machine, one that is already there, one from a pool."""
REGIONS = ("us-east", "us-west", "eu-west", "ap-southeast")


class Rule(msgspec.Struct, frozen=True):
    """One wish: what it is called in a sentence, and the browsers that can have it."""

    words: str
    kept_by: frozenset[str]


def _rule(words: str, *kept_by: str) -> Rule:
    return Rule(words, frozenset(kept_by))


RULES: dict[str, Rule] = {
    "width_px": _rule("a width", NEW, LOCAL),
    "height_px": _rule("a height", NEW, LOCAL),
    "start_url": _rule("a start page", NEW, LOCAL, EXISTING, POOL),
    "allow_hosts": _rule("allowed hosts", NEW, LOCAL),
    "stealth": _rule("stealth", NEW),
    "headless": _rule("headless", NEW, LOCAL),
    "kiosk": _rule("kiosk", NEW, LOCAL),
    "profile": _rule("a profile", NEW, POOL),
    "save_profile": _rule("a profile to save", NEW, POOL),
    "proxy": _rule("a proxy", NEW),
    "region": _rule("a region", NEW),
    "tags": _rule("tags", NEW, LOCAL, POOL),
    "invocation": _rule("an invocation", NEW),
    "existing": _rule("an existing browser", EXISTING),
    "pool": _rule("a pool", POOL),
    "replay_video": _rule("a replay video", NEW, LOCAL, EXISTING, POOL),
    "telemetry": _rule("telemetry", NEW, LOCAL, EXISTING, POOL),
    "settle": _rule("a way to settle", NEW, EXISTING, POOL),
}
"""By field of `BrowserOptions` (kernel-api §1.3, §1.6: what create, acquire and update take)."""


def source_of(options: BrowserOptions, kind: str) -> str:
    """Say where such a browser comes from; `kind` is `kernel` or `local`."""
    if kind == LOCAL:
        return LOCAL
    return EXISTING if options.existing else POOL if options.pool else NEW


def not_kept_by(source: str) -> tuple[str, ...]:
    """List the fields of wishes that a browser from there can't have."""
    return tuple(field for field, rule in RULES.items() if source not in rule.kept_by)
