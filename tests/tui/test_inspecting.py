"""The inspector: one step whole, beside its picture; it goes along with every pane and leaves by esc."""

from __future__ import annotations

from pilothouse import events as ev
from pilothouse.tui.panes.inspector import InspectorPane
from pilothouse.tui.panes.picture import PicturePane
from tests.tui.fake_runs import Script, shop_script
from tests.tui.harness import bridge
from tests.unit.test_inspection import troubled_step


async def test_enter_on_a_call_shows_the_step_whole_and_esc_goes_back() -> None:
    async with bridge(troubled_step(), runs=None, size=(140, 60)) as seen:
        await seen.press("2", "up", "enter")
        await seen.until(lambda: "request req_7" in seen.text())
        text = seen.text()
        for words in (
            "Step 1", "left_click (640, 120)", "The field is at the top.", "I click the field.",
            "coordinate: [640,120]", "Clicked.", "attempt 1 dropped", "approve by ann", "console_error",
            "model             2.1s", "settling         310ms  by signals", "5200 from the cache",
            "request req_7", "cost 0.0110 USD",
        ):  # fmt: skip
            assert words in text, words
        assert "1 Transcript" not in text
        assert "enter close" in seen.footer
        await seen.press("escape")
        assert seen.screen.here == "tools"
        assert "1 Transcript" in seen.text()
        assert not seen.shows(InspectorPane)


async def test_the_inspector_goes_along_with_the_step() -> None:
    async with bridge(shop_script(), replay=True, size=(120, 50)) as seen:
        await seen.press(".", "enter")
        assert "Step 1" in seen.text()
        await seen.press(".", ".")
        assert "Step 3" in seen.text()
        await seen.press("enter")
        assert "1 Transcript" in seen.text()


async def test_enter_opens_the_step_of_a_row_and_a_row_without_one_in_place() -> None:
    async with bridge(shop_script(ended=False, actions=1)) as seen:
        await seen.press("1", "up", "up", "enter")
        assert not seen.screen.inspecting
        await seen.press("down", "down", "enter")
        assert seen.screen.inspecting


async def test_sections_are_walked_and_copied_without_leaving_the_step() -> None:
    async with bridge(shop_script(), replay=True, size=(120, 50)) as seen:
        await seen.press(".", "2", "enter")
        position = seen.screen.playhead.position
        await seen.press("down", "down", "y")
        assert seen.app.clipboard == "coordinate: [640,120]"
        assert seen.screen.playhead.position == position


async def test_pictures_before_and_after_with_what_changed() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        await seen.press(".", ".")
        await seen.until(seen.picture_is_there)
        pane = seen.screen.query_one(PicturePane)
        plain = pane.shown
        assert plain is not None
        await seen.press("d")
        await seen.until(seen.picture_is_there)
        before = pane.shown
        assert "before the step" in seen.text()
        await seen.press("d")
        await seen.until(seen.picture_is_there)
        after = pane.shown
        assert "what the step changed" in seen.text()
        assert before is not None
        assert after is not None
        assert before.want.sha256 == after.want.compared != after.want.sha256 == plain.want.sha256
        await seen.press("d")
        await seen.until(lambda: pane.settled and pane.shown is not None and pane.shown.want == plain.want)


async def test_a_step_of_which_nothing_is_known_is_inspected_and_copied() -> None:
    script = Script()
    script.put(ev.ActionProposed(turn=0, action=1, tool_use_id="t", member="", input={}))
    script.put(ev.ActionFinished(action=1, tool_use_id="t", member="", ok=True, text=""))
    async with bridge(script, replay=True) as seen:
        await seen.press("2", "end", "enter", "down", "y")
        assert seen.app.clipboard == "nothing more is known of it"
        await seen.press("escape", "y", "y")
        assert seen.app.return_code is None


async def test_before_any_step_there_is_nothing_to_inspect() -> None:
    async with bridge(shop_script(), replay=True) as seen:
        await seen.press("home", "3", "enter")
        assert seen.toasts[-1] == "there is no step here yet"
        assert not seen.screen.inspecting


async def test_a_small_screen_shows_the_inspector_alone() -> None:
    async with bridge(shop_script(), replay=True, size=(60, 18)) as seen:
        await seen.press(".", "2", "enter")
        assert "Step 1" in seen.text()
        await seen.press("escape")
        assert "Step 1" not in seen.text()
        assert "1 Transcript" in seen.text()
