"""Lossless PNGs, fast: one fixed filter and a quick deflate. Nothing here takes the picture.

Choosing a filter per row costs Pillow 25 ms for a 1280x800 page; "Sub" everywhere costs about 2 ms and 20 %
more bytes (kernel-api §4.3).
"""

from __future__ import annotations

import struct
import zlib

from PIL import Image, ImageChops

try:
    from isal.isal_zlib import compress
except ImportError:  # no build for this platform
    from zlib import compress

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SUB = b"\x01"
_CHANNELS = 3
_LEVEL = 1


def from_bgrx(pixels: bytes | bytearray, width_px: int, height_px: int) -> bytes:
    """Encode 32-bit little-endian X11 pixels, without alpha."""
    return from_image(Image.frombuffer("RGB", (width_px, height_px), pixels, "raw", "BGRX", 0, 1))


def from_image(image: Image.Image) -> bytes:
    """Encode an RGB picture."""
    width, height = image.size
    left = Image.new("RGB", image.size)
    left.paste(image, (1, 0))
    rows = ImageChops.subtract_modulo(image, left).tobytes()
    stride = width * _CHANNELS
    filtered = b"".join(_SUB + rows[start : start + stride] for start in range(0, height * stride, stride))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", compress(filtered, _LEVEL)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
