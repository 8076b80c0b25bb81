"""What an engine is started with: one struct, sent to it as JSON on its standard input, never on argv."""

from __future__ import annotations

import msgspec

DEFAULT_MODEL = "claude-opus-5-5"
DEFAULT_WIDTH_PX = 1280
DEFAULT_HEIGHT_PX = 800
IDLE_S = 600.0
"""After the end of a leg an attached run waits this long for a message (design §5)."""


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything a run needs to begin; keys are not in it, they come by inherited environment."""

    run: str
    task: str
    model: str = DEFAULT_MODEL
    model_api: str = "anthropic"
    """`anthropic`, or `scripted` for the strict loopback server that plays `scenario`."""
    scenario: str = ""
    """Path of a scenario file, for `scripted`."""
    browser: str = "kernel"
    """`kernel`, or `local` for a Chromium on this machine behind the same API."""
    local_backend: str = "auto"
    """`auto`, `x11` or `headless`; for `local`."""
    shop: bool = False
    """Serve the demonstration shop on loopback and open it first."""
    start_url: str = ""
    approve: str = "auto"
    headless: bool = False
    effort: str = ""
    max_tokens: int = 16_000
    width_px: int = DEFAULT_WIDTH_PX
    height_px: int = DEFAULT_HEIGHT_PX
    idle_s: float = IDLE_S
    allow_root: bool = False
    """A real model key, root and a local browser together need the person's word."""
    allow_hosts: tuple[str, ...] = ()


class Started(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str):
    """What an engine says on its ready pipe once its journal and socket are there."""

    run: str
    pid: int


class NotStarted(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str):
    """What an engine says instead: the parts of a `PilothouseError`."""

    what: str
    where: str = ""
    way_out: str = ""
