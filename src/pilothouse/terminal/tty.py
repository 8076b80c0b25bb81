"""The terminal as a device: is it there, is it large enough, how to put it back.

Nothing here imports Textual.
"""

from __future__ import annotations

import contextlib
import os
import termios
from typing import TYPE_CHECKING, Any, Final

from pilothouse.errors import TerminalUnfit

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_COLUMNS: Final = 40
MIN_ROWS: Final = 12

RESTORE: Final = (
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # no mouse reports
    "\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[?2026l"  # no focus, paste and resize reports; no held frame
    "\x1b[<u\x1b[?7h\x1b[?25h\x1b[0m\x1b[?1049l"  # plain keys, wrap, cursor, colours, main screen
)
"""Undoes every mode Textual's driver sets; harmless when none is set."""

_leftovers: dict[str, str] = {}


def leave(name: str, undo: str) -> None:
    """Have a sequence written when the terminal is given back, even after a crash; empty for none.

    Pictures stay in a terminal's memory until they are deleted by their numbers.
    """
    _leftovers[name] = undo


def take_leftovers() -> str:
    """Give what is to be undone, once."""
    undo = "".join(_leftovers.values())
    _leftovers.clear()
    return undo


def require_terminal(fd_in: int = 0, fd_out: int = 1) -> tuple[int, int]:
    """Return the terminal's (columns, rows).

    Raises:
        TerminalUnfit: There is no terminal at both ends, or it is smaller than 40x12.
    """
    if not (os.isatty(fd_in) and os.isatty(fd_out)):
        raise TerminalUnfit(
            "there is no terminal here for the bridge", "", "use --plain or --headless --json"
        )
    columns, rows = os.get_terminal_size(fd_out)
    # A size of 0x0 means that nobody has said: Textual then takes 80x25.
    if (columns or MIN_COLUMNS) < MIN_COLUMNS or (rows or MIN_ROWS) < MIN_ROWS:
        raise TerminalUnfit(
            f"the terminal is {columns}x{rows}, and the bridge needs {MIN_COLUMNS}x{MIN_ROWS}",
            "",
            "enlarge it or use --plain",
        )
    return columns, rows


@contextlib.contextmanager
def restored(fd_in: int = 0, fd_out: int = 1) -> Iterator[None]:
    """Put the terminal's modes back when the body ends, however it ends short of SIGKILL.

    Textual restores them itself when it ends well; after a crash in the driver nobody does, and a shell that
    gets mouse reports is unusable.
    """
    before = _attributes(fd_in)
    try:
        yield
    finally:
        restore(fd_in, fd_out, before)


def restore(fd_in: int, fd_out: int, attributes: list[Any] | None) -> None:
    """Write `RESTORE` and set the line discipline back; a terminal that is gone is no error."""
    with contextlib.suppress(OSError, termios.error):
        if os.isatty(fd_out):
            os.write(fd_out, (take_leftovers() + RESTORE).encode("ascii"))
        if attributes is not None:
            termios.tcsetattr(fd_in, termios.TCSAFLUSH, attributes)


def _attributes(fd: int) -> list[Any] | None:
    try:
        return list(termios.tcgetattr(fd))
    except (OSError, termios.error):
        return None
