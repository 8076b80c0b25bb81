"""Compaction blocks: what they carry, how they are proven, and what may be asked of them (model-api §4).

A block stands for the messages it sums up. Its `encrypted_content` says how far the scenario had come and
what the thinking after it is bound to, so that a shortened history goes on where the long one stood.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local.messages_asked import Asked, beta_missing
from pilothouse.local.messages_refusal import Refusal, coded

if TYPE_CHECKING:
    from pilothouse.local.messages_prompt import Known, Place

Json = dict[str, Any]
ON_DEMAND_BETA = "compact-2026-09-04"
EDIT_BETA = "compact-2026-01-12"
EDIT = "compact_20260112"
TRIGGER_TOKENS = 150_000
TRIGGER_FLOOR_TOKENS = 50_000
_MAC_BYTES = 16
_ON_DEMAND_KEYS = frozenset({"type", "instructions"})
_REPLY_KEYS = ("context_management", "stop_sequences")


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a compaction block stands for."""

    chain: bytes
    """The digest of the messages summed up (`messages_binding`)."""
    previous: bytes
    progress: Json
    """How far the scenario had come (`scenario.Progress`)."""


def block_for(text: str, summary: Summary, secret: bytes, *, signed: bool) -> Json:
    """Make a compaction block; an on-demand one is signed."""
    packed = msgspec.json.encode(summary)
    sealed = base64.b64encode(_mac(secret, packed) + packed).decode()
    block: Json = {"type": "compaction", "content": text, "encrypted_content": sealed}
    if signed:
        block["signature"] = _signature(text, sealed, secret)
    return block


def opened(block: Json, secret: bytes) -> Summary | None:
    """Read a block's summary; None for a failed one, or one that was not made here."""
    if not block.get("content"):
        return None
    try:
        raw = base64.b64decode(str(block.get("encrypted_content")), validate=True)
        packed = raw[_MAC_BYTES:]
        if hmac.compare_digest(raw[:_MAC_BYTES], _mac(secret, packed)):
            return msgspec.json.decode(packed, type=Summary)
    except ValueError:
        pass
    return None


def _mac(secret: bytes, packed: bytes) -> bytes:
    return hmac.digest(secret, b"summary" + packed, "sha256")[:_MAC_BYTES]


def _signature(text: str, sealed: str, secret: bytes) -> str:
    own = hmac.digest(secret, b"sealed" + sealed.encode(), "sha256")[:_MAC_BYTES]
    said = hmac.digest(secret, own + text.encode(), "sha256")[:_MAC_BYTES]
    return base64.b64encode(own + said).decode()


def last_block(known: list[Known]) -> Place | None:
    """Find the newest compaction block that holds a summary: nothing before it is read."""
    for i in range(len(known) - 1, -1, -1):
        if known[i].summaries:
            return i, known[i].summaries[-1]
    return None


def on_demand_shape(asked: Asked) -> str | None:
    """An on-demand compaction says `summarize`, and nothing that shapes a reply."""
    given = asked.body.get("compaction")
    if given is None:
        return None
    if not isinstance(given, dict) or given.get("type") != "summarize":
        return "compaction.type: Input should be 'summarize'"
    extra = next((key for key in given if key not in _ON_DEMAND_KEYS), None)
    if extra:
        return f"compaction.{extra}: Extra inputs are not permitted"
    other = next((key for key in _REPLY_KEYS if asked.body.get(key)), None)
    if other:
        return f"compaction: cannot be combined with `{other}`"
    choice = asked.body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in ("any", "tool"):
        return "compaction: cannot be combined with a forced `tool_choice`"
    return None


def on_demand_content(asked: Asked) -> Refusal | None:
    """There is something to sum up, and its last call was answered."""
    if asked.body.get("compaction") is None or asked.counting or not asked.messages:
        return None
    last = asked.messages[-1]
    blocks = asked.records[-1].blocks
    if last.get("role") == "assistant" and any(block.get("type") == "tool_use" for block in blocks):
        message = "compaction: the last `assistant` turn is not finished: its `tool_use` has no `tool_result`"
        return coded("compaction_incomplete_turn", message)
    if all(block.get("type") == "compaction" for one in asked.records for block in one.blocks):
        return coded("compaction_nothing_to_summarize", "compaction: there is nothing to summarize")
    return None


def _signed_blocks(asked: Asked) -> list[tuple[Place, str, Json]]:
    return [
        ((i, j), str(one.message.get("role")), block)
        for i, one in enumerate(asked.records)
        for j, block in enumerate(one.blocks)
        if block.get("type") == "compaction" and block.get("signature")
    ]


def block_betas(asked: Asked) -> str | None:
    """A compaction block in the history needs the beta that it came with."""
    for i, one in enumerate(asked.records):
        for j, block in enumerate(one.blocks):
            if block.get("type") == "compaction":
                beta = ON_DEMAND_BETA if block.get("signature") else EDIT_BETA
                if beta_missing(asked, beta):
                    return (
                        f"messages.{i}.content.{j}: Input tag 'compaction' found using 'type' does not match "
                        "any of the expected tags"
                    )
                if block.get("content") == "":
                    return f"messages.{i}.content.{j}.compaction.content: must not be empty"
    return None


def signed_place(asked: Asked) -> Refusal | None:
    """An on-demand block is the first of the conversation, and the only one."""
    found = _signed_blocks(asked)
    if len([1 for _, _, block in found if block.get("content")]) > 1:
        message = "messages: more than one `compaction` block; send only the one that was returned last"
        return coded("compaction_block_ambiguous", message)
    for (i, j), role, _ in found:
        if (i, j) != (0, 0) or role == "system":
            message = f"messages.{i}.content.{j}: a `compaction` block must be the first block of `messages`"
            return coded("compaction_block_misplaced", message)
    return None


def no_edit_beside(asked: Asked) -> str | None:
    """An on-demand block does not go with the edit that compacts at a threshold."""
    edits = (asked.body.get("context_management") or {}).get("edits") or []
    compacts = any(isinstance(edit, dict) and edit.get("type") == EDIT for edit in edits)
    if compacts and _signed_blocks(asked):
        return f"messages.0.content.0: a `compaction` block cannot be combined with a `{EDIT}` edit"
    return None


def proven(asked: Asked, secret: bytes) -> Refusal | None:
    """Blocks come back as they were made."""
    for i, one in enumerate(asked.records):
        for j, block in enumerate(one.blocks):
            if block.get("type") != "compaction" or not block.get("content"):
                continue
            where, text = f"messages.{i}.content.{j}", str(block["content"])
            if opened(block, secret) is None:
                return coded(
                    "compaction_signature_invalid", f"{where}: Invalid `signature` in `compaction` block"
                )
            if not block.get("signature"):
                continue
            made = _signature(text, str(block.get("encrypted_content")), secret)
            if made == block["signature"]:
                continue
            own = base64.b64decode(made)[:_MAC_BYTES]
            if str(block["signature"])[:20] == base64.b64encode(own).decode()[:20]:
                message = f"{where}: `content` differs from the text that its `signature` recorded"
                return coded("compaction_content_mismatch", message)
            return coded(
                "compaction_signature_invalid", f"{where}: Invalid `signature` in `compaction` block"
            )
    return None
