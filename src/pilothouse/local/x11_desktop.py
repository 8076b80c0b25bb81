"""The full desktop: a headful Chromium alone on an Xvfb, real input, shared-memory grabs. No HTTP here.

No window manager runs: popups and dialogs work without one, and start-up is a third of a second shorter.
"""

# ruff: noqa: D102 - the methods are those of `desktop.Desktop`
from __future__ import annotations

import asyncio
import ctypes
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeVar

import mss
from mss.exception import ScreenShotError

from pilothouse.devtools.page_signals import PageSignals
from pilothouse.local import kernel_actions as actions
from pilothouse.local import keysyms, png
from pilothouse.local.browser_process import BrowserProcess
from pilothouse.local.desktop import DesktopFailed, DesktopPlan
from pilothouse.local.drag_line import points_of
from pilothouse.local.settle import Frame, Settled, Settler
from pilothouse.local.x11_clipboard import X11Clipboard
from pilothouse.local.x11_display import Authority, X11Display
from pilothouse.local.x11_input import BUTTONS, WHEEL, X11Input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractAsyncContextManager

    from mss.screenshot import ScreenShot

    from pilothouse.local.devtools import DevTools

T = TypeVar("T")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
CLICK_DOWN_S = 0.008
CLICK_GAP_S = 0.020
"""Without a gap of at least 1 ms a double click is two clicks in 4 of 10 cases (kernel-api §4.4)."""
CHORD_SETTLE_S = 0.05
"""A page sees ctrl+l before the browser does; what is typed at once would still be the page's."""
CATCH_UP_S = 0.01
CATCH_UP_ROUNDS_MAX = 400
PAINT_TIMEOUT_S = 10.0
PAINT_POLL_S = 0.02


