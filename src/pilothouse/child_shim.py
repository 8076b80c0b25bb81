"""The few steps between fork and exec of a child; run as a script by `children.py`. Imports nothing of ours.

Arguments: the parent's pid, `uid:gid` or `-`, `from=to,…` file descriptors or `-`, then the command, with
its full path. A process that dies without a word (kill -9) takes its children along: Linux sends them SIGKILL
(`PR_SET_PDEATHSIG`). The order matters: the kernel clears that request when the identity changes, and the new
identity may not be able to read Python's own library, so that nothing is imported after it.
"""

import ctypes
import fcntl
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def _die_with_parent(parent: int) -> None:
    if not sys.platform.startswith("linux"):
        return  # our own servers see the end of stdin, Chromium the end of its pipe
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os._exit(127)


def _take_identity(identity: str) -> None:
    if identity == "-":
        return
    uid, gid = (int(part) for part in identity.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _place_descriptors(places: str) -> None:
    """Move inherited descriptors to the numbers the command expects, through copies out of the way."""
    if places == "-":
        return
    pairs = [tuple(int(number) for number in pair.split("=")) for pair in places.split(",")]
    clear = 1 + max(number for pair in pairs for number in pair)
    copies = [(_copy_above(given, clear), wanted) for given, wanted in pairs]
    for copy, wanted in copies:
        os.dup2(copy, wanted, inheritable=True)


def _copy_above(descriptor: int, floor: int) -> int:
    return int(fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, floor))


def main() -> None:
    """Become the command; says why not on stderr, exit 127."""
    parent, identity, places, *command = sys.argv[1:]
    try:
        _place_descriptors(places)
        _take_identity(identity)
        _die_with_parent(int(parent))
        os.execv(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main()
