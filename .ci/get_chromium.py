"""See to it that `make demo` has a Chromium, where that is possible; never fails the demo.

As root it installs Debian's without asking; as another user it asks first, and only at a terminal. A snap
stub, which is what Ubuntu has, is not installed: it can't be driven. `local.chromium` says what counts.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

from pilothouse.local import chromium

PACKAGES = ("chromium", "xvfb", "xauth", "fonts-dejavu-core", "xclip")


def main() -> int:
    """Find one, else install one; always exit 0. Where neither can be, the demo says how to get one."""
    found = chromium.find_chromium() is not None
    if found and (sys.platform != "linux" or shutil.which("Xvfb")):
        return 0
    if shutil.which("apt-get") and apt_has_it("xvfb" if found else "chromium") and may_install():
        install([package for package in PACKAGES if not (found and package == "chromium")])
    return 0


def say(sentence: str) -> None:
    """Narrate on standard error."""
    print(f"pilothouse: {sentence}", file=sys.stderr, flush=True)


def apt_has_it(package: str) -> bool:
    """Ask apt for its candidate; that of a stub has `snap` in its version, or there is none."""
    if os.geteuid() == 0:
        subprocess.run(["apt-get", "update", "-qq"], stdin=subprocess.DEVNULL)
    shown = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True).stdout
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


def install(packages: list[str]) -> None:
    """Install Debian's packages; a failure is told, and left to the demo's fallback."""
    say(f"installing {', '.join(packages)}")
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = [*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL)
    if done.returncode:
        say(f"apt-get could not install them (exit {done.returncode})")


if __name__ == "__main__":
    sys.exit(main())
