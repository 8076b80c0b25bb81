"""What a look over this machine and terminal finds, and what to change. Prints nothing, changes nothing."""

from __future__ import annotations

import locale
import os
import platform
import shutil
import subprocess
import sys
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse import __version__, paths
from pilothouse.cli import staying
from pilothouse.errors import PilothouseError, TerminalUnfit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pilothouse.terminal.probe import Capabilities

PACKAGES: Final = ("textual", "textual-image", "anthropic", "kernel")
LOW_SPACE_BYTES: Final = 1 << 30
SLOW_LINK_MS: Final = 150.0
NETWORK_FILESYSTEMS: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs"})
KEYS: Final = {
    "ANTHROPIC_API_KEY": "runs with Claude; the demo and replays need none",
    "KERNEL_API_KEY": "runs with a browser of Kernel's; `--browser local` needs none",
}


class Verdict(StrEnum):
    """What a finding means for the person."""

    OK = "ok"
    NOTE = "note"
    """It works; something could be better, or is not there."""
    BAD = "bad"
    """Something will fail."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at."""

    subject: str
    found: str
    verdict: Verdict = Verdict.OK
    advice: str = ""
    """What to do about it; empty where there is nothing to do."""


def look_over(capabilities: Capabilities, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at everything, one finding after the other.

    Args:
        capabilities: What the terminal answered.
        environ: The environment of whoever asks.
    """
    yield _versions()
    yield _terminal(environ)
    yield _characters()
    yield _colours(capabilities, environ)
    yield _pictures(capabilities, environ)
    yield _round_trip(capabilities)
    yield _chromium()
    if sys.platform == "linux":
        yield _display()
        yield _logout()
    for name, wanted_for in KEYS.items():
        yield _key(name, wanted_for, environ)
    yield _settings()
    yield from _state_dir()


def _versions() -> Finding:
    installed = [f"{name} {_version(name)}" for name in PACKAGES]
    system = f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    return Finding(subject="versions", found=", ".join([f"pilothouse {__version__}", system, *installed]))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _terminal(environ: Mapping[str, str]) -> Finding:
    from pilothouse.terminal.tty import require_terminal

    term = environ.get("TERM", "") or "TERM is not set"
    try:
        columns, rows = require_terminal()
    except TerminalUnfit as unfit:
        return Finding(subject="terminal", found=unfit.what, verdict=Verdict.NOTE, advice=unfit.way_out)
    if columns < 100:
        return Finding(
            subject="terminal",
            found=f"{term}, {columns}x{rows}",
            verdict=Verdict.NOTE,
            advice="from 100 columns on the three panes stand side by side",
        )
    return Finding(subject="terminal", found=f"{term}, {columns}x{rows}")


def _characters() -> Finding:
    encoding = (sys.stdout.encoding or locale.getpreferredencoding(False)).lower().replace("-", "")
    if encoding == "utf8":
        return Finding(subject="characters", found="UTF-8")
    return Finding(
        subject="characters",
        found=f"the locale says {encoding}",
        verdict=Verdict.BAD,
        advice="export LC_ALL=C.UTF-8: frames and marks are drawn with its characters",
    )


def _colours(capabilities: Capabilities, environ: Mapping[str, str]) -> Finding:
    if environ.get("NO_COLOR"):
        return Finding(subject="colours", found="none, as NO_COLOR says", verdict=Verdict.NOTE)
    if capabilities.truecolor:
        return Finding(subject="colours", found="16 million")
    count = "256" if "256" in environ.get("TERM", "") else "16"
    return Finding(
        subject="colours",
        found=f"{count}, by COLORTERM and TERM",
        verdict=Verdict.NOTE,
        advice="if the terminal has more, export COLORTERM=truecolor (over SSH: SendEnv COLORTERM)",
    )


def _pictures(capabilities: Capabilities, environ: Mapping[str, str]) -> Finding:
    best = capabilities.best_painter
    cell = f", cells of {capabilities.cell_width_px}x{capabilities.cell_height_px} pixels"
    known = cell if capabilities.cell_width_px else ""
    if capabilities.multiplexer == "tmux":
        return _through_tmux(best, environ)
    if capabilities.multiplexer:
        return Finding(
            subject="pictures",
            found=f"{best}, inside {capabilities.multiplexer}",
            verdict=Verdict.NOTE,
            advice="outside of it the terminal can be asked for real pictures",
        )
    if best != "blocks":
        return Finding(subject="pictures", found=best + known)
    return Finding(
        subject="pictures",
        found=f"block characters{known}",
        verdict=Verdict.NOTE,
        advice="a terminal with Kitty graphics (kitty, Ghostty) or Sixel (foot) shows the page itself",
    )


def _through_tmux(best: str, environ: Mapping[str, str]) -> Finding:
    passes = _tmux_passthrough(environ)
    if passes in {"on", "all"}:
        return Finding(subject="pictures", found=f"{best}, inside tmux, which passes graphics through")
    return Finding(
        subject="pictures",
        found=f"{best}, inside tmux (allow-passthrough is {passes or 'not known'})",
        verdict=Verdict.NOTE,
        advice="tmux set -g allow-passthrough on, if the terminal around it has Kitty graphics",
    )


def _tmux_passthrough(environ: Mapping[str, str]) -> str:
    """Ask tmux whether it lets graphics through; empty where it does not say."""
    tmux = shutil.which("tmux")
    if tmux is None:
        return ""
    try:
        asked = subprocess.run(
            [tmux, "show-options", "-gv", "allow-passthrough"],
            capture_output=True,
            text=True,
            timeout=2,
            check=True,
            env=dict(environ),
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return asked.stdout.strip()[:20]


def _round_trip(capabilities: Capabilities) -> Finding:
    if not capabilities.has_answered:
        return Finding(subject="round trip", found="the terminal was not asked, or did not answer")
    found = f"{capabilities.rtt_ms:.0f} ms{' over SSH' if capabilities.ssh else ''}"
    if capabilities.rtt_ms < SLOW_LINK_MS:
        return Finding(subject="round trip", found=found)
    return Finding(
        subject="round trip",
        found=found,
        verdict=Verdict.NOTE,
        advice="on a slow line `--graphics blocks` keeps pictures small",
    )


def _chromium() -> Finding:
    from pilothouse.local.chromium import find_chromium, how_to_get, why_none

    found = find_chromium()
    if found is not None:
        return Finding(subject="Chromium", found=str(found.path))
    return Finding(subject="Chromium", found=why_none(), verdict=Verdict.NOTE, advice=how_to_get())


def _display() -> Finding:
    xvfb = shutil.which("Xvfb")
    if xvfb:
        return Finding(subject="Xvfb", found=xvfb)
    return Finding(
        subject="Xvfb",
        found="is not installed",
        verdict=Verdict.NOTE,
        advice="Debian, Ubuntu: sudo apt-get install xvfb xclip; without it local browsers are headless",
    )


def _logout() -> Finding:
    if not staying.logind_kills():
        return Finding(subject="logout", found="a run goes on after it")
    return Finding(
        subject="logout",
        found="ends runs: logind kills what a person left running",
        verdict=Verdict.NOTE,
        advice="loginctl enable-linger, and `pilothouse run --systemd`",
    )


def _key(name: str, wanted_for: str, environ: Mapping[str, str]) -> Finding:
    if environ.get(name, "").strip():
        return Finding(subject=name, found="is set")
    return Finding(subject=name, found="is not set", verdict=Verdict.NOTE, advice=f"wanted for {wanted_for}")


def _settings() -> Finding:
    from pilothouse.settings.file import settings_path
    from pilothouse.settings.resolve import resolve

    path = settings_path()
    try:
        resolve({})
    except PilothouseError as error:
        return Finding(subject="settings", found=str(error), verdict=Verdict.BAD, advice=error.way_out)
    return Finding(
        subject="settings", found=str(path) if path.exists() else f"defaults ({path} is not there)"
    )


def _state_dir() -> Iterator[Finding]:
    try:
        directory = paths.make_private(paths.state_dir())
        free = shutil.disk_usage(directory).free
    except PilothouseError as error:
        yield Finding(subject="state", found=str(error), verdict=Verdict.BAD, advice=error.way_out)
        return
    except OSError as error:
        yield Finding(subject="state", found=f"{paths.state_dir()}: {error.strerror}", verdict=Verdict.BAD)
        return
    short = free < LOW_SPACE_BYTES
    yield Finding(
        subject="state",
        found=f"{directory}, {free / 1e9:.1f} GB free",
        verdict=Verdict.NOTE if short else Verdict.OK,
        advice="make room, or set PILOTHOUSE_STATE_DIR to another disk" if short else "",
    )
    kind = filesystem(directory)
    if kind in NETWORK_FILESYSTEMS:
        yield Finding(
            subject="state's disk",
            found=f"is on the network ({kind})",
            verdict=Verdict.BAD,
            advice="locks and changes are not seen reliably there: set PILOTHOUSE_STATE_DIR to a local disk",
        )
    length = len(os.fsencode(paths.socket_path("a" * 10)))
    if length > paths.SOCKET_PATH_MAX_BYTES:
        yield Finding(
            subject="sockets",
            found=f"their path would have {length} bytes, {paths.SOCKET_PATH_MAX_BYTES} are possible",
            verdict=Verdict.BAD,
            advice="set PILOTHOUSE_STATE_DIR to a shorter path",
        )


def filesystem(directory: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """Name the kind of filesystem a directory is on; empty where the system does not tell."""
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for fields in (line.split() for line in lines):
        if len(fields) < 3:
            continue
        place = fields[1].replace("\\040", " ")
        if directory.is_relative_to(place) and len(place) >= len(best):
            best, kind = place, fields[2]
    return kind
