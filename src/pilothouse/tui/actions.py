"""The one registry of what a person can do in the bridge:

keys, help, footer, palette and docs/keys.md all read it.

Each action says when it is not to be had, and why; what it does is the method of the run screen it names.
No approval, abort or takeover hangs on a bare letter, digit, `;` or escape: terminals send those as replies
(design §6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pilothouse.events import RunPhase

if TYPE_CHECKING:
    from collections.abc import Callable

    from pilothouse.state import RunState


@dataclass(frozen=True, slots=True)
class Situation:
    """What the predicates look at."""

    state: RunState
    """At the end of the record, whatever position is shown."""
    steerable: bool
    """An engine is there to take commands."""
    following: bool
    steps: int
    marks: int
    pictures: bool
    row: bool
    """A row is marked."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person can do."""

    id: str
    keys: tuple[str, ...]
    """Textual's names; the first is the one shown."""
    title: str
    """One to three words for the footer; `live/replay` where they differ."""
    does: str
    group: str
    why_not: Callable[[Situation], str] = lambda _: ""
    """Why it can't be done now; empty when it can."""
    footer: int = 0
    """Place in the footer, from 1; 0 for none."""

    @property
    def method(self) -> str:
        """Name the run screen's method that does it."""
        return "do_" + self.id.replace(".", "_")

    def title_for(self, steerable: bool) -> str:
        """Give the footer's words, live or replaying."""
        live, _, replay = self.title.partition("/")
        return live if steerable or not replay else replay


def _live(situation: Situation) -> str:
    return "" if situation.steerable else "this is a recording: nothing is running"


def _unended(situation: Situation) -> str:
    if not situation.steerable:
        return _live(situation)
    return "the run is ending" if situation.state.phase in {RunPhase.ENDING, RunPhase.ENDED} else ""


def _waits(situation: Situation) -> str:
    waits = situation.steerable and situation.state.approval is not None
    return "" if waits else "nothing waits for a person"


def _replay(situation: Situation) -> str:
    return "" if situation.steps else "there is no step yet"


def _marks(situation: Situation) -> str:
    return "" if situation.marks else "there is no marker, error or message yet"


def _picture(situation: Situation) -> str:
    return "" if situation.pictures else "this terminal session shows no pictures"


def _row(situation: Situation) -> str:
    return "" if situation.row else "there is nothing to select yet"


def _following(situation: Situation) -> str:
    return "already following the latest" if situation.following else ""


RUN, MOVE, PANES, BRIDGE = "The run", "Moving through it", "Panes and picture", "The bridge"

