"""Whether a run outlives the person's logout, and how it is made to. Starts nothing but what asks the system.

A detached engine survives hang-up and the end of its terminal. Where logind kills a user's processes at
logout (KillUserProcesses), it survives only in a unit of the user's own manager, and that only while the
manager does: for good where the user lingers.
"""

from __future__ import annotations

import configparser
import getpass
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pilothouse.errors import UsageError
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from collections.abc import Callable

ASK_S: Final = 10
_DIRECTORIES: Final = ("etc", "run", "usr/local/lib", "usr/lib", "lib")
"""Where logind's drop-ins live; of two of one name the one named first here wins."""
UNIT_PREFIX: Final = "pilothouse-"


def said_by(*argv: str) -> str | None:
    """Run a program that tells something; None when it can't be run, or has nothing to tell."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ASK_S, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def logind_kills(
    ask: Callable[..., str | None] = said_by, root: Path = Path("/"), uid: int | None = None
) -> bool:
    """Say whether a detached engine of this user is killed at their logout.

    False where there is no logind, where the user lingers, for root (whom logind spares unless it is told
    otherwise), or where nothing says so.

    Args:
        ask: Runs a program and gives what it says.
        root: Where the system's files are.
        uid: Whose logout; None for ours.
    """
    if (os.getuid() if uid is None else uid) == 0:
        return False
    if not (root / "run/systemd/system").is_dir() or lingers(ask):
        return False
    said = ask(
        "busctl",
        "get-property",
        "org.freedesktop.login1",
        "/org/freedesktop/login1",
        "org.freedesktop.login1.Manager",
        "KillUserProcesses",
    )
    if said in ("b true", "b false"):
        return said == "b true"
    return _configured(root)


def lingers(ask: Callable[..., str | None] = said_by) -> bool:
    """Say whether the user's manager goes on after their last logout."""
    return ask("loginctl", "show-user", _user(), "--property=Linger", "--value") == "yes"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _configured(root: Path) -> bool:
    """Read it where logind would: the main file, then the drop-ins by name; the last word counts."""
    main = [root / top / "systemd/logind.conf" for top in ("etc", "usr/lib", "lib")]
    files = [path for path in main if path.is_file()][:1]
    named: dict[str, Path] = {}
    for top in reversed(_DIRECTORIES):
        for path in (root / top / "systemd/logind.conf.d").glob("*.conf"):
            named[path.name] = path
    files += [named[name] for name in sorted(named)]
    said = False
    for path in files:
        parser = configparser.ConfigParser(strict=False, interpolation=None, allow_no_value=True)
        try:
            parser.read_string(path.read_text("utf-8", errors="replace"), str(path))
        except (OSError, configparser.Error):
            continue
        value = parser.get("Login", "KillUserProcesses", fallback=None)
        if value is not None:
            said = value.strip().lower() in ("yes", "true", "on", "1", "y", "t")
    return said


def unit_argv(run: str, ask: Callable[..., str | None] = said_by) -> tuple[str, ...]:
    """Give what starts an engine in a unit of the user's own manager, to stand before its command.

    A scope: the engine is still our child, with the standard input, the pipe and the environment that it
    inherits, so that no key is ever on a command line.

    Raises:
        UsageError: There is no such manager to be had.
    """
    if shutil.which("systemd-run") is None:
        raise UsageError("systemd is not to be had here", "--systemd", "leave it out")
    if ask("systemd-run", "--user", "--scope", "--quiet", "--collect", "--", "true") is None:
        raise UsageError(
            "there is no systemd user manager for this login", "--systemd", "leave it out, or log in anew"
        )
    unit = f"--unit={UNIT_PREFIX}{run}"
    about = f"--description=Pilothouse run {clean_line(run, 20)}"
    return ("systemd-run", "--user", "--scope", "--quiet", "--collect", unit, about, "--")


def warning(
    *,
    in_unit: bool,
    ask: Callable[..., str | None] = said_by,
    root: Path = Path("/"),
    uid: int | None = None,
) -> str:
    """Say what a run does not survive; empty when it survives a logout."""
    if not logind_kills(ask, root, uid):
        return ""
    if in_unit:
        return "the run ends with your last logout: loginctl enable-linger lets it stay"
    return (
        "this system kills what is left at logout: run --systemd, and loginctl enable-linger, let a run stay"
    )
