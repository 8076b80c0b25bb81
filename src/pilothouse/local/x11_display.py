"""An X display of one's own: an Xvfb with a cookie, and no way in but its local socket. No input here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from pilothouse.children import Child, Identity, spawn
from pilothouse.errors import StartFailed

if TYPE_CHECKING:
    from pilothouse.local.kernel_actions import Screen

START_TIMEOUT_S = 15.0
_SOCKETS = Path("/tmp/.X11-unix")
_FAMILY_WILD = 0xFFFF
_COOKIE_NAME = b"MIT-MAGIC-COOKIE-1"


class Authority:
    """This process's own Xauthority file: the cookies of all displays it has started."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cookies: dict[str, bytes] = {}
        os.environ["XAUTHORITY"] = str(path)  # read by libxcb in us; children get their own

    def add(self, number: str, cookie: bytes) -> None:
        """Let us into a display."""
        self._cookies[number] = cookie
        self._write()

    def drop(self, number: str) -> None:
        """Forget a display."""
        self._cookies.pop(number, None)
        self._write()

    def _write(self) -> None:
        entries = b"".join(_entry(number, cookie) for number, cookie in self._cookies.items())
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(entries)
        fresh.chmod(0o600)
        fresh.replace(self._path)


class X11Display:
    """A running Xvfb.

    Attributes:
        name: What `DISPLAY` must say, such as `:7`.
        cookie_path: What `XAUTHORITY` must say for a program that may enter.
    """

    def __init__(self, child: Child, number: str, cookie_path: Path, authority: Authority) -> None:
        self._child = child
        self._number = number
        self._authority = authority
        self.name = f":{number}"
        self.cookie_path = cookie_path

    @classmethod
    async def start(
        cls, directory: Path, screen: Screen, identity: Identity | None, authority: Authority
    ) -> X11Display:
        """Start an Xvfb on a free display number.

        Raises:
            StartFailed: It did not come up; its last words are the reason.
        """
        cookie = secrets.token_bytes(16)
        cookie_path = directory / "Xauthority"
        cookie_path.write_bytes(_entry("", cookie))
        cookie_path.chmod(0o600)
        if identity:
            os.chown(cookie_path, identity.uid, identity.gid)
            _make_socket_directory()
        log = directory / "xvfb.log"
        child = await spawn(
            _command(screen, cookie_path), identity=identity, stdin=None, stderr=log, cwd=directory
        )
        number = await _number_of(child, log)
        authority.add(number, cookie)
        return cls(child, number, cookie_path, authority)

    async def close(self) -> None:
        """End it, and with it every window and client."""
        await self._child.terminate()
        self._authority.drop(self._number)


def _command(screen: Screen, cookie_path: Path) -> list[str]:
    size = f"{screen.width_px}x{screen.height_px}x24"
    options = f"-displayfd 1 -screen 0 {size} -dpi 96 -nolisten tcp -noreset".split()
    return ["Xvfb", *options, "-auth", str(cookie_path)]


async def _number_of(child: Child, log: Path) -> str:
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            number = (await child.stdout.readline()).decode().strip()
    except TimeoutError:
        number = ""
    if not number:
        await child.kill()
        raise StartFailed(f"Xvfb did not come up: {_last_words(log)}")
    return number


def _last_words(log: Path) -> str:
    words = log.read_text("utf-8", errors="replace").strip().splitlines()
    return words[-1] if words else "it said nothing"


def _make_socket_directory() -> None:
    """Make the directory of X's sockets if the machine has none yet: only root makes it as it must be."""
    with contextlib.suppress(FileExistsError):
        _SOCKETS.mkdir()
        _SOCKETS.chmod(0o1777)


def _entry(number: str, cookie: bytes) -> bytes:
    """Write one record of an Xauthority file, for any host; an empty number means any display."""
    fields = (b"", number.encode(), _COOKIE_NAME, cookie)
    return struct.pack(">H", _FAMILY_WILD) + b"".join(struct.pack(">H", len(part)) + part for part in fields)
