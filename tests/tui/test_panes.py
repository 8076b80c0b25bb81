"""Panes, rows and pictures: focus, inspecting, following, filling the screen, copying, help, sizes."""

from __future__ import annotations

import pytest

from pilothouse import events as ev
from pilothouse.tui.graphics import Graphics
from pilothouse.tui.panes.help import HelpPane
from pilothouse.tui.panes.picture import PicturePane
from tests.tui.fake_runs import FakeRuns, shop_script
from tests.tui.harness import bridge


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_all_three_panes_are_seen(size: tuple[int, int]) -> None:
    async with bridge(size=size) as seen:
        text = seen.text()
        for words in ("1 Transcript", "2 Tool calls", "3 Browser", "● running", "left_click", "shop.example"):
            assert words in text


async def test_a_small_screen_shows_one_pane_and_names_the_others() -> None:
    async with bridge(size=(60, 16)) as seen:
        for key, words in (("1", "I will take step"), ("2", "402ms"), ("3", "shop.example/7")):
            await seen.press(key)
            await seen.until(lambda words=words: words in seen.text())  # type: ignore[misc]
            assert "1 Transcript" in seen.text()


async def test_a_screen_too_small_says_so_and_recovers() -> None:
    async with bridge(size=(80, 24)) as seen:
        await seen.pilot.resize_terminal(38, 9)
        await seen.pilot.pause()
        assert "terminal too small: 38×9" in seen.text()
        await seen.pilot.resize_terminal(80, 24)
        await seen.until(lambda: "1 Transcript" in seen.text())


async def test_tab_goes_round_the_panes_and_a_number_twice_fills_the_screen() -> None:
    async with bridge() as seen:
        assert seen.screen.here == "transcript"
        await seen.press("tab")
        assert seen.screen.here == "tools"
        await seen.press("tab", "tab", "shift+tab")
        assert seen.screen.here == "picture"
        await seen.press("2", "2")
        assert seen.screen.filled == "tools"
        await seen.press("escape")
        assert seen.screen.filled == ""
        await seen.press("s")
        assert seen.screen.filled == "picture"
        await seen.press("s")
        assert seen.screen.filled == ""


async def test_o_opens_a_call_to_its_arguments_and_result() -> None:
    async with bridge() as seen:
        await seen.press("2", "o")
        assert "region: [300,200,700,450]" in seen.text()
        await seen.press("o")
        assert "region: [300,200,700,450]" not in seen.text()


async def test_o_on_an_action_in_the_transcript_opens_its_call() -> None:
    async with bridge() as seen:
        await seen.press("1", "o")
        assert seen.screen.here == "tools"
        assert "region: [300,200,700,450]" in seen.text()


async def test_finished_thinking_is_one_line_until_opened() -> None:
    async with bridge(shop_script(ended=False, actions=1)) as seen:
        assert "browse the categories one by one" not in seen.text()
        await seen.press("1", "up", "up", "enter")
        assert "one by one" in seen.text()


async def test_streamed_text_appears_while_it_streams() -> None:
    async with bridge() as seen:
        await seen.runs.append(ev.TurnStarted(turn=8), ev.TextStreamed(turn=8, block=1, text="Now I "))
        await seen.until(lambda: "Now I" in seen.text())
        await seen.runs.append(ev.TextStreamed(turn=8, block=1, text="look again"))
        await seen.until(lambda: "Now I look again" in seen.text())


async def test_follow_keeps_the_newest_row_in_view_until_one_looks_back() -> None:
    async with bridge(size=(80, 24)) as seen:
        for n in range(40):
            await seen.runs.append(ev.Warned(what=f"warning {n}"))
        await seen.until(lambda: "warning 39" in seen.text())
        await seen.press("up", "up")
        await seen.runs.append(ev.Warned(what="warning 40"))
        await seen.until(lambda: len(seen.screen.record) == len(seen.runs.recorded))
        assert seen.screen.transcript_rows.cursor == len(seen.screen.transcript) - 4
        await seen.press("end")
        assert "warning 40" in seen.text()


async def test_what_lies_after_the_position_is_dim() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        await seen.press(".", ".")
        lines = seen.screen.calls.lines(4, 60, seen.screen.playhead.position)
        assert {tone for _, tone in lines[0]} <= {"future", "call-future", "dim"}


async def test_graphics_cycle_through_what_the_terminal_has_and_off_says_what_is_not_shown() -> None:
    async with bridge() as seen:
        pane = seen.screen.query_one(PicturePane)
        assert pane.way is Graphics.BLOCKS
        await seen.press("c")
        await seen.until(lambda: pane.way is Graphics.OFF)
        await seen.until(lambda: "pictures are off" in seen.text())
        await seen.press("c")
        await seen.until(lambda: pane.way is Graphics.BLOCKS and seen.picture_is_there())


async def test_the_newest_picture_wins_and_nothing_older_is_shown_after_it() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        await seen.press(*["."] * 7)
        await seen.until(seen.picture_is_there)
        shown = seen.screen.query_one(PicturePane).shown
        frame = seen.screen.record.head_state.frame
        assert shown is not None
        assert frame is not None
        assert shown.want.sha256 == frame.blob.sha256


