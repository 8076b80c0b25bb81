"""The questions to Kernel, in the order they are asked: one browser serves most of them.

Expectations are kernel-api §0 to §3, as tagged there; §6 lists what nobody has verified.
"""

from __future__ import annotations

import re
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import kernel

from pilothouse.browser.far_pages import FarPages
from pilothouse.browser.session import devtools_url
from pilothouse.probe import pictures
from pilothouse.probe.browser_side import HEIGHT_PX, WIDTH_PX, BrowserSide
from pilothouse.probe.checks import Check, Verdict, yes
from pilothouse.probe.plan import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NOTCH_PX = (115, 140)
"""What Chromium on an X11 desktop does: 120 or 133, by its version (kernel-api §4.4)."""
NOTCHES = 3
SLOW_KEY_MS = 40
TYPED = "the quick brown fox jumps over dogs 1234"
BEYOND = "zażółć gęślą 日本 €"
IDLE_TIMEOUT_S = 10
BEAT_S = 8.0
BEATS = 5
QUIET_S = 40.0
CONNECT_POLL_S, CONNECT_POLLS = 0.1, 30


async def create(side: BrowserSide) -> Verdict:
    """Create the browser that the other checks use."""
    began = time.monotonic()
    size: Any = {"width": WIDTH_PX, "height": HEIGHT_PX}
    side.browser = await side.create("main", headless=False, viewport=size)
    took = (time.monotonic() - began) * 1e3
    viewport = side.browser.viewport
    shown = f"{viewport.width}x{viewport.height}" if viewport else "no viewport told"
    return yes(
        shown == f"{WIDTH_PX}x{HEIGHT_PX}", f"{took:.0f} ms, {shown}, name echoed: {bool(side.browser.name)}"
    )


async def direct(side: BrowserSide) -> Verdict:
    """Look for what makes the SDK talk straight to the machine."""
    side.require_browser()
    base, jwt = bool(side.browser.base_url), "jwt=" in str(side.browser.cdp_ws_url)
    return yes(base and jwt, f"base_url: {base}, jwt in cdp_ws_url: {jwt}")


async def by_name(side: BrowserSide) -> Verdict:
    """Use the browser by its name."""
    side.require_browser()
    at = await side.computer.get_mouse_position(side.name("main"))
    return Verdict(Outcome.YES, f"mouse at {at.x},{at.y}")


async def screenshot_size(side: BrowserSide) -> Verdict:
    """Compare a screenshot with the viewport."""
    png = await side.shot()
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    return yes((width, height) == (WIDTH_PX, HEIGHT_PX), f"{width}x{height}, {len(png)} bytes, {png[1:4]!r}")


async def region(side: BrowserSide) -> Verdict:
    """Take a part of the screen."""
    png = await side.shot(x=10, y=20, width=40, height=30)
    size = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    return yes(size == (40, 30), f"{size[0]}x{size[1]}")


async def latencies(side: BrowserSide) -> Verdict:
    """Time the calls of a step."""
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "screenshot": side.shot,
        "position": lambda: side.computer.get_mouse_position(side.id),
        "move": lambda: side.computer.move_mouse(side.id, x=300, y=300),
        "click": lambda: side.computer.click_mouse(side.id, x=300, y=300),
        "key": lambda: side.computer.press_key(side.id, keys=["Escape"]),
    }
    took = {name: median([await _timed(call) for _ in range(3)]) for name, call in calls.items()}
    shown = ", ".join(f"{name} {ms:.0f}" for name, ms in took.items())
    return yes(max(took.values()) < 1000, f"medians of 3 in ms: {shown}")


async def _timed(call: Callable[[], Awaitable[object]]) -> float:
    began = time.monotonic()
    await call()
    return (time.monotonic() - began) * 1e3


async def cursor(side: BrowserSide) -> Verdict:
    """Move the mouse and ask where it is."""
    await side.computer.move_mouse(side.id, x=321, y=234)
    at = await side.computer.get_mouse_position(side.id)
    return yes((at.x, at.y) == (321, 234), f"{at.x},{at.y}")


