"""Finding rows on the screen: search, filter, markers, detail, what came below; every pane goes along."""

from __future__ import annotations

import re

import pytest

from pilothouse import events as ev
from pilothouse.tui.pace import IDLE_LIMIT_S
from pilothouse.tui.panes.lists import NewBelow
from pilothouse.tui.panes.picture import PicturePane
from pilothouse.tui.screens import finding
from pilothouse.tui.widgets.finders import LastWord
from tests.bench.long_runs import long_run
from tests.tui.fake_runs import Script, shop_script
from tests.tui.harness import Watched, bridge


def selected(seen: Watched) -> str:
    rows = seen.screen.transcript_rows
    return rows.source.text(rows.cursor)


async def search(seen: Watched, text: str) -> None:
    await seen.press("slash", *text, "enter")


async def test_a_search_goes_from_match_to_match_and_round() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        await search(seen, "take step")
        assert "1 of 7 matches" in seen.text()
        assert selected(seen).startswith("I will take step 1")
        await seen.press("n", "n")
        assert selected(seen).startswith("I will take step 3")
        assert "‖ 2/7" in seen.status
        await seen.press("N", "N", "N")
        assert selected(seen).startswith("I will take step 7")
        assert "n next match" in seen.footer
        await seen.press("escape")
        assert not seen.screen.searching
        assert "matches" not in seen.text()


async def test_outside_a_search_n_attends_and_f3_says_why_not() -> None:
    async with bridge() as seen:
        await seen.press("n", "f3")
        assert seen.toasts[-2:] == [
            "nothing waits for a person",
            "next match: nothing is searched for: / does",
        ]


async def test_what_matches_inside_folded_thinking_is_shown() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        await search(seen, "one by one")
        assert "one by one" in seen.text()


async def test_a_search_without_a_match_says_so_and_is_none() -> None:
    async with bridge() as seen:
        await search(seen, "teapot")
        assert seen.toasts[-1] == "nothing matches"
        assert not seen.screen.searching


async def test_matches_stand_out() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        await search(seen, "kettle")
        found = [
            segment.text
            for strip in seen.screen.transcript_rows._painted.values()
            for segment in strip
            if segment.style is not None
            and segment.style.bgcolor == seen.screen.transcript_rows._brush.style("match").bgcolor
        ]
        assert found
        assert {text.lower() for text in found} == {"kettle"}


async def test_a_filter_leaves_both_lists_with_what_it_names_and_esc_shows_all() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        everything = len(seen.screen.transcript_sieve)
        await seen.press("f", *"failed", "enter")
        assert (len(seen.screen.transcript_sieve), len(seen.screen.calls_sieve)) == (1, 1)
        assert "only failed" in seen.text()
        await seen.press("2", "down")
        assert "left_click (1400, 420)" in seen.text()
        await seen.press("escape")
        assert len(seen.screen.transcript_sieve) == everything
        assert "only failed" not in seen.text()


async def test_a_filtered_list_goes_on_with_a_live_run() -> None:
    async with bridge() as seen:
        await seen.press("f", *"warning", "enter")
        assert len(seen.screen.transcript_sieve) == 0
        await seen.runs.append(ev.Warned(what="the disk is slow"), ev.TurnStarted(turn=8))
        await seen.until(lambda: "the disk is slow" in seen.text())
        assert len(seen.screen.transcript_sieve) == 1


async def test_a_filter_for_nothing_there_says_so() -> None:
    async with bridge() as seen:
        await seen.press("f", *"teapot", "enter")
        assert seen.toasts[-1] == "no row is teapot"
        await seen.press("f", "enter")
        assert len(seen.screen.calls_sieve) == 7


async def test_words_of_a_filter_are_completed() -> None:
    completes = LastWord(lambda: ("error", "member:left_click", "outcome:done"))
    assert await completes.get_suggestion("err") == "error"
    assert await completes.get_suggestion("kettle member:l") == "kettle member:left_click"
    assert await completes.get_suggestion("error") is None
    assert await completes.get_suggestion("kettle ") is None


