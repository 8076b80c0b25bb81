"""What goes along with a browser: the service's video of it, and what it reports by itself."""

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest

from pilothouse import events as ev
from pilothouse.browser.telemetry import RATE
from pilothouse.engine.spec import BrowserOptions
from pilothouse.events import Outcome
from tests.engine.rig import Rig, rigged
from tests.engine.test_run import CLICK, scenario

ONE = scenario(f"calls = [{CLICK}]", 'text = "Done."')
FILMED = BrowserOptions(replay_video=True)
WATCHED = BrowserOptions(telemetry=True)


def envelope(seq: int, kind: str, category: str, **data: Any) -> dict[str, Any]:
    source = {"kind": "cdp", "event": "x"}
    event = {"type": kind, "category": category, "ts": seq * 1000, "source": source, "data": data}
    return {"seq": seq, "event": event}


def error(seq: int, text: str = "boom") -> dict[str, Any]:
    return envelope(seq, "console_error", "console", text=text)


def reported(rig: Rig) -> list[tuple[int, str]]:
    return [(event.number, event.kind) for event in rig.events if isinstance(event, ev.PageReported)]


async def until_reported(rig: Rig, number: int) -> None:
    await rig.until(lambda event: isinstance(event, ev.PageReported) and event.number == number)


# --- video -------------------------------------------------------------------------------------------


async def test_a_video_is_waited_for_and_saved_beside_the_recording(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=FILMED) as rig:
        assert await rig.finish() is Outcome.COMPLETED
        saved = rig.directory / "video-1.mp4"
        assert saved.read_bytes() == rig.kernel.video
        assert stat.S_IMODE(saved.stat().st_mode) == 0o600
        assert b"SECRET-OF-THE-VIDEO" not in (rig.directory / "journal.phj").read_bytes()
    kinds = [type(event) for event in rig.events]
    assert kinds.index(ev.VideoStarted) < kinds.index(ev.VideoStopped) < kinds.index(ev.VideoSaved)
    assert kinds.index(ev.VideoSaved) < kinds.index(ev.BrowserClosed)
    (event,) = [event for event in rig.events if isinstance(event, ev.VideoSaved)]
    assert (event.video, event.file, event.size) == ("replay_1", "video-1.mp4", len(rig.kernel.video))
    assert rig.kernel.calls.count("replays") == 3  # started, not ready, ready


async def test_a_video_that_can_not_be_started_is_told_once_and_the_run_goes_on(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=FILMED) as rig:
        rig.kernel.faults["replays"] = ["429"]
        assert await rig.finish() is Outcome.COMPLETED
    (stopped,) = [event for event in rig.events if isinstance(event, ev.VideoStopped)]
    assert stopped.why == "no video could be started: at most 5 browsers"
    assert not rig.of(ev.VideoStarted)
    assert not rig.of(ev.Warned)


@pytest.mark.parametrize("video", [b"no video at all", b"", None])
async def test_a_video_that_is_none_leaves_no_file(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, video: bytes | None
) -> None:
    if video is None:  # too large
        monkeypatch.setattr("pilothouse.browser.video.SIZE_MAX_BYTES", 100)
    async with rigged(state_dir, ONE, browser_options=FILMED) as rig:
        rig.kernel.video = rig.kernel.video if video is None else video
        assert await rig.finish() is Outcome.COMPLETED
        assert not list(rig.directory.glob("video*"))
        assert rig.kernel.browsers == {}
    (warned,) = [event for event in rig.events if isinstance(event, ev.Warned)]
    assert warned.what.startswith("the video was not saved: ")


async def test_an_abort_does_not_wait_for_a_video(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=FILMED) as rig:
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.VideoStarted))
        rig.kernel.faults["stop"] = ["hang"]
        began = asyncio.get_running_loop().time()
        rig.abort()
        assert await driving is Outcome.ABORTED
        assert asyncio.get_running_loop().time() - began < 5.0
        assert rig.kernel.browsers == {}
    assert [event.what for event in rig.events if isinstance(event, ev.Warned)] == [
        "the video was not saved: there was no time"
    ]


# --- telemetry ---------------------------------------------------------------------------------------


async def test_what_is_reported_says_when_a_page_has_come_to_rest(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=WATCHED) as rig:
        rig.kernel.reports = [envelope(1, "page_navigation", "page", url="https://shop.example/")]
        rig.kernel.reactions = [
            envelope(2, "page_navigation", "page", url="https://shop.example/b"),
            envelope(3, "page_navigation_settled", "page"),
        ]
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await until_reported(rig, 1)
        rig.resume()
        assert await driving is Outcome.COMPLETED
    (settled,) = [e for e in rig.events if isinstance(e, ev.FrameCaptured) and e.source == "settled"]
    assert settled.settled_by == "signals"


