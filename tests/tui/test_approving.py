"""An action that waits: shown at once, decided on only by a person who went to it and took a moment."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.events import Hold, RunPhase
from pilothouse.tui.panes.picture import PicturePane
from pilothouse.tui.widgets.approval import ARM_S, ApprovalPane, DecisionForm
from pilothouse.tui.widgets.composer import Composer
from tests.tui.harness import Watched, bridge

WAIT_S = ARM_S + 0.01
RISKY = ("the key submits",)


def request(name: str = "a1", **more: Any) -> ev.ApprovalRequested:
    fields: dict[str, Any] = {
        "action": 90,
        "tool_use_id": "toolu_90",
        "args_sha256": "00",
        "frame_sha256": "f0",
        "why": "the mode is ask-all",
        "member": "left_click",
        "input": {"coordinate": [640, 60]},
    }
    return ev.ApprovalRequested(request=name, **{**fields, **more})


async def ask(seen: Watched, name: str = "a1", **more: Any) -> None:
    held = ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.APPROVAL,))
    await seen.runs.append(request(name, **more), held)
    await seen.until(lambda: (asked := pane(seen).asked) is not None and asked.request == name)


def pane(seen: Watched) -> ApprovalPane:
    return seen.screen.drawer.approval


def form(seen: Watched, name: str) -> DecisionForm:
    return seen.screen.query_one(f"#{name}", DecisionForm)


async def wait(seen: Watched) -> None:
    seen.clock.at_s += WAIT_S
    await seen.pilot.pause()


async def paste(seen: Watched, text: str) -> None:
    seen.app.post_message(events.Paste(text))
    for _ in range(3):
        await seen.pilot.pause()


async def test_what_waits_is_shown_in_words_and_takes_no_keys() -> None:
    async with bridge() as seen:
        focused = seen.screen.focused
        await ask(seen, why="risky: the key submits", risks=RISKY)
        assert "Let this happen?  click at 640, 60" in seen.text()
        assert "risky: the key submits" in seen.text()
        assert "press n to decide" in seen.text()
        assert "click at 640, 60?" in seen.status
        assert "n decide…" in seen.footer
        assert seen.screen.focused is focused
        await wait(seen)
        await seen.press("ctrl+y", "ctrl+y", "r", "e", "enter", "y")
        assert seen.runs.commands == []
        assert not seen.screen.drawer.opened


async def test_ctrl_y_lets_it_happen_once_the_pane_was_gone_to_and_has_armed() -> None:
    async with bridge() as seen:
        await ask(seen)
        await seen.press("n")
        assert pane(seen).has_focus
        await wait(seen)
        await seen.until(lambda: "ctrl+y lets it happen" in seen.text())
        await seen.press("ctrl+y")
        await seen.until(lambda: bool(seen.runs.commands))
        (sent,) = seen.runs.commands
        assert isinstance(sent, cmd.Approve)
        assert sent.expect == cmd.Expect(request="a1", frame_sha256="f0", args_sha256="00")
        await seen.until(lambda: "● running" in seen.status)
        assert not seen.screen.drawer.classes


@pytest.mark.parametrize(
    "typed", [("n", "ctrl+y"), ("n", *["ctrl+y"] * 9), ("ctrl+y", "n", "ctrl+y"), ("n", "r", "ctrl+y")]
)
async def test_typing_ahead_approves_nothing(typed: tuple[str, ...]) -> None:
    async with bridge() as seen:
        seen.type_ahead(*typed)
        await ask(seen)
        await wait(seen)
        seen.type_ahead(*typed)
        for _ in range(5):
            await seen.pilot.pause()
        assert seen.runs.commands == []


async def test_every_key_and_every_premature_press_makes_it_wait_again() -> None:
    async with bridge() as seen:
        await ask(seen)
        await seen.press("n")
        for key in ("ctrl+y", "a", "down", "tab", "space"):
            await wait(seen)
            if key != "ctrl+y":
                await seen.press(key)
            else:
                seen.clock.at_s -= WAIT_S / 2
            await seen.press("ctrl+y")
            assert seen.runs.commands == []
        await wait(seen)
        await seen.press("ctrl+y")
        await seen.until(lambda: [type(sent) for sent in seen.runs.commands] == [cmd.Approve])


async def test_what_is_risky_needs_two_presses_with_a_moment_between_them() -> None:
    async with bridge() as seen:
        await ask(seen, risks=RISKY)
        await seen.press("n")
        await wait(seen)
        await seen.press("ctrl+y", "ctrl+y")
        assert seen.runs.commands == []
        await wait(seen)
        await seen.press("ctrl+y")
        assert seen.runs.commands == []
        await wait(seen)
        await seen.until(lambda: "once more" in seen.text())
        await seen.press("ctrl+y")
        await seen.until(lambda: [type(sent) for sent in seen.runs.commands] == [cmd.Approve])


async def test_a_paste_decides_nothing_in_the_pane_and_is_text_in_its_forms() -> None:
    async with bridge() as seen:
        await ask(seen)
        await seen.press("n")
        await wait(seen)
        await paste(seen, "\x19r\x19\n\x19")
        assert seen.screen.drawer.opened == "approval"
        await seen.press("r")
        await wait(seen)
        await paste(seen, "no\x19\n")
        await seen.press("ctrl+y")  # right behind the paste
        assert seen.runs.commands == []
        assert form(seen, "reject").value == "no␙␊"


async def test_a_rejection_has_a_reason_and_is_committed_by_ctrl_y_alone() -> None:
    async with bridge() as seen:
        await ask(seen)
        await seen.press("n", "r", *"not that", "enter")
        assert seen.runs.commands == []
        await wait(seen)
        await seen.press("ctrl+y")
        await seen.until(lambda: bool(seen.runs.commands))
        (sent,) = seen.runs.commands
        assert isinstance(sent, cmd.Reject)
        assert (sent.reason, sent.expect) == (
            "not that",
            cmd.Expect(request="a1", frame_sha256="f0", args_sha256="00"),
        )


async def test_an_edit_begins_with_the_input_and_must_be_one() -> None:
    async with bridge() as seen:
        await ask(seen)
        await seen.press("n", "e")
        edit = form(seen, "edit")
        assert edit.value == '{"coordinate": [640, 60]}'
        await seen.press("backspace")
        await wait(seen)
        await seen.press("ctrl+y")
        await seen.until(lambda: any("JSON object" in toast for toast in seen.toasts))
        assert seen.runs.commands == []
        edit.value = '{"coordinate": [5, 6]}'
        edit.ask(pane(seen).asked or request())
        edit.value = '{"coordinate": [5, 6]}'
        await wait(seen)
        await seen.press("ctrl+y")
        await seen.until(lambda: bool(seen.runs.commands))
        (sent,) = seen.runs.commands
        assert isinstance(sent, cmd.Edit)
        assert sent.input == {"coordinate": [5, 6]}


async def test_what_can_not_be_shown_is_escaped_in_an_edit_and_stays_what_it_is() -> None:
    async with bridge() as seen:
        await ask(seen, member="type", input={"text": "a\u202eb\n"})
        await seen.press("n", "e")
        assert form(seen, "edit").value == r'{"text": "a\u202eb\n"}'


@pytest.mark.parametrize("opened", [(), ("r",), ("e",)])
async def test_a_request_decided_elsewhere_closes_what_was_open_on_it(opened: tuple[str, ...]) -> None:
    async with bridge() as seen:
        await ask(seen)
        await seen.press("n", *opened)
        await wait(seen)
        await seen.runs.append(
            ev.ApprovalDecided(request="a1", decision="approve", actor="bob"), request("a2", risks=RISKY)
        )
        await seen.until(lambda: not seen.screen.drawer.opened)
        await seen.press("ctrl+y", "ctrl+y")
        assert seen.runs.commands == []
        assert "press n to decide" in seen.text()


async def test_it_does_not_open_over_what_a_person_writes_and_is_there_afterwards() -> None:
    async with bridge() as seen:
        await seen.press("i", "a")
        await ask(seen)
        assert seen.screen.query_one(Composer).has_focus
        assert "Let this happen?" not in seen.text()
        await seen.press("n", "ctrl+y")
        assert seen.screen.query_one(Composer).text == "an"
        await seen.press("escape")
        assert "Let this happen?" in seen.text()
        assert seen.runs.commands == []


async def test_leaving_the_pane_lets_it_wait() -> None:
    async with bridge() as seen:
        await ask(seen)
        await seen.press("n", "escape")
        assert not seen.screen.drawer.opened
        assert "press n to decide" in seen.text()
        await seen.press("space")
        await seen.until(lambda: bool(seen.runs.commands))
        assert not isinstance(seen.runs.commands[0], cmd.Approve)


async def test_a_click_on_the_pane_gives_it_no_keys() -> None:
    async with bridge() as seen:
        await ask(seen)
        await wait(seen)
        await seen.pilot.click(pane(seen), offset=(5, 0))
        await wait(seen)
        await seen.press("ctrl+y")
        assert seen.runs.commands == []


async def test_what_would_happen_is_drawn_on_the_picture_before_it_does() -> None:
    async with bridge() as seen:
        picture = seen.screen.query_one(PicturePane)
        await ask(seen)
        await seen.until(
            lambda: picture.settled and picture.shown is not None and picture.shown.want.overlay is not None
        )
        assert picture.shown is not None
        overlay = picture.shown.want.overlay
        assert overlay is not None
        assert (overlay.kind, overlay.at) == ("click", (640, 60))
        await seen.runs.append(ev.ApprovalDecided(request="a1", decision="reject", actor="bob"))
        await seen.until(
            lambda: picture.settled and picture.shown is not None and picture.shown.want.overlay is None
        )


async def test_a_limit_is_raised_lifted_or_passed_once() -> None:
    async with bridge() as seen:
        await seen.press("b", *"once", "enter")
        assert "no limit is reached" in seen.toasts
        await seen.press("b", *"many", "enter")
        assert any("no such limit" in toast for toast in seen.toasts)
        assert seen.runs.commands == []
        await seen.runs.append(
            ev.LimitReached(limit="steps", value=5, used=5, request="l1", next=10),
            ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.LIMIT,)),
        )
        await seen.until(lambda: "steps 5 of 5" in seen.status)
        await seen.press("b", *"steps 50", "enter", "b", *"time off", "enter")
        await seen.until(lambda: len(seen.runs.commands) == 2)
        await seen.press("b", *"once", "enter")
        await seen.until(lambda: len(seen.runs.commands) == 3)
    raised, lifted, once = seen.runs.commands
    assert isinstance(raised, cmd.SetLimit)
    assert isinstance(lifted, cmd.SetLimit)
    assert isinstance(once, cmd.Resume)
    assert [(raised.limit, raised.value), (lifted.limit, lifted.value)] == [("steps", 50.0), ("time", None)]
    assert once.expect == cmd.Expect(request="l1")


async def test_a_limit_that_holds_is_named_in_the_status() -> None:
    async with bridge() as seen:
        await seen.runs.append(
            ev.LimitReached(limit="steps", value=5, used=5, request="l1", next=10),
            ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.LIMIT,)),
        )
        await seen.until(lambda: "steps 5 of 5" in seen.status)


async def test_the_model_and_its_effort_are_changed_where_limits_are() -> None:
    async with bridge() as seen:
        await seen.press("b")
        assert "model claude-opus-5-5  effort: the model's own" in seen.text()
        await seen.press(*"effort high", "enter", "b", *"model claude-x-1 low", "enter")
        await seen.until(lambda: len(seen.runs.commands) == 2)
    effort, model = seen.runs.commands
    assert isinstance(effort, cmd.SetModel)
    assert isinstance(model, cmd.SetModel)
    assert [(sent.model, sent.effort) for sent in (effort, model)] == [("", "high"), ("claude-x-1", "low")]