ACTIONS: Final[tuple[Action, ...]] = (
    Action("attend", ("n",), "decide…", "go to what waits for a person; ctrl+y there", RUN, _waits, footer=1),
    Action("run.pause", ("space",), "pause/play", "pause gently, resume; replay: play, rest", RUN, footer=1),
    Action("run.freeze", ("P",), "freeze", "hold at once: drop the running answer", RUN, _unended),
    Action("run.step", ("full_stop",), "step", "run one action and hold; replay: next step", RUN, footer=2),
    Action("run.say", ("i",), "say", "write to the agent", RUN, _unended, footer=3),
    Action("run.limits", ("b",), "limits", "set a limit, or go on once past one", RUN, _unended),
    Action("run.abort", ("x",), "abort…", "open the abort pane; ctrl+y ends it", RUN, _unended, footer=8),
    Action("run.interrupt", ("ctrl+c",), "pause", "copy a selection, else pause; twice: abort", RUN),
    Action("step.previous", ("left", "h"), "previous step", "go to the step before", MOVE, _replay),
    Action("step.next", ("right", "l"), "next step", "go to the next step", MOVE, _replay),
    Action("step.back", ("comma",), "back", "the same as previous step", MOVE, _replay, footer=4),
    Action("step.first", ("0", "home"), "first", "go to the beginning: the first picture", MOVE, _replay),
    Action("step.last", ("dollar_sign", "end"), "last", "go to the end, and follow a live run", MOVE),
    Action("follow", ("F",), "follow", "follow the latest", MOVE, _following, footer=5),
    Action("mark.next", ("right_square_bracket",), "next mark", "to the next error or message", MOVE, _marks),
    Action("mark.previous", ("left_square_bracket",), "previous mark", "the same, backwards", MOVE, _marks),
    Action("go", ("g",), "go to", "go to a step, a time (1:30) or a part (50%)", MOVE, _replay),
    Action("speed.slower", ("less_than_sign",), "slower", "play slower, down to ¼", MOVE),
    Action("speed.faster", ("greater_than_sign",), "faster", "play faster, up to 16 times", MOVE),
    Action("speed.normal", ("equals_sign",), "normal speed", "play at the recorded pace", MOVE),
    Action("row.up", ("up", "k"), "row up", "select the row above; every pane goes along", MOVE, _row),
    Action("row.down", ("down", "j"), "row down", "select the row below; every pane goes along", MOVE, _row),
    Action("row.page_up", ("pageup",), "page up", "select a row a page above", MOVE, _row),
    Action("row.page_down", ("pagedown",), "page down", "select a row a page below", MOVE, _row),
    Action("row.inspect", ("enter",), "inspect", "open the row: arguments and result", PANES, _row, footer=6),
    Action("pane.next", ("tab",), "next pane", "go to the next pane", PANES),
    Action("pane.previous", ("shift+tab",), "previous pane", "go to the pane before", PANES),
    Action("pane.transcript", ("1",), "transcript", "go to the transcript; again: it alone", PANES),
    Action("pane.tools", ("2",), "tool calls", "go to the tool calls; again: they alone", PANES),
    Action("pane.picture", ("3",), "picture", "go to the picture; again: it alone", PANES),
    Action("picture.full", ("s",), "full picture", "the picture alone, or go back", PANES, footer=7),
    Action("picture.graphics", ("c",), "graphics", "cycle how pictures are painted", PANES, _picture),
    Action("picture.closer", ("plus",), "closer", "zoom into the picture; arrows move", PANES, _picture),
    Action("picture.further", ("minus",), "further", "zoom out of the picture again", PANES, _picture),
    Action("row.copy", ("y",), "copy", "copy the row; in the picture, its address", PANES, _row),
    Action("help", ("question_mark", "f1"), "help", "what can be done now, and what not", BRIDGE, footer=9),
    Action("palette", ("ctrl+p",), "palette", "find an action by name", BRIDGE),
    Action("leave", ("q", "ctrl+q"), "leave", "leave the bridge; the run goes on", BRIDGE, footer=10),
    Action("back", ("escape",), "back", "back out of what is open; never more than that", BRIDGE),
)  # fmt: skip

BY_ID: Final = {action.id: action for action in ACTIONS}

_KEY_NAMES: Final = {
    "full_stop": ".",
    "comma": ",",
    "dollar_sign": "$",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "equals_sign": "=",
    "plus": "+",
    "minus": "-",
    "question_mark": "?",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "f1": "F1",
}


def key_name(key: str) -> str:
    """Write a key as a person reads it."""
    return _KEY_NAMES.get(key, key)


@dataclass(frozen=True, slots=True)
class LocalKey:
    """A key that means something inside one open pane only; listed, not bound from here."""

    keys: str
    does: str
    short: str


COMPOSER_KEYS: Final = (
    LocalKey("enter", "send: the agent gets it after the running batch of actions", "send after this batch"),
    LocalKey("ctrl+s, alt+enter", "send now: the rest of the batch is not run", "now"),
    LocalKey("ctrl+j", "new line", "new line"),
    LocalKey("esc", "leave; what is written stays", "leave"),
)
ABORT_KEYS: Final = (
    LocalKey("ctrl+y", "abort the run", "abort the run"),
    LocalKey("↑ ↓", "choose: close the browser, or keep it open", "choose"),
    LocalKey("esc", "leave; the run goes on", "leave, the run goes on"),
)
APPROVAL_KEYS: Final = (
    LocalKey("ctrl+y", "let it happen; twice if it is risky", "let it happen"),
    LocalKey("r", "reject it, with a reason for the agent", "reject…"),
    LocalKey("e", "let it happen with another input", "edit…"),
    LocalKey("esc", "leave; it goes on waiting", "leave, it waits"),
)
DECISION_KEYS: Final = (
    LocalKey("ctrl+y", "commit what is written; twice for another input of what is risky", "commit"),
    LocalKey("esc", "leave; it goes on waiting", "leave, it waits"),
)
HELP_KEYS: Final = (
    LocalKey("↑ ↓ pgup pgdn", "scroll", "scroll"),
    LocalKey("ctrl+p", "find an action by name, and do it", "find an action"),
    LocalKey("? esc", "close the help", "close"),
)
LIMIT_KEYS: Final = (
    LocalKey("enter", "set it; once: go on past what is reached", "set it"),
    LocalKey("esc", "leave; nothing changes", "leave"),
)
GOTO_KEYS: Final = (
    LocalKey("enter", "go there", "go there"),
    LocalKey("esc", "stay", "stay"),
)
