"""What each member asks of Kernel, by parameter; and the older generations, which share the members."""

from __future__ import annotations

import asyncio
import io
from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from kernel import AsyncKernel
from PIL import Image

from pilothouse.browser.camera import Camera
from pilothouse.browser.computer import Computer
from pilothouse.browser.scale import Scale
from pilothouse.browser.session import make_client
from pilothouse.browser.toolset import make_computer
from pilothouse.local.loopback import listening
from pilothouse.model.generations import GENERATIONS
from tests.engine.kernel_stub import HEIGHT_PX, WIDTH_PX, KernelStub

Json = dict[str, Any]
CURSOR = {"x": 7, "y": 9}
"""Where the stub's pointer is."""
ALL = list(GENERATIONS)


class ScreenStub(KernelStub):
    """A stub with a screen of any size and a clipboard.

    Attributes:
        size_px: The size of the screen.
        clipboard: What is on it.
        shots: The region of every screenshot taken; None for the whole screen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.size_px = (WIDTH_PX, HEIGHT_PX)
        self.clipboard = ""
        self.shots: list[dict[str, int] | None] = []

    def app(self) -> web.Application:
        app = super().app()
        app.router.add_post("/browsers/{id}/computer/{call:clipboard/read}", self._read)
        app.router.add_post("/browsers/{id}/computer/{call:clipboard/write}", self._write)
        return app

    async def _read(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"text": self.clipboard})

    async def _write(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.clipboard = body["text"]
        self.performed.append(("clipboard/write", body))
        return web.Response(status=200)

    async def _computer(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["call"] != "screenshot":
            return await super()._computer(request)
        region = (await request.json()).get("region") if request.can_read_body else None
        self.shots.append(region)
        size = (region["width"], region["height"]) if region else self.size_px
        out = io.BytesIO()
        Image.new("RGB", size, "white").save(out, "PNG", compress_level=1)
        return web.Response(body=out.getvalue(), content_type="image/png")


class Desk:
    """A computer of some generation on a stub."""

    def __init__(self, stub: ScreenStub, client: AsyncKernel, browser: str) -> None:
        self.stub = stub
        self._client = client
        self._browser = browser

    def computer(self, kind: str = ALL[0], *, scale: Scale | None = None, paste: bool = False) -> Computer:
        camera = Camera(self._client, self._browser, *self.stub.size_px, scale)
        return make_computer(GENERATIONS[kind], self._client, self._browser, camera, paste=paste)

    async def did(self, computer: Computer, member: str, **given: Any) -> tuple[list[tuple[str, Json]], Json]:
        """Perform one call; gives what Kernel was asked, and the result."""
        self.stub.performed.clear()
        result = await computer.perform("toolu_1", member, given)
        return list(self.stub.performed), result


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    stub = ScreenStub()
    async with listening(stub.app()) as url:
        client = make_client("kernel-key-of-the-tests", url)
        browser = await client.browsers.create(name="desk")
        yield Desk(stub, client, browser.session_id)
        await client.close()


CALLS: list[tuple[str, Json, list[tuple[str, Json]], str]] = [
    (
        "left_click",
        {"coordinate": [10, 20], "text": "ctrl+shift"},
        [
            (
                "click_mouse",
                {"x": 10, "y": 20, "button": "left", "num_clicks": 1, "hold_keys": ["ctrl", "shift"]},
            )
        ],
        "Clicked.",
    ),
    ("right_click", {}, [("click_mouse", {**CURSOR, "button": "right", "num_clicks": 1})], "Right-clicked."),
    (
        "middle_click",
        {},
        [("click_mouse", {**CURSOR, "button": "middle", "num_clicks": 1})],
        "Middle-clicked.",
    ),
    ("double_click", {}, [("click_mouse", {**CURSOR, "button": "left", "num_clicks": 2})], "Double-clicked."),
    ("triple_click", {}, [("click_mouse", {**CURSOR, "button": "left", "num_clicks": 3})], "Triple-clicked."),
    ("mouse_move", {"coordinate": [1, 2]}, [("move_mouse", {"x": 1, "y": 2})], "Moved the mouse."),
    (
        "left_mouse_down",
        {},
        [("click_mouse", {**CURSOR, "button": "left", "click_type": "down"})],
        "Left mouse button pressed.",
    ),
    (
        "left_mouse_up",
        {},
        [("click_mouse", {**CURSOR, "button": "left", "click_type": "up"})],
        "Left mouse button released.",
    ),
    (
        "left_click_drag",
        {"start_coordinate": [1, 2], "coordinate": [3, 4], "text": "alt"},
        [("drag_mouse", {"path": [[1, 2], [3, 4]], "button": "left", "hold_keys": ["alt"]})],
        "Dragged.",
    ),
    (
        "scroll",
        {"coordinate": [5, 6], "scroll_direction": "left", "scroll_amount": 3, "text": "shift"},
        [("scroll", {"x": 5, "y": 6, "delta_x": -3, "hold_keys": ["shift"]})],
        "Scrolled left.",
    ),
    ("type", {"text": "hello"}, [("type", {"text": "hello"})], "Typed."),
    (
        "key",
        {"text": "ctrl+a Delete"},
        [("press_key", {"keys": ["ctrl+a", "Delete"]})],
        "Pressed ctrl+a Delete.",
    ),
    (
        "hold_key",
        {"text": "Right", "duration": 2},
        [("press_key", {"keys": ["Right"], "duration": 2000})],
        "Held Right for 2s.",
    ),
    ("cursor_position", {}, [], "X=7,Y=9"),
    ("wait", {"duration": 0}, [], "Waited 0s."),
]


@pytest.mark.parametrize("kind", ALL)
async def test_every_generation_asks_the_same_of_kernel(desk: Desk, kind: str) -> None:
    generation, computer = GENERATIONS[kind], desk.computer(kind)
    toolset = {"toolset_name": "computer"} if kind == ALL[0] else {}
    for member, given, asked, said in CALLS:
        if member not in generation.members:
            performed, result = await desk.did(computer, member, **given)
            assert (performed, result["is_error"]) == ([], True), member
            continue
        if not generation.modifiers:
            given = {key: value for key, value in given.items() if key != "text" or member in ("type", "key")}
            asked = [(path, {k: v for k, v in body.items() if k != "hold_keys"}) for path, body in asked]
        performed, result = await desk.did(computer, member, **given)
        assert performed == asked, member
        assert result == {
            "type": "tool_result",
            "tool_use_id": "toolu_1",
            "content": [{"type": "text", "text": said}],
            **toolset,
        }


REFUSED: list[tuple[str, Json, str]] = [
    ("teleport", {}, "'teleport' is not an action of"),
    ("left_click", {"coordinate": [1280, 5]}, "outside the screen (0..1279 x 0..799)"),
    ("left_click", {"coordinate": [1.5, 5]}, "can't be used"),
    ("mouse_move", {}, "coordinate"),
    ("key", {"text": "Retrun"}, "no key is called 'Retrun'"),
    ("type", {"text": "a\x07"}, "no key types"),
    ("type", {"text": "\ud800"}, "no key types"),
]


@pytest.mark.parametrize("kind", ALL[1:])
async def test_an_older_generation_refuses_in_words_and_does_nothing(desk: Desk, kind: str) -> None:
    for member, given, words in REFUSED:
        performed, result = await desk.did(desk.computer(kind), member, **given)
        assert performed == []
        assert result["is_error"] is True
        assert words in result["content"][0]["text"]


async def test_the_first_generation_holds_no_modifiers_and_drags_from_the_pointer(desk: Desk) -> None:
    first = desk.computer("computer_20241022")
    performed, result = await desk.did(first, "left_click", coordinate=[1, 2], text="ctrl")
    assert (performed, result["is_error"]) == ([], True)
    performed, _ = await desk.did(first, "left_click_drag", coordinate=[3, 4])
    assert performed == [("drag_mouse", {"path": [[7, 9], [3, 4]], "button": "left"})]


async def test_long_text_goes_in_pieces_with_time_for_each(desk: Desk) -> None:
    text = "abcdefghij" * 17
    performed, _ = await desk.did(desk.computer(), "type", text=text)
    assert [len(body["text"]) for _, body in performed] == [80, 80, 10]
    assert "".join(body["text"] for _, body in performed) == text


async def test_a_refusal_in_the_middle_of_a_text_says_how_much_is_typed(desk: Desk) -> None:
    desk.stub.faults["type"] = ["", "401"]
    _, result = await desk.did(desk.computer(), "type", text="x" * 100)
    assert result["is_error"] is True
    assert "80 characters had been typed" in str(result["content"])


async def test_lines_the_layout_may_lack_are_pasted_and_the_clipboard_is_put_back(desk: Desk) -> None:
    desk.stub.clipboard = "kept"
    performed, _ = await desk.did(desk.computer(paste=True), "type", text="plain\nZażółć\tend\r\n")
    assert performed == [
        ("type", {"text": "plain"}),
        ("type", {"text": "\n"}),
        ("clipboard/write", {"text": "Zażółć"}),
        ("press_key", {"keys": ["ctrl+v"]}),
        ("type", {"text": "\t"}),
        ("type", {"text": "end"}),
        ("type", {"text": "\n"}),
        ("clipboard/write", {"text": "kept"}),
    ]
    performed, _ = await desk.did(desk.computer(paste=False), "type", text="Zażółć")
    assert performed == [("type", {"text": "Zażółć"})]


async def test_without_a_clipboard_a_line_is_typed_after_all(desk: Desk) -> None:
    desk.stub.faults["clipboard/read"] = desk.stub.faults["clipboard/write"] = ["401", "401"]
    performed, result = await desk.did(desk.computer(paste=True), "type", text="é")
    assert performed == [("type", {"text": "é"})]
    assert not result.get("is_error")


@pytest.mark.parametrize("kind", ALL[:2])
async def test_a_look_without_an_answer_is_a_failure_and_no_doubt(
    desk: Desk, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilothouse.browser.faults.RETRY_SPACING_S", 0.0)
    computer = desk.computer(kind)
    for member, call in (("left_click", "get_mouse_position"), ("screenshot", "screenshot")):
        desk.stub.faults[call] = ["500"] * 3
        performed, result = await desk.did(computer, member)
        assert (performed, result["is_error"], computer.doubt) == ([], True, "")


async def test_a_repeated_key_is_one_call(desk: Desk) -> None:
    performed, _ = await desk.did(desk.computer(), "key", text="Tab", repeat=3)
    assert performed == [("press_key", {"keys": ["Tab", "Tab", "Tab"]})]


async def test_on_a_large_display_clicks_go_up_and_pictures_come_down(desk: Desk) -> None:
    desk.stub.size_px = (2560, 1600)
    scale = Scale.of(2560, 1600, (1568, 1568))
    computer = desk.computer("computer_20251124", scale=scale)
    width, height = scale.model
    assert width < 1568
    performed, _ = await desk.did(computer, "left_click", coordinate=[width - 1, height - 1])
    ((_, body),) = performed
    assert (body["x"], body["y"]) == scale.to_display(width - 1, height - 1)
    _, result = await desk.did(computer, "left_click", coordinate=[width, 0])
    assert f"0..{width - 1} x 0..{height - 1}" in str(result["content"])
    _, result = await desk.did(computer, "screenshot")
    assert _picture(result).size == (width, height)
    _, result = await desk.did(computer, "cursor_position")
    at = scale.to_model(7, 9)
    assert result["content"] == [{"type": "text", "text": f"X={at[0]},Y={at[1]}"}]


async def test_a_zoom_is_taken_at_display_resolution_and_enlarged(desk: Desk) -> None:
    desk.stub.size_px = (2560, 1600)
    scale = Scale.of(2560, 1600, (1280, 4784))
    computer = desk.computer("computer_20251124", scale=scale)
    desk.stub.shots.clear()
    _, result = await desk.did(computer, "zoom", region=[100, 100, 420, 300])
    assert desk.stub.shots == [{"x": 200, "y": 200, "width": 640, "height": 400}]
    assert _picture(result).size == (1280, 800)


async def test_what_a_lost_call_may_hold_is_let_go_and_nothing_else(desk: Desk) -> None:
    computer = desk.computer()
    await computer.perform("1", "left_click", {"coordinate": [1, 1]})
    assert not await computer.let_go()
    desk.stub.faults["drag_mouse"] = ["500"]
    await computer.perform(
        "2", "left_click_drag", {"start_coordinate": [1, 1], "coordinate": [2, 2], "text": "shift"}
    )
    assert computer.doubt
    desk.stub.performed.clear()
    assert await computer.let_go()
    assert desk.stub.performed == [
        ("click_mouse", {**CURSOR, "button": "left", "click_type": "up"}),
        ("press_key", {"keys": ["Shift_L"]}),
    ]
    assert not await computer.let_go()


async def test_a_lost_press_of_a_plain_key_is_not_pressed_again(desk: Desk) -> None:
    computer = desk.computer()
    desk.stub.faults["press_key"] = ["500"]
    await computer.perform("1", "key", {"text": "Return"})
    assert computer.doubt
    desk.stub.performed.clear()
    assert not await computer.let_go()
    assert desk.stub.performed == []


async def test_a_button_the_model_holds_stays_down_until_everything_is_let_go(desk: Desk) -> None:
    computer = desk.computer()
    await computer.perform("1", "left_mouse_down", {})
    assert not await computer.let_go()
    assert await computer.let_go(everything=True)
    assert desk.stub.performed[-1] == ("click_mouse", {**CURSOR, "button": "left", "click_type": "up"})


async def test_a_call_cut_off_by_the_operator_is_let_go_too(desk: Desk) -> None:
    computer = desk.computer()
    desk.stub.faults["press_key"] = ["hang"]
    holding = asyncio.create_task(computer.perform("1", "hold_key", {"text": "ctrl+x", "duration": 5}))
    await desk.stub.hanging.wait()
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    assert await computer.let_go()
    assert desk.stub.performed[-1] == ("press_key", {"keys": ["Control_L"]})


def _picture(result: Json) -> Image.Image:
    (block,) = result["content"]
    return Image.open(io.BytesIO(b64decode(block["source"]["data"])))
