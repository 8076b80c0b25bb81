"""Writes docs/keys.md from the registry:

`python -m pilothouse.tui.keysdoc > docs/keys.md`. Holds no keys itself.
"""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING

from pilothouse.tui.actions import (
    ABORT_KEYS,
    ACTIONS,
    AIM_KEYS,
    ALWAYS_KEYS,
    APPROVAL_KEYS,
    COMPOSER_KEYS,
    DECISION_KEYS,
    DRIVING_KEYS,
    EDIT_KEYS,
    FIND_KEYS,
    LIMIT_KEYS,
    MESSAGE_KEYS,
    QUEUE_KEYS,
    SIFT_KEYS,
    WHEEL_KEYS,
    key_name,
)

if TYPE_CHECKING:
    from pilothouse.tui.actions import Action, LocalKey

HEAD = """# Keys of the bridge

Generated from `src/pilothouse/tui/actions.py` by `python -m pilothouse.tui.keysdoc > docs/keys.md`; a test
compares the
two. Every action is also in the palette (ctrl+p), and `?` shows which of them work now, and why the others
don't.

Letting an action happen and ending a run, like anything that can't be taken back, needs ctrl+y in a pane that
was opened for it: single letters may arrive as replies of the terminal itself, and pasted text never acts as
keys.
"""


def render() -> str:
    """Write the whole page."""
    parts = [HEAD]
    for group, actions in groupby(ACTIONS, key=lambda action: action.group):
        parts.append(f"\n## {group}\n\n| key | does | action |\n|---|---|---|\n")
        parts += [_row(action) for action in actions]
    parts += _local("Writing to the agent (after i)", COMPOSER_KEYS)
    parts += _local("Messages that wait (after Q)", QUEUE_KEYS)
    parts += _local("Changing one of them (after e)", MESSAGE_KEYS)
    parts += _local("The abort pane (after x)", ABORT_KEYS)
    parts += _local("Limits (after b)", LIMIT_KEYS)
    parts += _local("The approval pane (after n)", APPROVAL_KEYS)
    parts += _local("Its form for a reason (after r)", DECISION_KEYS)
    parts += _local("Its form for another input (after e)", EDIT_KEYS)
    parts += _local("Always, by this rule (after A)", ALWAYS_KEYS)
    parts += _local("Before driving (after t)", WHEEL_KEYS)
    parts += _local("While you drive", DRIVING_KEYS)
    parts += _local("While you aim (after ctrl+g)", AIM_KEYS)
    parts += _local("Search (after /)", FIND_KEYS)
    parts += _local("Filter (after f)", SIFT_KEYS)
    return "".join(parts)


def _row(action: Action) -> str:
    keys = " ".join(f"`{key_name(key)}`" for key in action.keys)
    return f"| {keys} | {action.does} | `{action.id}` |\n"


def _local(title: str, keys: tuple[LocalKey, ...]) -> list[str]:
    rows = [f"| `{local.keys}` | {local.does} |\n" for local in keys]
    return [f"\n## {title}\n\n| key | does |\n|---|---|\n", *rows]


if __name__ == "__main__":
    sys.stdout.write(render())
