"""Deciding what holds: the sources in rising precedence, and what contradicts what.

File, then preset, then environment, then options. A preset beats the file's plain values because it is chosen
for this one run; what is said in the environment or on the command line beats both.
"""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING, Any

import msgspec

from pilothouse.engine.browser_rules import EXISTING, LOCAL, POOL, not_kept_by
from pilothouse.errors import SettingError
from pilothouse.settings.file import SettingsFile, read_file
from pilothouse.settings.given import Given, Source, taking
from pilothouse.settings.table import BY_NAME, OTHER_VARIABLES, PREFIX, SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

PRESET_FLAG = "--preset"
PRESET_VARIABLE = f"{PREFIX}PRESET"

_WHY_NOT = {
    LOCAL: "is for Kernel's browsers",
    EXISTING: "can't be chosen for a browser that is already there",
    POOL: "is the pool's to decide",
}


class SetAside(msgspec.Struct, frozen=True):
    """A value that does not hold, because of a stronger one."""

    given: Given
    because: str


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What holds, for every setting."""

    given: dict[str, Given] = {}
    set_aside: dict[str, SetAside] = {}
    preset: str = ""

    def __getitem__(self, name: str) -> Any:
        return self.of(name).value

    def of(self, name: str) -> Given:
        """Give a setting's value with its source."""
        return self.given.get(name) or Given(BY_NAME[name].default, Source.DEFAULT)

    def chosen(self, name: str) -> bool:
        """Say whether somebody chose something else than what holds anyway."""
        return bool(self[name] != BY_NAME[name].default)


def from_environment(environ: Mapping[str, str] | None = None) -> dict[str, Given]:
    """Read the settings in the environment; an empty variable says nothing.

    Raises:
        SettingError: A value can't be used, or a variable is nearly the name of one.
    """
    environ = os.environ if environ is None else environ
    known = {setting.variable: setting for setting in SETTINGS}
    found: dict[str, Given] = {}
    for variable, text in environ.items():
        if not text or not variable.startswith(PREFIX) or variable in OTHER_VARIABLES:
            continue
        if setting := known.get(variable):
            found[setting.name] = taking(setting.kind.read, text, Source.ENVIRONMENT, variable)
        elif near := difflib.get_close_matches(variable, known, n=1, cutoff=0.9):
            raise SettingError("there is no such setting", variable, f"did you mean {near[0]}?")
    return found


def nearest_setting(name: str) -> str:
    """Word a hint for a name that is no setting's."""
    near = difflib.get_close_matches(name.replace("_", "-"), BY_NAME, n=1)
    return f"did you mean {near[0]}?" if near else "pilothouse config lists the settings"


def from_options(options: Mapping[str, Any]) -> dict[str, Given]:
    """Read the settings on the command line, as argparse left them: None for what was not said.

    Raises:
        SettingError: A value can't be used.
    """
    found: dict[str, Given] = {}
    for setting in SETTINGS:
        said = options.get(setting.key)
        if said is None:
            continue
        if isinstance(said, bool):
            found[setting.name] = Given(said, Source.OPTION, setting.flag if said else f"--no-{setting.name}")
        else:
            text = ",".join(said) if isinstance(said, list) else said
            found[setting.name] = taking(setting.kind.read, text, Source.OPTION, setting.flag)
    return found


def resolve(
    options: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    file: SettingsFile | None = None,
) -> Settings:
    """Decide what holds.

    Raises:
        SettingError: Something can't be used, or two things contradict each other.
    """
    options, environ = options or {}, os.environ if environ is None else environ
    file = file or read_file()
    given = dict(file.values)
    asked = options.get("preset")
    preset = asked or environ.get(PRESET_VARIABLE, "")
    if preset:
        given |= file.preset(preset, PRESET_FLAG if asked else PRESET_VARIABLE)
    given |= from_environment(environ)
    given |= from_options(options)
    return harmonised(Settings(given=given, preset=preset))


def harmonised(settings: Settings) -> Settings:
    """Settle contradictions: a weaker source gives way to a stronger one, equal ones are refused.

    Raises:
        SettingError: Two values of one source exclude each other.
    """
    if settings["browser"] == "local":
        settings = _without(settings, LOCAL, "browser")
    if settings.chosen("existing-browser") and settings.chosen("pool"):
        weaker, stronger = sorted(("existing-browser", "pool"), key=lambda name: settings.of(name).source)
        settings = _give_way(settings, weaker, stronger, "can't be had together with the other")
    if settings.chosen("existing-browser"):
        settings = _without(settings, EXISTING, "existing-browser")
    if settings.chosen("pool"):
        settings = _without(settings, POOL, "pool")
    if settings["save-profile"] and not settings.chosen("profile"):
        given = settings.of("save-profile")
        raise SettingError("there is no profile to save", given.where, "name one with --profile")
    return settings


def _without(settings: Settings, source: str, stronger: str) -> Settings:
    """Let every wish give way that a browser from there can't have."""
    fields = {f"browser_options.{field}" for field in not_kept_by(source)}
    for setting in SETTINGS:
        if fields.intersection(setting.into):
            settings = _give_way(settings, setting.name, stronger, _WHY_NOT[source])
    return settings


def _give_way(settings: Settings, name: str, stronger: str, why: str) -> Settings:
    if not settings.chosen(name):
        return settings
    given, other = settings.of(name), settings.of(stronger)
    if given.source >= other.source:
        raise SettingError(f"{name} {why}", given.where, f"leave it out, or leave out {other.where}")
    rest = {key: value for key, value in settings.given.items() if key != name}
    aside = {**settings.set_aside, name: SetAside(given, f"{other.where}: {name} {why}")}
    return msgspec.structs.replace(settings, given=rest, set_aside=aside)
