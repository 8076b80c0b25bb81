"""Rules from files: what is understood, and what is said of a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from pilothouse.engine.policy import Context, Mode, decide
from pilothouse.engine.policy_file import parse_toml, read_policy
from pilothouse.engine.policy_rules import Effect, Policy, Proposal, Region, Rule
from pilothouse.engine.policy_yaml import parse_yaml
from pilothouse.errors import SettingError

WHOLE = """\
mode = "ask-all"

[regions]
pay = [900, 600, 1280, 800]

[[rule]]
name = "no paying"
effect = "deny"
why = "A person pays."
members = ["left_click", "double_*"]
regions = ["pay"]
text = "(?i)buy"
hosts = ["*.example.com"]
urls = ["https://shop.example.com/cart*"]
count = 20
per_minute = 10
new_screen = true

[[rule]]
name = "look around"
effect = "allow"
why = "Scrolling harms nobody."
members = "scroll"
"""


def test_a_file_says_all_that_a_rule_can() -> None:
    assert parse_toml(WHOLE, "rules.toml") == Policy(
        mode=Mode.ASK_ALL,
        regions={"pay": Region(900, 600, 1280, 800)},
        rules=(
            Rule(
                name="no paying",
                effect=Effect.DENY,
                why="A person pays.",
                members=("left_click", "double_*"),
                regions=("pay",),
                text="(?i)buy",
                hosts=("*.example.com",),
                urls=("https://shop.example.com/cart*",),
                count=20,
                per_minute=10,
                new_screen=True,
            ),
            Rule(name="look around", effect=Effect.ALLOW, why="Scrolling harms nobody.", members=("scroll",)),
        ),
        source="rules.toml",
    )


def test_the_example_of_the_page_can_be_read() -> None:
    page = (Path(__file__).parents[3] / "docs" / "steering.md").read_text("utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    assert [rule.name for rule in parse_toml(example).rules] == ["paying", "not in a rush"]


def test_an_empty_file_has_no_rules() -> None:
    assert parse_toml("", "rules.toml") == Policy(source="rules.toml")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mode = ", "mod = ", "rules.toml:1: there is no 'mod' here (did you mean 'mode'?)"),
        ('"ask-all"', '"ask-al"', "rules.toml:1: there is no mode 'ask-al' (did you mean 'ask-all'?)"),
        (
            "[900, 600, 1280, 800]",
            "[900, 600, 900, 800]",
            "rules.toml:4: region 'pay' is no rectangle (write [x0, y0, x1, y1] with x0 < x1 and y0 < y1)",
        ),
        ("regions = [", "region = [", "rules.toml:11: a rule has no 'region' (did you mean 'regions'?)"),
        (
            'regions = ["pay"]',
            'regions = ["pai"]',
            "rules.toml:11: rule 'no paying': no region is called 'pai' (did you mean 'pay'?)",
        ),
        (
            'effect = "deny"',
            'effect = "denied"',
            "rules.toml:8: there is no effect 'denied' (did you mean 'deny'?)",
        ),
        ('why = "Scrolling harms nobody."', "", "rules.toml:19: rule 2 has no why"),
        (
            '"(?i)buy"',
            '"(?i)buy("',
            "rules.toml:12: rule 'no paying': '(?i)buy(' is no regular expression: missing ): "
            "(?i)buy( (patterns are RE2's, which knows no look-around and no back-references)",
        ),
        (
            '"*.example.com"',
            '"*example.com"',
            "rules.toml:13: rule 'no paying': '*example.com' is no host (write shop.example.com, "
            "*.example.com for what is below it, or *)",
        ),
        (
            '"https://shop.example.com/cart*"',
            '"shop.example.com/cart"',
            "rules.toml:14: rule 'no paying': 'shop.example.com/cart' is no address "
            "(write https://shop.example.com/cart*)",
        ),
        ("count = 20", "count = 0", "rules.toml:15: rule 'no paying': count is a whole number from 1"),
        (
            "per_minute = 10",
            "per_minute = true",
            "rules.toml:16: rule 'no paying': per_minute is a whole number from 1",
        ),
        (
            "new_screen = true",
            "new_screen = 1",
            "rules.toml:17: rule 'no paying': new_screen is true or false",
        ),
        (
            '"left_click", "double_*"',
            '"left_clik"',
            "rules.toml:10: rule 'no paying': no action is called 'left_clik' (did you mean 'left_click'?)",
        ),
        (
            'members = "scroll"',
            "members = []",
            "rules.toml:23: rule 'look around': members is empty, so that the rule could never apply "
            "(leave members out)",
        ),
        (
            '"look around"',
            '"no paying"',
            "rules.toml:20: two rules are called 'no paying' (give each its own name)",
        ),
        ("[[rule]]", "[rule]", None),
        ("mode = ", "mode ", "rules.toml:1: is no TOML: expected '=' after a key in a key/value pair"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(old: str, new: str, said: str | None) -> None:
    with pytest.raises(SettingError) as caught:
        parse_toml(WHOLE.replace(old, new, 1), "rules.toml")
    assert str(caught.value) == said if said else str(caught.value).startswith("rules.toml")


def test_one_table_called_rule_is_told_how_to_be_a_list() -> None:
    with pytest.raises(SettingError, match=r"write \[\[rule\]\]"):
        parse_toml('[rule]\nname = "x"\n', "rules.toml")


def test_a_file_is_read_by_its_ending(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(WHOLE)
    (tmp_path / "a.yaml").write_text(INSPECT)
    (tmp_path / "a.json").write_text('{"approvers": [{"name": "auto", "tools": "*"}]}')
    assert [len(read_policy(tmp_path / name).rules) for name in ("a.toml", "a.yaml", "a.json")] == [2, 3, 1]


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"none.toml: can't be read: No such file"):
        read_policy(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingError, match="is not UTF-8 text"):
        read_policy(tmp_path / "b.toml")
    (tmp_path / "c.toml").write_bytes(b"#" * (256 * 1024 + 1))
    with pytest.raises(SettingError, match="larger than 256 KiB"):
        read_policy(tmp_path / "c.toml")


# -------------------------------------------------------------------------------- in inspect's form

INSPECT = """\
approvers:
  - name: human
    tools: ["computer(action='left_click'", "computer(action='type'"]
    choices: [approve, reject]
  - name: auto
    tools: "computer(action='key', text='ctrl+w'"
    decision: reject
  - name: auto
    tools: "computer*"
