"""What every request of a run has in common, and what may change of it."""

from pathlib import Path
from typing import Any

import pytest

from pilothouse.errors import SettingError
from pilothouse.model.catalogue import table
from pilothouse.model.client import Choice, RequestShape
from pilothouse.model.prompt import SYSTEM, system_prompt

ADAPTIVE = {"type": "adaptive", "display": "summarized"}


def shape(model: str, **chosen: Any) -> RequestShape:
    return RequestShape(Choice(model=model, **chosen), system="Be good.", width_px=1280, height_px=800)


def varying(model: str, **chosen: Any) -> dict[str, Any]:
    """What depends on model and options."""
    request = shape(model, **chosen).request([])
    return {key: request[key] for key in ("thinking", "output_config", "betas") if key in request}


def test_a_whole_request() -> None:
    said = [{"role": "user", "content": "go"}]
    assert shape("claude-opus-5-5", effort="low").request(said, {"stop_sequences": ["x"]}) == {
        "model": "claude-opus-5-5",
        "max_tokens": 16_000,
        "system": [{"type": "text", "text": "Be good."}],
        "tools": [{"type": "computer_toolset_20260801"}],
        "thinking": ADAPTIVE,
        "output_config": {"effort": "low"},
        "stop_sequences": ["x"],
        "messages": said,
    }


def test_betas_of_the_request_join_those_of_the_run() -> None:
    asked = shape("claude-haiku-4-5").request([], {"betas": ["context-management-2025-06-27"]})
    assert asked["betas"] == ["computer-use-2025-01-24", "context-management-2025-06-27"]
    again = shape("claude-haiku-4-5").request([], {"betas": ["computer-use-2025-01-24"]})
    assert again["betas"] == ["computer-use-2025-01-24"]


