"""Thinking signatures bound to the conversation before them: an edited history is refused (model-api §4).

A signature carries its own proof: nothing about a conversation is kept between requests. A compaction block
stands for exactly what it sums up, so that thinking after it stays valid.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local.messages_compaction import opened
from pilothouse.local.messages_models import lookup, rank
from pilothouse.local.messages_prompt import Known, Place, canonical, digest, know

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]
_LEAD = b"\x12\xa4\x01"  # signatures of the real API look like a protobuf message in base64
_PREV_BYTES = 12
_NONE = bytes(_PREV_BYTES)
_MAC_BYTES = 32
_OWN_BYTES = 16
_START = bytes(32)
_LENGTH = len(_LEAD) + 1 + _PREV_BYTES + _MAC_BYTES + _OWN_BYTES


class Prefix:
    """A running digest over system, tools and blocks; thinking is left out, for it may be dropped."""

    def __init__(self, body: Json, secret: bytes) -> None:
        self._head = digest(canonical([body.get("system"), body.get("tools")]))
        self._secret = secret
        self._model = rank(body.get("model"))
        self._bound = bool((found := lookup(body.get("model"))) and found.bound)
        self.chain = _START
        self.previous = _NONE

    def add(self, block: Json, mark: bytes) -> None:
        """Go on by one block, whose digest is given."""
        match block.get("type"):
            case "thinking" | "redacted_thinking":
                self.previous = digest(str(block.get("signature", "")).encode())[:_PREV_BYTES]
            case "compaction" if summary := opened(block, self._secret):
                self.chain, self.previous = summary.chain, summary.previous
            case "compaction":
                pass  # a summary that failed counts as nothing
            case _:
                self.chain = digest(self.chain + mark)

    def sign(self) -> str:
        """Issue the signature for a thinking block that comes next."""
        stem = _LEAD + bytes([self._model]) + self.previous
        stem += self._mac(stem)
        return base64.b64encode(stem + self._own(stem)).decode()

    def problem(self, signature: str) -> str:
        """Say what is wrong with the signature of the next block, as `input_transformations` names it.

        `forged` is for one that was never issued here.
        """
        try:
            raw = base64.b64decode(signature, validate=True)
        except ValueError:
            return "forged"
        stem, own = raw[:-_OWN_BYTES], raw[-_OWN_BYTES:]
        if len(raw) != _LENGTH or not hmac.compare_digest(own, self._own(stem)):
            return "forged"
        if stem[len(_LEAD)] < self._model:
            return "model_binding_mismatch"
        before, mac = stem[:-_MAC_BYTES], stem[-_MAC_BYTES:]
        same = hmac.compare_digest(mac, self._mac(before))
        whole = same and self.previous in (_NONE, before[-_PREV_BYTES:])
        return "" if whole or not self._bound else "prefix_binding_mismatch"

    def _mac(self, stem: bytes) -> bytes:
        return hmac.digest(self._secret, self._head + self.chain + stem, "sha256")

    def _own(self, stem: bytes) -> bytes:
        return hmac.digest(self._secret, b"own" + stem, "sha256")[:_OWN_BYTES]


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request's thinking blocks."""

    prefix: Prefix
    """The digest of the whole request: what the next thinking block is bound to."""
    broken: list[tuple[Place, str]] = []
    """Blocks that do not fit what comes before them, and why."""
    foreign: list[Place] = []
    """Blocks of a newer model, which are not shown."""


def check(body: Json, known: list[Known], secret: bytes) -> Checked:
    """Walk a request's blocks and check each thinking block against what comes before it."""
    prefix = Prefix(body, secret)
    broken: list[tuple[Place, str]] = []
    foreign: list[Place] = []
    for place, block, mark in _blocks(known):
        if block.get("type") == "thinking":
            problem = prefix.problem(str(block.get("signature", "")))
            if problem == "model_binding_mismatch":
                foreign.append(place)
            elif problem:
                broken.append((place, problem))
        prefix.add(block, mark)
    return Checked(prefix=prefix, broken=broken, foreign=foreign)


def _blocks(known: list[Known]) -> Iterator[tuple[Place, Json, bytes]]:
    for i, one in enumerate(known):
        for j, (block, mark) in enumerate(zip(one.blocks, one.digests, strict=True)):
            yield (i, j), block, mark


def sign_next(body: Json, secret: bytes) -> str:
    """Issue the signature of the thinking block that would answer a request."""
    known = [know(message) for message in body.get("messages") or []]
    return check(body, known, secret).prefix.sign()
