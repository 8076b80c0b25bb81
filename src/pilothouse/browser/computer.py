"""The computer tool as the engine holds it: one call in, one result out, whatever the generation.

`SingleTool` here serves the older generations; the toolset is the SDK's own class (`toolset`). Nothing here
decides which calls may happen: that is the engine's gate.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Protocol

from pilothouse.browser import inputs
from pilothouse.browser.camera import Shot
from pilothouse.browser.faults import ActionRefused, ActionUnknown, BrowserLost
from pilothouse.browser.inputs import MEMBERS, MemberRefused, read_input

if TYPE_CHECKING:
    from pilothouse.browser.members import Members
    from pilothouse.events import Json

_ACKS = {
    "left_click": "Clicked.",
    "right_click": "Right-clicked.",
    "middle_click": "Middle-clicked.",
    "double_click": "Double-clicked.",
    "triple_click": "Triple-clicked.",
    "left_click_drag": "Dragged.",
    "mouse_move": "Moved the mouse.",
    "left_mouse_down": "Left mouse button pressed.",
    "left_mouse_up": "Left mouse button released.",
    "scroll": "Scrolled {scroll_direction}.",
    "type": "Typed.",
    "key": "Pressed {text}.",
    "hold_key": "Held {text} for {duration}s.",
    "wait": "Waited {duration}s.",
}
"""The toolset's words, for the generations that have none of their own."""


class Computer(Protocol):
    """Performs one call at a time.

    Attributes:
        doubt: Why the outcome of the last call is unknown; empty if it is known.
        lost: The browser is gone.
        taken: The picture the last call took, if it took one.
        members: What performs them; a person at the wheel acts through it too.
    """

    members: Members
    doubt: str
    lost: bool
    taken: Shot | None

    async def perform(self, call_id: str, member: str, given: dict[str, Any]) -> Json:
        """Perform a call that the gate has let through; gives its `tool_result` block."""

    async def let_go(self, *, everything: bool = False) -> bool:
        """Release what may still be held down (`Members.let_go`)."""

    def move_to(self, browser: str) -> None:
        """Act in another browser from now on: the old one is gone."""


class SingleTool:
    """A `computer` tool of an older generation.

    Args:
        members: Performs them.
        actions: The actions that the generation has.
        version: Its type, for the sentences.
        modifiers: Whether `text` of a mouse action holds keys.
    """

    def __init__(
        self, members: Members, *, actions: frozenset[str], version: str, modifiers: bool = True
    ) -> None:
        self.members = members
        self._actions = actions
        self._version = version
        self._modifiers = modifiers
        self.doubt = ""
        self.lost = False
        self.taken: Shot | None = None

    async def let_go(self, *, everything: bool = False) -> bool:
        """Release what may still be held down."""
        return await self.members.let_go(everything=everything)

    def move_to(self, browser: str) -> None:
        """Act in another browser from now on: the old one is gone."""
        self.members.move_to(browser)
        self.lost = False

    async def perform(self, call_id: str, member: str, given: dict[str, Any]) -> Json:
        """Perform a call; whatever goes wrong is its result."""
        self.doubt, self.taken = "", None
        try:
            return _result(call_id, await self._content(member, given))
        except ActionUnknown as error:
            self.doubt = str(error)
            return _failed(call_id, str(error))
        except (MemberRefused, ActionRefused, BrowserLost) as error:
            self.lost = self.lost or isinstance(error, BrowserLost)
            return _failed(call_id, str(error))

    async def _content(self, member: str, given: dict[str, Any]) -> list[Json]:
        if member not in self._actions:
            raise MemberRefused(f"{member[:80]!r} is not an action of {self._version}.")
        wanted = read_input(member, given)
        if not self._modifiers and MEMBERS[member] in _POINTING and getattr(wanted, "text", None):
            raise MemberRefused(f"{self._version} holds no keys during {member}.")
        done = await self.members.perform(member, wanted)
        if isinstance(done, Shot):
            self.taken = done
            return [{"type": "image", "source": _source(done)}]
        if done is not None:
            return [{"type": "text", "text": f"X={done[0]},Y={done[1]}"}]
        return [{"type": "text", "text": _ACKS[member].format_map(given)}]


_POINTING = (inputs.Click, inputs.Drag, inputs.Move, inputs.Scroll)


def _source(shot: Shot) -> Json:
    data = base64.b64encode(shot.data).decode("ascii")
    return {"type": "base64", "media_type": shot.mime, "data": data}


def _result(call_id: str, content: list[Json]) -> Json:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content}


def _failed(call_id: str, text: str) -> Json:
    """An error carries text only, and some (model-api §1.2)."""
    return {**_result(call_id, [{"type": "text", "text": text}]), "is_error": True}
