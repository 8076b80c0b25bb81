"""Stored frames made into pictures, within limits a hostile recording can't pass.

Nothing here runs on the event loop.

A picture from a recording is outside data: it is decoded here and encoded anew for the terminal, never
passed on.
Measured (terminal-and-journal §3.4): within Pillow's own limits a 9.9 kB file takes 405 MiB and a second.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Final

from pilothouse.errors import PilothouseError

if TYPE_CHECKING:
    from PIL import Image

    from pilothouse.frames.geometry import Extent

MAX_PIXELS: Final = 16_000_000
"""Twice a 4K screen."""
MAX_BYTES: Final = 20 << 20
FORMATS: Final = ("PNG", "JPEG", "WEBP")


class FrameUnreadable(PilothouseError):
    """The bytes of a frame can't be shown; the run itself is not harmed."""


def decode(data: bytes) -> Image.Image:
    """Decode a frame to RGB.

    Raises:
        FrameUnreadable: It is too large, of another format, or damaged.
    """
    if len(data) > MAX_BYTES:
        raise FrameUnreadable(f"this frame has {len(data) >> 20} MiB, more than {MAX_BYTES >> 20}")
    from PIL import Image  # not for the first frame

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _check_size(image)
                return image.convert("RGB")
    except FrameUnreadable:
        raise
    except Exception as error:  # Pillow raises many kinds on damaged input; each means the same here
        raise FrameUnreadable("this frame can't be decoded") from error


def shrink(image: Image.Image, size_px: Extent) -> Image.Image:
    """Scale a picture to a size in pixels; downwards by area, so that thin lines of text stay visible."""
    from PIL import Image

    target = (max(size_px.width, 1), max(size_px.height, 1))
    if image.size == target:
        return image
    smaller = target[0] < image.width
    return image.resize(
        target, Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR, reducing_gap=2.0
    )


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise FrameUnreadable(f"this frame has {image.width}x{image.height} pixels, more than {MAX_PIXELS}")
