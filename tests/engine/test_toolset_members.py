"""All 17 members of the computer toolset, as the model calls them, on a Chromium that says what it felt."""

from __future__ import annotations

import base64
import io
import itertools
from typing import Any

import pytest
from anthropic.types.beta import BetaToolUseBlock
from PIL import Image, ImageStat

from pilothouse.browser.camera import Camera
from pilothouse.browser.toolset import KernelComputer
from tests.local.kernel.conftest import HEIGHT, WIDTH, Rig, rig
from tests.local.kernel.test_computer import BOX, DRAG

__all__ = ["rig"]  # the fixture: a server, a browser and its page, once for this module
pytestmark = [
    pytest.mark.browser,
    pytest.mark.display,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(60),
]
Json = dict[str, Any]
MEMBERS = {
    "screenshot", "zoom", "cursor_position", "left_click", "right_click", "middle_click", "double_click",
    "triple_click", "left_click_drag", "mouse_move", "left_mouse_down", "left_mouse_up", "scroll", "type",
    "key", "hold_key", "wait",
}  # fmt: skip
_ids = (f"toolu_{number}" for number in itertools.count())


class Hand:
    """Calls members as the engine does, one armed call at a time."""

    def __init__(self, on: Rig) -> None:
        self.toolset = KernelComputer(on.kernel, on.id, Camera(on.kernel, on.id, WIDTH, HEIGHT))
        self.lab = on.lab

    async def raw(self, member: str, /, armed: bool = True, **given: Any) -> Json:
        block = BetaToolUseBlock(
            type="tool_use", id=next(_ids), name=member, input=given, toolset_name="computer"
        )
        if armed:
            self.toolset.arm(block)
        result = dict(await self.toolset.tool_result(block))
        assert result["tool_use_id"] == block.id
        assert result["toolset_name"] == "computer"
        return result

    async def do(self, member: str, /, **given: Any) -> str:
        """Perform a call that must succeed; gives its text."""
        result = await self.raw(member, **given)
        assert not result.get("is_error"), result
        return text_of(result)

    async def refused(self, member: str, /, **given: Any) -> str:
        """Make a call that must be refused, with words and nothing but words; gives them."""
        self.lab.events.clear()
        result = await self.raw(member, **given)
        assert result["is_error"], result
        blocks = result["content"]
        assert isinstance(blocks, str) or [block["type"] for block in blocks] == ["text"]
        assert not self.toolset.doubt
        return text_of(result)


def text_of(result: Json) -> str:
    content = result["content"]
    return content if isinstance(content, str) else "".join(block.get("text", "") for block in content)


def picture_of(result: Json) -> Image.Image:
    (source,) = [block["source"] for block in result["content"] if block["type"] == "image"]
    return Image.open(io.BytesIO(base64.b64decode(source["data"])))


@pytest.fixture
def hand(rig: Rig) -> Hand:
    rig.lab.events.clear()
    return Hand(rig)


async def test_all_seventeen_members_are_offered(hand: Hand) -> None:
    entry: Any = hand.toolset.to_dict()
    assert entry["type"] == "computer_toolset_20260801"
    assert not [name for name, value in (entry.get("configs") or {}).items() if not value["enabled"]]
    assert len(MEMBERS) == 17
    assert all(callable(getattr(hand.toolset, member)) for member in MEMBERS)


async def test_a_call_that_was_not_armed_is_declined(hand: Hand) -> None:
    result = await hand.raw("left_click", armed=False, coordinate=[200, 600])
    assert result["is_error"]
    await hand.do("left_click", coordinate=[210, 600])
    assert (await hand.lab.one("click"))["x"] == 210


@pytest.mark.parametrize(
    ("member", "kind", "button"),
    [("left_click", "click", 0), ("right_click", "contextmenu", 2), ("middle_click", "auxclick", 1)],
)
async def test_each_button_clicks_where_it_is_told(hand: Hand, member: str, kind: str, button: int) -> None:
    await hand.do(member, coordinate=[333, 600])
    felt = await hand.lab.one(kind, button=button)
    assert (felt["x"], felt["y"], felt["trusted"]) == (333, 600, True)


async def test_a_click_without_a_coordinate_is_where_the_pointer_is(hand: Hand) -> None:
    await hand.do("mouse_move", coordinate=[444, 555])
    assert await hand.do("cursor_position") == "X=444,Y=555"
    await hand.do("left_click")
    felt = await hand.lab.one("click")
    assert (felt["x"], felt["y"]) == (444, 555)


