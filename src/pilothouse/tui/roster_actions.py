"""What a person can do in the roster of runs and in the grid: the rest of the registry of actions.

The same rules as in `actions`; the methods are those of the screens `home` and `grid`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pilothouse.runs import RunStatus
from pilothouse.tui.actions import BY_ID, Action, LocalKey


class Choice(msgspec.Struct, frozen=True):
    """What the predicates look at."""

    chosen: RunStatus | None
    """The marked run."""
    live: int
    wanting: int
    """Runs that go no further without a person."""
    searched: bool = False
    has_run: bool = False
    """A run is open behind this screen."""


def _chosen(choice: Choice) -> str:
    return "" if choice.chosen else "there is no run to choose"


def _deletable(choice: Choice) -> str:
    if choice.chosen is None:
        return _chosen(choice)
    return "the run is live: abort it first" if choice.chosen.live else ""


def _wanting(choice: Choice) -> str:
    return "" if choice.wanting else "no run needs a person"


def _live(choice: Choice) -> str:
    return "" if choice.live else "no run is live"


ROSTER = "The roster of runs"

_SHARED: Final = tuple(BY_ID[name] for name in ("theme.next", "help", "palette", "leave", "back"))

HOME_ACTIONS: Final[tuple[Action, ...]] = (
    Action("home.open", ("enter", "right", "l"), "open", "it, live or as a recording", ROSTER, _chosen, 1),
    Action("home.attend", ("n",), "needs you", "to the next run that needs a person", ROSTER, _wanting, 2),
    Action("home.new", ("ctrl+n", "plus"), "new run", "give an agent a task", ROSTER, footer=3),
    Action("home.search", ("slash", "ctrl+f"), "search", "show the runs whose words match", ROSTER, footer=4),
    Action("home.rename", ("R",), "rename", "call the run by a name", ROSTER, _chosen, 6),
    Action("home.tag", ("T",), "tags", "give the run tags", ROSTER, _chosen, 7),
    Action("home.delete", ("delete", "D"), "delete…", "to the trash, by ctrl+y", ROSTER, _deletable, 8),
    Action("home.grid", ("ctrl+g",), "grid", "all live runs with their pictures", ROSTER, _live, 5),
    Action("home.up", ("up", "k"), "up", "mark the run above", ROSTER, _chosen),
    Action("home.down", ("down", "j"), "down", "mark the run below", ROSTER, _chosen),
    Action("home.page_up", ("pageup",), "page up", "a page up", ROSTER, _chosen),
    Action("home.page_down", ("pagedown",), "page down", "a page down", ROSTER, _chosen),
    Action("home.first", ("home", "0"), "first", "to the first", ROSTER, _chosen),
    Action("home.last", ("end", "dollar_sign"), "last", "to the last", ROSTER, _chosen),
    *_SHARED,
)  # fmt: skip

GRID = "The grid of live runs"

GRID_ACTIONS: Final[tuple[Action, ...]] = (
    Action("grid.open", ("enter",), "open", "open the run", GRID, _chosen, 1),
    Action("grid.attend", ("n",), "needs you", "to the next run that needs a person", GRID, _wanting, 2),
    Action("grid.next", ("right", "l", "tab"), "next", "mark the next run", GRID, _chosen, 3),
    Action("grid.previous", ("left", "h", "shift+tab"), "previous", "mark the run before", GRID, _chosen),
    Action("grid.up", ("up", "k"), "up", "mark the run above", GRID, _chosen),
    Action("grid.down", ("down", "j"), "down", "mark the run below", GRID, _chosen),
    *_SHARED,
)  # fmt: skip

HOME_BY_ID: Final = {action.id: action for action in HOME_ACTIONS}
GRID_BY_ID: Final = {action.id: action for action in GRID_ACTIONS}

SEARCH_KEYS: Final = (
    LocalKey("enter", "keep what is found", "keep"),
    LocalKey("esc", "show all again", "show all"),
)
LABEL_KEYS: Final = (
    LocalKey("enter", "take it; an empty line takes it away", "take it"),
    LocalKey("esc", "change nothing", "change nothing"),
)
DELETE_KEYS: Final = (
    LocalKey("ctrl+y", "move the run to the trash", "to the trash"),
    LocalKey("esc", "leave; nothing is deleted", "leave"),
)
NEW_RUN_KEYS: Final = (
    LocalKey("ctrl+y", "start the run", "start the run"),
    LocalKey("tab, enter", "next field", "next field"),
    LocalKey("shift+tab", "field before", "field before"),
    LocalKey("ctrl+j", "new line, in the task", "new line"),
    LocalKey("esc", "leave; what is written stays", "leave"),
)
