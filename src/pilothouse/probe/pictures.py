"""Small pictures for questions about pictures, and reading an answer back from one. Nothing is kept."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

STRIPE_PX = 20
STRIPES = 256
_BLUE = 128


def plain(width: int, height: int) -> bytes:
    """Make a grey PNG."""
    rows = (b"\x00" + b"\x80" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def block(png: bytes) -> dict[str, Any]:
    """Word a picture as the model's API takes it."""
    data = base64.b64encode(png).decode("ascii")
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


PAGE = (
    "data:text/html,<title>probe</title><body style='margin:0'>"
    "<input style='position:fixed;top:0;left:0;width:400px;height:40px;border:0'><script>"
    f"for(let i=0;i<{STRIPES};i++)document.write(`<div style='height:{STRIPE_PX}px;background:"
    f"rgb(${{i>>4<<4}},${{(i&15)<<4}},{_BLUE})'></div>`)</script>"
)
"""A page whose stripes tell by their colour how far it is scrolled, and which has a field to type in."""


def page_top(png: bytes) -> tuple[int, int] | None:
    """Say where on a screenshot the page begins and how far it is scrolled, in pixels; None: no such page."""
    from PIL import Image  # the core must not import PIL at import time

    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        picture = image.convert("RGB")
    x = picture.width * 3 // 4
    stripes = [_stripe(picture.getpixel((x, y))) for y in range(picture.height)]
    top = next((y for y, stripe in enumerate(stripes) if stripe is not None), None)
    if top is None:
        return None
    for y in range(top + 1, len(stripes)):
        before, here = stripes[y - 1], stripes[y]
        if before is not None and here == before + 1:
            return top, here * STRIPE_PX - (y - top)
    return None


def _stripe(pixel: Any) -> int | None:
    red, green, blue = pixel
    return (red >> 4 << 4) + (green >> 4) if blue == _BLUE and not red % 16 and not green % 16 else None