async def test_modifiers_are_held_for_a_click_and_let_go(hand: Hand) -> None:
    await hand.do("left_click", coordinate=[250, 600], text="ctrl+shift")
    felt = await hand.lab.one("click")
    assert (felt["ctrl"], felt["shift"]) == (True, True)
    hand.lab.events.clear()
    await hand.do("left_click", coordinate=[350, 600])
    felt = await hand.lab.one("click")
    assert (felt["ctrl"], felt["shift"]) == (False, False)


async def test_double_and_triple_clicks(rig: Rig, hand: Hand) -> None:
    await rig.open("/clicks")
    await hand.do("double_click", coordinate=[120, 620])
    await hand.lab.one("dblclick")
    await hand.do("left_click", coordinate=list(BOX))
    await hand.do("type", text="two words")
    await hand.lab.one("input", value="two words")
    await hand.do("triple_click", coordinate=[60, BOX[1] - 20])  # selects the line
    await hand.do("type", text="x")
    await hand.lab.one("input", value="x")


async def test_a_drag_goes_from_its_start_to_its_end(hand: Hand) -> None:
    await hand.do("left_click_drag", start_coordinate=list(DRAG), coordinate=[420, 500])
    released, pressed = await hand.lab.one("mouseup"), await hand.lab.one("mousedown")
    assert (pressed["x"], pressed["y"], released["x"], released["y"]) == (*DRAG, 420, 500)
    await hand.lab.one("dragging")


async def test_down_and_up_drag_by_hand(rig: Rig, hand: Hand) -> None:
    await rig.open("/by-hand")  # where nothing is selected: that would be dragged, and tell of no release
    await hand.do("mouse_move", coordinate=[300, 600])
    await hand.do("left_mouse_down")
    await hand.do("mouse_move", coordinate=[360, 640])
    await hand.do("left_mouse_up")
    pressed, released = await hand.lab.one("mousedown"), await hand.lab.one("mouseup")
    assert (pressed["x"], pressed["y"], released["x"], released["y"]) == (300, 600, 360, 640)


@pytest.mark.parametrize(
    ("direction", "axis", "sign"),
    [("down", "dy", 1), ("up", "dy", -1), ("right", "dx", 1), ("left", "dx", -1)],
)
async def test_the_wheel_turns_each_way(hand: Hand, direction: str, axis: str, sign: int) -> None:
    await hand.do("scroll", coordinate=[500, 500], scroll_direction=direction, scroll_amount=2)
    await hand.lab.wait_for(
        lambda events: sum(e.get(axis, 0) for e in events) * sign >= 100, f"two notches {direction}"
    )


async def test_the_wheel_turns_where_the_pointer_is_when_no_place_is_named(hand: Hand) -> None:
    await hand.do("mouse_move", coordinate=[480, 520])
    await hand.do("scroll", scroll_direction="down", scroll_amount=1)
    await hand.lab.one("wheel")
    assert await hand.do("cursor_position") == "X=480,Y=520"


async def test_long_text_arrives_whole_and_once(rig: Rig, hand: Hand) -> None:
    await rig.open("/typing")
    await hand.do("left_click", coordinate=list(BOX))
    text = "".join(f"{number:03} Zażółć 😀 " for number in range(14))  # more than two chunks
    assert len(text) > 160
    await hand.do("type", text=text)
    await hand.lab.wait_for(
        lambda events: [event for event in events if event.get("value") == text], "the whole text", timeout=45
    )


async def test_keys_are_pressed_repeated_and_combined(rig: Rig, hand: Hand) -> None:
    await rig.open("/keys")
    await hand.do("left_click", coordinate=list(BOX))
    await hand.do("key", text="a", repeat=5)
    await hand.lab.one("input", value="aaaaa")
    await hand.do("key", text="CTRL+A")
    await hand.do("key", text="Enter")
    await hand.do("key", text="shift+b")
    await hand.do("key", text="+")
    await hand.lab.one("input", value="\nB+")


async def test_a_sequence_of_keys_is_pressed_in_order(rig: Rig, hand: Hand) -> None:
    await rig.open("/sequence")
    await hand.do("left_click", coordinate=list(BOX))
    await hand.do("key", text="x y BackSpace z")
    await hand.lab.one("input", value="xz")


async def test_a_key_is_held_for_its_time(hand: Hand) -> None:
    assert await hand.do("hold_key", text="Right", duration=1)
    await hand.lab.one("keydown", key="ArrowRight")
    await hand.lab.one("keyup", key="ArrowRight")