async def clipboard(side: BrowserSide) -> Verdict:
    """Write the clipboard and read it."""
    await side.computer.write_clipboard(side.id, text=BEYOND)
    read = (await side.computer.read_clipboard(side.id)).text
    return yes(read == BEYOND, f"{len(read)} of {len(BEYOND)} characters came back")


async def scroll(side: BrowserSide) -> Verdict:
    """Scroll the page of stripes and see how far it went."""
    await side.open_page()
    await side.computer.scroll(side.id, x=WIDTH_PX * 3 // 4, y=HEIGHT_PX // 2, delta_y=NOTCHES)
    await side.sleep(1.5)
    found = pictures.page_top(await side.shot())
    if found is None:
        return Verdict(Outcome.FAILED, "the page could not be read after scrolling")
    notch = found[1] / NOTCHES
    near = NOTCH_PX[0] <= notch <= NOTCH_PX[1]
    return Verdict(Outcome.YES if near else Outcome.DIFFERS, f"{notch:.1f} px a notch ({NOTCHES} notches)")


async def _type(side: BrowserSide, text: str, **more: Any) -> tuple[float, str]:
    top, _ = await side.open_page()
    await side.computer.click_mouse(side.id, x=200, y=top + 20)
    took = await _timed(lambda: side.computer.type_text(side.id, text=text, **more))
    await side.sleep(0.3)
    return took / len(text), await side.typed_back()


async def typing(side: BrowserSide) -> Verdict:
    """Time typing, and read what was typed."""
    each_ms, back = await _type(side, TYPED)
    whole = "exact" if back == TYPED else f"{len(back)} of {len(TYPED)} characters came"
    if back != TYPED:
        return Verdict(Outcome.DIFFERS, f"{each_ms:.0f} ms a character, {whole}")
    return yes(each_ms >= SLOW_KEY_MS, f"{each_ms:.0f} ms a character, {whole}")


async def smooth(side: BrowserSide) -> Verdict:
    """Ask for typing that is not like a person's."""
    slow_ms, _ = await _type(side, TYPED)
    try:
        quick_ms, back = await _type(side, TYPED, extra_body={"smooth": False})
    except kernel.APIStatusError as error:
        return Verdict(Outcome.NO, f"it is refused: {told(error)}")
    evidence = f"{slow_ms:.0f} ms a character, {quick_ms:.0f} with smooth=false, exact: {back == TYPED}"
    return yes(slow_ms >= SLOW_KEY_MS and quick_ms < slow_ms / 2, evidence)


async def beyond_layout(side: BrowserSide) -> Verdict:
    """Type characters that no keyboard has."""
    _, back = await _type(side, BEYOND)
    return yes(back == BEYOND, f"{len(back)} of {len(BEYOND)} characters came, exact: {back == BEYOND}")


async def batch(side: BrowserSide) -> Verdict:
    """Run a batch that fails at its second action."""
    actions: Any = [
        {"type": "move_mouse", "move_mouse": {"x": 50, "y": 60, "smooth": False}},
        {"type": "move_mouse", "move_mouse": {"x": 99_999, "y": 0}},
        {"type": "move_mouse", "move_mouse": {"x": 70, "y": 80, "smooth": False}},
    ]
    try:
        await side.computer.batch(side.id, actions=actions)
    except kernel.APIStatusError as error:
        at = await side.computer.get_mouse_position(side.id)
        return yes((at.x, at.y) == (50, 60), f"{told(error)}; mouse at {at.x},{at.y}")
    return Verdict(Outcome.NO, "a batch with an impossible action was taken")


async def unknown_key(side: BrowserSide) -> Verdict:
    """Press a key that there is not."""
    try:
        await side.computer.press_key(side.id, keys=["NoSuchKey"])
    except kernel.APIStatusError as error:
        return Verdict(Outcome.NO, told(error))
    return Verdict(Outcome.YES, "answered as if it had been pressed")


async def out_of_bounds(side: BrowserSide) -> Verdict:
    """Click beside the screen."""
    return await _refused(
        side.computer.click_mouse(side.id, x=99_999, y=5), 400, r"exceed screen bounds \(max: \d+x\d+\)"
    )


async def no_scroll(side: BrowserSide) -> Verdict:
    """Scroll by nothing."""
    call = side.computer.scroll(side.id, x=5, y=5, delta_x=0, delta_y=0)
    return await _refused(call, 400, r"at least one of delta_x or delta_y")


async def name_conflict(side: BrowserSide) -> Verdict:
    """Ask for a second browser of the same name."""
    side.require_browser()
    call = side.client.browsers.create(name=side.name("main"), tags=side.tags, timeout_seconds=10)
    return await _refused(call, 409)


async def unknown_browser(side: BrowserSide) -> Verdict:
    """Ask for a browser that there is not."""
    return await _refused(side.client.browsers.retrieve(side.name("nobody")), 404)


async def wrong_key(side: BrowserSide) -> Verdict:
    """Ask with a key that is none."""
    stranger = side.client.copy(api_key="not-a-key")
    return await _refused(stranger.browsers.retrieve(side.name("nobody")), 401)


async def many_tags(side: BrowserSide) -> Verdict:
    """Create a browser with 51 tags."""
    tags = {**side.tags, **{f"t{number}": "x" for number in range(49)}}
    return await _refused_creation(side, "tags", tags=tags)


async def long_name(side: BrowserSide) -> Verdict:
    """Create a browser with a name of 256 characters."""
    return await _refused_creation(side, "name", name=side.name("x").ljust(256, "x"))


async def _refused_creation(side: BrowserSide, suffix: str, **params: Any) -> Verdict:
    try:
        made = await side.create(suffix, headless=True, timeout_seconds=IDLE_TIMEOUT_S, **params)
    except kernel.APIStatusError as error:
        return Verdict(Outcome.YES if error.status_code == 400 else Outcome.DIFFERS, told(error))
    await side.delete(made.name or made.session_id)
    return Verdict(Outcome.NO, "it was taken")


async def listed(side: BrowserSide) -> Verdict:
    """Find our browser by its tag."""
    mine = side.id
    found = [one.session_id async for one in side.client.browsers.list(tags={"probe": side.probe})]
    return yes(mine in found, f"{len(found)} found")


async def list_limit(side: BrowserSide) -> Verdict:
    """Ask for more than a hundred at once."""

    async def more() -> None:
        await side.client.browsers.list(limit=101)

    return await _refused(more(), 400, r"limit")


async def limits(side: BrowserSide) -> Verdict:
    """Ask how many browsers there may be."""
    try:
        told_limits = await side.client.organization.limits.retrieve()
    except kernel.APIStatusError as error:
        return Verdict(Outcome.NO, told(error))
    names = sorted(name for name, value in told_limits.to_dict().items() if value is not None)
    return yes("max_concurrent_sessions" in names, ", ".join(names))


async def telemetry(side: BrowserSide) -> Verdict:
    """Switch telemetry on, act, and look for the act in it."""
    wanted: Any = {"enabled": True}
    try:
        await side.client.browsers.update(side.id, telemetry=wanted)
        await side.computer.move_mouse(side.id, x=100, y=100)
        await side.sleep(2)
        page = await side.client.browsers.telemetry.events(side.id, limit=100)
    except kernel.APIStatusError as error:
        return Verdict(Outcome.NO, told(error))
    kinds = sorted({str(getattr(one.event, "type", "")) for one in page.items or []})
    return yes("api_call" in kinds, ", ".join(kinds) or "no events")


async def pages_at_rest(side: BrowserSide) -> Verdict:
    """Ask the pages over DevTools whether they are at rest, as a step does."""
    side.require_browser()
    pages = FarPages()
    pages.move_to(devtools_url(side.browser))
    began = time.monotonic()
    try:
        for _ in range(CONNECT_POLLS):
            pages.wake()
            if pages.live:
                break
            await side.sleep(CONNECT_POLL_S)
        else:
            return Verdict(Outcome.NO, "no conversation came about")
        connected = time.monotonic()
        found = await pages.rested("mouse_move", connected, connected + 3, side.shot, _same)
        took_ms = [(b - a) * 1e3 for a, b in ((began, connected), (connected, time.monotonic()))]
    finally:
        await pages.close()
    by = found[1] if found else "no answer"
    return yes(
        by == "signals", f"{by}; connected in {took_ms[0]:.0f} ms, a picture {took_ms[1]:.0f} ms later"
    )


async def _same(one: bytes, other: bytes, areas: object) -> bool:
    return one == other


async def replay(side: BrowserSide) -> Verdict:
    """Record a video of a moment."""
    try:
        video = await side.client.browsers.replays.start(side.id, framerate=10)
        await side.sleep(1.5)
        await side.client.browsers.replays.stop(video.replay_id, id_or_name=side.id)
        known = [one.replay_id for one in await side.client.browsers.replays.list(side.id)]
    except kernel.APIStatusError as error:
        return Verdict(Outcome.NO, told(error))
    return yes(video.replay_id in known, f"started and stopped, listed: {video.replay_id in known}")


async def allowed_hosts(side: BrowserSide) -> Verdict:
    """Create a browser that may reach one host only."""
    network: Any = {"allowed_hosts": ["example.com"]}
    try:
        made = await side.create("hosts", headless=True, network=network, timeout_seconds=IDLE_TIMEOUT_S)
    except kernel.APIStatusError as error:
        return Verdict(Outcome.NO, told(error))
    echoed = getattr(made.network, "allowed_hosts", None)
    await side.delete(made.name or made.session_id)
    return Verdict(Outcome.YES, f"taken, echoed: {echoed is not None}")


async def idle_accounting(side: BrowserSide) -> Verdict:
    """Keep a browser alive by looking at a corner of it, then leave it alone."""
    made = await side.create("idle", headless=True, timeout_seconds=IDLE_TIMEOUT_S)
    corner: Any = {"x": 0, "y": 0, "width": 8, "height": 8}
    for beat in range(BEATS):
        await side.sleep(BEAT_S)
        try:
            await side.computer.capture_screenshot(made.session_id, region=corner)
        except kernel.NotFoundError:
            return Verdict(Outcome.NO, f"gone after {(beat + 1) * BEAT_S:.0f} s, beaten every {BEAT_S:.0f} s")
    await side.sleep(QUIET_S)
    try:
        await side.client.browsers.retrieve(made.session_id)
    except kernel.NotFoundError:
        kept = (
            f"alive for {BEATS * BEAT_S:.0f} s by screenshots of a corner, then gone within {QUIET_S:.0f} s"
        )
        return Verdict(Outcome.YES, f"{kept} (timeout {IDLE_TIMEOUT_S} s)")
    return Verdict(
        Outcome.DIFFERS, f"still alive {QUIET_S:.0f} s after the last (timeout {IDLE_TIMEOUT_S} s)"
    )


async def soft_delete(side: BrowserSide) -> Verdict:
    """Delete the browser in use by its name, and look for what remains."""
    mine = side.id
    if not await side.delete(side.name("main")):
        return Verdict(Outcome.FAILED, "the delete was not confirmed")
    side.browser = None
    try:
        await side.client.browsers.retrieve(mine)
    except kernel.NotFoundError:
        gone = await side.client.browsers.retrieve(mine, include_deleted=True)
        return yes(
            gone.deleted_at is not None, f"404, with include_deleted usage {gone.usage_status or 'untold'}"
        )
    return Verdict(Outcome.NO, "it can still be retrieved")


async def _refused(call: Awaitable[object], status: int, words: str = "") -> Verdict:
    """Make a call that should be refused, so and in such words."""
    try:
        await call
    except kernel.APIStatusError as error:
        fits = error.status_code == status and re.search(words, told(error)) is not None
        return Verdict(Outcome.YES if fits else Outcome.DIFFERS, told(error))
    return Verdict(Outcome.NO, "it was taken")


def told(error: kernel.APIStatusError) -> str:
    """Word a refusal: its status, its code and its message."""
    body = error.body if isinstance(error.body, dict) else {}
    code = f" code={body['code']}" if "code" in body else " no code"
    return f"{error.status_code}{code}: {body.get('message', type(error).__name__)}"


_TABLE: tuple[tuple[str, str, str, Callable[[BrowserSide], Awaitable[Verdict]]], ...]
_TABLE = (
    ("browser/create", "a browser is made with the viewport asked for", "kernel-api §1.7 [DOC]", create),
    ("browser/direct", "it lets the SDK talk to the machine itself", "kernel-api §1.4 [SDK]", direct),
    ("browser/by-name", "it can be used by its name", "kernel-api §1.3 [SDK]", by_name),
    ("errors/name-conflict", "a second browser of its name is 409", "kernel-api §6", name_conflict),
    ("screen/size", "a screenshot is a PNG of the viewport's size", "model-api §9", screenshot_size),
    ("screen/region", "a region's screenshot has the region's size", "kernel-api §1.5 [SDK]", region),
    ("latency", "no call of a step takes a second", "kernel-api §0.5 [INF]", latencies),
    ("mouse/position", "the mouse is where it was moved to", "kernel-api §2 [OLD]", cursor),
    ("clipboard", "the clipboard keeps any text", "kernel-api §1.5 [SDK]", clipboard),
    ("scroll/notch", "one notch scrolls 115 to 140 px", "kernel-api §0.8, §6", scroll),
    ("typing/speed", "typing is slowed down to a person's speed", "kernel-api §0.5 [NEW]", typing),
    ("typing/smooth", "smooth=false in the body makes it quick", "kernel-api §1.5 [INF]", smooth),
    ("typing/beyond", "text beyond the layout arrives whole", "kernel-api §4.4 [INF]", beyond_layout),
    ("batch/stops", "a batch stops at its first error", "kernel-api §2 [NEW]", batch),
    ("keys/unknown", "an unknown key is answered like any other", "kernel-api §0.7", unknown_key),
    ("errors/bounds", "a click beside the screen is 400", "kernel-api §2 [OLD]", out_of_bounds),
    ("errors/no-scroll", "a scroll by nothing is 400", "kernel-api §2 [OLD]", no_scroll),
    ("errors/404", "an unknown browser is 404", "kernel-api §1.2 [SDK]", unknown_browser),
    ("errors/401", "a wrong key is 401", "kernel-api §6", wrong_key),
    ("limits/tags", "51 tags are refused", "kernel-api §1.3 [SDK]", many_tags),
    ("limits/name", "a name of 256 characters is refused", "kernel-api §6", long_name),
    ("list/by-tag", "a browser is found by its tag", "kernel-api §1.3 [SDK]", listed),
    ("list/limit", "more than 100 at once are refused", "kernel-api §1.3 [SDK]", list_limit),
    ("limits/org", "the account's limits can be asked for", "kernel-api §1.6 [SDK]", limits),
    ("network/allowed-hosts", "a list of allowed hosts is taken", "kernel-api §1.3 [SDK]", allowed_hosts),
    ("telemetry", "telemetry tells of our own calls", "kernel-api §1.6 [SDK, NEW]", telemetry),
    ("pages/at-rest", "its pages can be asked whether they are at rest", "kernel-api §5.4", pages_at_rest),
    ("replay", "a video can be recorded", "kernel-api §1.7 [DOC]", replay),
    ("browser/soft-delete", "a deleted browser is 404, but remembered", "kernel-api §1.3", soft_delete),
)  # fmt: skip


def checks() -> tuple[Check[BrowserSide], ...]:
    """List the questions for the one browser, in their order."""
    return tuple(
        Check(id=name, question=question, source=source, run=run) for name, question, source, run in _TABLE
    )


def apart() -> tuple[Check[BrowserSide], ...]:
    """List the questions that have a browser of their own, and time of their own."""
    return (
        Check(
            id="idle/region-screenshots",
            question="a corner's screenshots keep a browser alive",
            source="kernel-api §1.7, §6 [INF]",
            run=idle_accounting,
            cap_s=BEATS * (BEAT_S + 2) + QUIET_S + 12,
        ),
    )
