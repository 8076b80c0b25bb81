"""The one registry of what a person can do in the bridge:

keys, help, footer, palette, keymaps and docs/keys.md all read it.

Each action says when it is not to be had, and why; what it does is the method of the run screen it names.
Those of the roster and the grid are in `roster_actions`, made of the same `Action`.
No approval, abort or takeover hangs on a bare letter, digit, `;` or escape: terminals send those as replies
(design §6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from pilothouse.engine.roles import DRIVE, may_decide
from pilothouse.events import RunPhase
from pilothouse.state import RunState

GUARDED: Final = frozenset({"attend", "run.takeover", "run.abort", "home.delete"})
"""What leads to a decision, an end or a takeover."""


class Situation(msgspec.Struct, frozen=True):
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
    role: str = DRIVE
    """What the person may do to a live run."""
    found: str = ""
    """Where in a search one is; empty outside of one."""


class Action(msgspec.Struct, frozen=True):
    """One thing a person can do."""

    id: str
    keys: tuple[str, ...]
    """Textual's names; the first is the one shown. Without any it is in the palette only."""
    title: str
    """One to three words for the footer; `live/replay` where they differ."""
    does: str
    group: str
    why_not: Callable[[Any], str] = lambda _: ""
    """Why it can't be done now, in the situation of its own screen; empty when it can."""
    footer: int = 0
    """Place in the footer, from 1; 0 for none."""

    @property
    def guarded(self) -> bool:
        """Say whether no keymap may put it on a key that a late reply of the terminal may hold."""
        return self.id in GUARDED

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


def waits_here(situation: Situation) -> bool:
    """Say whether something in this run waits for a decision."""
    return situation.steerable and situation.state.approval is not None


def _ask(why_not: Callable[[Situation], str] = lambda _: "") -> Callable[[Situation], str]:
    """Let a predicate hold for whoever may decide in a live run; who only watches may not."""

    def judged(situation: Situation) -> str:
        watches = situation.steerable and not may_decide(situation.role)
        return "you only watch this run" if watches else why_not(situation)

    return judged


def _drives(situation: Situation) -> str:
    if situation.steerable and situation.role != DRIVE:
        return f"your role is {situation.role}: that is for who drives"
    return _unended(situation)


def _replay(situation: Situation) -> str:
    return "" if situation.steps else "there is no step yet"


def _marks(situation: Situation) -> str:
    return "" if situation.marks else "there is no marker, error or message yet"


def _picture(situation: Situation) -> str:
    return "" if situation.pictures else "this terminal session shows no pictures"


def _row(situation: Situation) -> str:
    return "" if situation.row else "there is nothing to select yet"


def _searching(situation: Situation) -> str:
    return "" if situation.found else "nothing is searched for: / does"


def _following(situation: Situation) -> str:
    return "already following the latest" if situation.following else ""


_OPEN, _CLOSE = "left_square_bracket", "right_square_bracket"
RUN, MOVE, PANES, BRIDGE = "The run", "Moving through it", "Panes and picture", "The bridge"

