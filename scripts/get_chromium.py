"""Find a Chromium for `make demo`, or install Debian's; never fails the demo, which has a fallback.

As root it installs without asking; as another user it asks first, and only at a terminal. A snap stub, which
is what Ubuntu has, is not installed: neither Xvfb nor CDP from a private profile can drive it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = ("chromium", "xvfb", "xauth", "fonts-dejavu-core", "xclip")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_APPS = ("Chromium.app/Contents/MacOS/Chromium", "Google Chrome.app/Contents/MacOS/Google Chrome")


def main() -> int:
    """Say in one line what was found or done; always exit 0."""
    chromium = find()
    if chromium and (sys.platform != "linux" or shutil.which("Xvfb") or not shutil.which("apt-get")):
        return 0
    if not shutil.which("apt-get"):
        say("no Chromium was found: install Chromium or Google Chrome to see the demo live")
    elif not apt_has_a_real_one() and not chromium:
        say("apt has no Chromium but a snap stub: install Google Chrome's .deb package to see the demo live")
    elif may_install():
        install()
    else:
        say(f"no Chromium with Xvfb was found: sudo apt-get install {' '.join(PACKAGES)}")
    return 0


def say(sentence: str) -> None:
    """Narrate on standard error."""
    print(f"pilothouse: {sentence}", file=sys.stderr, flush=True)


def find() -> str:
    """Look in the places where a real Chromium or Chrome lives."""
    if sys.platform == "darwin":
        roots = (Path("/Applications"), Path.home() / "Applications")
        return next((str(root / app) for root in roots for app in MAC_APPS if (root / app).exists()), "")
    return next((path for name in NAMES if (path := shutil.which(name)) and not is_snap_stub(path)), "")


def is_snap_stub(path: str) -> bool:
    """Tell Ubuntu's stand-in, a link or a script that only calls snap, from a browser."""
    real = Path(path).resolve()
    if real.name == "snap" or "/snap/" in str(real):
        return True
    with real.open("rb") as program:
        return b"/snap/bin/" in program.read(4096)


def apt_has_a_real_one() -> bool:
    """Ask apt for its candidate; Ubuntu's has `snap` in its version, or there is none."""
    if os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], stdin=subprocess.DEVNULL)
    shown = subprocess.run(["apt-cache", "policy", "chromium"], capture_output=True, text=True).stdout
    candidate = re.search(r"Candidate: (\S+)", shown)
    return candidate is not None and candidate[1] != "(none)" and "snap" not in candidate[1]


def may_install() -> bool:
    """Root may; anyone else is asked, if there is a terminal to ask at."""
    if os.geteuid() == 0:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty() and shutil.which("sudo")):
        return False
    print(f"Install {', '.join(PACKAGES)} with sudo apt-get? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def install() -> None:
    """Install Debian's packages."""
    say(f"installing {', '.join(PACKAGES)}")
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = [*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
    done = subprocess.run(command, env=environment, stdout=sys.stderr)
    if done.returncode:
        say(f"apt-get could not install them (exit {done.returncode}): the demo will be a replay")


if __name__ == "__main__":
    sys.exit(main())
