"""Finding a Chromium, and the switches every one of ours is started with. Nothing here starts it.

`PILOTHOUSE_CHROMIUM` names one; else the known places and `PATH` are tried. Ubuntu's package is a stub that
starts a snap, which can't be driven: it is told apart and refused with a reason.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import msgspec

VARIABLE = "PILOTHOUSE_CHROMIUM"
_PLACES = (
    # Debian's /usr/bin/chromium is a script around this one, and stumbles over its own arithmetic.
    "/usr/lib/chromium/chromium",
    "/usr/lib/chromium-browser/chromium-browser",
    "/opt/google/chrome/chrome",
)
_BUNDLES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "~/Applications/Chromium.app/Contents/MacOS/Chromium",
    "~/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_SNAP_MARKS = (b"/snap/bin", b"snap install")


class Chromium(msgspec.Struct, frozen=True):
    """A Chromium that can be started."""

    path: Path


class Search(msgspec.Struct, frozen=True):
    """What a search came to: a Chromium, or the reasons against what was found."""

    found: Chromium | None
    rejected: tuple[str, ...] = ()


def find_chromium() -> Chromium | None:
    """Find a Chromium that can be driven, or None."""
    return search().found


def search() -> Search:
    """Find a Chromium, and say why others would not do."""
    named = os.environ.get(VARIABLE)
    rejected: list[str] = []
    for candidate in [Path(named).expanduser()] if named else _candidates():
        reason = _against(candidate)
        if reason is None:
            return Search(Chromium(candidate))
        if reason:
            rejected.append(f"{candidate} {reason}")
    return Search(None, tuple(rejected))


def why_none() -> str:
    """Say in half a sentence what is missing."""
    rejected = search().rejected
    if rejected:
        return "; ".join(rejected)
    named = os.environ.get(VARIABLE)
    return f"{VARIABLE} names {named}, which is not there" if named else "no Chromium is installed"


def how_to_get() -> str:
    """Say in one sentence how to get one here."""
    if sys.platform == "darwin":
        return f"install Google Chrome, or `brew install --cask chromium`, or set {VARIABLE}"
    if shutil.which("apt-get"):
        return (
            f"Debian: `sudo apt-get install chromium xvfb xclip`; Ubuntu: install Chrome, or set {VARIABLE}"
        )
    return f"install Chromium and Xvfb with your package manager, or set {VARIABLE}"


def _candidates() -> list[Path]:
    places = _BUNDLES if sys.platform == "darwin" else _PLACES
    on_path = (shutil.which(name) for name in _NAMES)
    return [Path(place).expanduser() for place in places] + [Path(path) for path in on_path if path]


def _against(candidate: Path) -> str | None:
    """Say what is wrong with a candidate: None if nothing is, empty if it is simply not there."""
    if not candidate.is_file():
        return ""
    if not os.access(candidate, os.X_OK):
        return "can't be run"
    target = candidate.resolve()
    if target.name == "snap" or target.is_relative_to("/snap") or _is_snap_stub(target):
        return "is a stub for a snap, which can't be driven"
    return None


def _is_snap_stub(target: Path) -> bool:
    try:
        with target.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return head.startswith(b"#!") and any(mark in head for mark in _SNAP_MARKS)


_QUIET_FEATURES = (
    "AutofillServerCommunication",
    "CertificateTransparencyComponentUpdater",
    "DialMediaRouteProvider",
    "InterestFeedContentSuggestions",
    "MediaRouter",
    "OptimizationHints",
    "PaintHolding",  # else a page just loaded drops clicks and keys for up to half a second
    "Translate",
)
_QUIET = (
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-extensions-with-background-pages",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-features=" + ",".join(_QUIET_FEATURES),
    "--disable-field-trial-config",
    "--disable-infobars",
    "--disable-search-engine-choice-screen",
    "--disable-session-crashed-bubble",
    "--disable-sync",
    "--gaia-url=http://127.0.0.1:9/",
    "--metrics-recording-only",
    "--no-pings",
    "--no-service-autorun",
    "--password-store=basic",
    "--test-type",  # no bar across the page about the switches above
    "--use-mock-keychain",
)
SHM_ROOM_BYTES = 256 << 20
"""Under this Chromium's shared memory may not fit into /dev/shm, as in many containers."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """How one Chromium is to be started."""

    profile: Path
    width_px: int
    height_px: int
    start_url: str = ""
    kiosk: bool = False
    headless: bool = False
    sandbox: bool = True
    offline: bool = False
    """Loopback addresses only: no name is ever looked up."""
    allowed_hosts: tuple[str, ...] = ()
    """If any: no other host's name resolves; `*.example.com` stands for its subdomains."""


def switches(start: Start) -> list[str]:
    """List the command line of a Chromium, without its path; DevTools speak on descriptors 3 and 4."""
    return [
        *_QUIET,
        f"--user-data-dir={start.profile}",
        "--remote-debugging-pipe",
        *_window(start),
        *_resolver(start),
        *([] if start.sandbox else ["--no-sandbox"]),
        *(["--disable-dev-shm-usage"] if _little_shm() else []),
        start.start_url or "about:blank",
    ]


def _window(start: Start) -> list[str]:
    if start.headless:
        return ["--headless=new", f"--window-size={start.width_px},{start.height_px}", "--mute-audio"]
    # One pixel more each way: without a window manager the last row and column stay black (kernel-api §0.9).
    size = f"--window-size={start.width_px + 1},{start.height_px + 1}"
    return ["--ozone-platform=x11", "--window-position=0,0", size, *(["--kiosk"] if start.kiosk else [])]


def _resolver(start: Start) -> list[str]:
    """Map every name but the allowed ones to nothing; numeric addresses go the same way."""
    if not start.offline and not start.allowed_hosts:
        return []
    kept = ("127.0.0.1", "localhost", "[::1]") if start.offline else start.allowed_hosts
    rules = ", ".join(["MAP * ~NOTFOUND", *(f"EXCLUDE {host}" for host in kept)])
    # A proxy would look names up for us.
    return [f"--host-resolver-rules={rules}", "--no-proxy-server"]


def _little_shm() -> bool:
    try:
        room = os.statvfs("/dev/shm")
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < SHM_ROOM_BYTES