async def test_markers_are_dropped_stepped_to_listed_and_kept() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        await seen.press(".", ".", "m", "end", "left_square_bracket")
        assert "‖ 5/7" in seen.status
        await seen.press("left_square_bracket")
        assert "‖ 2/7" in seen.status
        await seen.press("M")
        assert "only marked" in seen.text()
        assert len(seen.screen.calls_sieve) == 1
        await seen.press("M")
        assert len(seen.screen.calls_sieve) == 7
    async with bridge(shop_script(), replay=True) as again:
        assert len(again.screen.markers.at) == 1


async def test_detail_goes_from_the_usual_to_everything_to_the_least() -> None:
    async with bridge(shop_script(ended=False, actions=1)) as seen:
        assert "one by one" not in seen.text()
        await seen.press("w")
        assert "one by one" in seen.text()
        await seen.press("w")
        assert "The page shows a search field" not in seen.text()
        await seen.press("w")
        assert "The page shows a search field" in seen.text()
        assert "one by one" not in seen.text()


async def test_a_replays_waits_are_cut_as_one_chooses() -> None:
    script = Script()
    script.begin()
    script.put(ev.Warned(what="late"), 60_000)
    async with bridge(script, replay=True) as seen:
        record = seen.screen.record
        was_s = record.paced_s[-1]
        await seen.press("z")
        assert record.paced_s[-1] < was_s
        await seen.press("z")
        assert record.paced_s[-1] > 60
        await seen.press("z")
        assert record.paced_s[-1] == pytest.approx(was_s)
        assert record.paced_s.limit_s == IDLE_LIMIT_S


async def test_what_comes_below_is_counted_and_a_click_goes_there() -> None:
    async with bridge() as seen:
        await seen.press("1", "home")
        await seen.runs.append(*(ev.Warned(what=f"warning {n}") for n in range(5)))
        await seen.until(lambda: "↓ 5 new below · F" in seen.text())
        await seen.pilot.click(seen.screen.query(NewBelow).first())
        await seen.until(lambda: "warning 4" in seen.text())
        assert seen.screen.playhead.following
        assert "new below" not in seen.text()


@pytest.mark.parametrize("pane", ["1", "2", "3"])
async def test_selecting_in_any_pane_moves_all_three(pane: str) -> None:
    async with bridge(shop_script(), replay=True) as seen:
        screen = seen.screen
        ways = {"1": ["up"] * 9, "2": ["2", "up", "up"], "3": ["3", "left", "left"]}
        await seen.press("end", *ways[pane])
        await seen.until(seen.picture_is_there)
        position = screen.playhead.position
        state = screen.record.state_at(position)
        assert position < screen.record.head
        assert state.frame is not None
        shown = screen.query_one(PicturePane).shown
        assert shown is not None
        assert shown.want.sha256 == state.frame.blob.sha256
        said, called = screen.transcript_rows, screen.calls_rows
        assert said.source.seq(said.cursor) <= position
        assert called.cursor == -1 or called.source.seq(called.cursor) <= position
        assert called.cursor == called.index_at(position)


async def test_copying_again_takes_the_whole_row_then_the_address() -> None:
    async with bridge() as seen:
        await seen.press("2", "y")
        assert seen.app.clipboard == "zoom (300, 200, 700, 450)"
        await seen.press("y")
        assert seen.app.clipboard == "zoom (300, 200, 700, 450)\nregion: [300,200,700,450]"
        await seen.press("y")
        assert seen.app.clipboard == "http://shop.example/7"


async def test_a_finished_message_opens_to_its_markdown_and_closes_again() -> None:
    async with bridge(shop_script()) as seen:
        await search(seen, "€34.90")
        assert "**€34.90**" in seen.text()
        await seen.press("o")
        assert "costs €34.90. It holds" in seen.text()
        await seen.press("enter")
        assert "**€34.90**" in seen.text()


