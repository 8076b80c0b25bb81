"""What may follow what in the model's history: append-only and exact. Nothing here sends it anywhere.

Blocks of the model are kept as they came, pictures keep their bytes, and every call gets its result before
anything else is added (design §3.4). The bytes themselves are in `history`, what makes them less in `bounds`.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import msgspec

from pilothouse.errors import ModelError
from pilothouse.model.history import History
from pilothouse.model.prompt import SUMMARISED, relayed

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.events import Json


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One tool call of an assistant turn."""

    id: str
    member: str
    input: dict[str, object]
    toolset: str = ""
    """Echoed in the result; empty for a plain tool."""
    offered: bool = True
    """False for a tool that was not in the request; answered with an error."""


class Conversation:
    """Messages in wire form, grown only at the end, but for what `bounds` replaces by less."""

    def __init__(self, *, system_messages: bool, read_call: Callable[[Json], Call]) -> None:
        self._system_messages = system_messages
        self._read_call = read_call
        self._open: list[Call] = []
        self._instruction = ""
        self.history = History()

    @property
    def messages(self) -> list[Json]:
        """The messages to send; treat them as read-only."""
        return self.history.as_json()

    @property
    def open_calls(self) -> tuple[Call, ...]:
        """The calls of the last assistant turn that have no result yet."""
        return tuple(self._open)

    @property
    def summarised(self) -> bool:
        """Say whether the history begins with a summary."""
        return len(self.history) > 0 and self.history.first.content[0].get("type") == "compaction"

    @property
    def instruction_role(self) -> str:
        """The role that the next instruction gets: only the assistant may follow a system message."""
        return "system" if len(self.history) and self.history.last.role == "system" else "user"

    def add_instruction(self, text: str) -> None:
        """Add what the person wants, at the beginning of a leg."""
        self._refuse_while_open()
        self._instruction = text
        if self.instruction_role == "system":
            self.history.extend(_text(relayed(text)))
        else:
            self.history.append("user", [_text(text)])

    def add_answer(self, content: list[Json]) -> tuple[Call, ...]:
        """Add a whole answer of the model verbatim; returns its tool calls in order.

        An empty answer is not added: the API refuses it in the next request (model-api §4, end_turn).
        """
        self._refuse_while_open()
        if not is_empty(content):
            self.history.append("assistant", content)
        self._open = [self._read_call(block) for block in content if block.get("type") == "tool_use"]
        return tuple(self._open)

    def add_results(self, results: list[Json]) -> None:
        """Add the results of every open call, in one message.

        Raises:
            ModelError: A call has no result, or a result no call: the API would refuse the history for ever.
        """
        if [result["tool_use_id"] for result in results] != [call.id for call in self._open]:
            raise ModelError(
                "results and calls of the turn differ", way_out="this is a defect: please report it"
            )
        self._open = []
        self.history.append("user", results)

    def add_message(self, text: str) -> str:
        """Add what a person said while the agent worked, after all results; returns the role used."""
        self._refuse_while_open()
        last = self.history.last
        if last.role == "system":
            self.history.extend(_text(relayed(text)))  # one system message: another may not follow it
            return "system"
        if last.role == "user" and self._system_messages:
            self.history.append("system", [_text(relayed(text))])
            return "system"
        if last.role == "user":
            self.history.extend(_text(text))
        else:
            self.history.append("user", [_text(text)])
        return "user"

    @property
    def takes_pictures(self) -> bool:
        """Say whether what is added next may hold a picture: a system message may not."""
        return len(self.history) == 0 or self.history.last.role != "system"

    def add_note(self, text: str, pictures: list[Json]) -> str:
        """Add what happened to the page meanwhile, and how it looks now; returns the role used."""
        self._refuse_while_open()
        last = self.history.last
        if last.role == "assistant":
            self.history.append("user", [_text(text), *pictures])
            return "user"
        for block in (_text(text), *pictures):
            self.history.extend(block)
        return last.role

    def add_nudge(self, text: str) -> str:
        """Ask for more after an empty answer, which is not kept; returns the role used."""
        self._refuse_while_open()
        if self.history.last.role == "system":  # only the assistant may follow it
            self.history.extend(_text(text))
            return "system"
        self.history.append("user", [_text(text)])
        return "user"

    def replace_by_summary(self, summary: list[Json], picture: Json | None) -> int:
        """Go on from a summary that the API made of everything so far; returns how many pictures are gone.

        The summary comes first, in place of what it summarises (model-api §4). The task is said again and the
        newest picture shown again: a summary may be vague about both.
        """
        self._refuse_while_open()
        said = [_text(SUMMARISED.format(task=self._instruction))]
        return self.history.replace_all(
            [("assistant", summary), ("user", [*said, picture] if picture else said)]
        )

    def _refuse_while_open(self) -> None:
        if self._open:
            raise ModelError("a call has no result yet", way_out="this is a defect: please report it")


def is_empty(content: list[Json]) -> bool:
    """Say whether an answer holds nothing: no block, or only text blocks without a letter."""
    return all(block.get("type") == "text" and not block.get("text") for block in content)


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def text_result(call: Call, text: str, *, error: bool = False) -> Json:
    """Make a result of text only; an error's text must not be empty."""
    result: Json = {
        "type": "tool_result",
        "tool_use_id": call.id,
        "content": [{"type": "text", "text": text}],
    }
    if call.toolset:
        result["toolset_name"] = call.toolset
    if error:
        result["is_error"] = True
    return result


def image_block(data: bytes, mime: str) -> Json:
    """Make an image block of exact bytes."""
    source = {"type": "base64", "media_type": mime, "data": base64.b64encode(data).decode("ascii")}
    return {"type": "image", "source": source}


def has_image(result: Json) -> bool:
    """Say whether a result already shows a picture."""
    content = result.get("content")
    return isinstance(content, list) and any(block.get("type") == "image" for block in content)


def with_block(result: Json, block: Json) -> Json:
    """Return the result with one more content block at its end."""
    content = result.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content or [])
    return {**result, "content": [*blocks, block]}


def result_text(result: Json) -> str:
    """Read the text of a result, its blocks joined by newlines."""
    content = result.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(str(block["text"]) for block in content or [] if block.get("type") == "text")
