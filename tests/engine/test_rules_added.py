"""*Always*: the rule that lets actions like the one that waits happen is shown, judged, applied and kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pilothouse import commands as cmd
from pilothouse import events as ev
from pilothouse import paths
from pilothouse.commands import Ack, Refused
from pilothouse.engine.policy_file import parse_toml, read_policy
from pilothouse.engine.rulebook import keep
from pilothouse.errors import SettingError
from pilothouse.events import Outcome
from tests.engine.rig import KEY as SECRET
from tests.engine.rig import Rig, rigged
from tests.engine.test_approvals import asked, decisions, done, meaning, who
from tests.engine.test_run import CLICK, KEY, TYPE, scenario

pytestmark = pytest.mark.usefixtures("quick")
TWICE = scenario(f"calls = [{CLICK}]", f"calls = [{CLICK}]", 'text = "Done."')
COMMENTED = '# mine\n[[rule]]\nname = "x"\neffect = "deny"\nwhy = "y"\nmembers = ["zoom"] # dear to me\n'


def added(rig: Rig) -> list[ev.RuleAdded]:
    return [event for event in rig.events if isinstance(event, ev.RuleAdded)]


async def test_a_rule_approved_with_an_action_counts_at_once_and_is_kept_for_later_runs(
    state_dir: Path,
) -> None:
    async with rigged(state_dir, TWICE, headless=False, approve="ask-all", idle_s=0.01) as rig:
        finishing = asyncio.create_task(rig.finish())
        request = await asked(rig)
        assert parse_toml(request.always).rules[0].members == ("left_click",)
        assert isinstance(rig.do(cmd.Approve(**meaning("a1"), rule=request.always)), Ack)
        assert await finishing is Outcome.COMPLETED
    assert done(rig) == ["click_mouse"] * 2
    assert decisions(rig) == [("a1", "approve", "anna")]
    kept = paths.rules_path()
    (told,) = added(rig)
    assert (told.rule, told.actor, told.kept_in) == (request.always, "anna", str(kept))
    assert kept.read_text() == request.always
    async with rigged(
        state_dir, TWICE, headless=False, approve="ask-all", idle_s=0.01, rules=str(kept)
    ) as later:
        assert await later.finish() is Outcome.COMPLETED
    assert done(later) == ["click_mouse"] * 2
    assert decisions(later) == []


async def test_a_rule_goes_into_the_file_that_the_run_was_given_and_its_comments_stay(
    state_dir: Path,
) -> None:
    rules = state_dir / "mine.toml"
    rules.write_text(COMMENTED)
    rules.chmod(0o640)
    link = state_dir / "link.toml"
    link.symlink_to(rules)
    async with rigged(
        state_dir, TWICE, headless=False, approve="ask-all", idle_s=0.01, rules=str(link)
    ) as rig:
        finishing = asyncio.create_task(rig.finish())
        request = await asked(rig)
        rig.do(cmd.Approve(**meaning("a1"), rule=request.always))
        assert await finishing is Outcome.COMPLETED
    assert rules.read_text() == f"{COMMENTED}\n{request.always}"
    assert rules.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert [rule.name for rule in read_policy(rules).rules] == ["x", added(rig)[0].name]
    assert not paths.rules_path().exists()


async def test_a_file_that_took_no_rule_is_told_of_and_the_rule_counts_for_the_run(state_dir: Path) -> None:
    rules = state_dir / "mine.toml"
    rules.write_text(COMMENTED)
    async with rigged(
        state_dir, TWICE, headless=False, approve="ask-all", idle_s=0.01, rules=str(rules)
    ) as rig:
        finishing = asyncio.create_task(rig.finish())
        request = await asked(rig)
        rules.write_text("[[rule]\n")
        rig.do(cmd.Approve(**meaning("a1"), rule=request.always))
        assert await finishing is Outcome.COMPLETED
    assert done(rig) == ["click_mouse"] * 2
    assert added(rig)[0].kept_in == ""
    warned = [event.what for event in rig.events if isinstance(event, ev.Warned) and event.where == "rules"]
    assert len(warned) == 1
    assert "lasts for this run only" in warned[0]
    assert f"{rules}:1" in warned[0]
    assert rules.read_text() == "[[rule]\n"


async def test_a_policy_in_inspects_form_has_the_rule_first_and_for_this_run_alone(state_dir: Path) -> None:
    rules = state_dir / "policy.yaml"
    text = "approvers:\n  - name: human\n    tools: left_click\n  - name: auto\n    tools: '*'\n"
    rules.write_text(text)
    async with rigged(state_dir, TWICE, headless=False, approve="", idle_s=0.01, rules=str(rules)) as rig:
        finishing = asyncio.create_task(rig.finish())
        request = await asked(rig)
        assert request.rule == "1 human"
        rig.do(cmd.Approve(**meaning("a1"), rule=request.always))
        assert await finishing is Outcome.COMPLETED
    assert done(rig) == ["click_mouse"] * 2
    assert added(rig)[0].kept_in == ""
    assert rules.read_text() == text


ESCAPED = SECRET.replace("-", "\\\\-")
RULE = '[[rule]]\nname = "n"\neffect = "allow"\nwhy = "w"\n'


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("[[rule]]\nname =\n", "the rule:2: is no TOML: invalid value"),
        (RULE + 'member = "type"\n', "the rule:5: a rule has no 'member' (did you mean 'members'?)"),
        (RULE + 'text = "("\n', "the rule:5: rule 'n': '(' is no regular expression"),
        (RULE.replace("allow", "deny"), 'the rule: what is let happen always has the effect "allow"'),
        (RULE + RULE.replace('"n"', '"m"'), "the rule: write one [[rule]], its regions, and nothing else"),
        ('mode = "auto"\n' + RULE, "the rule: write one [[rule]], its regions, and nothing else"),
        ("# nothing", "the rule: write one [[rule]], its regions, and nothing else"),
        (RULE.replace('"n"', '"x"'), "the rule: there is one called 'x', give it another name"),
        ("[regions]\npay = [0, 0, 9, 9]\n" + RULE, "the rule: there is another region called 'pay'"),
        (RULE + f'text = "{SECRET}"\n', "the rule: a rule can't hold a secret"),
        (RULE + f'text = "{ESCAPED}"\n', "the rule: a rule can't hold a secret"),
        (RULE + f'text = "\\u{ord(SECRET[0]):04x}{SECRET[1:]}"\n', "the rule: a rule can't hold a secret"),
        (RULE + "#" * 8_000, "the rule is longer than 8000 characters"),
    ],
)
async def test_a_bad_rule_is_refused_with_its_line_and_the_action_goes_on_waiting(
    state_dir: Path, rule: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    rules = state_dir / "mine.toml"
    rules.write_text("[regions]\npay = [1, 2, 3, 4]\n" + COMMENTED)
    script = scenario(f"calls = [{CLICK}]", 'text = "Done."')
    async with rigged(
        state_dir, script, headless=False, approve="ask-all", idle_s=0.01, rules=str(rules)
    ) as rig:
        finishing = asyncio.create_task(rig.finish())
        await asked(rig)
        refused = rig.do(cmd.Approve(**meaning("a1"), rule=rule))
        assert isinstance(refused, Refused)
        assert refused.why.startswith(why)
        assert done(rig) == []
        rig.do(cmd.Reject(**meaning("a1")))
        assert await finishing is Outcome.COMPLETED
    assert (added(rig), done(rig)) == ([], [])


async def test_no_rule_is_offered_against_one_that_asks(state_dir: Path) -> None:
    rules = state_dir / "mine.toml"
    rules.write_text('[[rule]]\nname = "x"\neffect = "ask"\nwhy = "y"\nmembers = ["type"]\n')
    script = scenario(f"calls = [{TYPE}]", f"calls = [{KEY}]", 'text = "Done."')
    async with rigged(
        state_dir, script, headless=False, approve="ask-all", idle_s=0.01, rules=str(rules)
    ) as rig:
        finishing = asyncio.create_task(rig.finish())
        assert (await asked(rig)).always == ""
        rig.do(cmd.Approve(**meaning("a1")))
        assert parse_toml((await asked(rig, 2)).always).rules[0].members == ("key",)
        rig.do(cmd.Reject(**meaning("a2")))
        assert await finishing is Outcome.COMPLETED


async def test_a_decision_is_bound_to_the_input_that_was_shown(state_dir: Path) -> None:
    script = scenario(f"calls = [{CLICK}]", 'text = "Done."')
    async with rigged(state_dir, script, headless=False, approve="ask-all", idle_s=0.01) as rig:
        finishing = asyncio.create_task(rig.finish())
        request = await asked(rig)
        stale = cmd.Expect(request="a1", args_sha256="0" * 64)
        refused = rig.do(cmd.Approve(**who(expect=stale)))
        shown = cmd.Expect(request="a1", args_sha256=request.args_sha256, frame_sha256=request.frame_sha256)
        assert isinstance(rig.do(cmd.Approve(**who(expect=shown))), Ack)
        assert await finishing is Outcome.COMPLETED
    assert refused == Refused(id=refused.id, why="that is not the input it was asked with")


def test_a_file_that_can_not_be_meant_with_the_rule_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('regions = { a = [0, 0, 1, 1] }\n[[rule]]\nname = "n"\neffect = "deny"\nwhy = "y"\n')
    before = path.read_text()
    for rule in (RULE, "[regions]\nb = [0, 0, 1, 1]\n" + RULE.replace('"n"', '"m"')):
        with pytest.raises(SettingError):
            keep(path, rule)
    assert path.read_text() == before
    assert [one.name for one in tmp_path.iterdir()] == ["rules.toml"]
