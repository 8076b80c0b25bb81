"""The 17 members of the computer tool over Kernel's computer calls. No gate, no journal, no API here.

Member to call is model-api §1.4; units differ: the model's seconds are Kernel's milliseconds, its region is
two corners and Kernel's a corner and a size, its pixels those of the picture it gets (`scale`). Every call is
made once; coordinates out of bounds are refused, never clamped.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from pilothouse.browser import inputs
from pilothouse.browser.faults import ActionUnknown, acting, asking
from pilothouse.browser.inputs import MemberRefused
from pilothouse.browser.keys import MODIFIER_KEYSYMS, MODIFIERS, parse_modifiers, parse_sequence
from pilothouse.browser.settle import LOOKS
from pilothouse.browser.typist import Typist
from pilothouse.errors import BrowserError, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from kernel import AsyncKernel

    from pilothouse.browser.camera import Camera, Shot

WAIT_UNIT_S = 1.0
"""What a second of `wait` lasts; tests have less time."""
CALL_S = 30.0
"""A call that takes no time of its own is lost after this long."""
PRESS_S = 0.3
"""What one key press may take: a machine that types like a person is slow."""
KEYS_MAX = 500
LET_GO_S = 2.0

T = TypeVar("T")
Button = Literal["left", "right", "middle"]
_CLICKS: dict[str, tuple[Button, int]] = {
    "left_click": ("left", 1),
    "right_click": ("right", 1),
    "middle_click": ("middle", 1),
    "double_click": ("left", 2),
    "triple_click": ("left", 3),
}


class Members:
    """Performs one member at a time on one browser.

    Args:
        client: The Kernel client.
        browser: The browser's id.
        camera: Takes its pictures, and knows the run's scale.
        paste: Put text that the keyboard may not have on the clipboard and paste it; for a server whose
            typing loses such characters.

    Attributes:
        pressed: The left button is down because the model said so.
        stuck: Keys that a call whose end is unknown may have left down; `left` is the mouse button.
    """

    def __init__(self, client: AsyncKernel, browser: str, camera: Camera, *, paste: bool = False) -> None:
        self._computer = client.browsers.computer
        self._browser = browser
        self._camera = camera
        self._scale = camera.scale
        self._typist = Typist(client, browser, paste=paste)
        self.pressed = False
        self.stuck: set[str] = set()

    def move_to(self, browser: str) -> None:
        """Act in another browser from now on: the old one is gone, and with it whatever was held down."""
        self._browser = browser
        self._typist.move_to(browser)
        self.pressed, self.stuck = False, set()

    async def perform(self, member: str, given: inputs.Input) -> Shot | tuple[int, int] | None:
        """Perform a member; gives its picture, the pointer's place, or nothing.

        A picture shows what the members before it did: it waits for that, and for nothing else.

        Raises:
            MemberRefused: Nothing was done; the sentence says why.
            ActionRefused: The browser's server said no.
            ActionUnknown: It may have happened.
            BrowserLost: There is no such browser.
        """
        if member in LOOKS:
            return await self._perform(member, given)
        begun = time.monotonic()
        self._camera.acting()
        try:
            done = await self._perform(member, given)
        except MemberRefused:
            raise
        except BaseException:  # how far it came nobody knows
            self._camera.acted(member, msgspec.to_builtins(given), begun)
            raise
        self._camera.acted(member, msgspec.to_builtins(given), begun)
        return done

    async def _perform(self, member: str, given: inputs.Input) -> Shot | tuple[int, int] | None:
        match given:
            case inputs.Zoom():
                return await self._zoom(given)
            case inputs.Wait():
                await self._wait(given)
            case inputs.Click():
                await self._click(given, *_CLICKS[member])
            case inputs.Move():
                await self._move(given)
            case inputs.Drag():
                await self._drag(given)
            case inputs.Scroll():
                await self._scroll(given)
            case inputs.Text():
                await self._typist.type(given.text)
            case inputs.Keys():
                await self._press(given)
            case inputs.Hold():
                await self._hold(given)
            case inputs.Nothing():
                return await self._plain(member)
        return None

    async def _plain(self, member: str) -> Shot | tuple[int, int] | None:
        match member:
            case "screenshot":
                return await _look(self._camera.look())
            case "cursor_position":
                return self._scale.to_model(*await self._cursor())
            case "left_mouse_down":
                await self._button("down")
                self.pressed = True
            case _:
                await self._button("up")
                self.pressed = False
        return None

    # --- looking and waiting -------------------------------------------------------------------------

    async def _zoom(self, given: inputs.Zoom) -> Shot:
        x0, y0, x1, y1 = given.region
        self._inside(x0, y0)
        width, height = self._scale.model
        if not (x0 < x1 <= width and y0 < y1 <= height):
            raise MemberRefused(
                f"The region {list(given.region)} is empty or beyond the screen ({self._bounds})."
            )
        left, top, wide, high = self._scale.region(x0, y0, x1, y1)
        return await _look(self._camera.zoom(left, top, left + wide, top + high))

    async def _wait(self, given: inputs.Wait) -> None:
        if not 0 <= given.duration <= inputs.WAIT_MAX_S:
            raise MemberRefused(f"duration must be between 0 and {inputs.WAIT_MAX_S} seconds.")
        await asyncio.sleep(given.duration * WAIT_UNIT_S)

    # --- the mouse -----------------------------------------------------------------------------------

    async def _click(self, given: inputs.Click, button: Button, clicks: int) -> None:
        held = _modifiers(given.text)
        x, y = await self._point(given.coordinate)
        call = self._computer.click_mouse(
            self._browser, x=x, y=y, button=button, num_clicks=clicks, timeout=CALL_S, **_holding(held)
        )
        await self._act(call, *held)

    async def _move(self, given: inputs.Move) -> None:
        held = _modifiers(given.text)
        x, y = self._inside(*given.coordinate)
        await self._act(
            self._computer.move_mouse(self._browser, x=x, y=y, timeout=CALL_S, **_holding(held)), *held
        )

    async def _button(self, click_type: Literal["down", "up"]) -> None:
        x, y = await self._cursor()
        call = self._computer.click_mouse(
            self._browser, x=x, y=y, button="left", click_type=click_type, timeout=CALL_S
        )
        await self._act(call, "left")

    async def _drag(self, given: inputs.Drag) -> None:
        held = _modifiers(given.text)
        end = self._inside(*given.coordinate)
        start = await self._point(given.start_coordinate)
        call = self._computer.drag_mouse(
            self._browser, path=[list(start), list(end)], button="left", timeout=CALL_S, **_holding(held)
        )
        await self._act(call, "left", *held)

    async def _scroll(self, given: inputs.Scroll) -> None:
        if not 1 <= given.scroll_amount <= inputs.SCROLL_MAX:
            raise MemberRefused(f"scroll_amount must be between 1 and {inputs.SCROLL_MAX} wheel clicks.")
        held = _modifiers(given.text)
        x, y = await self._point(given.coordinate)
        # Kernel's deltas are wheel notches, not pixels (kernel-api §0.8).
        notches = given.scroll_amount * (1 if given.scroll_direction in ("down", "right") else -1)
        axis = "delta_y" if given.scroll_direction in ("up", "down") else "delta_x"
        more: dict[str, Any] = {axis: notches, **_holding(held)}
        await self._act(self._computer.scroll(self._browser, x=x, y=y, timeout=CALL_S, **more), *held)

    # --- the keyboard --------------------------------------------------------------------------------

    async def _press(self, given: inputs.Keys) -> None:
        repeat = 1 if given.repeat is None else given.repeat
        if not 1 <= repeat <= inputs.REPEAT_MAX:
            raise MemberRefused(f"repeat must be between 1 and {inputs.REPEAT_MAX}.")
        keys = _sequence(given.text) * repeat
        if len(keys) > KEYS_MAX:
            raise MemberRefused(f"{len(keys)} key presses are too many for one call: at most {KEYS_MAX}.")
        timeout = CALL_S + PRESS_S * len(keys)
        await self._act(self._computer.press_key(self._browser, keys=keys, timeout=timeout), *_held_in(keys))

    async def _hold(self, given: inputs.Hold) -> None:
        if not 0 < given.duration <= inputs.WAIT_MAX_S:
            raise MemberRefused(f"duration must be more than 0 and at most {inputs.WAIT_MAX_S} seconds.")
        keys = _sequence(given.text)
        call = self._computer.press_key(
            self._browser,
            keys=keys,
            duration=max(1, round(given.duration * 1000)),
            timeout=given.duration + CALL_S,
        )
        await self._act(call, *_held_in(keys))

    # --- shared --------------------------------------------------------------------------------------

    async def let_go(self, *, everything: bool = False) -> bool:
        """Release what calls with an unknown end may have left down; says whether there was anything.

        Args:
            everything: The left button too that the model holds down.
        """
        stuck, self.stuck = self.stuck, set()
        button = "left" in stuck or (everything and self.pressed)
        keys = sorted(stuck - {"left"})
        if not button and not keys:
            return False
        self._camera.acted("left_mouse_up" if button else "key")
        try:
            async with asyncio.timeout(LET_GO_S):
                if button:
                    self.pressed = False
                    await self._button("up")
                if keys:  # a tap ends with the key up, whatever it was before
                    await acting(self._computer.press_key(self._browser, keys=keys, timeout=LET_GO_S))
        except (BrowserError, TimeoutError):
            return True  # it was tried: there is nobody left to tell
        return True

    async def _act(self, call: Awaitable[None], *held: str) -> None:
        """Make a call; when its end stays unknown, remember what it may have left down."""
        try:
            await acting(call)
        except (ActionUnknown, asyncio.CancelledError):
            self.stuck.update(MODIFIER_KEYSYMS.get(name, name) for name in held)
            raise

    @property
    def _bounds(self) -> str:
        return f"0..{self._scale.model.width - 1} x 0..{self._scale.model.height - 1}"

    def _inside(self, x: int, y: int) -> tuple[int, int]:
        if not self._scale.on_picture(x, y):
            raise MemberRefused(f"The coordinate [{x}, {y}] is outside the screen ({self._bounds}).")
        return self._scale.to_display(x, y)

    async def _point(self, coordinate: tuple[int, int] | None) -> tuple[int, int]:
        """Give a place on the display: the one named, else the pointer's own."""
        return self._inside(*coordinate) if coordinate is not None else await self._cursor()

    async def _cursor(self) -> tuple[int, int]:
        position = await _look(asking(lambda: self._computer.get_mouse_position(self._browser)))
        return position.x, position.y


async def _look(call: Awaitable[T]) -> T:
    """Await what only looks: without an answer nothing is in doubt, it is a plain failure."""
    try:
        return await call
    except ActionUnknown as error:
        raise MemberRefused(str(error)) from error


def _sequence(text: str) -> list[str]:
    try:
        return parse_sequence(text)
    except UsageError as error:
        raise MemberRefused(f"{error}.") from error


def _modifiers(text: str | None) -> list[str]:
    try:
        return parse_modifiers(text)
    except UsageError as error:
        raise MemberRefused(f"{error}.") from error


def _held_in(chords: list[str]) -> set[str]:
    """Name the modifiers that presses hold. Another key can't be let go without pressing it once more."""
    parts = {part.lower() for chord in chords for part in chord.split("+")}
    return {MODIFIERS[part] for part in parts if part in MODIFIERS}


def _holding(held: list[str]) -> dict[str, Any]:
    """Leave the parameter out when nothing is held: the SDK would send an empty list."""
    return {"hold_keys": held} if held else {}
