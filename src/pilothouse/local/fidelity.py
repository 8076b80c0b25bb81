"""How like Kernel this server is, area by area: at `/local/fidelity`, and in docs/local.md. No code."""

from __future__ import annotations

import msgspec


class Likeness(msgspec.Struct, frozen=True):
    """One area: what this server does, and what Kernel does."""

    area: str
    here: str
    kernel: str


FIDELITY = (
    Likeness(
        "paths, verbs, bodies, 400 texts, list headers, soft delete",
        "the same as its source",
        "error `code` strings are our guess",
    ),
    Likeness("unknown key name", "400 (`--strict-kernel`: 200 and ignored)", "200 and ignored"),
    Likeness("single characters as keys (`!`, `ż`)", "typed", "only X keysym names"),
    Likeness("scroll", "1 notch is 133 px", "1 notch, pixels unknown"),
    Likeness(
        "smooth moves and typing (`smooth`, `duration_ms` of a move)",
        "accepted, not done",
        "on by default",
    ),
    Likeness("screenshots", "also tell the page's address and title, in headers", "the picture alone"),
    Likeness(
        "`computer/settled`: a screenshot once the screen is at rest",
        "an extension; every screenshot's header `x-pilothouse-settle` announces it",
        "absent",
    ),
    Likeness("direct routing and jwt", "the same, can be switched off", "always"),
    Likeness(
        "retries",
        "errors carry `x-should-retry: false`",
        "the SDK repeats clicks after 409, 429 and 5xx",
    ),
    Likeness(
        "inactivity timeout",
        "5 s standby, then `timeout_seconds`, checked every second; deletes",
        "the same, checked every 5 s",
    ),
    Likeness("`usage`", "`uptime_ms` without standby; `standby_ms` beside it", "`uptime_ms` alone"),
    Likeness(
        "replays",
        "real mp4 (PyAV), X11 only, at most 20 fps, without sound; kept 10 minutes after the browser's end; "
        "`replay_view_url` is the file itself",
        "real mp4, kept; a page to view it",
    ),
    Likeness(
        "telemetry: events and fields",
        "the SDK's; tabs only, no workers or frames of other sites; no bodies, no posted data, no headers "
        "with credentials; no `connection`, `captcha`, `platform` or `cdp_command` events",
        "all of them",
    ),
    Likeness(
        "telemetry: history",
        "the last 5,000 events or 16 MB, until the server's end; no export",
        "30 days",
    ),
    Likeness(
        "browser pools",
        "filled at once, one browser after the other (`fill_rate_per_minute` is not heeded)",
        "by the fill rate",
    ),
    Likeness("`update` of `viewport`, `network`", "501: the screen keeps its size", "real"),
    Likeness("`network.allowed_hosts`", "by name resolution in Chromium", "by a proxy"),
    Likeness(
        "`headless`, `stealth`, `region`, `memory`, `invocation_id`",
        "echoed, and named in `warnings`",
        "real",
    ),
    Likeness(
        "profiles, proxies, extensions, vaults, location, policies, GPU, apps, projects",
        "501",
        "real",
    ),
    Likeness("live view", "none: no address for it is given", "real"),
    Likeness(
        "process, fs, logs, repl, playwright, webmcp, curl, CDP",
        "501: they would be this machine's",
        "inside the VM",
    ),
    Likeness("addresses", "`http:` and `https:` only, no file dialogs", "what its image allows"),
    Likeness("Chromium", "this machine's: other codecs, other fonts", "Kernel's build"),
)


def markdown() -> str:
    """Write it as docs/local.md has it."""
    rows = [("area", "here", "Kernel"), ("---", "---", "---")]
    rows += [(row.area, row.here, row.kernel) for row in FIDELITY]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
