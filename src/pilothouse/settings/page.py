"""The tables of docs/settings.md: `python -m pilothouse.settings.page` prints them.

No setting is named here.
"""

from __future__ import annotations

import sys

from pilothouse.settings.table import SECTIONS, SETTINGS, Setting

BEGIN = "<!-- generated: python -m pilothouse.settings.page -->\n"
END = "<!-- end of generated -->\n"


def render() -> str:
    """Write one table for each section."""
    parts = [BEGIN]
    for section, meaning in SECTIONS.items():
        parts.append(f"\n## {section.capitalize()}: {meaning}\n\n")
        parts.append("| setting | default | what it is | values |\n|---|---|---|---|\n")
        parts += [_row(setting) for setting in SETTINGS if setting.section == section]
    return "".join([*parts, "\n", END])


def _row(setting: Setting) -> str:
    default = setting.show(setting.default)
    shown = f"`{default}`" if default else ""
    allowed = setting.kind.give.removeprefix("give ")
    return f"| `{setting.name}` | {shown} | {setting.help} | {allowed} |\n"


if __name__ == "__main__":
    sys.stdout.write(render())
