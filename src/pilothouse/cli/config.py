"""`pilothouse config`: every setting, its value, and where that comes from. What they mean is the table's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pilothouse.cli.options import add_settings, settings
from pilothouse.safety import ascii_json, clean_line
from pilothouse.settings.file import settings_path
from pilothouse.settings.given import Source
from pilothouse.settings.table import SECTIONS, SETTINGS, Setting

if TYPE_CHECKING:
    import argparse

    from pilothouse.settings.resolve import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options: its own, and all that a run takes."""
    manner = parser.add_mutually_exclusive_group()
    manner.add_argument("--json", action="store_true", help="one JSON object a line")
    manner.add_argument(
        "--path", action="store_true", help="only say where the settings file is, or would be"
    )
    add_settings(parser)


def run(options: argparse.Namespace) -> int:
    """Print what a run with these options would have."""
    if options.path:
        print(settings_path())
        return 0
    holding = settings(options)
    for setting in SETTINGS if options.json else ():
        print(ascii_json(json.dumps(_told(setting, holding))))
    if not options.json:
        _table(holding)
    return 0


def _told(setting: Setting, holding: Settings) -> dict[str, Any]:
    given = holding.of(setting.name)
    told: dict[str, Any] = {
        "name": setting.name,
        "value": list(given.value) if isinstance(given.value, tuple) else given.value,
        "source": given.source.name.lower(),
        "where": given.where,
    }
    if aside := holding.set_aside.get(setting.name):
        told["set_aside"] = {"where": aside.given.where, "because": aside.because}
    return told


def _table(holding: Settings) -> None:
    name_cells = max(len(setting.name) for setting in SETTINGS)
    rows = {setting.name: clean_line(setting.show(holding[setting.name]), 60) for setting in SETTINGS}
    value_cells = max(map(len, rows.values()))
    for section in SECTIONS:
        print(f"[{section}]")
        for setting in SETTINGS:
            if setting.section == section:
                value = rows[setting.name]
                print(f"{setting.name:{name_cells}}  {value:{value_cells}}  {_origin(setting, holding)}")


def _origin(setting: Setting, holding: Settings) -> str:
    given = holding.of(setting.name)
    if aside := holding.set_aside.get(setting.name):
        return clean_line(f"default; {aside.given.where} is set aside ({aside.because})")
    if given.source is Source.DEFAULT:
        return "default"
    preset = f" (preset {holding.preset})" if given.source is Source.PRESET else ""
    return clean_line(given.where.removesuffix(f": {setting.name}") + preset)
