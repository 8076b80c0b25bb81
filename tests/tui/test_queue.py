"""Messages that wait: seen, moved, reworded, timed and taken back, and what a role may not do."""

from __future__ import annotations

from typing import Any

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.events import Hold, RunPhase
from pilothouse.tui.widgets.queue import MessageEditor, QueuePane
from tests.tui.harness import Watched, bridge


async def queued(seen: Watched, *texts: str, when: str = "end") -> None:
    await seen.runs.append(*(ev.MessageQueued(id=text, text=f"do {text}", when=when) for text in texts))
    await seen.until(lambda: len(seen.screen.record.head_state.messages) == len(texts))


def lines(seen: Watched) -> list[str]:
    return seen.screen.query_one(QueuePane).render().plain.splitlines()


def sent(seen: Watched) -> list[tuple[str, dict[str, Any]]]:
    told = []
    for command in seen.runs.commands:
        fields = {
            name: getattr(command, name)
            for name in ("message", "text", "when", "before")
            if getattr(command, name, "")
        }
        told.append((type(command).__name__, fields))
    return told


async def test_the_queue_is_seen_with_what_became_of_the_last_ones() -> None:
    async with bridge() as seen:
        await queued(seen, "one", "two", "three")
        assert "3 queued" in seen.status
        await seen.runs.append(
            ev.MessageDelivered(id="one", turn=8, text="do one"),
            ev.MessageReturned(id="two", why="taken back by bob"),
            ev.MessageRevised(id="three", text="do\x1b[2J three", when="now", actor="bob"),
        )
        await seen.until(lambda: "1 queued" in seen.status)
        await seen.press("Q")
        assert lines(seen) == [
            "Messages that wait",
            " ● now: do\u241b[2J three",
            "   ✓ delivered at turn 8  do one",
            "   ! returned: taken back by bob  do two",
        ]
        assert "shift+↑ shift+↓, K J move" in seen.footer
        await seen.press("escape")
        assert not seen.screen.drawer.opened


async def test_moving_names_the_message_that_it_stands_before() -> None:
    async with bridge() as seen:
        await queued(seen, "one", "two", "three")
        await seen.press("Q", "K", "J", "down", "J", "shift+up", "down", "J", "K")
        assert sent(seen) == [
            ("Revise", {"message": "one", "before": "three"}),
            ("Revise", {"message": "two", "before": "end"}),
            ("Revise", {"message": "two", "before": "one"}),
            ("Revise", {"message": "three", "before": "two"}),
        ]
        await seen.runs.append(ev.MessageRevised(id="three", text="do three", when="end", before="one"))
        await seen.until(lambda: lines(seen)[1] == " ● when it has finished: do three")


async def test_a_message_is_reworded_timed_and_taken_back() -> None:
    async with bridge() as seen:
        await queued(seen, "one", "two")
        await seen.press("Q", "e")
        assert seen.screen.query_one(MessageEditor).text == "do one"
        await seen.press("!", "enter")
        assert seen.screen.drawer.opened == "queue"
        await seen.press("enter", "?", "ctrl+s", "w", "backspace")
        assert sent(seen) == [
            ("Revise", {"message": "one", "text": "do one!"}),
            ("Revise", {"message": "one", "text": "do one?", "when": "now"}),
            ("Revise", {"message": "one", "when": "now"}),
            ("Unsay", {"message": "one"}),
        ]
        await seen.runs.append(ev.MessageReturned(id="one", why="taken back by operator"))
        await seen.until(lambda: lines(seen)[1] == " ● when it has finished: do two")
        await seen.press("e", "escape")
        assert not seen.screen.drawer.opened
        assert len(sent(seen)) == 4


async def test_keys_do_nothing_where_no_message_waits_and_never_reach_the_run() -> None:
    async with bridge() as seen:
        await seen.press("Q", "e", "w", "delete", "J", "down", "space", "P", "x")
        assert lines(seen) == ["Messages that wait  none"]
        assert seen.runs.commands == []
        assert seen.screen.drawer.opened == "queue"


async def test_a_change_that_is_refused_is_a_sentence() -> None:
    async with bridge() as seen:
        await queued(seen, "one")
        seen.runs.refusal = "that message was delivered already"
        await seen.press("Q", "delete")
        await seen.until(lambda: any("delivered already" in toast for toast in seen.toasts))
        assert lines(seen)[1] == " ● when it has finished: do one"


async def test_ctrl_l_sends_for_the_end_of_the_turn() -> None:
    async with bridge() as seen:
        await seen.press("i", "h", "i", "ctrl+l")
        await seen.until(lambda: bool(seen.runs.commands))
        assert sent(seen) == [("Say", {"text": "hi", "when": "end"})]
        await seen.until(lambda: "(when it has finished)" in seen.text())


@pytest.mark.parametrize("role", ["watch", "approve", "drive"])
async def test_what_a_role_may_not_do_is_not_done_and_says_why(role: str) -> None:
    async with bridge(role=role) as seen:
        await seen.press("space")
        held = role != "watch"
        assert [type(command) for command in seen.runs.commands] == [cmd.Pause] * held
        assert any("you only watch" in toast for toast in seen.toasts) is not held
        await seen.press("i")
        assert (seen.screen.drawer.opened == "composer") is held
        assert seen.screen.drawer.composer.has_focus is held
        if held:
            await seen.press("escape")
        await seen.press("x")
        assert (seen.screen.drawer.opened == "abort") is (role == "drive")


async def test_who_only_watches_a_recording_plays_it_all_the_same() -> None:
    async with bridge(role="watch", replay=True) as seen:
        await seen.press("space")
        assert seen.screen.playhead.playing


async def test_the_transcript_says_who_holds_the_run_and_who_follows() -> None:
    async with bridge(actor="ann") as seen:
        await seen.runs.append(
            ev.ViewerJoined(viewer="v1", actor="bob", role="approve"),
            ev.CommandReceived(id="1", command="Pause", actor="bob"),
            ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.PAUSE,)),
            ev.CommandApplied(id="1", command="Pause"),
            ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.PAUSE, Hold.BROWSER_LOST)),
            ev.ViewerDeparted(viewer="v1", actor="bob"),
        )
        await seen.until(lambda: "bob follows no more" in seen.text())
        rows = [row.text for row in seen.screen.transcript.rows[-4:]]
        assert rows == [
            "bob follows (approve)",
            "holding: paused, by bob",
            "holding: paused, browser lost",
            "bob follows no more",
        ]
