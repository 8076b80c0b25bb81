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
    BRIDGE,
    COMPOSER_KEYS,
    DECISION_KEYS,
    DRIVING_KEYS,
    EDIT_KEYS,
    FIND_KEYS,
    LIMIT_KEYS,
    MESSAGE_KEYS,
    PALETTE_KEYS,
    QUEUE_KEYS,
    SIFT_KEYS,
    WHEEL_KEYS,
    key_name,
)
from pilothouse.tui.roster_actions import (
    DELETE_KEYS,
    GRID_ACTIONS,
    HOME_ACTIONS,
    LABEL_KEYS,
    NEW_RUN_KEYS,
    SEARCH_KEYS,
)

if TYPE_CHECKING:
    from pilothouse.tui.actions import Action, LocalKey

HEAD = """# Keys of the bridge

Generated from `src/pilothouse/tui/actions.py` and `roster_actions.py` by
`python -m pilothouse.tui.keysdoc > docs/keys.md`; a test compares the two. Every action is also in the
palette (ctrl+p), and `?` shows which of them work now, and why the others don't.

Letting an action happen and ending a run, like anything that can't be taken back, needs ctrl+y in a pane that
was opened for it: single letters may arrive as replies of the terminal itself, and pasted text never acts as
keys.

## Keys of your own

`keymap.toml` in the configuration directory (`PILOTHOUSE_CONFIG_DIR`, else `~/.config/pilothouse` on Linux)
gives actions other keys. It names an action of the tables below, and a key or a list of keys, which take the
place of the usual ones:

```toml
run.freeze = "f9"
mark.next = [")", "ctrl+right"]     # where [ and ] need AltGr
step.back = []                      # no key: in the palette only
```

A key is a character (`a`, `?`), a name (`f5`, `enter`, `pgup`, `left`), or either behind `ctrl+`, `alt+` and
`shift+`. Two actions on one key, an unknown name and a key that is not to be had are named in one toast when
the bridge starts; the actions concerned keep their usual keys. Not to be had are: ctrl+y, ctrl+c, ctrl+q and
esc, whose meanings never change; what terminals send for other keys (ctrl+i, ctrl+m, ctrl+h, ctrl+[); and,
for what leads to a decision, an end or a takeover, any single character but the usual one.
"""


def render() -> str:
    """Write the whole page."""
    parts = [HEAD]
    parts += _groups(ACTIONS)
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
    parts += _local("The palette (after ctrl+p)", PALETTE_KEYS)
    parts += _groups(HOME_ACTIONS)
    parts += _local("A search (after /)", SEARCH_KEYS)
    parts += _local("A name or tags (after R and T)", LABEL_KEYS)
    parts += _local("Before a run is deleted (after D)", DELETE_KEYS)
    parts += _local("A new run (after ctrl+n)", NEW_RUN_KEYS)
    parts += _groups(GRID_ACTIONS)
    return "".join(parts)


def _groups(actions: tuple[Action, ...]) -> list[str]:
    """Write a table for each group; what the roster and the grid share with a run is said once."""
    parts: list[str] = []
    for group, members in groupby(actions, key=lambda action: action.group):
        if group == BRIDGE and actions is not ACTIONS:
            continue
        parts.append(f"\n## {group}\n\n| key | does | action |\n|---|---|---|\n")
        parts += [_row(action) for action in members]
    return parts


def _row(action: Action) -> str:
    keys = " ".join(f"`{key_name(key)}`" for key in action.keys) or "palette"
    return f"| {keys} | {action.does} | `{action.id}` |\n"


def _local(title: str, keys: tuple[LocalKey, ...]) -> list[str]:
    rows = [f"| `{local.keys}` | {local.does} |\n" for local in keys]
    return [f"\n## {title}\n\n| key | does |\n|---|---|\n", *rows]


if __name__ == "__main__":
    sys.stdout.write(render())
