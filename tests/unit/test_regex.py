"""A pattern made lazily is compiled once, at its first use, and then is that pattern."""

from __future__ import annotations

import re

import pytest

from pilothouse.regex import lazily


def test_it_is_compiled_at_its_first_use_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    compiled = re.compile

    def counted(pattern: str, flags: int = 0) -> re.Pattern[str]:
        made.append(pattern)
        return compiled(pattern, flags)

    monkeypatch.setattr(re, "compile", counted)
    number = lazily("[0-9]+")
    assert made == []
    assert number.sub("n", "1 and 22") == "n and n"
    assert number.sub("m", "3") == "m"
    assert made == ["[0-9]+"]


def test_it_does_what_the_compiled_pattern_does() -> None:
    name = lazily(rb"(?P<name>[a-z]+)=", re.IGNORECASE)
    found = name.search(b"Key=1")
    assert found is not None
    assert found["name"] == b"Key"
    assert name.groups == 1
    assert name.fullmatch(b"=") is None


def test_a_wrong_one_says_so_when_it_is_used() -> None:
    wrong = lazily("(")
    with pytest.raises(re.error):
        wrong.match("x")
