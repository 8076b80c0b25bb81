"""Theme files:

TOML into Textual themes, ours and the person's own. A bad file costs a sentence, never the start.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import tomllib
from typing import TYPE_CHECKING, Any, Final

import msgspec
from textual.color import Color, ColorParseError
from textual.theme import Theme

from pilothouse import paths
from pilothouse.errors import SettingError
from pilothouse.safety import clean_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from pathlib import Path

    Prints = dict[Path, tuple[int, int]]

DEFAULT: Final = "pilothouse-dark"
FAMILY: Final = "pilothouse-"
_STYLES: Final = frozenset({"none", "not", "bold", "dim", "italic", "underline", "reverse", "strike"})
_ANSI: Final = {"ansi-background": "ansi_default", "ansi-foreground": "ansi_default"}
"""What Textual's own styles want of a theme of the terminal's colours."""
LOOK_S: Final = 0.5
"""Theme files are looked at this often while a bridge is open: a look costs a stat for each."""


class ThemeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a theme file may say; every colour is `#rrggbb`, or one of the terminal's own: `ansi_red`."""

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
    ansi: bool = False
    """The terminal's own sixteen colours are sent as such, not as what they are elsewhere."""
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
    return _load_files(_files(directories))


def find(name: str, directories: Sequence[Path] | None = None) -> Theme | None:
    """Read the theme of a name, and few others; None where no file that can be used has it."""
    names = {name, FAMILY + name}
    for files in reversed(_by_directory(directories)):
        for path in sorted(files, key=lambda path: (path.stem in name, path.stem), reverse=True):
            with contextlib.suppress(SettingError):
                if (theme := load(path)).name in names:
                    return theme
    return None


def _load_files(files: Iterable[Path]) -> tuple[list[Theme], list[str]]:
    found: dict[str, Theme] = {}
    problems: list[str] = []
    for path in files:
        try:
            theme = load(path)
        except SettingError as error:
            problems.append(str(error))
        else:
            found[theme.name] = theme
    return list(found.values()), problems


async def changes(
    directories: Sequence[Path] | None = None, look_s: float = LOOK_S
) -> AsyncIterator[tuple[list[Theme], list[str]]]:
    """Yield the themes whose files were written since, and a sentence per file that can't be used."""
    known = await asyncio.to_thread(_prints, directories)
    while True:
        await asyncio.sleep(look_s)
        now = await asyncio.to_thread(_prints, directories)
        written = [path for path, print_ in now.items() if known.get(path) != print_]
        known = now
        if written:
            yield await asyncio.to_thread(_load_files, written)


def own_directory() -> Path:
    """Say where a person keeps their own themes."""
    return paths.config_dir() / "themes"


def full_name(name: str, known: Iterable[str]) -> str:
    """Complete a theme's name: `light` means ours of that name, unless there is one called just so."""
    known = set(known)
    return FAMILY + name if name not in known and FAMILY + name in known else name


def _files(directories: Iterable[Path] | None) -> list[Path]:
    return [path for files in _by_directory(directories) for path in files]


def _by_directory(directories: Iterable[Path] | None) -> list[list[Path]]:
    places = directories if directories is not None else (paths.bundled("themes"), own_directory())
    return [sorted(directory.glob("*.toml")) for directory in places]


def _prints(directories: Iterable[Path] | None) -> Prints:
    prints: Prints = {}
    for path in _files(directories):
        try:
            info = path.stat()
        except OSError:
            continue
        prints[path] = info.st_mtime_ns, info.st_size
    return prints


def _theme(given: ThemeFile, path: Path) -> Theme:
    colours: dict[str, Any] = msgspec.structs.asdict(given)
    variables = colours.pop("variables")
    name, dark, ansi = colours.pop("name"), colours.pop("dark"), colours.pop("ansi")
    for key, value in colours.items():
        _check_colour(key, value, path)
    for key, value in variables.items():
        _check_variable(key, value, path)
    if ansi:
        variables = {**_ANSI, **variables}
    return Theme(name=name, dark=dark, ansi=ansi, variables=variables, **colours)


def _check_variable(key: str, value: str, path: Path) -> None:
    """Refuse a value that would stop the styles from being read: `auto`, a style's words, or a colour."""
    first, *rest = value.split() or [""]
    shares = all(part.removesuffix("%").isdecimal() for part in rest)
    if key.endswith("-style") and all(word in _STYLES for word in value.split()):
        return
    if not re.fullmatch(r"[a-z][a-z0-9-]*", key) or not shares:
        what = f"{clean_line(key, 40)} is {clean_line(value, 40)!r}, which is no variable with a colour"
        raise SettingError(what, str(path), "see themes/dark.toml")
    if first != "auto":
        _check_colour(key, first, path)


def _check_colour(key: str, value: str, path: Path) -> None:
    try:
        Color.parse(value)
    except ColorParseError as error:
        what = f"{key} is {clean_line(value, 40)!r}, which is no colour"
        raise SettingError(what, str(path), "write it as #rrggbb") from error