async def test_a_missing_or_damaged_picture_is_a_sentence_in_its_place() -> None:
    script = shop_script()
    runs = FakeRuns(script.events, dict.fromkeys(script.blobs, b"\x89PNG not one"))
    async with bridge(runs=runs) as seen:
        await seen.until(lambda: "this frame can't be decoded" in seen.text())
        runs.blobs.clear()
        await seen.press("home", ".")
        await seen.until(lambda: "blob is missing" in seen.text())


async def test_the_age_of_the_picture_is_told_when_it_is_old() -> None:
    async with bridge() as seen:
        assert "s old" not in seen.text()
        seen.clock.at_s += 42
        seen.screen.show_status()
        await seen.pilot.pause()
        assert "42 s old" in seen.text()


async def test_copying_takes_the_row_or_the_address() -> None:
    async with bridge() as seen:
        await seen.press("2", "y")
        assert seen.app.clipboard.startswith("zoom (300, 200, 700, 450)")
        await seen.press("3", "y")
        assert seen.app.clipboard == "http://shop.example/7"


async def test_help_lists_what_works_and_why_the_rest_does_not() -> None:
    async with bridge(size=(120, 60)) as seen:
        await seen.press("question_mark")
        text = seen.text()
        assert "write to the agent" in text
        assert "already following the latest" in text
        await seen.press("escape")
        assert not seen.shows(HelpPane)
        await seen.press("f1")
        assert seen.shows(HelpPane)


async def test_the_palette_holds_the_registry() -> None:
    async with bridge() as seen:
        await seen.press("ctrl+p")
        await seen.pilot.pause()
        await seen.press(*"freeze")
        await seen.until(lambda: "freeze" in seen.text())
        await seen.press("enter")
        await seen.until(lambda: bool(seen.runs.commands), 5)


async def test_a_click_selects_a_row_and_a_second_opens_it() -> None:
    async with bridge() as seen:
        await seen.pilot.click(seen.screen.calls_rows, offset=(10, 1))
        assert seen.screen.calls_rows.cursor == 1
        assert "step 2" in seen.status
        await seen.pilot.click(seen.screen.calls_rows, offset=(10, 1), times=2)
        await seen.until(lambda: 'text: "red kettle"' in seen.text())


async def test_text_selected_with_the_mouse_is_copied_by_ctrl_c_and_nothing_is_paused() -> None:
    async with bridge() as seen:
        rows = seen.screen.calls_rows
        await seen.pilot.mouse_down(rows, offset=(8, 1))
        await seen.pilot.hover(rows, offset=(16, 2))
        await seen.pilot.mouse_up(rows, offset=(16, 2))
        await seen.until(lambda: bool(seen.screen.get_selected_text()))
        await seen.press("ctrl+c")
        assert seen.app.clipboard.startswith("type “red kettle”  Typed.")
        assert "\n" in seen.app.clipboard
        assert seen.runs.commands == []


@pytest.mark.parametrize("replay", [True, False], ids=["replay", "live"])
async def test_repainting_only_what_changed_shows_what_repainting_all_would(replay: bool) -> None:
    async with bridge(shop_script(ended=replay), replay=replay, size=(80, 24)) as seen:
        for keys in (".", "..", "$", "h", "2", "jjj", "2", "k", "1", "0", "kk", "$F", "]", "["):
            await seen.press(*keys)
            await seen.press("enter")
            if not replay:
                await seen.runs.append(ev.TextStreamed(turn=7, block=1, text="more words\nand more "))
                await seen.until(lambda: len(seen.screen.record) == len(seen.runs.recorded))
            await seen.pilot.pause()  # what the inspector lies in has a place of its own by then
            was = seen.text()
            for rows in (seen.screen.transcript_rows, seen.screen.calls_rows):
                rows._forget()
                rows.refresh()
            await seen.pilot.pause()
            assert seen.text() == was, keys


async def test_a_list_that_grows_lays_the_screen_out_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async with bridge(shop_script(ended=False)) as seen:
        rows = seen.screen.transcript_rows
        await seen.pilot.pause()
        laid_out: list[object] = []
        monkeypatch.setattr(seen.screen, "_refresh_layout", lambda *_, **__: laid_out.append(1))
        before = rows.virtual_size.height
        for n in range(5):
            await seen.runs.append(ev.Warned(what=f"number {n}"))
            await seen.until(lambda: len(seen.screen.record) == len(seen.runs.recorded))
        await seen.until(lambda: f"number {n}" in seen.text())
        assert rows.virtual_size.height == rows.vertical_scrollbar.window_virtual_size == before + 5
        assert rows.scroll_offset.y == rows.vertical_scrollbar.position == rows.max_scroll_y
        assert laid_out == []


async def test_lines_that_have_not_changed_are_not_painted_anew() -> None:
    async with bridge(shop_script(ended=False)) as seen:
        rows = seen.screen.transcript_rows
        await seen.until(lambda: len(rows._painted) >= rows.size.height)
        before = {id(strip) for strip in rows._painted.values()}
        await seen.runs.append(ev.Warned(what="one more"))
        await seen.until(lambda: "one more" in seen.text())
        kept = [strip for strip in rows._painted.values() if id(strip) in before]
        assert len(kept) >= rows.size.height - 4  # the new row, and the bar before the last one
