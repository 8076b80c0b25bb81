"""What lies between us and the terminal: tmux, asked by its own command, and mosh, known by its process.

A multiplexer answers the terminal's questions itself: the answers say nothing of the terminal behind it.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.regex import lazily

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S: Final = 1.0
_FORMAT: Final = (
    "#{allow-passthrough}|#{client_termtype}|#{client_termname}|#{client_cell_width}x#{client_cell_height}"
)
_TAKES_KITTY: Final = lazily(r"ghostty|kitty(?:\((\d+)\.(\d+))?", re.IGNORECASE)
_PLACEHOLDERS_SINCE: Final = (0, 28)
"""Kitty's first version with them (its changelog); Debian 12 has an older one."""
ANCESTORS: Final = 32


class Outer(msgspec.Struct, frozen=True):
    """The terminal that tmux runs in."""

    kitty: bool = False
    """Pictures get there, and it shows them."""
    cell_width_px: int = 0
    cell_height_px: int = 0


def outer_terminal(environ: Mapping[str, str]) -> Outer:
    """Ask tmux what it runs in, and whether it passes sequences on; all false where it does not say."""
    socket = environ.get("TMUX", "").partition(",")[0]
    if not socket:
        return Outer()
    pane = ["-t", environ["TMUX_PANE"]] if environ.get("TMUX_PANE") else []
    try:
        said = subprocess.run(
            ["tmux", "-S", socket, "display-message", "-p", *pane, _FORMAT],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
            env=dict(environ),
        ).stdout
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return Outer()
    return read_outer(said)


def read_outer(said: str) -> Outer:
    """Read tmux's answer."""
    passes, kind, name, cell = [*said.strip().split("|"), "", "", "", ""][:4]
    kitty = passes in ("on", "all") and knows_placeholders(f"{kind} {name}")
    size = re.fullmatch(r"(\d{1,4})x(\d{1,4})", cell)
    width_px, height_px = (int(size[1]), int(size[2])) if size else (0, 0)
    return Outer(kitty, width_px, height_px)


def knows_placeholders(name: str) -> bool:
    """Say by its name whether a terminal shows pictures in Kitty's Unicode placeholders.

    WezTerm, Konsole and others take Kitty's pictures and would show boxes in their place; no question tells.

    Args:
        name: As the terminal says it, `kitty(0.41.1)`; without a version any is taken to be new enough.
    """
    found = _TAKES_KITTY.search(name)
    if found is None:
        return False
    return found[1] is None or (int(found[1]), int(found[2])) >= _PLACEHOLDERS_SINCE


def is_under_mosh(proc: Path = Path("/proc")) -> bool:
    """Say whether mosh's server is among our ancestors; it sets no variable. No where that can't be known."""
    pid = os.getppid()
    for _ in range(ANCESTORS):
        try:
            head, _, rest = (proc / str(pid) / "stat").read_text(errors="replace").rpartition(")")
        except OSError:
            return False
        if "mosh-server" in head:
            return True
        pid = int(rest.split()[1])
        if pid <= 1:
            return False
    return False
