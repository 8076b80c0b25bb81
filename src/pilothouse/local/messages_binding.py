"""Thinking signatures bound to the conversation before them: an edited history is refused (model-api §4).

A signature carries its own proof: nothing about a conversation is kept between requests.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]
_LEAD = b"\x12\xa4\x01"  # signatures of the real API look like a protobuf message in base64
_PREV_BYTES = 12
_NONE = bytes(_PREV_BYTES)


def canonical(value: object) -> bytes:
    """Encode a JSON value so that key order and cache markers make no difference."""
    return json.dumps(_without_markers(value), sort_keys=True, separators=(",", ":")).encode()


def _without_markers(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_markers(item) for key, item in value.items() if key != "cache_control"}
    if isinstance(value, list):
        return [_without_markers(item) for item in value]
    return value


def blocks_of(message: Json) -> list[Any]:
    """List the content blocks of a message; a bare string is one text block."""
    content = message.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content or [])


class Prefix:
    """A running digest over system, tools and blocks; thinking is left out, for it may be dropped."""

    def __init__(self, body: Json) -> None:
        self._digest = hashlib.sha256(canonical([body.get("system"), body.get("tools")]))
        self.previous = _NONE

    def add(self, role: str, block: Json) -> None:
        """Go on by one block."""
        if block.get("type") in ("thinking", "redacted_thinking"):
            self.previous = _short(str(block.get("signature", "")))
        else:
            self._digest.update(role.encode() + b"\0" + canonical(block) + b"\n")

    def sign(self, secret: bytes) -> str:
        """Issue the signature for a thinking block that comes next."""
        return base64.b64encode(_LEAD + self.previous + self._mac(secret, self.previous)).decode()

    def accepts(self, secret: bytes, signature: str) -> bool:
        """Say whether a signature was issued here, after the same thinking or after none that is left."""
        try:
            raw = base64.b64decode(signature, validate=True)
        except ValueError:
            return False
        start = len(_LEAD)
        previous, mac = raw[start : start + _PREV_BYTES], raw[start + _PREV_BYTES :]
        same = hmac.compare_digest(mac, self._mac(secret, previous))
        return same and self.previous in (_NONE, previous)

    def _mac(self, secret: bytes, previous: bytes) -> bytes:
        return hmac.digest(secret, self._digest.digest() + previous, "sha256")


def _short(signature: str) -> bytes:
    return hashlib.sha256(signature.encode()).digest()[:_PREV_BYTES]


def prefix_of(body: Json) -> Prefix:
    """Digest a whole request: what the next thinking block is bound to."""
    prefix = Prefix(body)
    for message in body.get("messages") or []:
        for block in blocks_of(message):
            prefix.add(str(message.get("role")), block)
    return prefix


def broken_signatures(body: Json, secret: bytes) -> Iterator[tuple[int, int]]:
    """Yield message and block index of each thinking block that does not fit what comes before it."""
    prefix = Prefix(body)
    for i, message in enumerate(body.get("messages") or []):
        for j, block in enumerate(blocks_of(message)):
            if block.get("type") == "thinking" and not prefix.accepts(
                secret, str(block.get("signature", ""))
            ):
                yield i, j
            prefix.add(str(message.get("role")), block)
