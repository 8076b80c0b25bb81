"""Options that several verbs take: the settings, and kinds of values that are no setting."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from pilothouse.settings.resolve import PRESET_FLAG, resolve
from pilothouse.settings.table import SECTIONS, SETTINGS, Setting

if TYPE_CHECKING:
    from pilothouse.settings.resolve import Settings

Kind = Callable[[str], object]
"""What argparse calls with an option's text; raises `ArgumentTypeError` with a sentence."""


def add_settings(parser: argparse.ArgumentParser, *sections: str, presets: bool = True) -> None:
    """Declare an option for each setting (of these sections, or of all); `settings` reads them.

    Nothing is checked by argparse: a value gets the same sentence wherever it was said.
    """
    for section, meaning in SECTIONS.items():
        if sections and section not in sections:
            continue
        group = parser.add_argument_group(f"settings of the {section}", meaning)
        for setting in SETTINGS:
            if setting.section == section:
                _add(group, setting)
    if presets:
        parser.add_argument(
            PRESET_FLAG, metavar="NAME", help="take the values of [preset.NAME] in the settings file"
        )


def _add(group: argparse._ArgumentGroup, setting: Setting) -> None:
    default = setting.show(setting.default)
    told = f"{setting.help} (default: {default})" if default else setting.help
    help_line = told.replace("%", "%%")
    if isinstance(setting.default, bool):
        group.add_argument(
            setting.flag, action=argparse.BooleanOptionalAction, default=None, help=setting.help
        )
        return
    words = setting.kind.choices()
    metavar = "|".join(words) if words and len("|".join(words)) <= 30 else setting.kind.metavar
    if words and metavar == setting.kind.metavar:
        help_line = f"{help_line}; one of {', '.join(words)}"
    action = "append" if setting.kind.repeats else "store"
    group.add_argument(setting.flag, action=action, metavar=metavar, help=help_line)


def settings(options: argparse.Namespace) -> Settings:
    """Decide what holds, of the settings file, the environment and these options.

    Raises:
        SettingError: Something can't be used, or two things contradict each other.
    """
    return resolve(vars(options))


def factor(text: str) -> float:
    """Read a speed: a positive number."""
    try:
        value = float(text.removesuffix("x"))
    except ValueError:
        value = math.nan
    if not 0 < value <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed: give a number above 0, for example 4")
    return value


def port(text: str) -> int:
    """Read a TCP port; 0 lets the system choose."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give 0 to 65535, 0 lets the system choose")
    return int(text)