async def test_what_is_heard_before_an_actions_answer_is_waited_for_too(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=WATCHED) as rig:
        rig.kernel.reports = [envelope(1, "page_navigation", "page", url="https://shop.example/")]
        rig.kernel.reactions = [envelope(2, "page_navigation", "page", url="https://shop.example/b")]
        rig.kernel.faults["click_mouse"] = ["hang"]
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await until_reported(rig, 1)
        rig.resume()
        await until_reported(rig, 2)
        rig.kernel.release()
        await rig.until(lambda event: isinstance(event, ev.ActionFinished))
        rig.kernel.react(envelope(3, "page_navigation_settled", "page"))
        assert await driving is Outcome.COMPLETED
    (settled,) = [e for e in rig.events if isinstance(e, ev.FrameCaptured) and e.source == "settled"]
    assert settled.settled_by == "signals"


async def test_reports_are_journalled_and_the_address_becomes_visible(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=WATCHED) as rig:
        page = "https://anna:pw@shop.example/a?q=tea&access_token=SECRET#top"
        rig.kernel.reports = [
            envelope(1, "page_navigation", "page", url=page),
            envelope(2, "network_request", "network", url="https://shop.example/x"),
            error(3, "it broke\x1b[31m at https://shop.example/b?token=SECRET"),
            envelope(4, "network_loading_failed", "network", url=page, error_text="net::ERR_FAILED"),
            envelope(5, "worker_ended", "system"),
            envelope(6, "brand_new_crash", "system", message="gone"),
        ]
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await until_reported(rig, 6)
        rig.resume()
        assert await driving is Outcome.COMPLETED
        assert b"SECRET" not in (rig.directory / "journal.phj").read_bytes()
    address = "https://shop.example/a?q=tea&access_token=…"
    told = [event for event in rig.events if isinstance(event, ev.PageReported)]
    assert [(event.number, event.kind, event.url, event.trouble) for event in told] == [
        (1, "page_navigation", address, False),
        (3, "console_error", "", True),
        (4, "network_loading_failed", address, True),
        (6, "brand_new_crash", "", True),
    ]
    assert told[1].text == "it broke␛[31m at https://shop.example/b?token=…"
    assert told[3].text == "gone"
    last = [event for event in rig.events if isinstance(event, ev.FrameCaptured)][-1]
    assert last.url == address


async def test_a_broken_stream_goes_on_where_it_broke_off(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pilothouse.browser.telemetry.BACKOFF_S", 0.01)
    async with rigged(state_dir, ONE, browser_options=WATCHED) as rig:
        rig.kernel.reports = [error(seq) for seq in range(1, 9)]
        rig.kernel.breaks = {2, 5}
        rig.kernel.withheld = {6, 7}  # lost on the way: the history has them
        rig.kernel.faults["stream"] = ["500", "lost"]
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await until_reported(rig, 8)
        rig.resume()
        assert await driving is Outcome.COMPLETED
    assert reported(rig) == [(seq, "console_error") for seq in range(1, 9)]
    assert rig.kernel.resumed == ["", "2", "5"]


async def test_what_even_the_history_lacks_is_told_as_a_number(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=WATCHED) as rig:
        rig.kernel.reports = [error(1), error(5)]
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await until_reported(rig, 5)
        rig.resume()
        assert await driving is Outcome.COMPLETED
    assert reported(rig) == [(1, "console_error"), (5, "left_out"), (5, "console_error")]
    told = [event.text for event in rig.events if isinstance(event, ev.PageReported)]
    assert told[1] == "3 more reports were left out"


async def test_a_page_that_reports_without_end_is_bounded(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=WATCHED) as rig:
        rig.kernel.reports = [error(seq) for seq in range(1, 2001)]
        heard: list[int] = []
        rig.kernel.streaming.clear()
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.BrowserOpened))
        berth = rig.run._berth
        assert berth is not None
        assert berth.follower is not None
        everything = asyncio.Event()

        def listen(envelope: Any) -> None:
            heard.append(envelope.seq)
            if envelope.seq == 2000:
                everything.set()

        berth.follower.listeners.append(listen)
        rig.kernel.streaming.set()
        async with asyncio.timeout(20):
            await everything.wait()
        rig.resume()
        assert await driving is Outcome.COMPLETED
    assert len(heard) == 2000
    told = [event for event in rig.events if isinstance(event, ev.PageReported)]
    left_out = sum(int(event.text.split()[0]) for event in told if event.kind == "left_out")
    journalled = sum(event.kind == "console_error" for event in told)
    assert journalled + left_out == 2000
    assert journalled < 20 * RATE


async def test_telemetry_that_is_refused_is_one_sentence(state_dir: Path) -> None:
    async with rigged(state_dir, ONE, browser_options=WATCHED) as rig:
        rig.kernel.faults["stream"] = ["401"]
        rig.pause()
        driving = asyncio.create_task(rig.run.drive())
        await rig.until(lambda event: isinstance(event, ev.Warned))
        rig.resume()
        assert await driving is Outcome.COMPLETED
    assert [event.what for event in rig.events if isinstance(event, ev.Warned)] == [
        "telemetry can't be followed: invalid API key"
    ]
