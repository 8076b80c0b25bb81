"""Pictures in few colours, as small as a size in bytes asks for. Nothing here knows a terminal.

A screenshot in 64 colours reads as well as the original and takes a sixth of the bytes (tui-style §3.2).
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final, NamedTuple

from pilothouse.regex import lazily

if TYPE_CHECKING:
    from PIL import Image


class Quality(NamedTuple):
    """How much of a picture is sent."""

    colours: int
    shrink: int = 1
    """The terminal is sent so many pixels fewer, each way, and enlarges."""


LADDER: Final = (Quality(64), Quality(32), Quality(16), Quality(16, 2), Quality(8, 2))
"""From the best down."""
BEST: Final = LADDER[0]
KB_AT: Final = (64, 32, 24, 16, 0)
"""A whole frame at this quality may take so many kB; rough, since pages differ."""
_DEFINED: Final = lazily(r"#(\d+);2;\d+;\d+;\d+")


def quality_for(budget_bytes: int, last_bytes: int, last: Quality) -> Quality:
    """Choose a quality for frames of at most so many bytes, by what a whole one took before.

    Args:
        budget_bytes: What a frame may take; 0 for as much as it likes.
        last_bytes: What the last whole frame took; 0 for none yet.
        last: The quality it had.
    """
    if not budget_bytes:
        return BEST
    if not last_bytes:
        return next(q for q, kb in zip(LADDER, KB_AT, strict=True) if budget_bytes >= kb * 1000)
    at = LADDER.index(last)
    if last_bytes > budget_bytes:
        return LADDER[min(at + 1, len(LADDER) - 1)]
    if last_bytes * 2 < budget_bytes:
        return LADDER[max(at - 1, 0)]
    return last


def indexed(image: Image.Image, colours: int) -> Image.Image:
    """Give a picture in at most so many colours, exact where it has no more."""
    from PIL import Image  # not for the first frame

    few = image.getcolors(colours)
    if few is not None:
        return image.quantize(max(len(few), 2), method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return image.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def sixels(image: Image.Image, quality: Quality) -> str:
    """Encode a picture as sixels of few colours.

    A colour is selected after it is defined: to define it selects it in most terminals, but not in xterm 379.
    """
    from textual_image._sixel import SixelOptions, image_to_sixels

    part = indexed(image, quality.colours).convert("RGB")
    data = image_to_sixels(part, SixelOptions(colors=quality.colours))
    return _DEFINED.sub(r"\g<0>#\1", data)


def png(image: Image.Image, quality: Quality) -> bytes:
    """Encode a picture as a PNG of few colours."""
    if quality.shrink > 1:
        size = (max(image.width // quality.shrink, 1), max(image.height // quality.shrink, 1))
        from PIL import Image

        image = image.resize(size, Image.Resampling.BOX)
    small = indexed(image, quality.colours)
    small.info = {}  # a colour profile of the source would be copied into every piece
    out = io.BytesIO()
    small.save(out, "PNG", compress_level=6)
    return out.getvalue()
