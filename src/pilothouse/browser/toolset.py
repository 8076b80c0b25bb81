"""Claude's computer toolset, as the SDK runs it, over the members. No gate, no journal here.

The SDK reads and checks a call, asks whether the gate has let it through, and words the result; what the call
does is `members`. `make_computer` gives the right one of the two classes for a generation.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from anthropic.tools import ToolError
from anthropic.tools.computer import (
    BetaAsyncAbstractComputerToolset20260801,
    BetaComputerConfirmContext,
    BetaComputerCursorPositionResult,
    BetaScreenshotResult,
)
from anthropic.types.beta import BetaToolUseBlock

from pilothouse.browser.camera import Camera, Shot
from pilothouse.browser.computer import Computer, SingleTool
from pilothouse.browser.faults import ActionRefused, ActionUnknown, BrowserLost
from pilothouse.browser.inputs import MemberRefused, read_input
from pilothouse.browser.members import Members

if TYPE_CHECKING:
    from kernel import AsyncKernel

    from pilothouse.events import Json
    from pilothouse.model.generations import Generation


class KernelComputer(BetaAsyncAbstractComputerToolset20260801):
    """Performs one call at a time; what it could not learn the end of is left in `doubt`.

    Attributes:
        armed: The id of the one call the gate has let through; any other is refused.
        doubt: Why the outcome of the last call is unknown; empty if it is known.
        lost: The browser is gone.
        taken: The picture the last call took, if it took one.
        members: What performs them; a person at the wheel acts through it too.
    """

    def __init__(self, client: AsyncKernel, browser: str, camera: Camera, *, paste: bool = False) -> None:
        super().__init__(confirm=self._gate_let_through)
        self.members = Members(client, browser, camera, paste=paste)
        self.armed = ""
        self.doubt = ""
        self.lost = False
        self.taken: Shot | None = None

    def move_to(self, browser: str) -> None:
        """Act in another browser from now on: the old one is gone."""
        self.members.move_to(browser)
        self.lost = False

    def arm(self, tool_use: BetaToolUseBlock) -> None:
        """Let one call through: the approval itself was the gate's (design §7)."""
        self.armed = tool_use.id
        self.doubt = ""
        self.taken = None

    async def perform(self, call_id: str, member: str, given: dict[str, Any]) -> Json:
        """Perform a call that the gate has let through; gives its `tool_result` block."""
        block = BetaToolUseBlock(
            type="tool_use", id=call_id, name=member, input=given, toolset_name="computer"
        )
        self.arm(block)
        return dict(await self.tool_result(block))

    async def let_go(self, *, everything: bool = False) -> bool:
        """Release what may still be held down."""
        return await self.members.let_go(everything=everything)

    def _gate_let_through(self, context: BetaComputerConfirmContext) -> bool:
        allowed = context.tool_use is not None and context.tool_use.id == self.armed
        self.armed = ""
        return allowed

    async def execute(
        self, context: Any, name: Any, input: Any
    ) -> BetaScreenshotResult | BetaComputerCursorPositionResult | None:
        """Perform a member whose input the SDK has read; this one method serves all seventeen."""
        try:
            done = await self.members.perform(name, read_input(name, input.to_dict()))
        except ActionUnknown as error:
            self.doubt = str(error)
            raise ToolError(str(error)) from error
        except (MemberRefused, ActionRefused, BrowserLost) as error:
            self.lost = self.lost or isinstance(error, BrowserLost)
            raise ToolError(str(error)) from error
        if isinstance(done, Shot):
            self.taken = done
            return _picture(done)
        return BetaComputerCursorPositionResult(x=done[0], y=done[1]) if done is not None else None


def make_computer(
    generation: Generation, client: AsyncKernel, browser: str, camera: Camera, *, paste: bool = False
) -> Computer:
    """Make what performs the calls of a generation."""
    if generation.type == "computer_toolset_20260801":
        return KernelComputer(client, browser, camera, paste=paste)
    return SingleTool(
        Members(client, browser, camera, paste=paste),
        actions=generation.members,
        version=generation.type,
        modifiers=generation.modifiers,
    )


def _picture(shot: Shot) -> BetaScreenshotResult:
    data = base64.b64encode(shot.data).decode("ascii")
    return BetaScreenshotResult(
        data=data, media_type="image/jpeg" if shot.mime == "image/jpeg" else "image/png"
    )
