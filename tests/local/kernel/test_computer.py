"""The computer calls, by the real SDK, on a real Chromium that says what it felt."""

from __future__ import annotations

import io
from typing import Any

import kernel
import pytest
from PIL import Image

from tests.local.kernel.conftest import HEIGHT, WIDTH, Rig

pytestmark = [
    pytest.mark.browser,
    pytest.mark.display,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(60),
]

TOOLBAR_PX = 87
BOX = (300, TOOLBAR_PX + 50)
DRAG = (50, TOOLBAR_PX + 150)


@pytest.fixture(autouse=True)
def forget(rig: Rig) -> None:
    rig.lab.events.clear()


async def _picture(rig: Rig, **region: int) -> Image.Image:
    extra: Any = {"region": region} if region else {}
    answer = await rig.kernel.browsers.computer.capture_screenshot(rig.id, **extra)
    return Image.open(io.BytesIO(await answer.read()))


async def test_a_click_is_trusted_and_lands_where_it_was_aimed(rig: Rig) -> None:
    await rig.kernel.browsers.computer.click_mouse(rig.id, x=200, y=600)
    assert await rig.lab.one("click") == {
        "kind": "click", "x": 200, "y": 600, "trusted": True, "button": 0, "shift": False, "ctrl": False,
    }  # fmt: skip


async def test_double_clicks_are_double_every_time(rig: Rig) -> None:
    for n in range(10):  # far apart, or Chromium counts on to triple clicks
        await rig.kernel.browsers.computer.click_mouse(rig.id, x=100 + 80 * n, y=610, num_clicks=2)
    await rig.lab.wait_for(lambda events: sum(e["kind"] == "dblclick" for e in events) == 10, "10 dblclicks")


async def test_other_buttons_and_held_keys_reach_the_page(rig: Rig) -> None:
    await rig.kernel.browsers.computer.click_mouse(rig.id, x=220, y=620, button="right")
    assert (await rig.lab.one("contextmenu"))["button"] == 2
    await rig.kernel.browsers.computer.click_mouse(rig.id, x=220, y=620, hold_keys=["shift", "ctrl"])
    clicked = await rig.lab.one("click")
    assert (clicked["shift"], clicked["ctrl"]) == (True, True)
    rig.lab.events.clear()
    await rig.kernel.browsers.computer.click_mouse(rig.id, x=220, y=620)
    assert (await rig.lab.one("click"))["shift"] is False


@pytest.mark.parametrize(
    "text",
    [
        'The quick brown fox, 0123456789 (jumps) over "lazy" dogs! @#$%^&*_+-=[]{}|;:\'<>,.?/~`',
        "Zażółć gęślą jaźń € → 日本語テキスト 😀🚀 Привет, мир",
        "".join(chr(0x4E00 + n) for n in range(120)),
    ],
    ids=["ascii", "unicode", "more-new-keys-than-spare-ones"],
)
async def test_typed_text_arrives_exactly(rig: Rig, text: str) -> None:
    await rig.open("/typing")
    await rig.kernel.browsers.computer.click_mouse(rig.id, x=BOX[0], y=BOX[1])
    await rig.kernel.browsers.computer.type_text(rig.id, text=text)
    await rig.lab.one("input", value=text)


async def test_key_combinations_reach_the_page(rig: Rig) -> None:
    await rig.open("/keys")
    await rig.kernel.browsers.computer.click_mouse(rig.id, x=BOX[0], y=BOX[1])
    await rig.kernel.browsers.computer.type_text(rig.id, text="abc")
    await rig.lab.one("input", value="abc")
    await rig.kernel.browsers.computer.press_key(rig.id, keys=["ctrl+a"])
    await rig.kernel.browsers.computer.press_key(rig.id, keys=["Return", "A", "!"])
    await rig.lab.one("input", value="\nA!")
    assert (await rig.lab.one("keydown", key="a"))["trusted"] is True


async def test_a_key_can_be_held(rig: Rig) -> None:
    await rig.kernel.browsers.computer.press_key(rig.id, keys=["Right"], duration=300)
    await rig.lab.one("keydown", key="ArrowRight")
    await rig.lab.one("keyup", key="ArrowRight")


