"""One accepted request on its way to an answer: edits applied, summary read, turn chosen, tokens accounted.

Sends nothing; `messages_server` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.local import messages_compaction as compaction
from pilothouse.local import messages_edits as edits
from pilothouse.local import messages_reply as replies
from pilothouse.local.messages_asked import Asked, beta_missing
from pilothouse.local.messages_binding import Checked, Prefix
from pilothouse.local.messages_log import Entry
from pilothouse.local.messages_prompt import Known, Place, know, parts
from pilothouse.local.messages_refusal import Refusal
from pilothouse.local.messages_thinking import BINDING_BETA
from pilothouse.local.scenario import Scenario
from pilothouse.local.scenario_play import Choice, Progress, choose, survey

if TYPE_CHECKING:
    from pilothouse.local.messages_strict import Verdict
    from pilothouse.local.messages_usage import PromptCache, Usage

Json = dict[str, Any]


class Turning(msgspec.Struct, kw_only=True):
    """What is known of a request once it was accepted."""

    asked: Asked
    checked: Checked
    dropped: frozenset[Place]
    edited: edits.Edited
    scenario: Scenario
    secret: bytes
    entry: Entry
    began_s: float

    @property
    def body(self) -> Json:
        """The request's body."""
        found: Json = self.asked.body
        return found

    @property
    def known(self) -> list[Known]:
        """What was worked out of each message."""
        return self.asked.records

    def overflow(self) -> Refusal | None:
        """Refuse a prompt that the model can't hold, unless it is about to be summed up."""
        model = self.asked.model
        if model is None or self.edited.tokens <= model.context or self._compacts():
            return None
        words = f"prompt is too long: {self.edited.tokens} tokens > {model.context} maximum"
        return Refusal("invalid_request_error", words)

    def choose(self) -> Choice:
        """Choose the turn that answers."""
        messages, since = self._since_summary()
        return choose(self.scenario, messages, since)

    def _since_summary(self) -> tuple[list[Json], Progress | None]:
        """Give the messages after the newest summary, and how far that one had come."""
        place = compaction.last_block(self.known)
        summary = compaction.opened(self.known[place[0]].blocks[place[1]], self.secret) if place else None
        if place is None or summary is None:
            return self.body["messages"], None
        i, j = place
        rest = self.known[i].blocks[j + 1 :]
        own = [{"role": self.known[i].message["role"], "content": rest}] if rest else []
        progress = msgspec.convert(summary.progress, Progress)
        return [*own, *self.body["messages"][i + 1 :]], progress

    def _compacts(self) -> bool:
        """Say whether a threshold edit is due."""
        edit = self._compaction_edit()
        if edit is None:
            return False
        trigger = edit.get("trigger") or {"value": compaction.TRIGGER_TOKENS}
        return self.edited.tokens > int(trigger["value"])

    def _compaction_edit(self) -> Json | None:
        found = edits.edits_of(self.body)
        return next((edit for edit in found if edit.get("type") == compaction.EDIT), None)

    def reply(self, choice: Choice, cache: PromptCache) -> replies.Reply:
        """Make the answer, and account for it."""
        usage = cache.account(self.body, self.edited.prompt, self.began_s)
        if self.body.get("compaction"):
            return self._noted(replies.compacted(self.body, self._summary(signed=True), usage))
        if self._compacts():
            return self._noted(self._compacted(choice, cache, usage))
        signature = self._prefix.sign()
        return self._noted(replies.build(self.scenario, choice, self.body, usage, signature))

    def _compacted(self, choice: Choice, cache: PromptCache, usage: Usage) -> replies.Reply:
        block = self._summary(signed=False)
        edit = self._compaction_edit() or {}
        if edit.get("pause_after_compaction"):
            return replies.compacted(self.body, block, usage)
        short = parts(self.body, [know({"role": "assistant", "content": [block]})])
        own = cache.account(self.body, short, self.began_s)
        reply = replies.build(self.scenario, choice, self.body, own, self._prefix.sign())
        return replies.after_compaction(reply, block, usage)

    @property
    def _prefix(self) -> Prefix:
        return self.checked.prefix

    def _summary(self, *, signed: bool) -> Json:
        messages, since = self._since_summary()
        progress = survey(self.scenario, messages, since, finished=True)
        summary = compaction.Summary(
            chain=self._prefix.chain, previous=self._prefix.previous, progress=msgspec.to_builtins(progress)
        )
        words = f"{self.scenario.summary} ({progress.answers} answers so far.)"
        return compaction.block_for(words, summary, self.secret, signed=signed)

    def _noted(self, reply: replies.Reply) -> replies.Reply:
        """Add what was done to the request before the model saw it."""
        clears = any(edit.get("type") != compaction.EDIT for edit in edits.edits_of(self.body))
        given = "context_management" in self.body
        reported = not beta_missing(self.asked, BINDING_BETA)
        return msgspec.structs.replace(
            reply,
            applied_edits=self.edited.applied if given or clears else None,
            transformations=self._transformations() if reported else None,
        )

    def _transformations(self) -> list[Json]:
        found = self.checked
        why: dict[Place, str] = {
            **dict.fromkeys(found.foreign, "model_binding_mismatch"),
            **dict(found.broken),
        }
        return [
            {"type": "thinking_dropped", "path": f"messages.{i}.content.{j}", "reason": why[i, j]}
            for i, j in sorted(self.dropped)
        ]

    def note(self, reply: replies.Reply) -> None:
        """Write into the log what the answer cost."""
        usage = reply.usage
        self.entry.stop_reason = reply.stop_reason
        self.entry.usage = {
            "input": usage.input,
            "read": usage.read,
            "write_5m": usage.write_5m,
            "write_1h": usage.write_1h,
            "output": reply.output_tokens,
            "cleared": self.edited.original_tokens - self.edited.tokens,
            "iterations": reply.iterations or [],
        }


def prepare(
    verdict: Verdict, checked: Checked, secret: bytes, scenario: Scenario, entry: Entry, began_s: float
) -> Turning:
    """Apply the edits of an accepted request."""
    asked = verdict.asked
    return Turning(
        asked=asked,
        checked=checked,
        dropped=verdict.dropped,
        edited=edits.apply(asked.body, asked.records, set(verdict.dropped)),
        scenario=scenario,
        secret=secret,
        entry=entry,
        began_s=began_s,
    )
