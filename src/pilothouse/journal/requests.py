"""A request to the model as the recording keeps it: its exact bytes, each picture named by its blob.

A kept request is a JSON array; a string in it stands for its UTF-8 bytes, `{"blob": sha256}` for the base64
of that blob. Put together they are the bytes that were sent, as their sha256 proves. No headers.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import msgspec

from pilothouse.errors import JournalError
from pilothouse.ids import is_sha256

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

MIME = "application/vnd.pilothouse.request+json"


class ByBlob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stands for the base64 of a blob."""

    blob: str


_decoder = msgspec.json.Decoder(list[str | ByBlob])


def text_piece(data: bytes) -> bytes:
    """Encode bytes of UTF-8 as one piece."""
    return msgspec.json.encode(data.decode())


def cut(data: bytes, pictures: Iterable[tuple[str, str]], mask: Callable[[str], str]) -> bytes:
    """Encode bytes as pieces, each picture's base64 (in order) replaced by the name of its blob.

    Args:
        data: UTF-8 text that holds the pictures' base64.
        pictures: Base64 and sha256 of each.
        mask: Takes secrets out of text; where there was one the bytes can't be had back.
    """
    pieces: list[bytes] = []
    at = 0
    for encoded, sha256 in pictures:
        found = data.index(encoded.encode(), at)
        pieces.append(msgspec.json.encode(mask(data[at:found].decode())))
        pieces.append(msgspec.json.encode(ByBlob(sha256)))
        at = found + len(encoded)
    pieces.append(msgspec.json.encode(mask(data[at:].decode())))
    return b",".join(pieces)


def kept(pieces: Iterable[bytes]) -> bytes:
    """Put pieces together as a kept request."""
    return b"[" + b",".join(pieces) + b"]"


async def restored(data: bytes, sha256: str, read: Callable[[str], Awaitable[bytes]]) -> bytes:
    """Give the exact bytes that were sent.

    Args:
        data: The kept request.
        sha256: Of the bytes as they were sent.
        read: Reads a blob by its sha256.

    Raises:
        JournalError: It can't be read, a blob is missing, or the bytes are not those that were sent.
    """
    try:
        pieces = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise JournalError(f"the kept request can't be read: {error}") from error
    body = b"".join([await _bytes_of(piece, read) for piece in pieces])
    if hashlib.sha256(body).hexdigest() != sha256:
        raise JournalError(
            "the request can't be given byte for byte: it does not match its sha256",
            way_out="a secret in it was masked, or the recording was changed",
        )
    return body


async def _bytes_of(piece: str | ByBlob, read: Callable[[str], Awaitable[bytes]]) -> bytes:
    if isinstance(piece, str):
        return piece.encode()
    if not is_sha256(piece.blob):
        raise JournalError("is no name of a blob", repr(piece.blob[:80]))
    return base64.b64encode(await read(piece.blob))
