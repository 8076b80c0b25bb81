"""Asking a terminal for a desktop notification: which way it takes, and the bytes. Nothing here writes them.

OSC 9 is iTerm2's (WezTerm, Ghostty, Kitty, Konsole and Windows Terminal know it too), OSC 777 that of urxvt
(foot, VTE's terminals). A terminal that knows neither may print what it does not know, so nothing is sent
unless the environment names one that does, or a person says which. tmux hands on only what is wrapped for it,
and only with `allow-passthrough`; screen hands on nothing of the kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from collections.abc import Mapping

OFF: Final = "off"
OSC9: Final = "osc9"
OSC777: Final = "osc777"
TITLE: Final = "pilothouse"
TEXT_MAX: Final = 120

_BY_PROGRAM: Final = {"iTerm.app": OSC9, "WezTerm": OSC9, "ghostty": OSC9, "kitty": OSC9, "vscode": OFF}
_BY_TERM: Final = (
    ("xterm-kitty", OSC9),
    ("xterm-ghostty", OSC9),
    ("wezterm", OSC9),
    ("foot", OSC777),
    ("rxvt-unicode", OSC777),
)
# Variables of the outer terminal, which a tmux server inherits from where it was started.
_BY_VARIABLE: Final = (
    ("ITERM_SESSION_ID", OSC9),
    ("KITTY_WINDOW_ID", OSC9),
    ("WEZTERM_PANE", OSC9),
    ("GHOSTTY_RESOURCES_DIR", OSC9),
    ("WT_SESSION", OSC9),
    ("KONSOLE_VERSION", OSC9),
    ("VTE_VERSION", OSC777),
)


def way_of(environ: Mapping[str, str], multiplexer: str = "", wanted: str = "auto") -> str:
    """Choose how this terminal is asked: `osc9`, `osc777` or `off`.

    Args:
        environ: The environment of the viewer.
        multiplexer: `tmux`, `screen` or empty, as the probe found it.
        wanted: What the person said: one of these, or `auto`.
    """
    if multiplexer == "screen":
        return OFF
    if wanted != "auto":
        return wanted
    if not multiplexer and (way := _BY_PROGRAM.get(environ.get("TERM_PROGRAM", ""))):
        return way
    if environ.get("LC_TERMINAL") == "iTerm2":  # comes along over SSH
        return OSC9
    term = environ.get("TERM", "")
    if way := next((way for name, way in _BY_TERM if term.startswith(name)), ""):
        return way
    return next((way for name, way in _BY_VARIABLE if environ.get(name)), OFF)


def desktop(text: str, way: str, *, tmux: bool = False) -> str:
    """Give the bytes that ask for a notification; empty when the terminal is not asked.

    The text is cleaned and on one line here. It begins with our name: a digit there would be a command to
    terminals that took more of OSC 9 from ConEmu. A semicolon would end a field of OSC 777.
    """
    line = clean_line(text, TEXT_MAX)
    match way:
        case "osc9":
            sequence = f"\x1b]9;{TITLE}: {line}\a"
        case "osc777":
            sequence = f"\x1b]777;notify;{TITLE};{line.replace(';', ',')}\a"
        case _:
            return ""
    return through_tmux(sequence) if tmux else sequence


def through_tmux(sequence: str) -> str:
    """Wrap a sequence for the terminal outside of tmux."""
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