class X11Desktop:
    """One Chromium on one display; see `desktop.Desktop`."""

    is_quick = True

    def __init__(self, plan: DesktopPlan, authority: Authority) -> None:
        self._plan = plan
        self._authority = authority
        self._stack = AsyncExitStack()
        self._strict = plan.strict_kernel
        self._cursor_hidden = False
        self.screen = plan.screen
        self.warnings: tuple[str, ...] = ()

    async def start(self) -> None:
        """Bring up display and browser, until the first page is painted.

        Raises:
            StartFailed: One of them did not come up; nothing is left of the other.
        """
        try:
            await self._start()
        except BaseException:
            await self.close()
            raise

    async def _start(self) -> None:
        _keep_memory()
        plan = self._plan
        self._display = await X11Display.start(plan.directory, plan.screen, plan.identity, self._authority)
        self._stack.push_async_callback(self._display.close)
        self._browser = await BrowserProcess.start(plan, self.display, headless=False)
        self._stack.push_async_callback(self._browser.close)
        self.warnings = self._browser.warnings
        self._input = X11Input(self._display.name, self._caught_up)
        self._stack.callback(self._input.close)
        self._clipboard = X11Clipboard(self._display, plan.identity)
        self._stack.push_async_callback(self._clipboard.close)
        self._camera = mss.MSS(display=self._display.name, with_cursor=True)
        self._camera_bare = mss.MSS(display=self._display.name)
        self._stack.callback(self._camera.close)
        self._stack.callback(self._camera_bare.close)
        # One thread: the grabs of one browser never run side by side.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="grab")
        self._stack.callback(self._thread.shutdown, wait=False, cancel_futures=True)
        signals = PageSignals(self._browser.devtools)
        self._stack.push_async_callback(signals.close)
        await signals.start()
        self._settler = Settler(signals, self, self._caught_up)
        self._stack.callback(self._settler.close)
        await self._painted()

    async def _painted(self) -> None:
        """Wait until the browser's window covers the screen: a bare X root is black."""
        until = time.monotonic() + PAINT_TIMEOUT_S
        corner = {"left": 0, "top": self.screen.height_px - 8, "width": self.screen.width_px, "height": 8}
        while not any(self._camera_bare.grab(corner).raw):
            if self._browser.returncode is not None or time.monotonic() > until:
                raise await self._browser.failure("opened no window")
            await asyncio.sleep(PAINT_POLL_S)

    async def _caught_up(self, events: int) -> None:
        """Wait until Chromium has handled its X events: they and DevTools calls take turns on one thread."""
        for _ in range(2 + min(events, CATCH_UP_ROUNDS_MAX)):
            await self._browser.devtools.call("Browser.getVersion")
        await asyncio.sleep(CATCH_UP_S)

    @property
    def display(self) -> Mapping[str, str]:
        return {"DISPLAY": self._display.name, "XAUTHORITY": str(self._display.cookie_path)}

    @property
    def devtools(self) -> DevTools:
        return self._browser.devtools

    async def shown(self, at_most_s: float | None = None) -> tuple[str, str]:
        return await self._browser.shown(at_most_s)

    async def ended(self) -> int:
        return await self._browser.ended()

    async def close(self) -> None:
        await self._stack.aclose()

    async def navigate(self, url: str) -> None:
        await self._browser.navigate(url)

    # --- looking -------------------------------------------------------------------------------------

    async def screenshot(self, region: actions.Region | None) -> bytes:
        return await self._in_thread(lambda: _encode(self._shoot(region)))

    async def settled(self) -> Settled:
        return await self._settler.settled()

    async def grab(self) -> Frame:
        return await self._in_thread(lambda: self._shoot(None))

    async def encode(self, frame: Frame) -> bytes:
        return await self._in_thread(lambda: _encode(frame))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _shoot(self, region: actions.Region | None) -> Frame:
        area = region or actions.Region(x=0, y=0, width=self.screen.width_px, height=self.screen.height_px)
        camera = self._camera_bare if self._cursor_hidden else self._camera
        try:
            shot: ScreenShot = camera.grab(
                {"left": area.x, "top": area.y, "width": area.width, "height": area.height}
            )
        except ScreenShotError as error:
            raise DesktopFailed(f"failed to take screenshot: {error}") from error
        return Frame(shot.raw, shot.width, shot.height)

    async def mouse_position(self) -> tuple[int, int]:
        return self._input.position()

    async def read_clipboard(self) -> str:
        return await self._clipboard.read()

    async def write_clipboard(self, text: str) -> None:
        await self._clipboard.write(text)

    # --- acting --------------------------------------------------------------------------------------

    async def perform(self, action: actions.Action) -> None:
        await self._settler.before(action)
        match action:
            case actions.ClickMouse():
                await self._click(action)
            case actions.MoveMouse():
                async with self._holding(action.hold_keys):
                    self._input.move(action.x, action.y)
            case actions.DragMouse():
                await self._drag(action)
            case actions.Scroll():
                await self._scroll(action)
            case actions.TypeText():
                await self._type(action)
            case actions.PressKey():
                await self._press(action)
            case actions.SetCursor():
                self._cursor_hidden = action.hidden
            case actions.Sleep():
                await asyncio.sleep(action.duration_ms / 1e3)

    async def _click(self, action: actions.ClickMouse) -> None:
        button = BUTTONS[action.button]
        async with self._holding(action.hold_keys):
            self._input.move(action.x, action.y)
            if action.click_type != "click":
                self._input.button(button, down=action.click_type == "down")
                return
            for count in range(max(1, action.num_clicks)):
                if count:
                    await asyncio.sleep(CLICK_GAP_S)
                await self._press_button(button, CLICK_DOWN_S)

    async def _press_button(self, button: int, down_s: float) -> None:
        self._input.button(button, down=True)
        try:
            await asyncio.sleep(down_s)
        finally:
            self._input.button(button, down=False)

    async def _drag(self, action: actions.DragMouse) -> None:
        button = BUTTONS[action.button]
        points = points_of(action)
        pause_s = action.step_delay_ms / 1e3
        if action.duration_ms is not None:
            pause_s = action.duration_ms / 1e3 / len(points)
        async with self._holding(action.hold_keys):
            self._input.move(*points[0])
            self._input.button(button, down=True)
            try:
                await asyncio.sleep(max(CLICK_DOWN_S, action.delay / 1e3))
                for point in points[1:]:
                    self._input.move(*point)
                    await asyncio.sleep(pause_s)
            finally:
                self._input.button(button, down=False)

    async def _scroll(self, action: actions.Scroll) -> None:
        async with self._holding(action.hold_keys):
            self._input.move(action.x, action.y)
            self._turn("down" if action.delta_y > 0 else "up", abs(action.delta_y))
            self._turn("right" if action.delta_x > 0 else "left", abs(action.delta_x))

    def _turn(self, direction: str, notches: int) -> None:
        for _ in range(notches):
            self._input.button(WHEEL[direction], down=True)
            self._input.button(WHEEL[direction], down=False)

    async def _type(self, action: actions.TypeText) -> None:
        wanted = [keysyms.keysym_of_character(character) for character in action.text]
        if None in wanted:
            character = action.text[wanted.index(None)]
            raise actions.bad_request(f"text has a character no key types: {character!r}")
        known = [keysym for keysym in wanted if keysym is not None]
        async for stroke in self._input.strokes(known):
            self._input.tap(stroke)
            if action.delay:
                await asyncio.sleep(action.delay / 1e3)

    async def _press(self, action: actions.PressKey) -> None:
        chords = [chord for text in action.keys if (chord := self._chord(text))]
        async with self._holding(action.hold_keys):
            if action.duration:
                everything = [keysym for chord in chords for keysym in chord]
                async with self._input.holding(list(dict.fromkeys(everything))):
                    await asyncio.sleep(action.duration / 1e3)
                return
            for *held, last in chords:
                async with self._input.holding(held):
                    async for stroke in self._input.strokes([last]):
                        self._input.tap(stroke)
                if held:
                    await asyncio.sleep(CHORD_SETTLE_S)

    def _holding(self, names: Iterable[str]) -> AbstractAsyncContextManager[None]:
        return self._input.holding([keysym for name in names for keysym in self._chord(name)])

    def _chord(self, text: str) -> list[int]:
        found = [(name, keysyms.keysym_of_name(name)) for name in keysyms.split_chord(text)]
        unknown = [name for name, keysym in found if keysym is None]
        if unknown and not self._strict:
            raise actions.bad_request(f"no such key name: {unknown[0]!r}")
        return [keysym for _, keysym in found if keysym is not None]


def _encode(frame: Frame) -> bytes:
    return png.from_bgrx(frame.pixels, frame.width_px, frame.height_px)


def _keep_memory() -> None:
    """Have glibc keep freed memory: to fault the 4 MB of a grab in again costs more than to take it."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 32 << 20)
        mallopt(_M_TRIM_THRESHOLD, 256 << 20)
