"""*Always* in the bridge: the rule is shown, may be edited, and goes with the approval by ctrl+y alone."""

from __future__ import annotations

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse.tui.widgets.always import AlwaysForm
from tests.tui.harness import Watched, bridge
from tests.tui.test_approving import RISKY, ask, paste, wait

RULE = '[[rule]]\nname = "n"\neffect = "allow"\nwhy = "w"\nmembers = ["left_click"]\n'
SEEN = cmd.Expect(request="a1", frame_sha256="f0", args_sha256="00")


def form(seen: Watched) -> AlwaysForm:
    return seen.screen.query_one(AlwaysForm)


async def test_the_rule_is_shown_first_and_committed_with_the_action_by_ctrl_y() -> None:
    async with bridge() as seen:
        await ask(seen, always=RULE)
        await seen.press("n")
        assert "A always…" in seen.footer
        await seen.press("A")
        assert seen.screen.drawer.opened == "always"
        assert all(line in seen.text() for line in RULE.splitlines())
        await seen.press("ctrl+y")  # right behind the key that opened it
        await seen.press("enter", "backspace")
        assert seen.runs.commands == []
        await wait(seen)
        await seen.press("ctrl+y")
        await seen.until(lambda: bool(seen.runs.commands))
        (sent,) = seen.runs.commands
        assert isinstance(sent, cmd.Approve)
        assert (sent.rule, sent.expect) == (RULE.strip(), SEEN)


async def test_the_rule_can_be_edited_before_it_is_one_and_a_paste_is_text() -> None:
    async with bridge() as seen:
        await ask(seen, always=RULE)
        await seen.press("n", "A")
        await paste(seen, "# mine\x19 \x1b[2J\n")
        await seen.press("ctrl+y")
        assert seen.runs.commands == []
        await wait(seen)
        await seen.press("ctrl+y")
        await seen.until(lambda: bool(seen.runs.commands))
        (sent,) = seen.runs.commands
        assert isinstance(sent, cmd.Approve)
        assert sent.rule == f"# mine␙ ␛[2J\n{RULE.strip()}"


async def test_what_is_risky_takes_two_presses_here_too() -> None:
    async with bridge() as seen:
        await ask(seen, always=RULE, risks=RISKY)
        await seen.press("n", "A")
        await wait(seen)
        await seen.press("ctrl+y", "ctrl+y")
        assert seen.runs.commands == []
        await wait(seen)
        await seen.press("ctrl+y")
        await wait(seen)
        await seen.press("ctrl+y")
        await seen.until(lambda: len(seen.runs.commands) == 1)


@pytest.mark.parametrize("left", [False, True])
async def test_leaving_it_or_a_decision_elsewhere_gives_no_rule(left: bool) -> None:
    async with bridge() as seen:
        await ask(seen, always=RULE)
        await seen.press("n", "A")
        await wait(seen)
        if left:
            await seen.press("escape")
        else:
            await seen.runs.append(ev.ApprovalDecided(request="a1", decision="reject", actor="bob"))
        await seen.until(lambda: not seen.screen.drawer.opened)
        await seen.press("ctrl+y")
        assert seen.runs.commands == []


async def test_where_no_rule_can_be_had_it_says_so() -> None:
    async with bridge() as seen:
        await ask(seen)
        await seen.press("n", "A")
        assert any("no rule can let this happen always" in toast for toast in seen.toasts)
        assert seen.screen.drawer.opened == "approval"


async def test_a_rule_and_a_mode_that_was_raised_are_told() -> None:
    async with bridge() as seen:
        await seen.runs.append(
            ev.RuleAdded(name="always click", rule=RULE, actor="ann", kept_in="/x/rules.toml"),
            ev.ModeChanged(mode="ask-all", actor="rule", why="evil.test is off the list of hosts"),
        )
        await seen.until(lambda: "rule by ann: always click, kept in /x/rules.toml" in seen.text())
        assert "approval: ask-all, by rule" in seen.text()
        assert "ask-all: evil.test is off the list" in seen.status