ACTIONS: Final[tuple[Action, ...]] = (
    Action("attend", ("n",), "decide…", "go to what waits for a person, in any run", RUN, footer=1),
    Action("run.pause", ("space",), "pause/play", "pause gently, resume; replay: play, rest", RUN, _ask(), 1),
    Action("run.freeze", ("P",), "freeze", "hold at once: drop the running answer", RUN, _ask(_unended)),
    Action("run.step", ("full_stop",), "step", "run one action and hold; replay: next step", RUN, _ask(), 2),
    Action("run.say", ("i",), "say", "write to the agent", RUN, _ask(_unended), footer=3),
    Action("run.queue", ("Q",), "messages", "messages that wait: change, move, take back", RUN, _unended),
    Action("run.limits", ("b",), "limits, model", "set a limit or model; go on once past one", RUN, _drives),
    Action("run.takeover", ("t",), "drive…", "drive the browser; ctrl+y takes the wheel", RUN, _drives),
    Action("live.link", ("L",), "live link", "copy the browser's live-view link, unseen", RUN, _drives),
    Action("run.abort", ("x",), "abort…", "open the abort pane; ctrl+y ends it", RUN, _drives, footer=8),
    Action("run.interrupt", ("ctrl+c",), "pause", "copy a selection, else pause; twice: abort", RUN),
    Action("step.previous", ("left", "h"), "previous step", "go to the step before", MOVE, _replay),
    Action("step.next", ("right", "l"), "next step", "go to the next step", MOVE, _replay),
    Action("step.back", ("comma",), "back", "the same as previous step", MOVE, _replay, footer=4),
    Action("step.first", ("0", "home"), "first", "go to the beginning: the first picture", MOVE, _replay),
    Action("step.last", ("dollar_sign", "end"), "last", "go to the end, and follow a live run", MOVE),
    Action("follow", ("F",), "follow", "follow the latest", MOVE, _following, footer=5),
    Action("mark.next", (_CLOSE, "ctrl+right"), "next mark", "to the next error or message", MOVE, _marks),
    Action("mark.previous", (_OPEN, "ctrl+left"), "previous mark", "the same, backwards", MOVE, _marks),
    Action("marker.drop", ("m",), "marker", "drop a marker of your own here, or take it away", MOVE, _row),
    Action("marker.list", ("M",), "markers", "show only rows with a marker, or all again", MOVE, _row),
    Action("find", ("slash",), "search", "search in these rows; then n and N", MOVE, _row),
    Action("find.next", ("f3",), "next match", "the next match; in a search n is this too", MOVE, _searching),
    Action("find.previous", ("N",), "match before", "the match before", MOVE, _searching),
    Action("filter", ("f",), "filter", "show only rows of a kind, member, outcome or text", MOVE, _row),
    Action("go", ("g",), "go to", "go to a step, a time (1:30) or a part (50%)", MOVE, _replay),
    Action("speed.slower", ("less_than_sign",), "slower", "play slower, down to ¼", MOVE),
    Action("speed.faster", ("greater_than_sign",), "faster", "play faster, up to 16 times", MOVE),
    Action("speed.normal", ("equals_sign",), "normal speed", "play at the recorded pace", MOVE),
    Action("speed.idle", ("z",), "waits", "cut a replay's waits to 2 s, ½ s, or not at all", MOVE),
    Action("row.up", ("up", "k"), "row up", "select the row above; every pane goes along", MOVE, _row),
    Action("row.down", ("down", "j"), "row down", "select the row below; every pane goes along", MOVE, _row),
    Action("row.page_up", ("pageup",), "page up", "select a row a page above", MOVE, _row),
    Action("row.page_down", ("pagedown",), "page down", "select a row a page below", MOVE, _row),
    Action("row.inspect", ("enter",), "inspect", "the step whole; else open the row", PANES, _row, footer=6),
    Action("row.open", ("o",), "open", "open the row in place: Markdown, arguments, result", PANES, _row),
    Action("detail", ("w",), "detail", "the usual rows, everything, or the least", PANES, _row),
    Action("pane.next", ("tab",), "next pane", "go to the next pane", PANES),
    Action("pane.previous", ("shift+tab",), "previous pane", "go to the pane before", PANES),
    Action("pane.transcript", ("1",), "transcript", "go to the transcript; again: it alone", PANES),
    Action("pane.tools", ("2",), "tool calls", "go to the tool calls; again: they alone", PANES),
    Action("pane.picture", ("3",), "picture", "go to the picture; again: it alone", PANES),
    Action("picture.full", ("s",), "full picture", "the picture alone, or go back", PANES, footer=7),
    Action("picture.graphics", ("c",), "graphics", "cycle how pictures are painted", PANES, _picture),
    Action("picture.closer", ("plus",), "closer", "zoom into the picture; arrows move", PANES, _picture),
    Action("picture.further", ("minus",), "further", "zoom out of the picture again", PANES, _picture),
    Action("picture.compare", ("d",), "compare", "the picture before the step, after, plain", PANES, _replay),
    Action("row.copy", ("y",), "copy", "copy the row; again: it whole, then the address", PANES, _row),
    Action("border.left", ("shift+left",), "border left", "move the border between the columns", PANES),
    Action("border.right", ("shift+right",), "border right", "the same, to the right", PANES),
    Action("border.up", ("shift+up",), "border up", "move the border above the tool calls", PANES),
    Action("border.down", ("shift+down",), "border down", "the same, downwards", PANES),
    Action("border.reset", (), "usual sizes", "give the panes their usual sizes again", PANES),
    Action("runs", ("ctrl+o",), "runs", "to the roster of runs; the run goes on", BRIDGE),
    Action("grid", ("ctrl+g",), "grid", "all live runs with their pictures", BRIDGE),
    Action("run.next", ("J",), "next run", "to the next live run", BRIDGE),
    Action("run.previous", ("K",), "previous run", "to the live run before", BRIDGE),
    Action("theme.next", (), "next theme", "change the colours to those of the next theme", BRIDGE),
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
    "slash": "/",
    "f3": "F3",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "f1": "F1",
    "shift+left": "shift+←",
    "shift+right": "shift+→",
    "shift+up": "shift+↑",
    "shift+down": "shift+↓",
    "ctrl+left": "ctrl+←",
    "ctrl+right": "ctrl+→",
    "semicolon": ";",
    "delete": "del",
}


def key_name(key: str) -> str:
    """Write a key as a person reads it."""
    return _KEY_NAMES.get(key, key)


def keys_name(keys: tuple[str, ...]) -> str:
    """Write the first of an action's keys; `palette` for one that has none."""
    return key_name(keys[0]) if keys else "palette"


class LocalKey(msgspec.Struct, frozen=True):
    """A key that means something inside one open pane only; listed, not bound from here."""

    keys: str
    does: str
    short: str


