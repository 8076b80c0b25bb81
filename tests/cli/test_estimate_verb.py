from __future__ import annotations

import json

import pytest

from pilothouse.cli.main import main
from tests.cli.shell import Said


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> Said:
    code = main(["estimate", *arguments])
    return Said(code, *capsys.readouterr())


def test_an_estimate_names_the_cost_of_each_model_and_what_it_assumes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = said(
        capsys, "Buy a kettle.", "--steps", "10", "--model", "claude-sonnet-5-5", "--viewport", "800x600"
    )
    assert (told.code, told.err) == (0, "")
    rows = [line.split() for line in told.out.splitlines() if line.startswith("claude-")]
    assert [row[0] for row in rows][:2] == ["claude-sonnet-5-5", "claude-fable-5-2"]
    assert all(row[1].startswith("$") for row in rows)
    assert "10 steps with claude-sonnet-5-5: $" in told.out
    assert "638 tokens (800x600) a step" in told.out


def test_an_estimate_as_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(said(capsys, "--json", "--steps", "3", "--model", "nobody-knows").out)
    assert told["steps"] == 3
    assert told["models"][0]["model"] == "nobody-knows"
    assert told["models"][0]["usd"] is None
    assert told["models"][1]["usd"] > 0


def test_an_unpriced_model_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert "40 steps with nobody-knows: unpriced" in said(capsys, "--model", "nobody-knows").out


def test_a_number_of_steps_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    told = said(capsys, "--steps", "0")
    assert told.code == 2
    assert "'0' is no number of steps" in told.err
