"""Moving through a recording: steps, ends, marks, places, pace; and looking back on a live run."""

from __future__ import annotations

from pilothouse import events as ev
from pilothouse.events import Outcome
from pilothouse.tui.panes.picture import PicturePane
from tests.tui.fake_runs import FakeRuns, shop_script
from tests.tui.harness import Watched, bridge


async def stepped_to(seen: Watched, *keys: str) -> str:
    await seen.press(*keys)
    await seen.until(seen.picture_is_there)
    return seen.status


async def test_a_replay_begins_at_its_first_picture_and_steps_to_and_fro() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        assert "replay ‖ 0/7 1×" in seen.status
        assert "● running" in seen.status
        assert "http://shop.example/" in seen.text()
        assert "no picture yet" not in seen.text()
        assert "step 1" in await stepped_to(seen, ".")
        assert "step 2" in await stepped_to(seen, "l")
        assert "step 3" in await stepped_to(seen, "right")
        assert "step 2" in await stepped_to(seen, ",")
        assert "step 1" in await stepped_to(seen, "h")
        assert "step 2" in await stepped_to(seen, ".")
        assert "step 7" in await stepped_to(seen, "$")
        assert "step 0" in await stepped_to(seen, "0")
        assert seen.screen.playhead.position == seen.screen.record.opening
        assert "step 7" in await stepped_to(seen, "$")
        await seen.until(lambda: "● completed" in seen.status)
        assert "step 0" in await stepped_to(seen, "0")


async def test_every_step_shows_its_own_frame() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        frames = []
        for _ in range(7):
            await stepped_to(seen, ".")
            frame = seen.screen.record.state_at(seen.screen.playhead.position).frame
            shown = seen.screen.query_one(PicturePane).shown
            assert frame is not None
            assert shown is not None
            assert shown.want.sha256 == frame.blob.sha256
            frames.append(frame.frame)
        assert frames == [2, 3, 4, 5, 5, 6, 7]


async def test_play_runs_at_the_recorded_pace_with_long_waits_cut() -> None:
    script = shop_script(actions=1)
    script.events[-1] = ev.RunEnded(
        seq=script.events[-1].seq, t=script.events[-1].t + 3_600_000_000_000, outcome=Outcome.COMPLETED
    )
    runs = FakeRuns(script.events, script.blobs)
    async with bridge(runs=runs, replay=True) as seen:
        whole_s = seen.screen.record.paced_s[-1]
        assert whole_s < 15
        await seen.press("space")
        assert "replay ▶" in seen.status
        seen.clock.at_s += 2.0
        record = seen.screen.record
        await seen.until(lambda: seen.screen.playhead.position > record.opening)
        there, due_s = seen.screen.playhead.position, record.paced_s[record.opening] + 2.0
        assert record.paced_s[there] <= due_s < record.paced_s[there + 1]
        seen.clock.at_s += whole_s
        await seen.until(lambda: "● completed" in seen.status)
        assert "‖" in seen.status


async def test_a_speed_asked_for_plays_at_once_at_that_pace() -> None:
    async with bridge(shop_script(), replay=True, speed=3.0) as seen:
        await seen.until(lambda: "replay ▶ 0/7 3×" in seen.status)
        await seen.press(">")
        assert "4×" in seen.status
        await seen.press("<", "<")
        assert "1×" in seen.status


async def test_speed_goes_up_and_down_its_ladder() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        await seen.press(">", ">")
        assert "4×" in seen.status
        await seen.press("<", "<", "<", "<", "<", "<")
        assert "0.25×" in seen.status
        await seen.press("=")
        assert "1×" in seen.status
        await seen.press("space", ">", ">", ">", ">", ">", ">")
        assert "16×" in seen.status
        seen.clock.at_s += 0.5
        await seen.until(lambda: seen.screen.record.paced_s[seen.screen.playhead.position] > 7)


async def test_marks_lead_to_the_failure_and_the_end() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        await seen.press("]")
        event = seen.screen.record.events[seen.screen.playhead.position]
        assert isinstance(event, ev.ActionFinished)
        assert not event.ok
        await seen.press("]")
        await seen.until(lambda: "● completed" in seen.status)
        await seen.press("]")
        assert "no mark after this" in seen.toasts
        await seen.press("[")
        assert "step 5" in seen.status


async def test_go_to_takes_a_step_a_time_or_a_part() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        await seen.press("g", "4", "enter")
        assert "step 4" in seen.status
        await seen.press("g", *"0:03", "enter")
        assert "0:0" in seen.status
        assert seen.screen.record.head_state.t > 3e9
        state = seen.screen.record.state_at(seen.screen.playhead.position)
        assert 2e9 < state.t <= 3e9
        await seen.press("g", *"100%", "enter")
        await seen.until(lambda: "● completed" in seen.status)
        await seen.press("g", *"soon", "enter")
        assert any("no such place" in toast for toast in seen.toasts)
        await seen.press("g", "escape")
        assert not seen.screen.query_one("#drawer").classes


async def test_the_same_keys_look_back_on_a_live_run_until_the_end_is_followed_again() -> None:
    async with bridge() as seen:
        await seen.press("left", "left")
        assert "looking back ‖ 5/7" in seen.status
        at = seen.screen.playhead.position
        await seen.runs.append(ev.Warned(what="something new"))
        await seen.until(lambda: len(seen.screen.record) == len(seen.runs.recorded))
        assert seen.screen.playhead.position == at
        await seen.press("F")
        assert "looking back" not in seen.status
        await seen.runs.append(ev.Warned(what="another thing"))
        await seen.until(lambda: "another thing" in seen.text())
        await seen.press("home")
        assert "looking back" in seen.status
        await seen.press("end")
        assert seen.screen.playhead.following


async def test_a_killed_recording_says_so_at_its_end() -> None:
    async with bridge(shop_script(ended=False), replay=True) as seen:
        assert "killed" not in seen.status
        await seen.press("end")
        assert "● killed: no end recorded" in seen.status


async def test_a_replay_sends_no_command() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        await seen.press("space", "space", ".", "x", "i", "P", "ctrl+c", "ctrl+c")
        assert seen.runs.commands == []
        assert any("nothing is running" in toast for toast in seen.toasts)


async def test_selecting_a_row_moves_every_pane_to_its_step() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        await seen.press("2", *["down"] * 3)
        assert seen.screen.calls_rows.cursor == 2
        assert "step 3" in seen.status
        await seen.press("k")
        assert seen.screen.calls_rows.cursor == 1
        assert "step 2" in seen.status
        transcript = seen.screen.transcript_rows
        shown = seen.screen.transcript.rows[transcript.cursor]
        assert shown.text.startswith("type")


async def test_ten_thousand_events_are_shown_in_full_and_soon() -> None:
    script = shop_script(ended=False)
    while len(script.events) < 10_000:
        script.start_turn()
        script.text("again ", "and again")
        script.act("wait", {"duration": 1}, "Waited 1s.")
        script.end_turn()
    script.end()
    async with bridge(script) as seen:
        assert [event.seq for event in seen.screen.record.events] == list(range(len(script.events)))
        assert len(seen.screen.calls) == script.action
        await seen.until(lambda: "● completed" in seen.status)  # it is repainted ten times a second
        assert f"step {script.action}" in seen.status
        await seen.press("home", "end")
        assert "completed" in seen.text()