async def test_the_address_bar_takes_an_address(rig: Rig) -> None:
    await rig.open("/here")
    await rig.address(f"{rig.lab.url}/there")
    await rig.lab.one("load", path="/there")


async def test_tabs_are_opened_and_walked_by_keys(rig: Rig) -> None:
    computer = rig.kernel.browsers.computer
    await rig.open("/first")
    await computer.press_key(rig.id, keys=["ctrl+t"])
    await rig.lab.one("blur")
    await rig.address(f"{rig.lab.url}/second")
    await rig.lab.one("load", path="/second")
    await computer.press_key(rig.id, keys=["ctrl+shift+Tab"])
    await computer.press_key(rig.id, keys=["F5"])
    await rig.lab.one("load", path="/first")
    rig.lab.events.clear()
    await computer.press_key(rig.id, keys=["ctrl+w"])
    await rig.lab.one("focus", path="/second")  # a tab that comes to the front takes the keys back
    await rig.address(f"{rig.lab.url}/only")
    await rig.lab.one("load", path="/only")


async def test_the_wheel_turns_by_notches(rig: Rig) -> None:
    await rig.kernel.browsers.computer.scroll(rig.id, x=500, y=500, delta_y=3, delta_x=0)
    await rig.lab.wait_for(lambda events: sum(e.get("dy", 0) for e in events) >= 300, "three notches")


async def test_a_drag_presses_moves_and_releases(rig: Rig) -> None:
    await rig.kernel.browsers.computer.drag_mouse(rig.id, path=[list(DRAG), [400, 500], [410, 300]])
    released = await rig.lab.one("mouseup")
    pressed = await rig.lab.one("mousedown")
    assert (pressed["x"], pressed["y"], released["x"], released["y"]) == (*DRAG, 410, 300)
    assert any(e["kind"] == "dragging" for e in rig.lab.events)


async def test_the_pointer_is_where_it_was_put(rig: Rig) -> None:
    await rig.kernel.browsers.computer.move_mouse(rig.id, x=123, y=456)
    position = await rig.kernel.browsers.computer.get_mouse_position(rig.id)
    assert (position.x, position.y) == (123, 456)


async def test_a_screenshot_has_the_screens_size_and_a_region_is_a_part_of_it(rig: Rig) -> None:
    await rig.kernel.browsers.computer.move_mouse(rig.id, x=900, y=700)
    whole = await _picture(rig)
    part = await _picture(rig, x=0, y=0, width=200, height=80)
    assert whole.size == (WIDTH, HEIGHT)
    assert part.size == (200, 80)
    assert part.tobytes() == whole.crop((0, 0, 200, 80)).tobytes()
    last = whole.convert("RGB").crop((WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT)).tobytes()
    assert min(last) > 200, "the window covers the last pixel"


async def test_the_pointer_is_in_the_picture_unless_hidden(rig: Rig) -> None:
    computer = rig.kernel.browsers.computer
    await computer.move_mouse(rig.id, x=600, y=600)
    around = {"x": 590, "y": 590, "width": 40, "height": 40}
    assert len((await _picture(rig, **around)).getcolors() or []) > 1
    assert (await computer.set_cursor_visibility(rig.id, hidden=True)).ok
    assert len((await _picture(rig, **around)).getcolors() or []) == 1
    await computer.set_cursor_visibility(rig.id, hidden=False)


async def test_the_clipboard_goes_both_ways(rig: Rig) -> None:
    computer = rig.kernel.browsers.computer
    await rig.open("/clipboard")
    await computer.click_mouse(rig.id, x=BOX[0], y=BOX[1])
    await computer.write_clipboard(rig.id, text="żółw 🐢")
    await computer.press_key(rig.id, keys=["ctrl+v"])
    await rig.lab.one("input", value="żółw 🐢")
    await computer.type_text(rig.id, text=" x")
    await rig.lab.one("input", value="żółw 🐢 x")
    await computer.press_key(rig.id, keys=["ctrl+a", "ctrl+c"])
    await rig.lab.one("keyup", key="c")
    assert (await computer.read_clipboard(rig.id)).text == "żółw 🐢 x"


