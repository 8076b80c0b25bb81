"""How a journal's lines are framed and checked: `<crc32> <len> <json>`. Nothing here opens a file.

The crc is chained over the previous line's, so that a dropped, reordered, spliced or altered line is found
(terminal-and-journal §2.1). *Framing lines* (header, segment, seal) carry `frame` instead of `seq` and are
never given to a reader of events.
"""

from __future__ import annotations

import zlib

import msgspec

FORMAT = "pilothouse-journal"
FORMAT_VERSION = 1
LINE_MAX_BYTES = 8 << 20
"""A longer line is damage, whatever it says."""
INLINE_MAX_BYTES = 64 << 10
"""Text above this goes to a blob."""


class Header(msgspec.Struct, frozen=True, kw_only=True, tag_field="frame", tag="header"):
    """The first line of every journal."""

    fmt: str
    v: int
    run: str
    created: str
    host: str
    """A hash, never a name."""
    writer: str


class Segment(msgspec.Struct, frozen=True, kw_only=True, tag_field="frame", tag="segment"):
    """A writer reopened the journal; times from here on continue from `t`."""

    t: int
    wall: str
    torn_bytes: int = 0


class Seal(msgspec.Struct, frozen=True, kw_only=True, tag_field="frame", tag="seal"):
    """The last line of a finished run."""

    events: int
    blobs: int


Frame = Header | Segment | Seal

encode_frame = msgspec.json.Encoder().encode
decode_frame: msgspec.json.Decoder[Frame] = msgspec.json.Decoder(Frame)


class Damaged(Exception):
    """A line does not check; `args[0]` says how."""


def is_frame(json: bytes) -> bool:
    """Tell a framing line from an event: the tag is always the first key."""
    return json.startswith(b'{"frame":')


def pack(json: bytes, previous_crc: int) -> tuple[bytes, int]:
    """Frame one line; returns its bytes with newline, and the crc to chain the next one on."""
    crc = zlib.crc32(json, previous_crc)
    return b"%08x %d %b\n" % (crc, len(json), json), crc


def unpack(line: bytes, previous_crc: int) -> tuple[bytes, int]:
    """Check one line given without its newline; returns its JSON and its crc.

    Raises:
        Damaged: The line is cut, altered, or not the one that follows.
    """
    crc_text, _, rest = line.partition(b" ")
    length_text, _, json = rest.partition(b" ")
    if len(crc_text) != 8 or not length_text.isdigit() or len(length_text) > 8:
        raise Damaged("no frame")
    if int(length_text) != len(json) or str(len(json)).encode() != length_text:
        raise Damaged(f"{len(json)} bytes where {length_text.decode()} were framed")
    crc = zlib.crc32(json, previous_crc)
    if b"%08x" % crc != crc_text:
        raise Damaged("checksum differs")
    return json, crc
