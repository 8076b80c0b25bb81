"""The one table of settings. Nothing here reads one.

A setting has one name everywhere: `effort` in a settings file, `PILOTHOUSE_EFFORT` in the environment,
`--effort` on the command line. Its default is the default of the field of the run's spec that it fills.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec

from pilothouse.engine.browser_rules import REGIONS
from pilothouse.engine.spec import RunSpec
from pilothouse.settings import kinds as kind
from pilothouse.settings.kinds import Kind

PREFIX = "PILOTHOUSE_"
SECTIONS = {
    "model": "how the model is asked",
    "browser": "which browser it drives",
    "run": "how a run goes on and ends",
    "attention": "how you hear that a run needs you",
    "bridge": "how it looks on this terminal",
}
BRIDGE = "bridge"
"""The section of what concerns a viewer alone: it fills `BridgeOptions`, and no run's spec."""


class BridgeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the bridge looks and what it takes."""

    theme: str = ""
    """A theme's name; empty for the default."""
    graphics: str = "auto"
    mouse: bool = True
    reduced_motion: bool = False
    """Nothing moves by itself but what the run does; over SSH it is so anyway."""


_EXAMPLES = {"": RunSpec(run="", task=""), BRIDGE: BridgeOptions()}


class Setting(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One thing that may be chosen."""

    name: str
    kind: Kind
    into: tuple[str, ...]
    """The fields of `RunSpec` that it fills, or of `BridgeOptions` in the section of that name.

    More than one share out a value of several parts. None for what else only a viewer looks at: `otherwise`
    is its default then.
    """
    section: str
    help: str
    otherwise: Any = None

    @property
    def flag(self) -> str:
        """Its option."""
        return f"--{self.name}"

    @property
    def key(self) -> str:
        """Its name as a Python identifier: where argparse keeps its value."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return PREFIX + self.key.upper()

    @cached_property
    def default(self) -> Any:
        """What holds when nobody chose."""
        if not self.into:
            return self.otherwise
        example = _EXAMPLES[self.section if self.section == BRIDGE else ""]
        parts = tuple(_field(path, example) for path in self.into)
        return parts if len(parts) > 1 else parts[0]

    def show(self, value: Any) -> str:
        """Write a value as a person would give it; empty for none."""
        return "" if value in ("", (), {}) else self.kind.show(value)


def _field(path: str, example: object) -> Any:
    value: Any = example
    for name in path.split("."):
        value = getattr(value, name)
    return value


def _model(name: str, kind: Kind, field: str, told: str) -> Setting:
    return Setting(name=name, kind=kind, into=(f"model_options.{field}",), section="model", help=told)


def _browser(name: str, kind: Kind, field: str, told: str) -> Setting:
    return Setting(name=name, kind=kind, into=(f"browser_options.{field}",), section="browser", help=told)


_NAME = kind.Text(r"[^\s/:?#][^/:?#]{0,254}", "give its id or name")
_NAME_OR_ID = kind.Text(
    r"((name|id):)?[^\s/:?#][^/:?#]{0,254}", "give its id or name, or say which: id:… or name:…"
)
EFFORTS = ("low", "medium", "high", "xhigh", "max")
PROVIDERS = ("anthropic", "aws", "bedrock", "foundry", "vertex")
TOOL_VERSIONS = (
    "computer_toolset_20260801",
    "computer_20251124",
    "computer_20250124",
    "computer_20241022",
)

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="model",
        kind=kind.Text(r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,199}", "give a model's name"),
        into=("model",),
        section="model",
        help="which model",
    ),
    _model("provider", kind.Choice(PROVIDERS), "provider", "whose API serves it"),
    _model(
        "tool-version",
        kind.Choice(TOOL_VERSIONS),
        "tool_version",
        "the computer tool, against the table's choice",
    ),
    _model(
        "effort", kind.Choice(EFFORTS), "effort", "how hard it thinks; by default as the model itself has it"
    ),
    _model(
        "thinking",
        kind.Choice(("adaptive", "enabled", "between_tools", "disabled")),
        "thinking",
        "the form of its thinking; by default as the model itself has it",
    ),
    _model(
        "thinking-display",
        kind.Choice(("summarized", "omitted", "updates")),
        "thinking_display",
        "how its thinking is shown",
    ),
    _model(
        "thinking-budget",
        kind.Whole(1024, 128_000, or_zero=True),
        "thinking_budget",
        "tokens for thinking, on models that still take a budget",
    ),
    _model("max-tokens", kind.Whole(1, 128_000), "max_tokens", "tokens of one answer, its thinking included"),
    _model("system-prompt", kind.TextFile(), "system", "a file with a system prompt in place of ours"),
    _model("system-suffix", kind.Text(), "system_suffix", "text added to the system prompt"),
    _model("token-efficient", kind.Flag(), "token_efficient", "ask for token-efficient tools, where known"),
    _model(
        "only-n-most-recent-images",
        kind.Whole(1, 600, or_zero=True),
        "only_n_most_recent_images",
        "keep so many pictures in the history, where that is legal",
    ),
    _model(
        "history-bytes", kind.Size(1_000_000, 30_000_000), "history_max_bytes", "the most a history may weigh"
    ),
    _model("history-images", kind.Whole(1, 600), "history_max_images", "the most pictures in a history"),
    _model(
        "upload",
        kind.Choice(("auto", "files", "inline")),
        "upload",
        "how pictures travel: once each, in every request, or what the account allows",
    ),
    _model(
        "idle-timeout",
        kind.Duration(1, 3600),
        "idle_timeout_s",
        "an answer that is silent for so long is lost",
    ),
    _model(
        "retry-budget",
        kind.Duration(0, 86_400),
        "retry_budget_s",
        "faults that may pass are met with retries for so long",
    ),
    _model("record-requests", kind.Flag(), "record_requests", "keep the exact bytes of every request"),
    Setting(
        name="browser",
        kind=kind.Choice(("kernel", "local")),
        into=("browser",),
        section="browser",
        help="Kernel's, or a Chromium on this machine",
    ),
    Setting(
        name="viewport",
        kind=kind.Viewport(),
        into=("browser_options.width_px", "browser_options.height_px"),
        section="browser",
        help="the size of its screen",
    ),
    _browser("start-url", kind.Url(), "start_url", "the page to open first"),
    _browser("allow-host", kind.Hosts(), "allow_hosts", "the only hosts it may reach; repeat it for more"),
    _browser("stealth", kind.Flag(), "stealth", "be harder to tell from a person's browser"),
    _browser(
        "browser-headless", kind.Flag(), "headless", "a browser without a screen: cheaper, no live view"
    ),
    _browser("kiosk", kind.Flag(), "kiosk", "no address bar, no tabs"),
    _browser("profile", _NAME_OR_ID, "profile", "start with this profile's cookies and logins"),
    _browser("save-profile", kind.Flag(), "save_profile", "write them back to the profile at the end"),
    _browser("proxy", _NAME_OR_ID, "proxy", "go through this proxy of the account"),
    _browser("region", kind.Choice(REGIONS), "region", "where it runs"),
    _browser("tag", kind.Tags(), "tags", "a tag to find it by; repeat it for more"),
    _browser("invocation", _NAME, "invocation", "the Kernel app invocation it belongs to"),
    _browser("existing-browser", _NAME, "existing", "drive a browser that is there; it is never deleted"),
    _browser("pool", _NAME, "pool", "take one from this pool, and give it back"),
    _browser("replay-video", kind.Flag(), "replay_video", "have a video of the screen recorded"),
    _browser(
        "telemetry", kind.Flag(), "telemetry", "record what the browser reports: console, pages, downloads"
    ),
    _browser(
        "settle",
        kind.Choice(("pages", "delays")),
        "settle",
        "on Kernel, when to look after an action: once its pages are at rest, or after a delay",
    ),
    Setting(
        name="approve",
        kind=kind.Choice(("auto", "ask-risky", "ask-all", "deny-all")),
        into=("approve",),
        section="run",
        help="which actions wait for a person; by default as the rules say, else ask-risky",
    ),
    Setting(
        name="rules",
        kind=kind.RulesFile(),
        into=("rules",),
        section="run",
        help="a file with rules of approval; by default rules.toml beside the settings, if it is there",
    ),
    Setting(
        name="on-unattended",
        kind=kind.Choice(("abort", "reject", "wait")),
        into=("on_unattended",),
        section="run",
        help="what becomes of an action that waited its time for a person; by default abort where the run "
        "is headless, else wait",
    ),
    Setting(
        name="approval-timeout",
        kind=kind.Duration(1, 604_800),
        into=("approval_timeout_s",),
        section="run",
        help="how long an action waits for a person while nobody is there",
    ),
    Setting(
        name="limit",
        kind=kind.Limits(),
        into=("limits",),
        section="run",
        help="what a run may use before a person is asked; repeat it for more",
    ),
    Setting(
        name="idle",
        kind=kind.Duration(0, 604_800),
        into=("idle_s",),
        section="run",
        help="how long a run waits for a message after its task, before it ends",
    ),
    Setting(
        name="bell",
        kind=kind.Flag(),
        into=(),
        otherwise=True,
        section="attention",
        help="the bridge rings the terminal's bell, once each time",
    ),
    Setting(
        name="window-title",
        kind=kind.Flag(),
        into=(),
        otherwise=True,
        section="attention",
        help="the bridge says it in the title of the window",
    ),
    Setting(
        name="notify",
        kind=kind.Choice(("auto", "osc9", "osc777", "off")),
        into=(),
        otherwise="auto",
        section="attention",
        help="the bridge asks the terminal for a desktop notification, where it is known to show one",
    ),
    Setting(
        name="notify-command",
        kind=kind.Command(),
        into=("notify_command",),
        section="attention",
        help="the engine runs it, whoever watches",
    ),
    Setting(
        name="theme",
        kind=kind.Text(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", "give a theme's name"),
        into=("theme",),
        section=BRIDGE,
        help="its colours; pilothouse-dark by default, -light, -contrast, -terminal, or a theme of yours",
    ),
    Setting(
        name="graphics",
        kind=kind.Choice(("auto", "kitty", "sixel", "blocks", "off")),
        into=("graphics",),
        section=BRIDGE,
        help="how pictures are painted; by default as the terminal says it can",
    ),
    Setting(
        name="mouse",
        kind=kind.Flag(),
        into=("mouse",),
        section=BRIDGE,
        help="take the mouse; without it the terminal selects and copies as ever",
    ),
    Setting(
        name="reduced-motion",
        kind=kind.Flag(),
        into=("reduced_motion",),
        section=BRIDGE,
        help="repaint less often, and let nothing move by itself",
    ),
)
BY_NAME = {setting.name: setting for setting in SETTINGS}

OTHER_VARIABLES = frozenset(
    PREFIX + name
    for name in (
        "ALLOW_NO_SANDBOX",
        "CHROMIUM",
        "CONFIG_DIR",
        "LOCAL_TOKEN",
        "PRESET",
        "SCENARIO_SPEED",
        "SCRIPTED_KEY",
        "SEED",
        "STATE_DIR",
    )
)
"""What the environment may say besides settings."""
