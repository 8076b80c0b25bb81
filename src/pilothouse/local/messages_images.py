"""Sizes of pictures, read from their first bytes, and the tokens they cost. Decodes nothing."""

from __future__ import annotations

import base64
import binascii
import struct
from functools import lru_cache

_PATCH_PX = 28
_HEAD_CHARS = (64, 4 * 1024, 64 * 1024)  # a PNG says its size at once, a JPEG after its tables
_PNG = b"\x89PNG\r\n\x1a\n"
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

Size = tuple[int, int]


def image_tokens(width_px: int, height_px: int) -> int:
    """Count the visual tokens of a picture: one per 28 px square begun (model-api §2)."""
    return -(-width_px // _PATCH_PX) * -(-height_px // _PATCH_PX)


@lru_cache(maxsize=1_024)
def fitted(size: Size, max_edge_px: int, max_tokens: int) -> Size:
    """Scale a picture down until it keeps both limits; the greatest long edge is found by halving."""
    long_edge = max(size)
    low, high = 1, min(long_edge, max_edge_px)
    while low < high:
        middle = (low + high + 1) // 2
        if image_tokens(*_scaled(size, middle)) <= max_tokens:
            low = middle
        else:
            high = middle - 1
    return _scaled(size, low)


def _scaled(size: Size, long_edge: int) -> Size:
    width, height = size
    if width >= height:
        return long_edge, max(1, round(height * long_edge / width))
    return max(1, round(width * long_edge / height)), long_edge


def media_type(base64_data: str) -> str:
    """Say what a picture is, by its first bytes; empty for none that is known."""
    head = _decoded(base64_data[:64])
    if head.startswith(_PNG):
        return "image/png"
    if head.startswith(b"\xff\xd8"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else ""


def image_size(base64_data: str) -> Size | None:
    """Read width and height in pixels of a PNG, JPEG, GIF or WebP; None when it is none of them."""
    for chars in _HEAD_CHARS:
        size = size_of(_decoded(base64_data[:chars]))
        if size or len(base64_data) <= chars:
            return size
    return None


def _decoded(head: str) -> bytes:
    try:
        return base64.b64decode(head[: len(head) // 4 * 4])
    except (binascii.Error, ValueError):
        return b""


def size_of(data: bytes) -> Size | None:
    """Read width and height from the first bytes of a picture."""
    if data.startswith(_PNG) and len(data) >= 24:
        return struct.unpack(">II", data[16:24])
    if data.startswith((b"GIF87a", b"GIF89a")) and len(data) >= 10:
        return struct.unpack("<HH", data[6:10])
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    return _jpeg(data) if data.startswith(b"\xff\xd8") else None


def _jpeg(data: bytes) -> Size | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _SOF:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


def _webp(data: bytes) -> Size | None:
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L" and len(data) >= 25:
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None
