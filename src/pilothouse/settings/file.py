"""The settings file: `settings.toml` in the configuration directory, its presets, and its errors with lines.

Keys of services are refused here: a file is copied, shown and committed; they belong in the environment.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.errors import SettingError
from pilothouse.paths import config_dir
from pilothouse.regex import lazily
from pilothouse.safety import redact, secrets_from_environment
from pilothouse.settings.given import Given, Source, taking
from pilothouse.settings.kinds import TextFile
from pilothouse.settings.table import BY_NAME

if TYPE_CHECKING:
    from pathlib import Path

NAME = "settings.toml"
MAX_BYTES = 1_000_000
TO_COME = ("limits", "policy")
"""Tables that a file may hold already; what they mean comes with a later version."""

_SECRET_NAME = lazily(
    r"api[-_]?key|secret|password|passwd|credential|bearer|authorization|(^|[-_])(key|token|jwt)$", re.I
)
_KEY = r"""(?:"[^"\n]*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_PATH = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = lazily(rf"\s*\[\s*({_PATH})\s*\]")
_ASSIGNED = lazily(rf"\s*({_PATH})\s*=")

Place = tuple[str, ...]


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of values."""

    values: dict[str, Given]
    where: str
    to_come: tuple[str, ...] = ()
    """What it holds that can't be had yet."""


class SettingsFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a settings file says."""

    path: str
    values: dict[str, Given] = {}
    presets: dict[str, Preset] = {}

    def preset(self, name: str, asked_at: str) -> dict[str, Given]:
        """Look a preset up.

        Raises:
            SettingError: There is none of that name, or it holds what can't be had yet.
        """
        preset = self.presets.get(name)
        if preset is None:
            raise SettingError(f"there is no preset {name!r}", asked_at, self._nearest(name))
        if preset.to_come:
            raise _not_yet(preset.to_come[0], preset.where)
        return preset.values

    def _nearest(self, name: str) -> str:
        if not self.presets:
            return f"make one as [preset.{name}] in {self.path}"
        near = difflib.get_close_matches(name, self.presets, n=1)
        return f"did you mean {near[0]}?" if near else f"choose from {', '.join(self.presets)}"


def settings_path() -> Path:
    """Say where the settings file is, or would be."""
    return config_dir() / NAME


def read_file(path: Path | None = None) -> SettingsFile:
    """Read the settings file; one that is not there says nothing.

    Raises:
        SettingError: It can't be read, or something in it can't be used.
    """
    path = path or settings_path()
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise SettingError(f"is longer than {MAX_BYTES} bytes", str(path), "it holds settings only")
        text = raw.decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return SettingsFile(path=str(path))
    except OSError as error:
        raise SettingError(
            f"can't be read: {error.strerror}", str(path), "mend it, or move it away"
        ) from None
    except UnicodeDecodeError as error:
        raise SettingError(f"byte {error.start} is not UTF-8", str(path), "it is plain text") from None
    return _Reader(path, text).read()


class _Reader:
    """Reads one file."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text
        self._lines = lines_of(text)

    def read(self) -> SettingsFile:
        table = self._parsed()
        presets = table.pop("preset", {})
        if not isinstance(presets, dict):
            raise SettingError(
                "preset is no table", self._where(("preset",)), "write [preset.NAME], with settings below it"
            )
        for name in TO_COME:
            if name in table:
                raise _not_yet(name, self._where((name,)))
        return SettingsFile(
            path=str(self._path),
            values=self._values(table, (), Source.FILE),
            presets={name: self._preset(name, body) for name, body in presets.items()},
        )

    def _parsed(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            found = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", str(error), re.S)
            what, line = (found[1], f":{found[2]}") if found else (str(error), "")
            raise SettingError(f"is no TOML: {what}", f"{self._path}{line}", "mend that line") from None
        except RecursionError:
            raise SettingError("is no TOML: nested too deeply", str(self._path)) from None

    def _preset(self, name: str, body: object) -> Preset:
        place = ("preset", name)
        if not isinstance(body, dict):
            raise SettingError(
                "a preset is a table", self._where(place), f"write [preset.{name}], with settings below it"
            )
        return Preset(
            values=self._values(
                {key: value for key, value in body.items() if key not in TO_COME}, place, Source.PRESET
            ),
            where=self._where(place),
            to_come=tuple(key for key in TO_COME if key in body),
        )

    def _values(self, table: dict[str, Any], place: Place, source: Source) -> dict[str, Given]:
        return {name: self._value(name, value, (*place, name), source) for name, value in table.items()}

    def _value(self, name: str, value: object, place: Place, source: Source) -> Given:
        where = f"{self._where(place)}: {name}"
        if name not in BY_NAME:
            raise self._unknown(name, place)
        if _holds_secret(value):
            raise _no_secret(where)
        kind = BY_NAME[name].kind
        given = taking(kind.convert, value, source, where)
        if isinstance(kind, TextFile):  # relative to the file, wherever the command is run
            return msgspec.structs.replace(given, value=str(self._path.parent / given.value))
        return given

    def _unknown(self, name: str, place: Place) -> SettingError:
        if _SECRET_NAME.search(name):
            return _no_secret(f"{self._where(place)}: {name}")
        known = [*BY_NAME, *TO_COME] if len(place) == 3 else [*BY_NAME, *TO_COME, "preset"]
        near = difflib.get_close_matches(name.replace("_", "-"), known, n=1)
        hint = f"did you mean {near[0]}?" if near else "pilothouse config lists the settings"
        return SettingError(f"there is no setting {name!r}", self._where(place), hint)

    def _where(self, place: Place) -> str:
        for end in range(len(place), 0, -1):
            if line := self._lines.get(place[:end]):
                return f"{self._path}:{line}"
        return str(self._path)


def _no_secret(where: str) -> SettingError:
    return SettingError(
        "keys are never kept in a settings file",
        where,
        "set ANTHROPIC_API_KEY and KERNEL_API_KEY in the environment",
    )


def _not_yet(name: str, where: str) -> SettingError:
    return SettingError(f"{name} come with a later version", where, f"leave {name} out")


def _holds_secret(value: object) -> bool:
    """Say whether a value, or one inside it, looks like a key."""
    if isinstance(value, dict):
        return any(_holds_secret(item) for item in value.values())
    if isinstance(value, list):
        return any(_holds_secret(item) for item in value)
    return isinstance(value, str) and redact(value, secrets_from_environment()) != value


def lines_of(text: str) -> dict[Place, int]:
    """Find the line of each table and key, as far as lines can tell; what TOML allows beyond is not found."""
    lines: dict[Place, int] = {}
    table: Place = ()
    quotes = ""
    for number, line in enumerate(text.splitlines(), 1):
        if not quotes:
            if header := _HEADER.match(line):
                table = _place(header[1])
                lines.setdefault(table, number)
            elif assigned := _ASSIGNED.match(line):
                place = (*table, *_place(assigned[1]))
                for end in range(len(table) + 1, len(place) + 1):
                    lines.setdefault(place[:end], number)
        quotes = _open_quotes(line, quotes)
    return lines


def _open_quotes(line: str, quotes: str) -> str:
    """Say which long string is still open at the end of a line."""
    for found in re.findall(r'"""|\'\'\'', line):
        quotes = "" if found == quotes else quotes or found
    return quotes


def _place(path: str) -> Place:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, path))
