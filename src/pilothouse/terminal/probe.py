"""What the terminal can show, asked once before Textual starts. Nothing here imports Textual or paints.

All questions go out in one write that ends with DA1, which every terminal answers, and are read until that
answer: a slow link delays the result but leaves no reply behind for the key parser (tested to 600 ms).
"""

from __future__ import annotations

import fcntl
import os
import select
import struct
import sys
import termios
import time
import tty
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.regex import lazily
from pilothouse.terminal.multiplexer import is_under_mosh, knows_placeholders, outer_terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S: Final = 2.0
REPLY_LIMIT_BYTES: Final = 65_536
_KITTY_ID: Final = 31
# A one-pixel picture that is asked about and not kept; its name; the cell size; then DA1, the fence.
QUERY: Final = f"\x1b_Gi={_KITTY_ID},s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[>0q\x1b[16t\x1b[c".encode("ascii")

_DA1: Final = lazily(rb"(?:\x1b\[|\x9b)\?([\d;]+)c")
_KITTY_OK: Final = lazily(rb"(?:\x1b_|\x9f)G(?:[^\x1b\x9c;]*,)?i=31(?:,[^\x1b\x9c;]*)?;OK")
_NAME: Final = lazily(rb"(?:\x1bP|\x90)>\|([^\x1b\x9c]{1,200})(?:\x1b\\|\x9c)")
_CELL_SIZE: Final = lazily(rb"(?:\x1b\[|\x9b)6;(\d{1,4});(\d{1,4})t")
_SIXEL_ATTRIBUTE: Final = b"4"


class Capabilities(msgspec.Struct, frozen=True):
    """What is known of the terminal; all false and zero when it was not asked or did not answer."""

    kitty: bool = False
    """It takes Kitty's graphics protocol, and shows pictures in its Unicode placeholders."""
    sixel: bool = False
    cell_width_px: int = 0
    cell_height_px: int = 0
    rtt_ms: float = 0.0
    """From the question to the last answer."""
    multiplexer: str = ""
    """`tmux`, `screen`, `mosh` or empty; it is not asked, since it would answer for the terminal."""
    passthrough: bool = False
    """tmux hands pictures on to a terminal that takes Kitty's."""
    ssh: bool = False
    truecolor: bool = False
    has_answered: bool = False
    """DA1 came back: the reading is complete, and nothing is left to arrive."""

    @property
    def best_painter(self) -> str:
        """Name the best way to show a picture: `kitty`, `sixel` or `blocks`.

        Sixel is as large as its pixels: without the size of a cell nobody knows how many cells it covers.
        """
        if self.kitty or self.passthrough:
            return "kitty"
        return "sixel" if self.sixel and self.cell_width_px and self.cell_height_px else "blocks"


def probe(
    fd_in: int | None = None,
    fd_out: int | None = None,
    timeout_s: float = TIMEOUT_S,
    environ: Mapping[str, str] | None = None,
) -> Capabilities:
    """Ask the terminal what it can show; blocks for one round trip, at most `timeout_s` seconds.

    Without a terminal at both ends, or behind tmux, screen or mosh, nothing is written and pictures are
    blocks; tmux itself is asked whether it passes pictures on.
    Terminal modes are restored, and input that arrived meanwhile is discarded.
    """
    environ = os.environ if environ is None else environ
    known = from_environment(environ)
    fd_in = sys.__stdin__.fileno() if fd_in is None and sys.__stdin__ else fd_in
    fd_out = sys.__stdout__.fileno() if fd_out is None and sys.__stdout__ else fd_out
    if fd_in is None or fd_out is None or not (os.isatty(fd_in) and os.isatty(fd_out)):
        return Capabilities()
    if known.multiplexer == "tmux":
        outer = outer_terminal(environ)
        return msgspec.structs.replace(
            known,
            passthrough=outer.kitty,
            cell_width_px=outer.cell_width_px,
            cell_height_px=outer.cell_height_px,
        )
    if _is_mosh(environ):
        return msgspec.structs.replace(known, multiplexer="mosh")
    if known.multiplexer or environ.get("TERM") in ("dumb", "linux"):
        return known
    started_s = time.monotonic()
    reply = ask(fd_in, fd_out, QUERY, timeout_s)
    found = msgspec.structs.replace(
        read_reply(reply, known), rtt_ms=round((time.monotonic() - started_s) * 1000, 1)
    )
    return found if found.cell_width_px else _with_cell_of(fd_out, found)


def from_environment(environ: Mapping[str, str]) -> Capabilities:
    """Return what the environment alone says."""
    term = environ.get("TERM", "")
    multiplexer = ""
    if environ.get("TMUX") or term.startswith("tmux"):
        multiplexer = "tmux"
    elif environ.get("STY") or term.startswith("screen"):
        multiplexer = "screen"
    return Capabilities(
        multiplexer=multiplexer,
        ssh=any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY")),
        truecolor=environ.get("COLORTERM", "") in ("truecolor", "24bit")
        or "direct" in term
        or "kitty" in term,
    )


def read_reply(reply: bytes, known: Capabilities | None = None) -> Capabilities:
    """Return `known` with what the terminal's answers add to it."""
    known = known or Capabilities()
    da1 = _DA1.search(reply)
    cell = _CELL_SIZE.search(reply)
    name = _NAME.search(reply)
    height_px, width_px = (int(cell[1]), int(cell[2])) if cell else (0, 0)
    return msgspec.structs.replace(
        known,
        kitty=_KITTY_OK.search(reply) is not None
        and name is not None
        and knows_placeholders(name[1].decode("ascii", "replace")),
        sixel=da1 is not None and _SIXEL_ATTRIBUTE in da1[1].split(b";")[1:],
        cell_width_px=width_px,
        cell_height_px=height_px,
        has_answered=da1 is not None,
    )


def ask(fd_in: int, fd_out: int, query: bytes, timeout_s: float) -> bytes:
    """Write `query`, read until DA1 or the time is up, drop what is unread; return what was read."""
    before = termios.tcgetattr(fd_in)
    try:
        tty.setcbreak(fd_in, termios.TCSAFLUSH)
        os.write(fd_out, query)
        return _read_to_fence(fd_in, time.monotonic() + timeout_s)
    finally:
        termios.tcsetattr(fd_in, termios.TCSADRAIN, before)
        termios.tcflush(fd_in, termios.TCIFLUSH)


def _with_cell_of(fd: int, found: Capabilities) -> Capabilities:
    """Take the cell's size from the terminal's in pixels: xterm does not say it when asked, but sets this."""
    try:
        packed = fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return found
    rows, columns, width_px, height_px = struct.unpack("HHHH", packed)
    if not (rows and columns):
        return found
    return msgspec.structs.replace(found, cell_width_px=width_px // columns, cell_height_px=height_px // rows)


def _read_to_fence(fd_in: int, until_s: float) -> bytes:
    reply = b""
    while len(reply) < REPLY_LIMIT_BYTES and not _DA1.search(reply):
        left_s = until_s - time.monotonic()
        if left_s <= 0 or not select.select([fd_in], [], [], left_s)[0]:
            break
        data = os.read(fd_in, 4096)
        if not data:
            break
        reply += data
    return reply


def _is_mosh(environ: Mapping[str, str]) -> bool:
    return any(name.startswith("MOSH_") for name in environ) or is_under_mosh()
