"""The 17 members of Claude's computer toolset over Kernel's computer controls. No gate, no journal here.

Member to call is model-api §1.4; units differ: the model's seconds are Kernel's milliseconds, its region is
two corners and Kernel's a corner and a size. Coordinates out of bounds are refused, never clamped.
"""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from anthropic.tools import ToolError
from anthropic.tools.computer import (
    BetaAsyncAbstractComputerToolset20260801,
    BetaComputerConfirmContext,
    BetaComputerCursorPositionResult,
    BetaScreenshotResult,
)

from pilothouse.browser.faults import ActionRefused, ActionUnknown, BrowserLost, acting, asking
from pilothouse.browser.keys import parse_chord, parse_modifiers
from pilothouse.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from anthropic.types.beta import BetaToolUseBlock
    from kernel import AsyncKernel

    from pilothouse.browser.camera import Camera, Shot

T = TypeVar("T")

TYPE_CHUNK_CHARS = 80
"""Kernel types like a person, about 10 characters a second; longer text would run into the time limit."""
WAIT_MAX_S = 300
WAIT_UNIT_S = 1.0
"""What a second of `wait` lasts; tests have less time."""
REPEAT_MAX = 100
SCROLL_MAX = 100
_SDK_CALL_S = 60.0


class KernelComputer(BetaAsyncAbstractComputerToolset20260801):
    """Performs one call at a time; what it could not learn the end of is left in `doubt`.

    Attributes:
        armed: The id of the one call the gate has let through; any other is refused.
        doubt: Why the outcome of the last call is unknown; empty if it is known.
        lost: The browser is gone.
        taken: The picture the last call took, if it took one.
    """

    def __init__(self, client: AsyncKernel, browser: str, camera: Camera) -> None:
        super().__init__(confirm=self._gate_let_through)
        self._computer = client.browsers.computer
        self._browser = browser
        self._camera = camera
        self.armed = ""
        self.doubt = ""
        self.lost = False
        self.taken: Shot | None = None

    def move_to(self, browser: str) -> None:
        """Act in another browser from now on: the old one is gone."""
        self._browser = browser
        self.lost = False

    def arm(self, tool_use: BetaToolUseBlock) -> None:
        """Let one call through: the approval itself was the gate's (design §7)."""
        self.armed = tool_use.id
        self.doubt = ""
        self.taken = None

    def _gate_let_through(self, context: BetaComputerConfirmContext) -> bool:
        allowed = context.tool_use is not None and context.tool_use.id == self.armed
        self.armed = ""
        return allowed

    # --- looking -------------------------------------------------------------------------------------

    async def screenshot(self, context: Any, input: Any) -> BetaScreenshotResult:
        self.taken = await self._look(self._camera.shoot())
        return _picture(self.taken)

    async def zoom(self, context: Any, input: Any) -> BetaScreenshotResult:
        x0, y0, x1, y1 = input.region
        self._inside(x0, y0)
        if not (x0 < x1 <= self._camera.width_px and y0 < y1 <= self._camera.height_px):
            raise ToolError(f"The region {input.region} is empty or beyond the screen ({self._bounds}).")
        self.taken = await self._look(self._camera.zoom(x0, y0, x1, y1))
        return _picture(self.taken)

    async def cursor_position(self, context: Any, input: Any) -> BetaComputerCursorPositionResult:
        x, y = await self._cursor()
        return BetaComputerCursorPositionResult(x=x, y=y)

    async def wait(self, context: Any, input: Any) -> None:
        if not 0 <= input.duration <= WAIT_MAX_S:
            raise ToolError(f"duration must be between 0 and {WAIT_MAX_S} seconds.")
        await asyncio.sleep(input.duration * WAIT_UNIT_S)

    # --- the mouse -----------------------------------------------------------------------------------

    async def left_click(self, context: Any, input: Any) -> None:
        await self._click(input, "left")

    async def right_click(self, context: Any, input: Any) -> None:
        await self._click(input, "right")

    async def middle_click(self, context: Any, input: Any) -> None:
        await self._click(input, "middle")

    async def double_click(self, context: Any, input: Any) -> None:
        await self._click(input, "left", 2)

    async def triple_click(self, context: Any, input: Any) -> None:
        await self._click(input, "left", 3)

    async def mouse_move(self, context: Any, input: Any) -> None:
        x, y = self._inside(*input.coordinate)
        await self._act(self._computer.move_mouse(self._browser, x=x, y=y))

    async def left_mouse_down(self, context: Any, input: Any) -> None:
        await self._button("down")

    async def left_mouse_up(self, context: Any, input: Any) -> None:
        await self._button("up")

    async def left_click_drag(self, context: Any, input: Any) -> None:
        path = [list(self._inside(*input.start_coordinate)), list(self._inside(*input.coordinate))]
        held = _modifiers(input.text)
        await self._act(
            self._computer.drag_mouse(self._browser, path=path, button="left", **_optional(hold_keys=held))
        )

    async def scroll(self, context: Any, input: Any) -> None:
        if not 1 <= input.scroll_amount <= SCROLL_MAX:
            raise ToolError(f"scroll_amount must be between 1 and {SCROLL_MAX} wheel clicks.")
        x, y = await self._point(input.coordinate)
        # Kernel's deltas are wheel notches, not pixels (kernel-api §0.8).
        notches = input.scroll_amount * (1 if input.scroll_direction in ("down", "right") else -1)
        axis = "delta_y" if input.scroll_direction in ("up", "down") else "delta_x"
        held = _modifiers(input.text)
        await self._act(
            self._computer.scroll(self._browser, x=x, y=y, **{axis: notches}, **_optional(hold_keys=held))
        )

    # --- the keyboard --------------------------------------------------------------------------------

    async def type(self, context: Any, input: Any) -> None:
        text = input.text
        if not text:
            raise ToolError("text must not be empty.")
        for start in range(0, len(text), TYPE_CHUNK_CHARS):
            chunk = text[start : start + TYPE_CHUNK_CHARS]
            await self._act(self._computer.type_text(self._browser, text=chunk, timeout=_SDK_CALL_S))

    async def key(self, context: Any, input: Any) -> None:
        repeat = 1 if input.repeat is None else input.repeat
        if not 1 <= repeat <= REPEAT_MAX:
            raise ToolError(f"repeat must be between 1 and {REPEAT_MAX}.")
        chords = [_chord(word) for word in input.text.split()] or [_chord(input.text)]
        await self._act(self._computer.press_key(self._browser, keys=chords * repeat))

    async def hold_key(self, context: Any, input: Any) -> None:
        if not 0 < input.duration <= WAIT_MAX_S:
            raise ToolError(f"duration must be between 1 and {WAIT_MAX_S} seconds.")
        await self._act(
            self._computer.press_key(
                self._browser,
                keys=[_chord(input.text)],
                duration=input.duration * 1000,
                timeout=input.duration + _SDK_CALL_S,
            )
        )

    # --- shared --------------------------------------------------------------------------------------

    @property
    def _bounds(self) -> str:
        return f"0..{self._camera.width_px - 1} x 0..{self._camera.height_px - 1}"

    def _inside(self, x: int, y: int) -> tuple[int, int]:
        if not (0 <= x < self._camera.width_px and 0 <= y < self._camera.height_px):
            raise ToolError(f"The coordinate [{x}, {y}] is outside the screen ({self._bounds}).")
        return x, y

    async def _point(self, coordinate: list[int] | None) -> tuple[int, int]:
        return self._inside(*coordinate) if coordinate is not None else await self._cursor()

    async def _cursor(self) -> tuple[int, int]:
        position = await self._look(asking(lambda: self._computer.get_mouse_position(self._browser)))
        return position.x, position.y

    async def _click(self, input: Any, button: Literal["left", "right", "middle"], clicks: int = 1) -> None:
        held = _modifiers(input.text)
        x, y = await self._point(input.coordinate)
        await self._act(
            self._computer.click_mouse(
                self._browser, x=x, y=y, button=button, num_clicks=clicks, **_optional(hold_keys=held)
            )
        )

    async def _button(self, click_type: Literal["down", "up"]) -> None:
        x, y = await self._cursor()
        await self._act(
            self._computer.click_mouse(self._browser, x=x, y=y, button="left", click_type=click_type)
        )

    async def _act(self, call: Awaitable[None]) -> None:
        try:
            await acting(call)
        except ActionUnknown as error:
            self.doubt = str(error)
            raise ToolError(str(error)) from error
        except (ActionRefused, BrowserLost) as error:
            self.lost = self.lost or isinstance(error, BrowserLost)
            raise ToolError(str(error)) from error

    async def _look(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except (ActionRefused, ActionUnknown, BrowserLost) as error:
            self.lost = self.lost or isinstance(error, BrowserLost)
            raise ToolError(str(error)) from error


def _picture(shot: Shot) -> BetaScreenshotResult:
    data = base64.b64encode(shot.data).decode("ascii")
    return BetaScreenshotResult(
        data=data, media_type="image/jpeg" if shot.mime == "image/jpeg" else "image/png"
    )


def _chord(text: str) -> str:
    try:
        return parse_chord(text)
    except UsageError as error:
        raise ToolError(f"{error}.") from error


def _modifiers(text: str | None) -> list[str]:
    try:
        return parse_modifiers(text)
    except UsageError as error:
        raise ToolError(f"{error}.") from error


def _optional(**given: Any) -> dict[str, Any]:
    """Leave out what is empty: the SDK would send an empty list."""
    return {name: value for name, value in given.items() if value}