COMPOSER_KEYS: Final = (
    LocalKey("enter", "send: the agent gets it after the running batch of actions", "send after this batch"),
    LocalKey("ctrl+s, alt+enter", "send now: the rest of the batch is not run", "now"),
    LocalKey("ctrl+l", "send for later: the agent gets it once it has finished, as its next leg", "later"),
    LocalKey("ctrl+j", "new line", "new line"),
    LocalKey("esc", "leave; what is written stays", "leave"),
)
QUEUE_KEYS: Final = (
    LocalKey("↑ ↓", "choose a message", "choose"),
    LocalKey("shift+↑ shift+↓, K J", "move it: what is higher is read first", "move"),
    LocalKey("e, enter", "change its words", "edit"),
    LocalKey("w", "change when it is read: after this batch, when it has finished, now", "when"),
    LocalKey("delete, backspace", "take it back", "take back"),
    LocalKey("esc", "leave; what waits goes on waiting", "leave"),
)
MESSAGE_KEYS: Final = (
    LocalKey("enter", "change the message; it is read when it would have been", "change it"),
    LocalKey("ctrl+s, alt+enter", "change it, and have it read now", "now"),
    LocalKey("ctrl+l", "change it, and have it read once the agent has finished", "later"),
    LocalKey("ctrl+j", "new line", "new line"),
    LocalKey("esc", "leave; nothing changes", "leave"),
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
    LocalKey("A", "let it and its like happen from now on: shows the rule first", "always…"),
    LocalKey("esc", "leave; it goes on waiting", "leave, it waits"),
)
DECISION_KEYS: Final = (
    LocalKey("ctrl+y", "commit what is written; twice for another input of what is risky", "commit"),
    LocalKey("esc", "leave; it goes on waiting", "leave, it waits"),
)
ALWAYS_KEYS: Final = (
    LocalKey("ctrl+y", "let it happen, and add the rule; twice for what is risky", "commit"),
    LocalKey("esc", "leave; it goes on waiting", "leave, it waits"),
)
WHEEL_KEYS: Final = (
    LocalKey("ctrl+y", "take the wheel, or ask whoever has it", "take the wheel"),
    LocalKey("esc", "leave; nothing changes", "leave"),
)
DRIVING_KEYS: Final = (
    LocalKey("esc esc, ctrl+t", "give the wheel back: the agent goes on", "give it back"),
    LocalKey("ctrl+k", "type something secret: masked, and nothing is recorded until ctrl+k", "secret"),
    LocalKey("ctrl+g", "aim with the arrows instead of the mouse, or no longer", "aim"),
    LocalKey("any other", "goes to the page; one esc after a moment, pasted text as text", "to the page"),
)
AIM_KEYS: Final = (
    LocalKey("← ↑ ↓ →", "move the crosshair by a cell; with shift by a pixel", "move (shift: finer)"),
    LocalKey("enter", "click there", "click"),
    LocalKey("d r m", "double click, right click, middle click", "double, right, middle"),
    LocalKey("space", "hold the button down, or let it go: a drag", "press/let go"),
    LocalKey("u n", "scroll up, scroll down", "scroll"),
    LocalKey("+ −", "enlarge the picture, or show more of it again", "zoom"),
    LocalKey("esc, ctrl+g", "aim no longer; keys go to the page", "keys to the page"),
)
EDIT_KEYS: Final = (
    LocalKey("ctrl+y", "commit what is written; twice for another input of what is risky", "commit"),
    LocalKey("click", "put the place there; drag for a start and an end", "set the place"),
    LocalKey("esc", "leave; it goes on waiting", "leave, it waits"),
)
HELP_KEYS: Final = (
    LocalKey("↑ ↓ pgup pgdn", "scroll", "scroll"),
    LocalKey("ctrl+p", "find an action by name, and do it", "find an action"),
    LocalKey("? esc", "close the help", "close"),
)
LIMIT_KEYS: Final = (
    LocalKey(
        "enter", "set it; once: go on past what is reached; model or effort: from the next turn", "set it"
    ),
    LocalKey("esc", "leave; nothing changes", "leave"),
)
FIND_KEYS: Final = (
    LocalKey("enter", "search; then n for the next match, N for the one before, esc to end", "search"),
    LocalKey("esc", "leave", "leave"),
)
SEARCH_KEYS: Final = (
    LocalKey("n", "the next match", "next match"),
    LocalKey("N", "the match before", "match before"),
    LocalKey("enter", "the step whole", "inspect"),
    LocalKey("esc", "end the search", "end the search"),
    LocalKey("?", "help", "help"),
)
SIFT_KEYS: Final = (
    LocalKey("enter", "show only what is named; nothing shows all again", "show only these"),
    LocalKey("→", "complete the word", "complete"),
    LocalKey("esc", "leave", "leave"),
)
PALETTE_KEYS: Final = (
    LocalKey("↑ ↓", "choose", "choose"),
    LocalKey("enter", "do it", "do it"),
    LocalKey("esc", "leave", "leave"),
)
GOTO_KEYS: Final = (
    LocalKey("enter", "go there", "go there"),
    LocalKey("esc", "stay", "stay"),
)