"""


def verdict(policy: Policy, member: str, **given: object) -> Effect:
    return decide(Proposal(member=member, input=given), Context(policy=policy, mode=Mode.AUTO)).effect


def test_the_first_approver_that_fits_decides() -> None:
    policy = parse_yaml(INSPECT)
    assert verdict(policy, "left_click", coordinate=[1, 2]) is Effect.ASK
    assert verdict(policy, "type", text="a") is Effect.ASK
    assert verdict(policy, "key", text="ctrl+w") is Effect.DENY
    assert verdict(policy, "key", text="ctrl+a") is Effect.ALLOW
    assert verdict(policy, "double_click", coordinate=[1, 2]) is Effect.ALLOW


def test_order_beats_strictness_there() -> None:
    policy = parse_yaml('approvers: [{name: auto, tools: "key"}, {name: auto, tools: "*", decision: reject}]')
    assert verdict(policy, "key", text="a") is Effect.ALLOW
    assert verdict(policy, "type", text="a") is Effect.DENY


def test_what_fits_no_approver_is_rejected_even_looking() -> None:
    policy = parse_yaml("approvers: [{name: auto, tools: left_click}]")
    assert verdict(policy, "left_click", coordinate=[1, 2]) is Effect.ALLOW
    assert verdict(policy, "screenshot") is Effect.DENY


def test_an_approver_that_escalates_hands_on() -> None:
    policy = parse_yaml(
        'approvers: [{name: auto, tools: "*", decision: escalate}, {name: human, tools: "*"}]'
    )
    assert [rule.effect for rule in policy.rules] == [Effect.ASK]


def test_off_the_list_of_hosts_an_approver_that_names_none_asks() -> None:
    policy = parse_yaml('approvers: [{name: auto, tools: "*"}]')
    where = Context(policy=policy, mode=Mode.AUTO, url="https://evil.test", allow_hosts=("a.test",))
    assert decide(Proposal(member="key", input={"text": "a"}), where).effect is Effect.ASK
    assert decide(Proposal(member="screenshot"), where).effect is Effect.ALLOW


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "p.yaml: is empty (write approvers:)"),
        ("- 1", "p.yaml:1: the file is a mapping (write key: value)"),
        ("approver: []", "p.yaml:1: there is no 'approver' here (did you mean 'approvers'?)"),
        ("approvers: []", "p.yaml:1: approvers is a list (write - name: human)"),
        ("approvers:\n  - name: human\n", "p.yaml:2: approver 1 has no tools"),
        (
            "approvers:\n  - name: bash_allowlist\n    tools: bash\n",
            "p.yaml:2: no approver is called 'bash_allowlist' (only human and auto can be had here)",
        ),
        (
            "approvers:\n  - name: auto\n    tools: bash\n    decison: reject\n",
            "p.yaml:4: approver 'auto' has no 'decison' (did you mean 'decision'?)",
        ),
        (
            "approvers:\n  - name: auto\n    tools: bash\n    decision: terminate\n",
            "p.yaml:4: decision 'terminate' can't be had here (it may be approve, reject, escalate)",
        ),
        (
            "approvers:\n  - name: human\n    tools: bash\n    choices: [aprove]\n",
            "p.yaml:4: no choice is called 'aprove' (did you mean 'approve'?)",
        ),
        ("approvers:\n  - name: auto\n    tools: 3\n", "p.yaml:3: tools is a word"),
        ("approvers:\n  - name: auto\n    name: auto\n    tools: a\n", "p.yaml:3: 'name' is given twice"),
        ("a: &a [1]\nb: *a\n", 'p.yaml:2: has an alias (*name) (a star by itself is written "*")'),
    ],
)
def test_a_mistake_in_yaml_is_one_sentence_with_its_line(text: str, said: str) -> None:
    with pytest.raises(SettingError) as caught:
        parse_yaml(text, "p.yaml")
    assert str(caught.value) == said


def test_a_bare_star_is_told_how_to_be_written() -> None:
    with pytest.raises(SettingError) as caught:
        parse_yaml("approvers:\n  - name: auto\n    tools: *\n", "p.yaml")
    assert str(caught.value).startswith("p.yaml:3: is no YAML")
    assert str(caught.value).endswith('(a star by itself is written "*")')


def test_yaml_that_nests_without_end_or_runs_code_is_refused() -> None:
    with pytest.raises(SettingError, match="is nested too deeply"):
        parse_yaml("[" * 5_000, "p.yaml")
    with pytest.raises(SettingError):
        parse_yaml("approvers: !!python/object/apply:os.system [ls]", "p.yaml")
