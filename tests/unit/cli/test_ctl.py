"""`pilothouse ctl`: what a person writes is the command that is sent, or one sentence."""

import argparse
import io
from pathlib import Path

import msgspec
import pytest

from pilothouse import commands as cmd
from pilothouse.cli import ctl
from pilothouse.errors import UsageError


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    ctl.add_arguments(parser)
    return parser.parse_args(["latest", *words])


def command(*words: str) -> cmd.Command:
    return ctl._command(parsed(*words))


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
    ("words", "sent"),
    [
        (("approve", "a1"), cmd.Approve(id="", actor="", expect=cmd.Expect(request="a1"))),
        (
            ("approve", "a1", "--frame", "f00"),
            cmd.Approve(id="", actor="", expect=cmd.Expect(request="a1", frame_sha256="f00")),
        ),
        (
            ("reject", "a1", "not", "that"),
            cmd.Reject(id="", actor="", reason="not that", expect=cmd.Expect(request="a1")),
        ),
        (
            ("edit", "a1", '{"coordinate": [1, 2]}'),
            cmd.Edit(id="", actor="", expect=cmd.Expect(request="a1"), input={"coordinate": [1, 2]}),
        ),
        (("limit", "steps", "50"), cmd.SetLimit(id="", actor="", limit="steps", value=50.0)),
        (("limit", "steps", "off"), cmd.SetLimit(id="", actor="", limit="steps")),
        (("mode", "ask-all"), cmd.SetMode(id="", actor="", mode="ask-all")),
        (("resume", "l1"), cmd.Resume(id="", actor="", expect=cmd.Expect(request="l1"))),
        (("resume",), cmd.Resume(id="", actor="")),
        (("say", "go", "--after"), cmd.Say(id="", actor="", text="go")),
        (("revise", "m1", "go", "on"), cmd.Revise(id="", actor="", message="m1", text="go on")),
        (
            ("revise", "m1", "--end", "--before", "m2"),
            cmd.Revise(id="", actor="", message="m1", when="end", before="m2"),
        ),
        (("revise", "m1", "--after"), cmd.Revise(id="", actor="", message="m1", when="after")),
        (("unsay", "m1"), cmd.Unsay(id="", actor="", message="m1")),
    ],
)
def test_what_is_sent_is_what_was_written(words: tuple[str, ...], sent: cmd.Command) -> None:
    assert msgspec.structs.replace(command(*words), id="", actor="") == sent


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("model",), "nothing to change"),
        (("model", "a", "b"), "wants one model"),
        (("approve",), "say which request is meant"),
        (("reject",), "latest state shows what waits"),
        (("approve", "a1", "a2"), "takes one request"),
        (("edit", "a1"), "JSON object"),
        (("edit", "a1", "[1, 2]"), "JSON object"),
        (("limit", "steps"), "wants a limit and its value"),
        (("limit", "steps", "many"), "'many' is no number"),
        (("mode",), "ask-risky"),
        (("say", "go", "--now", "--end"), "--now and --end exclude each other"),
        (("revise",), "say which message is meant"),
        (("unsay",), "latest state shows what waits"),
        (("unsay", "m1", "m2"), "takes one message, but got 'm2' too"),
        (("revise", "m1"), "nothing to change"),
        (("revise", "m1", " "), "nothing to say"),
        (("revise", "m1", "--after", "--now"), "--now and --after exclude each other"),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        command(*words)
    assert sentence in str(refused.value)


def test_an_approval_may_bring_a_rule_from_a_file_or_from_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = '[[rule]]\nname = "n"\neffect = "allow"\nwhy = "w"\n'
    file = tmp_path / "rule.toml"
    file.write_text(rule)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(rule.encode())))
    expect = cmd.Expect(request="a1", args_sha256="00")
    for source in (str(file), "-"):
        sent = command("approve", "a1", "--rule", source, "--args", "00")
        assert msgspec.structs.replace(sent, id="", actor="") == cmd.Approve(
            id="", actor="", expect=expect, rule=rule
        )


@pytest.mark.parametrize(
    ("content", "words", "sentence"),
    [
        (None, ("approve", "a1"), "can't be read: No such file"),
        (b"\xff", ("approve", "a1"), "is not UTF-8 text"),
        (b" \n", ("approve", "a1"), "holds no rule"),
        (b"#" * 40_000, ("approve", "a1"), "is too long for a rule"),
    ],
)
def test_a_rule_that_can_not_be_had_is_one_sentence(
    tmp_path: Path, content: bytes | None, words: tuple[str, ...], sentence: str
) -> None:
    file = tmp_path / "rule.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=sentence):
        command(*words, "--rule", str(file))


OPTIONS = {
    ("--now",): ("say", "revise"),
    ("--after",): ("say", "revise"),
    ("--end",): ("say", "revise"),
    ("--before", "m1"): ("revise",),
    ("--freeze",): ("pause", "say"),
    ("--effort", "low"): ("model",),
    ("--secret",): ("act",),
    ("--keep-browser",): ("abort",),
    ("--frame", "f00"): ("approve", "reject", "edit"),
    ("--args", "00"): ("approve", "reject", "edit"),
    ("--rule", "-"): ("approve",),
    ("--timeout", "0"): ("wait",),
}


@pytest.mark.parametrize("verb", ctl.VERBS)
@pytest.mark.parametrize("option", OPTIONS, ids=" ".join)
def test_an_option_that_a_verb_would_ignore_is_refused_with_the_verbs_it_belongs_to(
    option: tuple[str, ...], verb: str
) -> None:
    if verb in OPTIONS[option]:
        ctl._check_options(parsed(verb, *option))
        return
    with pytest.raises(UsageError) as refused:
        ctl.run(parsed(verb, *option))
    assert refused.value.what == f"{option[0]} goes with {' or '.join(OPTIONS[option])}"
    assert refused.value.where == f"ctl {verb}"


@pytest.mark.parametrize("verb", ctl.VERBS)
def test_a_reason_goes_with_every_verb_that_asks_something_of_the_run(verb: str) -> None:
    options = parsed(verb, "--reason", "why")
    if verb not in ("state", "wait"):
        ctl._check_options(options)
        return
    with pytest.raises(UsageError, match="--reason goes with every other verb"):
        ctl.run(options)
