"""Rules of approval from files: TOML in our own form, YAML in the form of inspect_ai. No verdicts here.

A mistake is one sentence that names the file, the line where it can be found, and the nearest thing that
would have been right.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pilothouse.engine.patterns import check_pattern
from pilothouse.engine.policy_rules import (
    MEMBERS,
    Effect,
    Mode,
    Policy,
    Region,
    Rule,
    check_host,
    is_member,
    split_url,
)
from pilothouse.errors import SettingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FILE_MAX_BYTES: Final = 256 * 1024
RULES_MAX: Final = 500
_TOP: Final = ("mode", "regions", "rule")
_RULE_KEYS: Final = (
    "name",
    "effect",
    "why",
    "members",
    "regions",
    "text",
    "hosts",
    "urls",
    "count",
    "per_minute",
    "new_screen",
)
_NEEDED: Final = ("name", "effect", "why")


def read_policy(path: str | Path) -> Policy:
    """Read a policy: `.yaml`, `.yml` and `.json` in inspect's form, everything else as our TOML.

    Raises:
        SettingError: The file can't be read, or says something that can't be meant.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise SettingError(f"can't be read: {error.strerror}", str(path)) from error
    if len(data) > FILE_MAX_BYTES:
        raise SettingError(f"is larger than {FILE_MAX_BYTES // 1024} KiB", str(path), "is it the right file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingError("is not UTF-8 text", str(path)) from error
    if path.suffix.lower() in {".yaml", ".yml", ".json"}:
        from pilothouse.engine.policy_yaml import parse_yaml

        return parse_yaml(text, str(path))
    return parse_toml(text, str(path))


def parse_toml(text: str, source: str = "rules") -> Policy:
    """Read a policy from the text of a rules file.

    Raises:
        SettingError: It is no TOML, or says something that can't be meant.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{source}:{line[1]}" if line else source
        what = re.sub(r" \(at (line \d+, column \d+|end of document)\)$", "", str(error))
        raise SettingError(f"is no TOML: {what[:1].lower()}{what[1:]}", where) from error
    except RecursionError as error:
        raise SettingError("is nested too deeply", source) from error
    return _Reader(text, source).policy(raw)


def append_rule(text: str, rule: str, source: str = "rules") -> str:
    """Add the text of a rule to a rules file; the whole is read before it is given back.

    Raises:
        SettingError: The rule, or the file with it, can't be meant.
    """
    parse_toml(rule, "the rule")
    whole = f"{text.rstrip()}\n\n{rule.strip()}\n" if text.strip() else f"{rule.strip()}\n"
    parse_toml(whole, source)
    return whole


def nearest(word: str, words: Iterable[str]) -> str:
    """Name the nearest of the words that would do, or all of them."""
    words = tuple(words)
    near = difflib.get_close_matches(str(word), words, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"it may be {', '.join(words)}"


class _Reader:
    """Reads one file's tables; knows its lines."""

    def __init__(self, text: str, source: str) -> None:
        self._lines = text.splitlines()
        self._source = source
        self._heads = [n for n, line in enumerate(self._lines) if re.match(r"\s*\[\[\s*rule\s*\]\]", line)]

    def policy(self, raw: dict[str, Any]) -> Policy:
        """Read the whole."""
        for key in raw:
            if key not in _TOP:
                raise self._wrong(f"there is no {key!r} here", self._line(key, 0), nearest(key, _TOP))
        regions = self._regions(raw.get("regions", {}))
        tables = raw.get("rule", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self._wrong("each rule is a table of its own", self._line("rule", 0), "write [[rule]]")
        if len(tables) > RULES_MAX:
            raise self._wrong(f"there are {len(tables)} rules, more than {RULES_MAX}", None)
        rules = tuple(self._rule(table, n, regions) for n, table in enumerate(tables))
        self._check_names(rules)
        return Policy(rules=rules, regions=regions, mode=self._mode(raw), source=self._source)

    def _mode(self, raw: dict[str, Any]) -> Mode | None:
        return None if "mode" not in raw else self._one_of(Mode, raw["mode"], "mode", self._line("mode", 0))

    def _check_names(self, rules: tuple[Rule, ...]) -> None:
        first: dict[str, int] = {}
        for number, rule in enumerate(rules):
            if rule.name in first:
                line = self._line_in("name", number)
                raise self._wrong(f"two rules are called {rule.name!r}", line, "give each its own name")
            first[rule.name] = number

    def _regions(self, raw: Any) -> dict[str, Region]:
        line = self._line("regions", 0) or self._line_of(r"\s*\[\s*regions")
        if not isinstance(raw, dict):
            raise self._wrong(
                "regions are a table", line, "write [regions] and name = [x0, y0, x1, y1] below it"
            )
        return {name: self._region(name, box) for name, box in raw.items()}

    def _region(self, name: str, box: Any) -> Region:
        line = self._line(name, 0) or self._line_of(rf"\s*\[\s*regions\s*\.\s*[\"']?{re.escape(name)}")
        if isinstance(box, dict):
            for key in box:
                if key != "box":
                    raise self._wrong(f"region {name!r} has no {key!r}", line, nearest(key, ("box",)))
            box = box.get("box")
        match box:
            case [x0, y0, x1, y1] if all(_is_number(value) for value in box) and x0 < x1 and y0 < y1:
                return Region(x0, y0, x1, y1)
            case _:
                raise self._wrong(
                    f"region {name!r} is no rectangle",
                    line,
                    "write [x0, y0, x1, y1] with x0 < x1 and y0 < y1",
                )

    def _rule(self, table: dict[str, Any], number: int, regions: dict[str, Region]) -> Rule:
        for key in table:
            if key not in _RULE_KEYS:
                raise self._wrong(
                    f"a rule has no {key!r}", self._line_in(key, number), nearest(key, _RULE_KEYS)
                )
        for key in _NEEDED:
            if not isinstance(table.get(key), str) or not table[key].strip():
                raise self._wrong(f"rule {number + 1} has no {key}", self._line_in(key, number))
        return _RuleReader(self, table, number).rule(regions)

    def _one_of(self, kind: type[Any], value: Any, what: str, line: int | None) -> Any:
        words = tuple(member.value for member in kind)
        if value not in words:
            raise self._wrong(f"there is no {what} {value!r}", line, nearest(str(value), words))
        return kind(value)

    def _line_of(self, pattern: str) -> int | None:
        return next((n for n, line in enumerate(self._lines, 1) if re.match(pattern, line)), None)

    def _line(self, key: str, start: int, end: int | None = None) -> int | None:
        """Find the line that gives a key, as far as a look at the text can tell."""
        pattern = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]")
        for number, line in enumerate(self._lines[start:end], start + 1):
            if pattern.match(line):
                return number
        return None

    def _line_in(self, key: str, number: int) -> int | None:
        """Find a key of the rule of that number; else the line where the rule begins."""
        if number >= len(self._heads):
            return None
        start = self._heads[number]
        end = self._heads[number + 1] if number + 1 < len(self._heads) else None
        return self._line(key, start, end) or start + 1

    def _wrong(self, what: str, line: int | None, way_out: str = "") -> SettingError:
        return SettingError(what, f"{self._source}:{line}" if line else self._source, way_out)


class _RuleReader:
    """Reads the values of one rule."""

    def __init__(self, reader: _Reader, table: dict[str, Any], number: int) -> None:
        self._reader = reader
        self._table = table
        self._number = number
        self._name = table["name"]

    def rule(self, regions: dict[str, Region]) -> Rule:
        """Read the rule."""
        effect = self._reader._one_of(Effect, self._table["effect"], "effect", self._line("effect"))
        return Rule(
            name=self._name,
            effect=effect,
            why=self._table["why"],
            members=self._words("members", _check_member),
            regions=self._words("regions", lambda name: _check_region(name, regions)),
            text=self._pattern(),
            hosts=self._words("hosts", check_host),
            urls=self._words("urls", _check_url),
            count=self._quota("count"),
            per_minute=self._quota("per_minute"),
            new_screen=self._flag("new_screen"),
        )

    def _line(self, key: str) -> int | None:
        return self._reader._line_in(key, self._number)

    def _wrong(self, key: str, what: str, way_out: str = "") -> SettingError:
        return self._reader._wrong(f"rule {self._name!r}: {what}", self._line(key), way_out)

    def _words(self, key: str, check: Callable[[str], None]) -> tuple[str, ...]:
        given = self._table.get(key, [])
        words = [given] if isinstance(given, str) else given
        if not isinstance(words, list) or not all(isinstance(word, str) and word for word in words):
            raise self._wrong(key, f"{key} is a list of words", f'write {key} = ["…"]')
        if key in self._table and not words:
            raise self._wrong(key, f"{key} is empty, so that the rule could never apply", f"leave {key} out")
        for word in words:
            try:
                check(word)
            except UsageError as error:
                raise self._wrong(key, error.what, error.way_out) from error
        return tuple(words)

    def _pattern(self) -> str:
        text = self._table.get("text", "")
        if not isinstance(text, str) or ("text" in self._table and not text):
            raise self._wrong("text", "text is a regular expression", 'write text = "…"')
        try:
            if text:
                check_pattern(text)
        except UsageError as error:
            raise self._wrong("text", error.what, error.way_out) from error
        return text

    def _quota(self, key: str) -> int:
        value = self._table.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int) or (key in self._table and value < 1):
            raise self._wrong(key, f"{key} is a whole number from 1")
        return value

    def _flag(self, key: str) -> bool:
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key, f"{key} is true or false")
        return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_member(glob: str) -> None:
    if not any(is_member(member, (glob,)) for member in MEMBERS):
        raise UsageError(f"no action is called {glob!r}", way_out=nearest(glob, MEMBERS))


def _check_url(pattern: str) -> None:
    split_url(pattern)


def _check_region(name: str, regions: dict[str, Region]) -> None:
    if name not in regions:
        way_out = nearest(name, regions) if regions else "name it under [regions]"
        raise UsageError(f"no region is called {name!r}", way_out=way_out)
