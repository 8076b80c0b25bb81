"""Replay videos by the real SDK: what is in the mp4, who may have it, and when it is gone."""

from __future__ import annotations

import asyncio
import io
from types import SimpleNamespace
from typing import Any

import aiohttp
import av
import kernel
import pytest
from PIL import Image, ImageChops, ImageStat

from pilothouse.local import kernel_replays
from pilothouse.local.kernel_actions import Refused
from pilothouse.local.kernel_options import Options
from pilothouse.local.kernel_server import running
from tests.local.kernel.conftest import HEIGHT, WIDTH, Rig, server

pytestmark = [
    pytest.mark.browser,
    pytest.mark.display,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(60),
]

SMALL: Any = {"width": 641, "height": 481}


async def _download(k: kernel.AsyncKernel, browser: str, replay: str) -> bytes:
    """Fetch a film as a client must: asking again while the answer is 202."""
    for _ in range(200):
        got = await k.browsers.replays.with_raw_response.download(replay, id_or_name=browser)
        if got.http_response.status_code == 200:
            assert got.headers["Content-Type"] == "video/mp4"
            return got.http_response.content
        assert got.http_response.status_code == 202
        assert int(got.headers["Retry-After"]) >= 1
        await asyncio.sleep(0.05)
    raise AssertionError("the film was never finished")


def _frames(mp4: bytes) -> list[tuple[float, Image.Image]]:
    with av.open(io.BytesIO(mp4), "r") as film:
        frames: Any = film.decode(video=0)
        return [(frame.time, frame.to_image()) for frame in frames]


def _mean_difference(one: Image.Image, other: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean) / 3


async def test_a_film_shows_what_the_screen_showed(rig: Rig) -> None:
    k, replays = rig.kernel, rig.kernel.browsers.replays
    await rig.open("/blank")
    blank = await (await k.browsers.computer.capture_screenshot(rig.id)).read()
    film = await replays.start(rig.id, framerate=20, max_duration_in_seconds=60)
    assert (film.started_at is None, film.finished_at) == (False, None)
    other = await replays.start(rig.id)
    while_filming = await replays.with_raw_response.download(film.replay_id, id_or_name=rig.id)
    assert while_filming.http_response.status_code == 202
    await k.browsers.computer.click_mouse(rig.id, x=300, y=140)
    await k.browsers.computer.type_text(rig.id, text="What the film must show at its end")
    await rig.lab.one("input", value="What the film must show at its end")
    await k.browsers.computer.batch(rig.id, actions=[{"type": "sleep", "sleep": {"duration_ms": 300}}])
    shot = await (await k.browsers.computer.capture_screenshot(rig.id)).read()
    await replays.stop(film.replay_id, id_or_name=rig.id)
    await replays.stop(film.replay_id, id_or_name=rig.id)

    frames = _frames(await _download(k, rig.id, film.replay_id))
    assert {image.size for _, image in frames} == {(WIDTH, HEIGHT)}
    times = [at for at, _ in frames]
    assert times == sorted(set(times))
    assert 3 <= len(frames) <= times[-1] * 20 + 2  # at most the rate asked for
    before, after = Image.open(io.BytesIO(blank)), Image.open(io.BytesIO(shot))
    assert _mean_difference(frames[0][1], before) < 2 < 4 * _mean_difference(before, after) + 2
    assert _mean_difference(frames[-1][1], after) < _mean_difference(frames[-1][1], before)

    listed = await replays.list(rig.id)
    assert [(one.replay_id, one.finished_at is None) for one in listed] == [
        (film.replay_id, False),
        (other.replay_id, True),
    ]
    await replays.stop(other.replay_id, id_or_name=rig.id)


async def test_an_unchanged_page_costs_one_frame_and_the_film_ends_at_its_longest(rig: Rig) -> None:
    k = rig.kernel
    await rig.open("/still")
    await k.browsers.computer.press_key(rig.id, keys=["Tab"])  # away from the box and its blinking caret
    await rig.lab.one("keyup", key="Tab")
    film = await k.browsers.replays.start(rig.id, framerate=5, max_duration_in_seconds=1)
    frames = _frames(await _download(k, rig.id, film.replay_id))
    assert len(frames) <= 3  # the focus ring may take a moment; the last frame comes twice
    assert frames[-1][0] >= 1


@pytest.mark.parametrize(
    ("params", "status"),
    [({"framerate": 21}, 400), ({"framerate": 0}, 400), ({"max_duration_in_seconds": 0}, 400),
     ({"record_audio": True}, 501)],
)  # fmt: skip
async def test_what_cannot_be_filmed_is_refused(rig: Rig, params: dict[str, Any], status: int) -> None:
    with pytest.raises(kernel.APIStatusError) as caught:
        await rig.kernel.browsers.replays.start(rig.id, **params)
    assert caught.value.status_code == status


async def test_an_unknown_film_is_not_found(rig: Rig) -> None:
    for call in (rig.kernel.browsers.replays.stop, rig.kernel.browsers.replays.download):
        with pytest.raises(kernel.NotFoundError):
            await call("nothing", id_or_name=rig.id)


async def test_a_film_ends_with_its_browser_and_is_the_servers_alone() -> None:
    async with server() as up, up.client() as k:
        made = await k.browsers.create(viewport=SMALL)
        film = await k.browsers.replays.start(made.session_id)
        (path,) = up.directory.glob("films-*/*.mp4")
        modes = {path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777}
        assert modes == {0o600, 0o700}
        assert path.parent.stat().st_uid == up.directory.stat().st_uid
        await k.browsers.delete_by_id(made.session_id)
        (listed,) = await k.browsers.replays.list(made.session_id)
        assert listed.finished_at is not None
        frames = _frames(await _download(k, made.session_id, film.replay_id))
        assert frames[-1][1].size == (640, 480)  # an odd row or column has no place in H.264
        assert film.replay_view_url is not None
        async with aiohttp.ClientSession() as web:
            async with web.get(film.replay_view_url) as answer:
                assert answer.status == 200
            async with web.get(film.replay_view_url[:-1]) as answer:
                assert answer.status == 401
        with pytest.raises(kernel.NotFoundError):
            await k.browsers.replays.start(made.session_id)


async def test_the_files_of_a_deleted_browser_do_not_stay_for_ever(
    temporary: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_replays, "KEPT_S", 0.0)
    async with (
        running(Options(offline=True), "t" * 32) as ready,
        kernel.AsyncKernel(api_key=ready.token, base_url=ready.base_url, max_retries=0) as k,
    ):
        made = await k.browsers.create(viewport=SMALL)
        await k.browsers.replays.start(made.session_id)
        await k.browsers.delete_by_id(made.session_id)
        async with asyncio.timeout(10):
            while await k.browsers.replays.list(made.session_id):  # noqa: ASYNC110 - a file's end has no event
                await asyncio.sleep(0.02)
        assert list(temporary.glob("*/films-*")) == []


async def test_without_an_encoder_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_replays, "find_spec", lambda name: None)
    anyone: Any = SimpleNamespace(id="one", desktop=SimpleNamespace(display={"DISPLAY": ":0"}))
    nowhere: Any = None
    with pytest.raises(Refused, match=r"install pilothouse\[video\]") as caught:
        await kernel_replays.Replays(nowhere).start(anyone, kernel_replays.ReplayParams())
    assert caught.value.status == 501
