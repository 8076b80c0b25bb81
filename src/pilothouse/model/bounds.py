"""How the history is kept small: what is too much, and which way of making it less is legal for the model.

Three bounds, each below what the API refuses (model-api §2, §4): bytes on the wire, pictures, tokens.

- Where earlier messages may be changed, the oldest pictures are replaced by a line of text, many at a time:
  each time the cache must be written anew from the first of them on.
- Where any change voids the model's thinking, the API is asked to summarise everything so far (`compaction`
  as a request of its own, which the documentation prefers to the automatic edit): it can be asked for at any
  bound, bytes and pictures too, while the edit knows tokens only, and what it clears would still be sent.
  Between summaries the API is let clear old results from what the model reads (`clear_tool_uses`), rarely
  and much at a time.
- Where the API can't summarise either, thinking is dropped whole, which makes pruning legal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pilothouse.events import Json
    from pilothouse.model.catalogue import Model
    from pilothouse.model.conversation import Conversation
    from pilothouse.model.history import History

EDITS_BETA = "context-management-2025-06-27"
SUMMARY_BETA = "compact-2026-09-04"
REQUEST_MAX_BYTES = 24_000_000
"""The API takes 32 MB; system, tools and one batch of pictures must still fit."""
PICTURES_SPARE = 20
"""One batch may bring so many pictures at once; the count is looked at only between batches."""
PRUNED_TO = 2 / 3
"""To this share of a bound the history is pruned at once."""
FILL_ASK = 0.7
"""From this estimated fill of the context on, tokens are counted exactly before a request."""
FILL_MAX = 0.85
"""Beyond this fill the history is made smaller; the rest is for the answer."""
CLEAR_AT_TOKENS = 120_000
CLEAR_KEEP = 20
CLEAR_LEAST_TOKENS = 60_000
"""One clearing saves at least this much, so that the next is some forty turns away."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of one run."""

    max_bytes: int
    max_pictures: int
    context_tokens: int
    append_only: bool
    edits: bool
    compacts: bool
    newest_pictures: int = 0
    """So many are kept if a person asked for that; 0 for no such wish."""

    def exceeded(self, history: History) -> bool:
        """Say whether the history holds more pictures or bytes than it may."""
        return history.size_bytes > self.max_bytes or history.pictures > self.most_pictures()

    def most_pictures(self) -> int:
        """Give how many pictures the history may hold."""
        if not self.newest_pictures or self.append_only:
            return self.max_pictures
        return min(self.max_pictures, self.newest_pictures + max(10, self.newest_pictures // 2))

    def prune(self, history: History, *, hard: bool = False) -> int:
        """Replace the oldest pictures until the history is well within its bounds; returns how many.

        With `hard`, half of the pictures there are go, whatever the bounds.
        """
        keep = self.kept_pictures(history.pictures, hard=hard)
        # By bytes too many at a time: pruning in every turn would cost the cache in every turn.
        over = history.size_bytes > self.max_bytes
        return history.prune(keep, int(self.max_bytes * PRUNED_TO) if over else history.size_bytes)

    def kept_pictures(self, pictures: int, *, hard: bool = False) -> int:
        """Give how many of the pictures there are stay when it is pruned."""
        keep = self.newest_pictures or int(self.max_pictures * PRUNED_TO)
        return max(min(keep, pictures // 2) if hard else keep, 1)

    def must_count(self, tokens: int) -> bool:
        """Say whether an estimate is near enough to the context's size to look closer."""
        return tokens > self.context_tokens * FILL_ASK

    def overflows(self, tokens: int) -> bool:
        """Say whether a prompt of so many tokens leaves too little room."""
        return tokens > self.context_tokens * FILL_MAX

    def extra(self) -> Json:
        """Give the parameters that let the API clear old results from what the model reads."""
        if not (self.append_only and self.edits):
            return {}
        edit: Json = {
            "type": "clear_tool_uses_20250919",
            "trigger": {
                "type": "input_tokens",
                "value": min(CLEAR_AT_TOKENS, self.context_tokens // 2),
            },
            "keep": {"type": "tool_uses", "value": CLEAR_KEEP},
            "clear_at_least": {
                "type": "input_tokens",
                "value": min(CLEAR_LEAST_TOKENS, self.context_tokens // 4),
            },
        }
        if self.newest_pictures:
            spare = max(10, self.newest_pictures // 2)
            edit["trigger"] = {"type": "tool_uses", "value": self.newest_pictures + spare}
            edit["keep"] = {"type": "tool_uses", "value": self.newest_pictures}
            del edit["clear_at_least"]
        return {"context_management": {"edits": [edit]}, "betas": [EDITS_BETA]}


SUMMARISE: Json = {"compaction": {"type": "summarize"}, "betas": [SUMMARY_BETA]}
"""The parameters of a request that summarises; not together with `extra`."""


def bounds_of(model: Model, *, max_bytes: int, max_images: int, newest: int = 0) -> Bounds:
    """Make the bounds of a run from what the person set and what the model takes."""
    return Bounds(
        max_bytes=min(max_bytes, REQUEST_MAX_BYTES),
        max_pictures=max(min(max_images, model.images_max - PICTURES_SPARE), 1),
        context_tokens=model.context_tokens,
        append_only=model.append_only,
        edits=model.edits,
        compacts=model.compacts,
        newest_pictures=newest,
    )


def can_summarise(conversation: Conversation) -> bool:
    """Say whether there is something to summarise, and nothing that forbids it."""
    return len(conversation.history) > 2 and not conversation.open_calls
