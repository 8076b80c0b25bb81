"""`pilothouse ctl`: what a person writes is the command that is sent, or one sentence."""

import argparse

import pytest

from pilothouse import commands as cmd
from pilothouse.cli import ctl
from pilothouse.errors import UsageError


def command(*words: str) -> cmd.Command:
    parser = argparse.ArgumentParser()
    ctl.add_arguments(parser)
    return ctl._command(parser.parse_args(["latest", *words]))


@pytest.mark.parametrize(
    ("words", "model", "effort"),
    [
        (("model", "claude-sonnet-5-5"), "claude-sonnet-5-5", ""),
        (("model", "claude-sonnet-5-5", "--effort", "low"), "claude-sonnet-5-5", "low"),
        (("model", "--effort", "max"), "", "max"),
    ],
)
def test_a_model_an_effort_or_both_are_set(words: tuple[str, ...], model: str, effort: str) -> None:
    sent = command(*words)
    assert isinstance(sent, cmd.SetModel)
    assert (sent.model, sent.effort) == (model, effort)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("model",), "nothing to change"),
        (("model", "a", "b"), "wants one model"),
        (("pause", "--effort", "low"), "--effort goes with model"),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        command(*words)
    assert sentence in str(refused.value)
