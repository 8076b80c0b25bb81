"""Patterns of rules: whatever a pattern and a text are, matching them takes no time worth a word."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.engine.patterns import SIZE_MAX, STEPS_MAX, check_pattern, exactly, found, is_searchable
from pilothouse.engine.policy import Context, Effect, Policy, Proposal, Rule, decide
from pilothouse.engine.policy_rules import TEXT_SEARCHED_CHARS
from pilothouse.errors import UsageError

EVIL = [
    r"(a+)+$",
    r"(a|aa)+$",
    r"(a|a)*b",
    r"(.*a){20}b",
    r"(x+x+)+y",
    r"^(([a-z])+.)+[A-Z]([a-z])+$",
    r"\s+$",
    r"(\w|.){1,50}!",
]
LONGEST = ["a" * 19_999 + "!", "x" * 20_000, " " * 19_999 + ".", "é" * 20_000, "ab" * 10_000]


@pytest.mark.parametrize("pattern", EVIL)
def test_a_pattern_that_would_backtrack_for_years_is_done(pattern: str) -> None:
    check_pattern(pattern)
    assert [found(pattern, text) for text in LONGEST] == [_known(pattern, text) for text in LONGEST]


def _known(pattern: str, text: str) -> bool:
    """What the pattern says of a text, known without searching all of it."""
    ends = {
        r"(a+)+$": text[-1:] == "a",
        r"(a|aa)+$": text[-1:] == "a",
        r"(a|a)*b": "b" in text,
        r"\s+$": text[-1:].isspace(),
        r"(\w|.){1,50}!": "!" in text[1:],
    }
    return ends.get(pattern, False) or (pattern == r"(.*a){20}b" and text.count("a") > 20 and "b" in text)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "is no regular expression: missing )"),
        (r"(a)\1", "invalid escape sequence"),
        (r"(?=a)b", "invalid perl operator"),
        (r"((a{100}){100}){100}", "invalid repetition size"),
        (r"(a|.){1,900}b", "too large a regular expression"),
    ],
)
def test_what_takes_another_engine_is_refused_with_a_sentence(pattern: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        check_pattern(pattern)


@given(st.text(max_size=60), st.text(max_size=3))
def test_a_pattern_of_exactly_a_text_means_that_text_alone(text: str, more: str) -> None:
    pattern = exactly(text)
    check_pattern(pattern)
    assert found(pattern, text)
    assert found(pattern, text + more) is (more == "")
    assert found(pattern, more + text) is (more + text == text)


def test_the_end_of_a_text_may_be_written_as_python_has_it() -> None:
    assert [found(r"buy\Z", text) for text in ("buy", "buy\n", r"buy\Z")] == [True, False, False]
    assert found(r"buy\\Z", r"buy\Z")


def test_many_patterns_share_what_may_be_spent_and_beyond_it_a_person_is_asked() -> None:
    patterns = [rf"(a|b|.){{1,100}}{n}x" for n in range(100)]
    rules = tuple(Rule(name=p, effect=Effect.ALLOW, why="w", text=p) for p in patterns)
    denies = tuple(Rule(name=p, effect=Effect.DENY, why="w", text=p) for p in patterns)
    assert is_searchable(patterns, "short")
    assert not is_searchable(patterns, "a" * TEXT_SEARCHED_CHARS)
    assert not is_searchable([patterns[0]], "é" * (STEPS_MAX // SIZE_MAX * 50))
    long = Proposal(member="type", input={"text": "a" * TEXT_SEARCHED_CHARS})
    assert decide(long, Context(policy=Policy(rules=rules))).rule == ""
    asked = decide(long, Context(policy=Policy(rules=denies)))
    assert (asked.effect, asked.rule) == (Effect.ASK, patterns[0])
