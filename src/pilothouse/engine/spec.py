"""What an engine is started with: one struct, sent to it as JSON on its standard input, never on argv."""

from __future__ import annotations

import msgspec

DEFAULT_MODEL = "claude-opus-5-5"
DEFAULT_WIDTH_PX = 1280
DEFAULT_HEIGHT_PX = 800
IDLE_S = 600.0
"""After the end of a leg an attached run waits this long for a message (design §5)."""


class ModelOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the model is asked; what is left empty is chosen by the table of models."""

    provider: str = "anthropic"
    """Which of the SDK's clients: `anthropic`, or another that the SDK offers."""
    tool_version: str = ""
    """The computer tool's type, `computer_20251124` for example."""
    effort: str = ""
    thinking: str = ""
    """`adaptive`, `enabled` (with a budget), `between_tools` or `disabled`; empty for the model's own."""
    thinking_display: str = "summarized"
    """`summarized`, `omitted` or `updates`."""
    thinking_budget: int = 0
    """Tokens, for the models that still take a budget."""
    max_tokens: int = 16_000
    system: str = ""
    """A system prompt in place of ours."""
    system_suffix: str = ""
    """Added at the end of the system prompt."""
    token_efficient: bool = False
    """Ask for token-efficient tools, where the model still knows them."""
    only_n_most_recent_images: int = 0
    """Prune older pictures from the history, on models where that is legal."""
    history_max_bytes: int = 8_000_000
    history_max_images: int = 60
    upload: str = "auto"
    """How pictures travel: `files` once each, `inline` in each request, `auto` by what the account allows."""
    idle_timeout_s: float = 90.0
    """A stream silent for this long is lost."""
    retry_budget_s: float = 600.0
    """Faults that may pass are retried for this long; then the run holds and asks."""
    record_requests: bool = False
    """Keep the exact bytes of every request."""


class BrowserOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What browser is asked for."""

    width_px: int = DEFAULT_WIDTH_PX
    height_px: int = DEFAULT_HEIGHT_PX
    start_url: str = ""
    allow_hosts: tuple[str, ...] = ()
    """The only hosts it may reach; can't be changed later."""
    stealth: bool = False
    headless: bool = False
    kiosk: bool = False
    profile: str = ""
    save_profile: bool = False
    proxy: str = ""
    region: str = ""
    tags: dict[str, str] = {}
    invocation: str = ""
    """The Kernel app invocation that the browser belongs to."""
    existing: str = ""
    """A browser that is already there, by id or name; we never delete it."""
    pool: str = ""
    """Take one from this pool, and give it back."""
    replay_video: bool = False
    telemetry: bool = False
    settle: str = "pages"
    """Whether Kernel's pages may be asked over DevTools if they are at rest; `delays`: nobody is asked."""


class RunSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything a run needs to begin; keys are not in it, they come by inherited environment."""

    run: str
    task: str
    model: str = DEFAULT_MODEL
    model_options: ModelOptions = ModelOptions()
    browser_options: BrowserOptions = BrowserOptions()
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
    approve: str = ""
    """The approval mode; empty for what the rules say, else `ask-risky`."""
    rules: str = ""
    """The path of a file with rules of approval."""
    on_unattended: str = ""
    """What becomes of an approval once its time is over: `wait`, `reject` or `abort`.

    The time of a headless run always counts; another's only while nobody who may decide follows. Empty is
    `abort` for a headless run and `wait` for any other.
    """
    approval_timeout_s: float = 300.0
    limits: dict[str, float] = {}
    """By the names of `engine.limits.Limit`."""
    notify_command: str = ""
    """Run each time that the run needs a person: words as in a shell, which no shell reads."""
    headless: bool = False
    idle_s: float = IDLE_S
    allow_root: bool = False
    """A real model key, root and a local browser together need the person's word."""


class Started(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str):
    """What an engine says on its ready pipe once its journal and socket are there."""

    run: str
    pid: int


class NotStarted(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str):
    """What an engine says instead: the parts of a `PilothouseError`."""

    what: str
    where: str = ""
    way_out: str = ""
