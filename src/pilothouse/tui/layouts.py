"""The sizes that a person gave the panes, per class of terminal sizes. Lays nothing out."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.errors import StateDirError
from pilothouse.paths import make_private, state_dir

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "layouts.json"
MAX_BYTES: Final = 20_000
LEAST, MOST = 20, 80
"""Per cent of the width, or of the height, that a pane keeps."""
BY = 5


class Shares(msgspec.Struct, frozen=True, omit_defaults=True):
    """The borders' places in per cent; 0 for where they are by themselves."""

    left: int = 0
    """Of the width: the left column's."""
    top: int = 0
    """Of the height: what is above the tool calls."""


USUAL: Final = Shares()


def size_class(width: int, height: int) -> str:
    """Name the class of a terminal's size: what suits one screen of it suits the others."""
    wide = "narrow" if width < 100 else "wide" if width < 160 else "broad"
    high = "short" if height < 24 else "middling" if height < 45 else "tall"
    return f"{wide}-{high}"


def within(share: float) -> int:
    """Bring a share into what panes keep."""
    return min(max(round(share), LEAST), MOST)


class Layouts:
    """Remembers shares; a file that can't be read is as none, one that can't be written is not missed."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._known: dict[str, Shares] | None = None

    def get(self, size: str) -> Shares:
        """Give the shares for a class of sizes."""
        return self._load().get(size, USUAL)

    def put(self, size: str, shares: Shares) -> None:
        """Remember the shares for a class of sizes, until the end of this bridge or until they are saved."""
        self._load()[size] = shares

    def save(self) -> None:
        """Remember them for good."""
        with contextlib.suppress(OSError, StateDirError):
            path = self._path or make_private(state_dir()) / NAME
            aside = path.with_name(f".{NAME}.{os.urandom(4).hex()}")
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(msgspec.json.encode(self._load()))
            aside.replace(path)

    def _load(self) -> dict[str, Shares]:
        if self._known is None:
            self._known = {}
            with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeError):
                with (self._path or state_dir() / NAME).open("rb") as file:
                    found = msgspec.json.decode(file.read(MAX_BYTES), type=dict[str, Shares])
                self._known = {size: _mended(shares) for size, shares in found.items()}
        return self._known


def _mended(shares: Shares) -> Shares:
    return Shares(*(share and within(share) for share in (shares.left, shares.top)))
