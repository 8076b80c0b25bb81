"""How like Kernel this server is, area by area: the table of docs/local.md, at `/local/fidelity`. No code."""

from __future__ import annotations

FIDELITY: list[dict[str, str]] = [
    {
        "area": "paths, verbs, bodies, list headers, soft delete",
        "local": "the same",
        "note": "error codes guessed",
    },
    {
        "area": "unknown key name",
        "local": "400",
        "note": "Kernel ignores it and answers 200; --strict-kernel too",
    },
    {
        "area": "scroll",
        "local": "1 notch is 133 px",
        "note": "pixels per notch of the real image are unknown",
    },
    {"area": "smooth moves and typing", "local": "accepted, not done", "note": "timing only"},
    {"area": "direct routing and jwt", "local": "the same", "note": "--plain-routing leaves it out"},
    {"area": "inactivity timeout", "local": "5 s standby, then the timeout; deletes", "note": ""},
    {"area": "allowed_hosts", "local": "by name resolution", "note": "no proxy in between"},
    {"area": "headless, stealth, region, memory, telemetry", "local": "echoed with a warning", "note": ""},
    {
        "area": "profiles, proxies, extensions, vaults, location, policies, GPU, pools",
        "local": "501",
        "note": "never pretended",
    },
    {"area": "live view, replays", "local": "501", "note": ""},
    {"area": "process, fs, repl, playwright, curl, CDP", "local": "501", "note": "would be the host's"},
    {
        "area": "addresses",
        "local": "http and https",
        "note": "no file:, view-source:, chrome:, no file dialogs",
    },
    {"area": "Chromium", "local": "the machine's own", "note": "other codecs and fonts"},
]
