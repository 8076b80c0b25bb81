"""The one door for pictures to the terminal: graphics sequences of ours, checked to be nothing else.

What a painter makes is base64 or sixel data between fixed brackets, and only that passes; text can't. Inside
tmux it is wrapped for passing through. Nothing here encodes a picture.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Self

from pilothouse.errors import PilothouseError
from pilothouse.regex import lazily

_DATA: Final = r"m=[01];[A-Za-z0-9+/=]{1,4096}"
_KITTY: Final = (
    rf"\x1b_G(?:a=T,U=1,q=2,f=100,i=\d{{1,8}},p=1,c=\d{{1,3}},r=\d{{1,3}},{_DATA}"
    rf"|q=2,{_DATA}|a=d,d=I,q=2,i=\d{{1,8}})\x1b\\"
)
"""The three commands of `frames.kitty`: none names a file, none asks for an answer."""
_SIXEL: Final = r"\x1bP[\d;]{0,20}q[\x21-\x7e]*\x1b\\"
_OURS: Final = lazily(f"(?:{_KITTY}|{_SIXEL})+")


class NotAPicture(PilothouseError):
    """A painter gave something that is no graphics sequence; nothing of it was sent."""


class Graphic(NamedTuple):
    """A whole graphics sequence, made by `of` alone."""

    data: str
    row: int = -1
    """Where it is drawn, in cells of the screen; -1 where it has no place of its own."""
    column: int = -1

    @classmethod
    def of(cls, data: str, row: int = -1, column: int = -1) -> Self:
        """Check that `data` is nothing but pictures.

        Raises:
            NotAPicture: It is not.
        """
        if _OURS.fullmatch(data) is None:
            raise NotAPicture("a painter made something that is no picture", ascii(data[:40]))
        return cls(data, row, column)

    def written(self, *, in_tmux: bool) -> str:
        """Give what is written, the cursor left where it was."""
        data = passed_through(self.data) if in_tmux else self.data
        if self.row < 0:
            return data
        return f"\x1b7\x1b[{self.row + 1};{self.column + 1}H{data}\x1b8"


def passed_through(data: str) -> str:
    """Wrap sequences so that tmux hands them on to the terminal it runs in, each by itself."""
    parts = re.findall(r"\x1b.*?\x1b\\", data, re.DOTALL)
    return "".join(f"\x1bPtmux;{part.replace(chr(27), chr(27) * 2)}\x1b\\" for part in parts)
