"""A person's own keys: `keymap.toml` in the configuration directory, over those of the registry.

A line that can't be used costs a sentence that names it, and the action keeps its usual keys.
"""

from __future__ import annotations

import difflib
import tomllib
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

from pilothouse.paths import config_dir
from pilothouse.regex import lazily
from pilothouse.safety import clean_line
from pilothouse.tui.actions import ACTIONS, Action, key_name, keys_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

NAME: Final = "keymap.toml"
MAX_BYTES: Final = 100_000
NO_KEY: Final = "unbound"
"""What Textual is told for an action without keys; no terminal sends it."""
NEEDED: Final = frozenset({"leave", "back", "run.interrupt"})
RESERVED: Final = {
    "ctrl+y": "ctrl+y commits, and nothing else",
    "ctrl+c": "ctrl+c pauses",
    "ctrl+q": "ctrl+q leaves",
    "escape": "esc backs out",
    "ctrl+i": "terminals send tab for it",
    "ctrl+m": "terminals send enter for it",
    "ctrl+h": "terminals send backspace for it",
    "ctrl+left_square_bracket": "terminals send esc for it",
}
_NAMED: Final = frozenset(
    [
        *("enter", "tab", "space", "up", "down", "left", "right", "home", "end", "pageup", "pagedown"),
        *("insert", "delete", "backspace", "escape"),
        *(f"f{n}" for n in range(1, 25)),
    ]
)
_ALSO: Final = {"esc": "escape", "pgup": "pageup", "pgdn": "pagedown", "del": "delete", "return": "enter"}
_MODIFIERS: Final = ("ctrl", "alt", "shift")


@cache
def places() -> dict[str, tuple[Action, ...]]:
    """Say where keys are heard; a key may mean one thing in each."""
    from pilothouse.tui.roster_actions import GRID_ACTIONS, HOME_ACTIONS  # a run needs them for a file only

    return {"run": ACTIONS, "roster": HOME_ACTIONS, "grid": GRID_ACTIONS}


class Keymap(msgspec.Struct, frozen=True):
    """The keys that hold."""

    own: dict[str, tuple[str, ...]] = {}
    """By action, where they are not the usual ones."""

    def keys(self, action: Action) -> tuple[str, ...]:
        """Give an action's keys."""
        return self.own.get(action.id, action.keys)

    def shown(self, action: Action) -> str:
        """Write the key that is shown for an action."""
        return keys_name(self.keys(action))

    def for_textual(self) -> dict[str, str]:
        """Give what `App.set_keymap` takes."""
        return {name: ",".join(keys) or NO_KEY for name, keys in self.own.items()}


def keymap_path() -> Path:
    """Say where a person's keymap is, or would be."""
    return config_dir() / NAME


def load(path: Path | None = None) -> tuple[Keymap, list[str]]:
    """Read a keymap; returns it with one sentence per line that can't be used."""
    path = path or keymap_path()
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES)
        given = tomllib.loads(raw.decode("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return Keymap(), []
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        return Keymap(), [f"{path}: {clean_line(str(error), 200)} (the usual keys are used)"]
    keymap, problems = make(given)
    return keymap, [f"{path}: {problem}" for problem in problems]


def make(given: Mapping[str, object]) -> tuple[Keymap, list[str]]:
    """Make a keymap of what a file says: an action's name, and a key or a list of keys for it."""
    own: dict[str, tuple[str, ...]] = {}
    problems: list[str] = []
    for name, value in _flat(given):
        try:
            own[name] = _wanted(name, value)
        except ValueError as error:
            problems.append(clean_line(str(error), 300))
    while clashes := _clashes(own):
        for key, names in clashes:
            mine = [name for name in names if name in own]
            problems.append(
                f"{key_name(key)} would mean {' and '.join(names)}: {', '.join(mine)} keeps the usual keys"
            )
            for name in mine:
                del own[name]
    return Keymap(own), problems


def _flat(given: Mapping[str, object], above: str = "") -> Iterable[tuple[str, object]]:
    """Give `run.pause = …` and `[run] pause = …` alike."""
    for name, value in given.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _wanted(name: str, value: object) -> tuple[str, ...]:
    known = {action.id: action for actions in places().values() for action in actions}
    action = known.get(name)
    if action is None:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "see docs/keys.md"
        raise ValueError(f"there is no action {name!r} ({hint})")
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{name} wants a key, or a list of keys")
    keys = tuple(dict.fromkeys(_key(name, word) for word in words if word))
    for key in keys:
        _check(action, key)
    if not keys and name in NEEDED:
        raise ValueError(f"{name} needs a key")
    return keys


def _key(name: str, word: str) -> str:
    """Write a key as Textual does.

    Raises:
        ValueError: It is no key.
    """
    if len(word) == 1:
        return _character(word)
    *modifiers, last = word.replace("++", "+plus").split("+")
    last = _character(last) if len(last) == 1 else _ALSO.get(last.lower(), last.lower())
    is_known = last in _NAMED or _is_character(last)
    if not is_known or any(modifier not in _MODIFIERS for modifier in modifiers):
        raise ValueError(f"{name}: {word!r} is no key (write it as a, ?, f5, ctrl+e or shift+left)")
    return "+".join([*(m for m in _MODIFIERS if m in modifiers), last])


def _character(character: str) -> str:
    if character == " ":
        return "space"
    if character.isalnum():
        return character
    try:
        return _TEXTUAL_NAMES.get(
            character, unicodedata.name(character).lower().replace("-", "_").replace(" ", "_")
        )
    except ValueError:
        return character


_TEXTUAL_NAMES: Final = {
    "/": "slash", "\\": "backslash", "-": "minus", "+": "plus", "_": "underscore", "#": "number_sign",
}  # fmt: skip


def _is_character(key: str) -> bool:
    if len(key) == 1:
        return key.isprintable()
    if key in _TEXTUAL_NAMES.values():
        return True
    try:
        unicodedata.lookup(key.replace("_", " "))
    except KeyError:
        return False
    return True


def _check(action: Action, key: str) -> None:
    """Refuse a key that is not to be had for an action.

    Raises:
        ValueError: It is not.
    """
    if key in action.keys:
        return
    if key in RESERVED:
        raise ValueError(f"{action.id} can't be on {key_name(key)}: {RESERVED[key]}")
    if action.guarded and _is_in_replies(key):
        why = "terminals send letters, digits and signs as replies, and it leads to a decision or an end"
        raise ValueError(f"{action.id} can't be on {key_name(key)}: {why}")


_WITH_MODIFIER = lazily(r"(ctrl|alt)\+")


def _is_in_replies(key: str) -> bool:
    """Say whether a key is one character, which a late reply of the terminal may hold."""
    return key not in _NAMED and not _WITH_MODIFIER.match(key)


def _clashes(own: Mapping[str, tuple[str, ...]]) -> list[tuple[str, list[str]]]:
    """Find the keys that would mean two things in one place, each with the actions concerned."""
    found: dict[str, list[str]] = {}
    for actions in places().values():
        meanings: dict[str, list[str]] = {}
        for action in actions:
            for key in own.get(action.id, action.keys):
                meanings.setdefault(key, []).append(action.id)
        found |= {key: names for key, names in meanings.items() if len(names) > 1 and key not in found}
    return [(key, names) for key, names in found.items() if any(name in own for name in names)]