async def test_waiting_lasts_what_it_says(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pilothouse.browser.members.WAIT_UNIT_S", 0.01)
    assert await hand.do("wait", duration=2) == "Waited 2s."
    await hand.refused("wait", duration=301)
    await hand.refused("wait", duration=-1)


async def test_a_screenshot_is_the_whole_screen_and_a_zoom_fits_it(hand: Hand) -> None:
    shot = picture_of(await hand.raw("screenshot"))
    assert shot.size == (WIDTH, HEIGHT)
    wide = picture_of(await hand.raw("zoom", region=[20, 100, 220, 150]))
    assert wide.size == (WIDTH, WIDTH // 4)
    tall = picture_of(await hand.raw("zoom", region=[20, 100, 120, 400]))
    assert tall.size == (HEIGHT // 3, HEIGHT)
    red = picture_of(await hand.raw("zoom", region=[DRAG[0] - 10, DRAG[1] - 10, DRAG[0] + 10, DRAG[1] + 10]))
    pixel = red.convert("RGB").getpixel((red.width // 2, red.height // 2))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 150 > pixel[1]


@pytest.mark.parametrize(
    ("member", "given"),
    [
        ("left_click", {"coordinate": [WIDTH, 10]}),
        ("left_click", {"coordinate": [10, HEIGHT]}),
        ("left_click", {"coordinate": [-1, 10]}),
        ("mouse_move", {"coordinate": [10, -1]}),
        ("left_click_drag", {"start_coordinate": [10, 10], "coordinate": [WIDTH, 10]}),
        ("left_click_drag", {"start_coordinate": [10, HEIGHT], "coordinate": [10, 10]}),
        ("scroll", {"coordinate": [WIDTH, 10], "scroll_direction": "down", "scroll_amount": 1}),
        ("zoom", {"region": [0, 0, WIDTH + 1, 10]}),
        ("zoom", {"region": [10, 10, 10, 20]}),
        ("zoom", {"region": [20, 20, 10, 10]}),
    ],
)
async def test_what_is_out_of_bounds_is_refused_and_never_clamped(
    hand: Hand, member: str, given: Json
) -> None:
    await hand.do("mouse_move", coordinate=[400, 400])
    said = await hand.refused(member, **given)
    assert f"0..{WIDTH - 1} x 0..{HEIGHT - 1}" in said
    assert await hand.do("cursor_position") == "X=400,Y=400"
    assert hand.lab.events == []


@pytest.mark.parametrize(
    ("member", "given", "words"),
    [
        ("key", {"text": "Entr"}, "Entr"),
        ("key", {"text": "hyper+a"}, "hyper"),
        ("key", {"text": "a+b"}, "'a'"),
        ("key", {"text": ""}, "key combination"),
        ("key", {"text": "a", "repeat": 101}, "between 1 and 100"),
        ("key", {"text": "a", "repeat": 0}, "between 1 and 100"),
        ("hold_key", {"text": "nokey", "duration": 1}, "nokey"),
        ("hold_key", {"text": "a", "duration": 0}, "duration"),
        ("hold_key", {"text": "a", "duration": 301}, "duration"),
        ("type", {"text": ""}, "empty"),
        ("left_click", {"coordinate": [9, 9], "text": "Return"}, "Return"),
        ("scroll", {"scroll_direction": "down", "scroll_amount": 0}, "scroll_amount"),
        ("scroll", {"scroll_direction": "down", "scroll_amount": 101}, "scroll_amount"),
        ("scroll", {"scroll_direction": "sideways", "scroll_amount": 1}, ""),
        ("left_click", {"coordinate": [9]}, ""),
        ("teleport", {}, "teleport"),
    ],
)
async def test_what_can_not_be_done_is_refused_in_words(
    hand: Hand, member: str, given: Json, words: str
) -> None:
    said = await hand.refused(member, **given)
    assert words in said
    assert hand.lab.events == []


async def test_a_browser_that_is_gone_is_lost_and_not_in_doubt(rig: Rig) -> None:
    computer = KernelComputer(rig.kernel, "nobody", Camera(rig.kernel, "nobody", WIDTH, HEIGHT))
    block = BetaToolUseBlock(
        type="tool_use", id="gone", name="left_click", input={"coordinate": [1, 1]}, toolset_name="computer"
    )
    computer.arm(block)
    result = dict(await computer.tool_result(block))
    assert result["is_error"]
    assert computer.lost
    assert not computer.doubt


@pytest.mark.parametrize("look", ["screenshot", "zoom"])
async def test_a_picture_asked_for_in_the_same_turn_shows_what_the_click_did(
    hand: Hand, rig: Rig, look: str
) -> None:
    await rig.open("/slow-to-turn-green")
    await hand.raw("screenshot")
    await hand.do("left_click", coordinate=[600, 600])
    region: Json = {"region": [100, 400, 200, 500]} if look == "zoom" else {}
    picture = picture_of(await hand.raw(look, **region)).convert("RGB")
    red, green, blue = ImageStat.Stat(picture.crop((100, 400, 200, 500))).mean
    assert green > 100 > max(red, blue)
