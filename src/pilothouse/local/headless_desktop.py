"""The desktop for where there is no X11: a headless Chromium driven by DevTools. The page, nothing around it.

There is no address bar, no tab strip and no dialog of the browser: key combinations that are meant for those
are answered 501, never pretended. The pointer is drawn by nobody.
"""

# ruff: noqa: D102 - the methods are those of `desktop.Desktop`
from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pilothouse.devtools.page_signals import PageSignals
from pilothouse.local import headless_keys as keys
from pilothouse.local import kernel_actions as actions
from pilothouse.local.browser_process import BrowserProcess
from pilothouse.local.desktop import DesktopFailed, DesktopPlan
from pilothouse.local.drag_line import points_of
from pilothouse.local.kernel_actions import not_implemented
from pilothouse.local.settle import Frame, Settled, Settler

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from pilothouse.local.devtools import DevTools
    from pilothouse.local.headless_keys import Key

NOTCH_PX = 133
"""As many pixels as one notch scrolls in the X11 desktop."""
_BUTTON_BITS = {"left": 1, "right": 2, "middle": 4, "back": 8, "forward": 16}
_WARNING = "headless: the page only, without address bar, tabs, browser dialogs and pointer"


class HeadlessDesktop:
    """One headless Chromium; see `desktop.Desktop`."""

    is_quick = False

    def __init__(self, plan: DesktopPlan) -> None:
        self._plan = plan
        self._target = ""
        self._session = ""
        self._pointer = (plan.screen.width_px // 2, plan.screen.height_px // 2)
        self._buttons = 0
        self.screen = plan.screen
        self.warnings: tuple[str, ...] = ()

    async def start(self) -> None:
        """Bring the browser up.

        Raises:
            ChromiumUnavailable: It did not come up.
        """
        self._browser = await BrowserProcess.start(self._plan, {}, headless=True)
        self.warnings = (_WARNING, *self._browser.warnings)
        self._signals = PageSignals(self._browser.devtools)
        self._settler = Settler(self._signals, self, _nothing_under_way)
        try:
            await self._signals.start()
            await self._page()
        except BaseException:
            await self.close()
            raise

    @property
    def display(self) -> Mapping[str, str] | None:
        return None

    @property
    def devtools(self) -> DevTools:
        return self._browser.devtools

    async def shown(self, at_most_s: float | None = None) -> tuple[str, str]:
        return await self._browser.shown(at_most_s)

    async def ended(self) -> int:
        return await self._browser.ended()

    async def close(self) -> None:
        self._settler.close()
        await self._signals.close()
        await self._browser.close()

    async def navigate(self, url: str) -> None:
        await self._browser.navigate(url)

    # --- looking -------------------------------------------------------------------------------------

    async def screenshot(self, region: actions.Region | None) -> bytes:
        options: dict[str, Any] = {"format": "png", "optimizeForSpeed": True}
        if region is not None:
            area = {"x": region.x, "y": region.y, "width": region.width, "height": region.height}
            options["clip"] = {**area, "scale": 1}
        shot = await self._call("Page.captureScreenshot", **options)
        return base64.b64decode(shot["data"])

    async def settled(self) -> Settled:
        return await self._settler.settled()

    async def grab(self) -> Frame:
        return Frame(await self.screenshot(None), self.screen.width_px, self.screen.height_px, is_png=True)

    async def encode(self, frame: Frame) -> bytes:
        return bytes(frame.pixels)

    async def mouse_position(self) -> tuple[int, int]:
        return self._pointer

    async def read_clipboard(self) -> str:
        raise not_implemented("a headless local browser has no clipboard")

    async def write_clipboard(self, text: str) -> None:
        raise not_implemented("a headless local browser has no clipboard")

    # --- acting --------------------------------------------------------------------------------------

    async def perform(self, action: actions.Action) -> None:
        await self._settler.before(action)
        match action:
            case actions.ClickMouse():
                await self._click(action)
            case actions.MoveMouse():
                await self._mouse("mouseMoved", (action.x, action.y), self._modifiers(action.hold_keys))
            case actions.DragMouse():
                await self._drag(action)
            case actions.Scroll():
                await self._scroll(action)
            case actions.TypeText():
                await self._type(action)
            case actions.PressKey():
                await self._press(action)
            case actions.SetCursor():
                pass  # it is never in the picture
            case actions.Sleep():
                await asyncio.sleep(action.duration_ms / 1e3)

    async def _click(self, action: actions.ClickMouse) -> None:
        held = self._modifiers(action.hold_keys)
        at = (action.x, action.y)
        await self._mouse("mouseMoved", at, held)
        for count in range(1, max(1, action.num_clicks) + 1):
            match action.click_type:
                case "down":
                    await self._button("mousePressed", action.button, at, held, count)
                case "up":
                    await self._button("mouseReleased", action.button, at, held, count)
                case _:
                    async with self._pressed(action.button, at, held, count):
                        pass

    async def _drag(self, action: actions.DragMouse) -> None:
        held = self._modifiers(action.hold_keys)
        first, *rest = points_of(action)
        await self._mouse("mouseMoved", first, held)
        async with self._pressed(action.button, first, held):
            await asyncio.sleep(action.delay / 1e3)
            for point in rest:
                await self._mouse("mouseMoved", point, held)
                await asyncio.sleep(action.step_delay_ms / 1e3)

    async def _scroll(self, action: actions.Scroll) -> None:
        held = self._modifiers(action.hold_keys)
        turn = {"deltaX": action.delta_x * NOTCH_PX, "deltaY": action.delta_y * NOTCH_PX}
        await self._mouse("mouseWheel", (action.x, action.y), held, **turn)

    async def _type(self, action: actions.TypeText) -> None:
        for character in action.text:
            key = keys.key_of_character(character)
            if key is None:
                await self._call("Input.insertText", text=character)
            else:
                await self._tap(key, 0)
            if action.delay:
                await asyncio.sleep(action.delay / 1e3)

    async def _press(self, action: actions.PressKey) -> None:
        held = self._modifiers(action.hold_keys)
        for text in action.keys:
            modifiers, key = self._chord(text)
            await self._tap(key, held | modifiers, action.duration / 1e3)

    async def _tap(self, key: Key, modifiers: int, hold_s: float = 0) -> None:
        fields = key.fields(modifiers)
        try:
            await self._call("Input.dispatchKeyEvent", **fields)  # who hangs up as it is answered has pressed
            await asyncio.sleep(hold_s)
        finally:
            released = {name: fields[name] for name in ("key", "code", "windowsVirtualKeyCode", "modifiers")}
            await self._call("Input.dispatchKeyEvent", type="keyUp", **released)

    def _chord(self, text: str) -> tuple[int, Key]:
        if keys.is_for_the_browser(text):
            raise not_implemented(f"a headless local browser has no address bar and no tabs: {text}")
        found = keys.parse(text)
        if found is None:
            raise actions.bad_request(f"no such key name: {text!r}")
        return found

    def _modifiers(self, names: tuple[str, ...]) -> int:
        bits = [keys.MODIFIER_BITS.get(part) for name in names for part in name.lower().split("+")]
        if None in bits:
            raise actions.bad_request(f"no such key name: {'+'.join(names)!r}")
        return sum({bit for bit in bits if bit is not None})

    # --- DevTools ------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _pressed(
        self, button: str, at: tuple[int, int], modifiers: int, count: int = 1
    ) -> AsyncIterator[None]:
        """Hold a button; it is let go of however this ends, also while its press is being answered."""
        try:
            await self._button("mousePressed", button, at, modifiers, count)
            yield
        finally:
            await self._button("mouseReleased", button, self._pointer, modifiers, count)

    async def _button(
        self, kind: str, button: str, at: tuple[int, int], modifiers: int, count: int = 1
    ) -> None:
        bit = _BUTTON_BITS[button]
        self._buttons = self._buttons | bit if kind == "mousePressed" else self._buttons & ~bit
        await self._mouse(kind, at, modifiers, button=button, clickCount=count)

    async def _mouse(self, kind: str, at: tuple[int, int], modifiers: int, **more: Any) -> None:
        self._pointer = at
        x, y = at
        await self._call(
            "Input.dispatchMouseEvent",
            type=kind,
            x=x,
            y=y,
            modifiers=modifiers,
            buttons=self._buttons,
            **more,
        )

    async def _call(self, method: str, **params: Any) -> dict[str, Any]:
        return await self._browser.devtools.call(method, await self._page(), **params)

    async def _page(self) -> str:
        """Attach to the page in front, once; gives the session."""
        front = self._browser.guard.front
        if front is None:
            raise DesktopFailed("the browser has no page")
        if front != self._target:
            attached = await self._browser.devtools.call(
                "Target.attachToTarget", targetId=front, flatten=True
            )
            self._target, self._session = front, str(attached["sessionId"])
            await self._browser.devtools.call(
                "Emulation.setDeviceMetricsOverride",
                self._session,
                width=self.screen.width_px,
                height=self.screen.height_px,
                deviceScaleFactor=1,
                mobile=False,
            )
        return self._session


async def _nothing_under_way(events: int) -> None:
    """DevTools answer input when it has been dealt with."""