async def test_rows_by_the_ten_thousand_are_measured_as_they_come_into_view() -> None:
    script = Script()
    script.begin()
    for n in range(6_000):
        script.put(ev.Warned(what=f"warning {n} " + "is to be known " * (n % 4 * 5)), 1)
    async with bridge(script, replay=True) as seen:
        rows = seen.screen.transcript_rows
        await seen.press("end")
        assert "warning 5999" in seen.text()
        seen.screen._go(seen.screen.transcript.seq(3_000))
        await seen.pilot.pause()
        assert "warning 2998" in seen.text()
        for _ in range(30):
            before = rows._heights.at(rows.scroll_offset.y)
            rows.scroll_relative(y=-3, animate=False, immediate=True)
            assert before - 3 <= rows._heights.at(rows.scroll_offset.y) <= before
        measured = sum(rows._heights.is_measured(n) for n in range(len(rows._heights)))
        assert measured < 5_000


@pytest.fixture
def a_piece_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at one piece of rows, and at the next when told: as if each had taken its whole time."""
    monkeypatch.setattr(finding, "LOOKING_S", 0.0)
    monkeypatch.setattr(finding, "RESTING_S", 1e6)


def a_long_one() -> Script:
    script = shop_script()
    script.events = list(long_run(9_000))
    return script


def go_on(seen: Watched) -> bool:
    """Look at the next piece; says whether there is more."""
    seen.screen._go_on_looking()
    return seen.screen._is_looking


@pytest.mark.usefixtures("a_piece_at_a_time")
async def test_a_long_search_shows_the_first_match_before_it_has_counted_them() -> None:
    async with bridge(a_long_one(), replay=True) as seen:
        await seen.press("0")
        await search(seen, "left_click")
        assert selected(seen).startswith("left_click")
        assert re.search(r"\d+ matches, \d+% searched", seen.text())
        while go_on(seen):
            pass
        await seen.press("n")
        assert "2 of 500 matches" in seen.text()


@pytest.mark.usefixtures("a_piece_at_a_time")
async def test_a_match_that_is_not_known_yet_is_gone_to_when_it_is() -> None:
    async with bridge(a_long_one(), replay=True) as seen:
        await seen.press("0")
        await search(seen, "kettle 600")
        await seen.press("N")
        assert "0 matches" in seen.text()
        while go_on(seen):
            pass
        assert selected(seen) == "type “kettle 600”"


@pytest.mark.usefixtures("a_piece_at_a_time")
async def test_a_key_ends_a_search_that_is_not_done() -> None:
    async with bridge(a_long_one(), replay=True) as seen:
        await seen.press("0")
        await search(seen, "nowhere to be found")
        assert "searched" in seen.text()
        await seen.press("escape")
        assert not seen.screen.searching
        assert "searched" not in seen.text()
        assert not go_on(seen)
        assert "nothing matches" not in seen.toasts


@pytest.mark.usefixtures("a_piece_at_a_time")
async def test_a_long_filter_shows_what_it_has_found_and_goes_on() -> None:
    async with bridge(a_long_one(), replay=True) as seen:
        await seen.press("$", "f", *"left_click", "enter")
        sieve = seen.screen.transcript_sieve
        found = len(sieve)
        assert "looked at" in seen.text()
        while go_on(seen):
            pass
        assert 0 < found < len(sieve) == 500
        assert "looked at" not in seen.text()
        assert seen.screen.transcript_rows.cursor == len(sieve) - 1


@pytest.mark.usefixtures("a_piece_at_a_time")
async def test_that_no_row_is_wanted_is_said_when_all_have_been_looked_at() -> None:
    async with bridge(a_long_one(), replay=True) as seen:
        await seen.press("f", *"teapot", "enter")
        assert seen.toasts == []
        while go_on(seen):
            pass
        await seen.until(lambda: seen.toasts == ["no row is teapot"])


@pytest.mark.usefixtures("a_piece_at_a_time")
async def test_a_key_ends_a_filter_that_is_not_done() -> None:
    async with bridge(a_long_one(), replay=True) as seen:
        await seen.press("f", *"text:kettle", "enter")
        assert not seen.screen.transcript_sieve.is_done
        await seen.press("escape")
        assert not go_on(seen)
        assert len(seen.screen.transcript_sieve) == len(seen.screen.transcript)