@pytest.mark.parametrize(
    ("model", "chosen", "expected"),
    [
        ("claude-opus-5-5", {}, {"thinking": ADAPTIVE}),
        (
            "claude-opus-5-5",
            {"thinking_display": "updates"},
            {
                "thinking": {"type": "adaptive", "display": "updates"},
                "betas": ["thinking-display-updates-2026-08-18"],
            },
        ),
        ("claude-sonnet-5-5", {"thinking": "between_tools"}, {"thinking": {"type": "between_tools"}}),
        ("claude-opus-5", {"thinking": "disabled"}, {"thinking": {"type": "disabled"}}),
        (
            "claude-opus-4-7",
            {"thinking": "disabled"},  # it does not think unless asked to
            {"betas": ["computer-use-2025-11-24"]},
        ),
        (
            "claude-sonnet-4-6",
            {"thinking_budget": 2000},
            {
                "thinking": {"type": "enabled", "budget_tokens": 2000, "display": "summarized"},
                "betas": ["computer-use-2025-11-24"],
            },
        ),
        (
            "claude-haiku-4-5",
            {"thinking_budget": 2000},
            {
                "thinking": {"type": "enabled", "budget_tokens": 2000},
                "betas": ["computer-use-2025-01-24"],
            },
        ),
        ("claude-haiku-4-5", {}, {"betas": ["computer-use-2025-01-24"]}),
        (
            "claude-3-7-sonnet-20250219",
            {"token_efficient": True},
            {"betas": ["computer-use-2025-01-24", "token-efficient-tools-2025-02-19"]},
        ),
        ("claude-next-9", {}, {"thinking": ADAPTIVE}),
    ],
)
def test_each_model_is_asked_in_its_own_form(
    model: str, chosen: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert varying(model, **chosen) == expected


@pytest.mark.parametrize(
    ("model", "chosen", "where", "sentence"),
    [
        ("claude-opus-5-5", {"thinking": "disabled"}, "--thinking disabled", "it takes adaptive"),
        ("claude-sonnet-5-5", {"thinking": "disabled"}, "--thinking disabled", "between_tools"),
        ("claude-opus-5-5", {"thinking": "adaptve"}, "--thinking adaptve", "did you mean adaptive?"),
        ("claude-opus-5-5", {"thinking_budget": 2000}, "--thinking-budget 2000", "use --effort instead"),
        ("claude-haiku-4-5", {"thinking_budget": 100}, "--thinking-budget 100", "at least 1024"),
        ("claude-haiku-4-5", {"thinking_budget": 16_000}, "--thinking-budget 16000", "less than"),
        ("claude-haiku-4-5", {"thinking": "enabled"}, "--thinking-budget 0", "at least 1024"),
        ("claude-opus-5-5", {"thinking_display": "all"}, "--thinking-display all", "known are"),
        ("claude-haiku-4-5", {"effort": "high"}, "--effort high", "takes no effort"),
        ("claude-opus-4-5", {"effort": "max"}, "--effort max", "it takes low, medium, high"),
        ("claude-opus-5-5", {"effort": "hihg"}, "--effort hihg", "did you mean high?"),
        ("claude-opus-5", {"thinking": "disabled", "effort": "max"}, "--effort max", "at most high"),
        ("claude-haiku-4-5", {"max_tokens": 64_001}, "--max-tokens 64001", "between 1 and 64000"),
        ("claude-opus-5-5", {"max_tokens": 0}, "--max-tokens 0", "between 1 and"),
        ("claude-opus-5-5", {"token_efficient": True}, "--token-efficient", "no longer knows it"),
        ("claude-opus-5", {"provider": "bedrok"}, "--provider bedrok", "did you mean bedrock?"),
        (
            "us.anthropic.claude-opus-5-v1:0",
            {},
            "--model us.anthropic.claude-opus-5-v1:0",
            "use claude-opus-5",
        ),
    ],
)
def test_what_a_model_does_not_take_is_refused_and_named(
    model: str, chosen: dict[str, Any], where: str, sentence: str
) -> None:
    with pytest.raises(SettingError) as refused:
        shape(model, **chosen)
    assert refused.value.where == where
    assert sentence in str(refused.value)


@pytest.mark.parametrize("name", table().models)
def test_every_model_of_the_table_can_be_asked_as_it_is(name: str) -> None:
    assert shape(name, max_tokens=4096).request([])["model"] == name


def test_another_model_and_effort_take_effect_when_a_turn_begins() -> None:
    one = shape("claude-opus-5-5")
    (lost,) = one.plan("claude-sonnet-5-5", "low")
    assert "reasoning of claude-opus-5-5" in lost
    assert one.request([])["model"] == "claude-opus-5-5"
    assert one.take()
    asked = one.request([])
    assert (asked["model"], asked["output_config"], one.effort) == (
        "claude-sonnet-5-5",
        {"effort": "low"},
        "low",
    )
    assert not one.take()
    assert one.plan(effort="max") == []
    assert one.take()
    assert one.request([])["output_config"] == {"effort": "max"}


def test_an_effort_the_new_model_does_not_take_is_dropped_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILOTHOUSE_CONFIG_DIR", str(tmp_path))
    (tmp_path / "models.toml").write_text('[model.claude-plain]\nefforts = []\neffort = ""\n')
    one = shape("claude-opus-5-5", effort="high")
    told = one.plan("claude-plain")
    assert any("high is dropped" in what for what in told)
    assert one.take()
    assert "output_config" not in one.request([])


@pytest.mark.parametrize(
    ("start", "chosen", "model", "effort", "sentence"),
    [
        ("claude-opus-5-5", {}, "claude-opus-4-7", "", "no system messages"),
        ("claude-opus-4-7", {}, "claude-opus-5-5", "", "does not take computer_20251124"),
        ("claude-haiku-4-5", {}, "claude-opus-4-5", "", "does not take computer_20250124"),
        ("claude-opus-5-5", {}, "claude-opus-55", "", "did you mean claude-opus-5-5?"),
        ("claude-opus-5-5", {}, "us.anthropic.claude-opus-5-v1:0", "", "another provider's name"),
        ("claude-opus-5-5", {}, "", "hihg", "did you mean high?"),
        ("claude-haiku-4-5", {}, "", "low", "takes no effort"),
        ("claude-opus-5", {"thinking": "disabled"}, "claude-opus-5-5", "", "it takes adaptive"),
    ],
)
def test_what_the_history_or_the_model_forbids_changes_nothing(
    start: str, chosen: dict[str, Any], model: str, effort: str, sentence: str
) -> None:
    one = shape(start, **chosen)
    before = one.request([])
    with pytest.raises(SettingError) as refused:
        one.plan(model, effort)
    assert sentence in str(refused.value)
    assert not one.take()
    assert one.request([]) == before


def test_a_run_that_began_without_system_messages_may_go_to_a_model_with_them_and_back() -> None:
    one = shape("claude-sonnet-5")
    for model in ("claude-opus-5", "claude-sonnet-5", "claude-opus-5", "claude-sonnet-5"):
        one.plan(model)
        assert one.take()
    assert one.request([])["model"] == "claude-sonnet-5"


def test_a_model_outside_the_table_is_asked_and_said_to_be_unpriced() -> None:
    one = shape("claude-opus-4-7")
    with pytest.raises(SettingError):
        one.plan("claude-next-9")  # of the newest generation, as far as anyone knows
    newest = shape("claude-sonnet-5")
    assert any("unpriced" in told for told in newest.plan("claude-next-9"))


def test_the_system_prompt_is_ours_or_the_persons_with_what_they_add() -> None:
    assert system_prompt() == SYSTEM
    assert system_prompt("Mine.") == "Mine."
    assert system_prompt("Mine.", "Add.") == "Mine.\n\nAdd.\n"
    assert system_prompt(suffix="Add.") == f"{SYSTEM}\nAdd.\n"