async def test_a_batch_stops_at_its_first_error(rig: Rig) -> None:
    with pytest.raises(kernel.BadRequestError) as caught:
        await rig.kernel.browsers.computer.batch(
            rig.id,
            actions=[
                {"type": "move_mouse", "move_mouse": {"x": 11, "y": 12}},
                {"type": "click_mouse", "click_mouse": {"x": 5000, "y": 1}},
                {"type": "move_mouse", "move_mouse": {"x": 21, "y": 22}},
            ],
        )
    text = "actions[1] (click_mouse): coordinates exceed screen bounds (max: 1023x767)"
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["message"] == text
    position = await rig.kernel.browsers.computer.get_mouse_position(rig.id)
    assert (position.x, position.y) == (11, 12)


async def test_inputs_are_refused_in_kernels_words(rig: Rig) -> None:
    computer = rig.kernel.browsers.computer
    refused = [
        (computer.click_mouse(rig.id, x=-1, y=0), "coordinates must be non-negative"),
        (computer.click_mouse(rig.id, x=WIDTH, y=0), "coordinates exceed screen bounds (max: 1023x767)"),
        (computer.scroll(rig.id, x=1, y=1), "at least one of delta_x or delta_y must be non-zero"),
        (
            computer.capture_screenshot(rig.id, region={"x": 0, "y": 0, "width": 0, "height": 5}),
            "invalid region dimensions",
        ),
        (
            computer.capture_screenshot(rig.id, region={"x": 1000, "y": 0, "width": 100, "height": 5}),
            "region exceeds screen bounds",
        ),
        (computer.drag_mouse(rig.id, path=[[1, 1]]), "path must contain at least two points"),
        (computer.press_key(rig.id, keys=["Enter"]), "no such key name: 'Enter'"),
    ]
    for call, message in refused:
        with pytest.raises(kernel.BadRequestError) as caught:
            await call
        assert isinstance(caught.value.body, dict)
        assert caught.value.body["message"] == message
        assert caught.value.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "view-source:file:///etc/passwd", "chrome://settings"]
)
async def test_only_the_web_is_shown(rig: Rig, address: str) -> None:
    computer = rig.kernel.browsers.computer
    await rig.open("/before")
    await rig.address(address)
    await computer.batch(rig.id, actions=[{"type": "sleep", "sleep": {"duration_ms": 700}}])
    await computer.press_key(rig.id, keys=["ctrl+a", "ctrl+c"])
    await computer.batch(rig.id, actions=[{"type": "sleep", "sleep": {"duration_ms": 300}}])
    shown = (await computer.read_clipboard(rig.id)).text
    assert "root:" not in shown
    assert "blocked" in shown, "Chromium says itself why"
    await rig.open("/after")


async def test_no_dialog_of_the_host_opens(rig: Rig) -> None:
    computer = rig.kernel.browsers.computer
    await rig.open("/dialog")
    await computer.press_key(rig.id, keys=["ctrl+o"])
    await computer.press_key(rig.id, keys=["ctrl+s"])
    await computer.press_key(rig.id, keys=["ctrl+p"])
    await computer.batch(rig.id, actions=[{"type": "sleep", "sleep": {"duration_ms": 700}}])
    rig.lab.events.clear()
    await computer.click_mouse(rig.id, x=200, y=600)
    assert (await rig.lab.one("click"))["trusted"] is True, "the page still has the pointer"


async def test_calls_by_name_work_too(rig: Rig) -> None:
    await rig.kernel.browsers.computer.move_mouse(rig.name, x=7, y=9)
    assert (await rig.kernel.browsers.computer.get_mouse_position(rig.id)).x == 7


async def test_what_would_run_code_on_this_machine_is_not_there(rig: Rig) -> None:
    for call in (
        rig.kernel.browsers.process.exec(rig.id, command="id"),
        rig.kernel.browsers.fs.read_file(rig.id, path="/etc/passwd"),
        rig.kernel.browsers.playwright.execute(rig.id, code="return 1"),
    ):
        with pytest.raises(kernel.InternalServerError) as caught:
            await call
        assert caught.value.status_code == 501
