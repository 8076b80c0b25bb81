"""Text from outside never acts: not as markup, not as an escape sequence, not as a key."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import pilothouse.tui
from pilothouse import events as ev
from pilothouse.events import Hold, Outcome, RunPhase
from tests.tui.fake_runs import Script
from tests.tui.harness import bridge

ESC = "\x1b"
HOSTILE = [
    "[/x] [@click=app.leave]Continue[/] [bold",
    f"{ESC}]52;c;ZXZpbA==\x07{ESC}[2J{ESC}]0;owned\x07",
    "a\x9b31mb\x9d0;t\x9c \u202egnp.exe\u2066 z\u200bw \U000e0041 \U0010eeee\u0305",
    "Z" + "\u0301" * 40,
    "x" * 5_000 + "\r\n\tnext\x00",
]


def hostile_script(text: str) -> Script:
    """Put the text into every field of every event that can hold outside text."""
    script = Script()
    script.begin(text)
    script.events[0] = ev.RunStarted(
        seq=0,
        t=0,
        run=text,
        task=text,
        model=text,
        browser=text,
        display_width_px=1280,
        display_height_px=800,
    )
    script.start_turn()
    script.think(text, text)
    script.text(text, text)
    script.act(text, {"coordinate": [10, 10], "text": text}, text, text)
    script.act("type", {"text": text}, text, ok=False)
    script.act("odd", {text: [text], "region": text}, text, text)
    script.picture(text, text)
    for event in (
        ev.TurnDiscarded(turn=1, attempt=1, why=text),
        ev.TurnFinished(turn=2, stop_reason=text, content=[{"type": "text", "text": text}]),
        ev.Warned(what=text, where=text, way_out=text),
        ev.RetryScheduled(what=text, attempt=1, delay_ms=10, why=text),
        ev.LimitReached(limit=text, value=1, used=2),
        ev.ContextCleared(turn=1, what=text),
        ev.CommandRefused(id="c", command=text, why=text),
        ev.MessageQueued(id="m", text=text, when=text),
        ev.MessageReturned(id="m", why=text),
        ev.ApprovalRequested(request="r", action=1, tool_use_id="t", args_sha256="", why=text),
        ev.ApprovalDecided(request="r", decision=text, actor=text, reason=text),
        ev.TakeoverStarted(lease="l", actor=text),
        ev.HumanActed(lease="l", member=text, input={"text": text}),
        ev.DeletePending(name=text, why=text),
        ev.Unknown(type_name=text, raw=b"{}"),
        ev.StateChanged(phase=RunPhase.HOLDING, holding=(Hold.PAUSE,)),
    ):
        script.put(event)
    return script


@pytest.mark.parametrize("text", HOSTILE, ids=["markup", "escapes", "invisible", "marks", "long"])
async def test_hostile_text_everywhere_is_shown_and_harmless(text: str) -> None:
    # The egress guard is strict here: it raises at the first uncleaned character of any widget.
    script = hostile_script(text)
    async with bridge(script, size=(120, 60)) as seen:
        for keys in (
            ("2", "enter"),
            ("1", "home"),
            ("question_mark",),
            ("escape",),
            ("s",),
            ("end",),
            ("y",),
        ):
            await seen.press(*keys)
        await seen.runs.append(ev.RunEnded(outcome=Outcome.FAILED, why=text))
        await seen.until(lambda: "● failed" in seen.status)
        assert seen.app.is_running
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2066\u200b\U0010eeee]", seen.text())
        assert seen.runs.commands == []


WIDGET_CALLS = {"Static", "Label", "Button", "Markdown", "RichLog", "Log", "Collapsible", "Checkbox"}


def test_no_widget_is_given_a_bare_string() -> None:
    """A str in a Textual widget is markup; ours get `Content`, or are our own line widgets."""
    offences = []
    for path in Path(pilothouse.tui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            first = node.args[0] if node.args else None
            is_text = isinstance(first, ast.JoinedStr) or (
                isinstance(first, ast.Constant) and isinstance(first.value, str)
            )
            if (name in WIDGET_CALLS and first is not None and (is_text or not _is_content(first))) or (
                name in {"from_markup", "from_rich_text"} or (name == "update" and is_text)
            ):
                offences.append(f"{path.name}:{node.lineno} {name}")
            offences += [
                f"{path.name}:{node.lineno} {word.arg}" for word in node.keywords if word.arg == "tooltip"
            ]
    assert offences == []


def _is_content(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and "Content" in ast.dump(node.func)
