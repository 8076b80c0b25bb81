"""Keys that steer a live run: what is sent, what is said at once, and that states come by events only."""

from __future__ import annotations

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.events import Hold, Outcome, RunPhase
from pilothouse.tui.widgets.prompts import AbortPane
from tests.tui.harness import bridge


async def test_space_pauses_and_resumes() -> None:
    async with bridge() as seen:
        assert "● running" in seen.status
        await seen.press("space")
        await seen.until(lambda: "holding: paused" in seen.status)
        assert isinstance(seen.runs.commands[-1], cmd.Pause)
        assert "space resume" in seen.footer
        await seen.press("space")
        await seen.until(lambda: "● running" in seen.status)
        assert isinstance(seen.runs.commands[-1], cmd.Resume)


async def test_a_command_is_acknowledged_at_once_but_the_state_waits_for_the_event() -> None:
    async with bridge() as seen:
        seen.runs.obeys = False
        seen.screen.wait_for = lambda seq: None  # type: ignore[method-assign]
        await seen.press("space")
        assert "pausing…" in seen.status
        assert "● running" in seen.status
        await seen.runs.append(ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.PAUSE,)))
        await seen.until(lambda: "holding: paused" in seen.status)


async def test_freeze_and_step() -> None:
    async with bridge() as seen:
        await seen.press("P")
        await seen.until(lambda: "holding: frozen" in seen.status)
        sent = seen.runs.commands[-1]
        assert isinstance(sent, cmd.Pause)
        assert sent.freeze
        await seen.press(".")
        await seen.until(lambda: "holding: stepped" in seen.status)
        assert isinstance(seen.runs.commands[-1], cmd.Step)


async def test_every_holding_reason_is_said_in_words() -> None:
    async with bridge() as seen:
        await seen.runs.append(
            ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.PAUSE, Hold.BROWSER_LOST))
        )
        await seen.until(lambda: "holding: paused, browser lost" in seen.status)


async def test_the_composer_sends_after_the_batch_with_enter_and_now_with_ctrl_s() -> None:
    async with bridge() as seen:
        await seen.press("i", *"go on", "enter")
        await seen.until(lambda: len(seen.runs.commands) == 1)
        await seen.press("i", "a", "ctrl+j", "b", "ctrl+s")
        await seen.until(lambda: len(seen.runs.commands) == 2)
        said = [(c.text, c.when) for c in seen.runs.commands if isinstance(c, cmd.Say)]
        assert said == [("go on", "after"), ("a\nb", "now")]
        await seen.until(lambda: "go on  (after this batch)" in seen.text())


async def test_letters_typed_in_the_composer_are_text_and_escape_keeps_them() -> None:
    async with bridge() as seen:
        await seen.press("i", *"xqPs 1", "escape")
        assert seen.runs.commands == []
        assert not seen.screen.query_one("#drawer").classes
        assert seen.screen.query_one("#composer").text == "xqPs 1"  # type: ignore[attr-defined]
        await seen.press("space")
        await seen.until(lambda: len(seen.runs.commands) == 1)


async def test_abort_needs_its_pane_and_ctrl_y() -> None:
    async with bridge() as seen:
        await seen.press("ctrl+y")
        await seen.press("x")
        assert "End this run?" in seen.text()
        await seen.press("y", "enter", "1", "escape")
        assert seen.runs.commands == []
        await seen.press("x", "down", "ctrl+y")
        await seen.until(lambda: bool(seen.runs.commands))
        sent = seen.runs.commands[-1]
        assert isinstance(sent, cmd.Abort)
        assert sent.keep_browser
        await seen.until(lambda: "● aborted" in seen.status)


async def test_keys_behind_the_abort_pane_do_nothing() -> None:
    async with bridge() as seen:
        await seen.press("x", "space", "P", ".", "i")
        assert seen.runs.commands == []
        assert seen.screen.query_one(AbortPane).has_focus


async def test_ctrl_c_pauses_and_again_within_two_seconds_opens_the_abort_pane() -> None:
    async with bridge() as seen:
        await seen.press("ctrl+c")
        await seen.until(lambda: "holding: paused" in seen.status)
        seen.clock.at_s += 1.5
        await seen.press("ctrl+c")
        assert seen.screen.query_one(AbortPane).has_focus
        await seen.press("escape")
        seen.clock.at_s += 60
        await seen.press("ctrl+c")
        assert not seen.screen.query_one(AbortPane).has_focus


async def test_ctrl_c_works_in_the_composer_too() -> None:
    async with bridge() as seen:
        await seen.press("i", "h", "ctrl+c")
        await seen.until(lambda: isinstance(seen.runs.commands[-1:][0], cmd.Pause))


async def test_a_refusal_is_one_sentence() -> None:
    async with bridge() as seen:
        seen.runs.refusal = "the run is ending"
        await seen.press("space")
        await seen.until(lambda: "the run is ending" in seen.toasts)
        assert "pausing" not in seen.status


async def test_an_engine_that_dies_is_said_and_the_screen_becomes_a_recording() -> None:
    async with bridge() as seen:
        await seen.runs.die()
        await seen.until(lambda: "killed: no end recorded" in seen.status)
        assert "replay" in seen.status
        assert "space play" in seen.footer
        await seen.press("i")
        assert any("nothing is running" in toast for toast in seen.toasts)


async def test_pasted_text_never_acts_as_keys() -> None:
    from textual import events

    async with bridge() as seen:
        seen.app.post_message(events.Paste("xP \x1b[2Jq"))
        await seen.pilot.pause()
        await seen.pilot.pause()
        assert seen.runs.commands == []
        await seen.press("i")
        seen.app.post_message(events.Paste("a\x1b[2Jq"))
        await seen.until(lambda: seen.screen.query_one("#composer").text == "a␛[2Jq")  # type: ignore[attr-defined]


async def test_leaving_says_that_the_run_goes_on() -> None:
    async with bridge() as seen:
        assert "q leave (the run goes on)" in seen.footer
        await seen.press("q")
        assert seen.app.farewell() == "run ab12cd34ef goes on: pilothouse attach ab12cd34ef"


async def test_leaving_a_run_that_failed_says_why_without_what_drives_a_terminal() -> None:
    async with bridge() as seen:
        await seen.runs.append(ev.RunEnded(outcome=Outcome.FAILED, why="no key\x1b[2J (set one)"))
        await seen.until(lambda: "● failed" in seen.status)
        said = seen.app.farewell()
        assert (
            said
            == "run ab12cd34ef failed: no key␛[2J (set one); watch it again: pilothouse replay ab12cd34ef"
        )


async def test_the_end_of_the_run_is_shown_with_its_outcome() -> None:
    async with bridge() as seen:
        await seen.runs.append(ev.RunEnded(outcome=Outcome.LIMIT, why="40 steps", turns=7, actions=7))
        await seen.until(lambda: "● limit reached" in seen.status)
        assert "limit reached — 40 steps" in seen.text()
