"""Which desktop local browsers get: a display of their own, or the page alone. Nothing here starts one."""

from __future__ import annotations

import shutil
import sys

from pilothouse.errors import ChromiumUnavailable

BACKENDS = ("auto", "x11", "headless")


def choose_backend(wanted: str) -> str:
    """Settle on `x11` or `headless`.

    Raises:
        ChromiumUnavailable: X11 was asked for and can't be had.
    """
    missing = no_display()
    if wanted == "x11" and missing:
        raise ChromiumUnavailable(missing, "--backend x11", "install xvfb, or use --backend headless")
    if wanted != "auto":
        return wanted
    return "headless" if missing else "x11"


def no_display() -> str | None:
    """Say what keeps us from having displays here; None if nothing does."""
    if not sys.platform.startswith("linux"):
        return "X11 desktops are for Linux"
    return None if shutil.which("Xvfb") else "Xvfb is not installed"
