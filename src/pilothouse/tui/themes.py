"""Theme files:

TOML into Textual themes, ours and the person's own. A bad file costs a sentence, never the start.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, Final

import msgspec
import platformdirs
from textual.color import Color, ColorParseError
from textual.theme import Theme

from pilothouse import paths
from pilothouse.errors import SettingError
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DEFAULT: Final = "pilothouse-dark"


class ThemeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a theme file may say; every colour is `#rrggbb`."""

    name: str
    dark: bool
    primary: str
    secondary: str
    accent: str
    foreground: str
    background: str
    surface: str
    panel: str
    success: str
    warning: str
    error: str
    variables: dict[str, str] = {}
    """Textual's own variables, for what the colours above do not settle."""


def load(path: Path) -> Theme:
    """Read one theme file.

    Raises:
        SettingError: It can't be read, or a value in it is no colour; `where` is the file.
    """
    try:
        given = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), ThemeFile)
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingError(clean_line(str(error), 200), str(path), "see themes/dark.toml") from error
    return _theme(given, path)


def load_all(directories: Iterable[Path] | None = None) -> tuple[list[Theme], list[str]]:
    """Read every theme of the directories (the bundled and the person's own); later ones win by name.

    Returns the themes and one sentence per file that could not be used.
    """
    found: dict[str, Theme] = {}
    problems: list[str] = []
    for directory in directories if directories is not None else (paths.bundled("themes"), own_directory()):
        for path in sorted(directory.glob("*.toml")):
            try:
                theme = load(path)
            except SettingError as error:
                problems.append(str(error))
            else:
                found[theme.name] = theme
    return list(found.values()), problems


def own_directory() -> Path:
    """Say where a person keeps their own themes."""
    return platformdirs.user_config_path("pilothouse") / "themes"


def _theme(given: ThemeFile, path: Path) -> Theme:
    colours: dict[str, Any] = msgspec.structs.asdict(given)
    variables = colours.pop("variables")
    name, dark = colours.pop("name"), colours.pop("dark")
    for key, value in colours.items():
        _check_colour(key, value, path)
    return Theme(name=name, dark=dark, variables=variables, **colours)


def _check_colour(key: str, value: str, path: Path) -> None:
    try:
        Color.parse(value)
    except ColorParseError as error:
        what = f"{key} is {clean_line(value, 40)!r}, which is no colour"
        raise SettingError(what, str(path), "write it as #rrggbb") from error
