"""The table of `docs/steering.md`: what each command does in each state, as the model of steering says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from pilothouse import commands as cmd
from pilothouse.events import Hold, RunPhase
from tests.engine.steering_model import Applied, Refused, Steered, apply

ME: Final = "ann"


def _running(**more: Any) -> Steered:
    return replace(Steered(phase=RunPhase.RUNNING, browser=True), **more)


STATES: Final[dict[str, Steered]] = {
    "starting": Steered(),
    "answering": _running(asking=True),
    "acting": _running(acting=True, batch=1),
    "paused": _running(holds=frozenset({Hold.PAUSE}), batch=2),
    "frozen": _running(holds=frozenset({Hold.FREEZE})),
    "stepped": _running(holds=frozenset({Hold.STEP}), batch=2),
    "approval": _running(holds=frozenset({Hold.APPROVAL}), batch=2, request="a1", requests=1),
    "ann drives": _running(holds=frozenset({Hold.TAKEOVER}), driver=ME),
    "bob drives": _running(holds=frozenset({Hold.TAKEOVER}), driver="bob"),
    "limit": _running(holds=frozenset({Hold.LIMIT}), limit="l1", requests=1),
    "retry": _running(holds=frozenset({Hold.RETRY})),
    "no browser": replace(_running(holds=frozenset({Hold.BROWSER_LOST})), browser=False),
    "idle": Steered(phase=RunPhase.IDLE, browser=True),
    "ending": Steered(phase=RunPhase.ENDING),
    "ended": Steered(phase=RunPhase.ENDED),
}
_ID: Final[dict[str, Any]] = {"id": "1", "actor": ME}
_THIS: Final = cmd.Expect(request="a1")
COMMANDS: Final[dict[str, cmd.Command]] = {
    "Pause": cmd.Pause(**_ID),
    "Pause freeze": cmd.Pause(**_ID, freeze=True),
    "Resume": cmd.Resume(**_ID),
    "Resume that limit": cmd.Resume(**_ID, expect=cmd.Expect(request="l1")),
    "Step": cmd.Step(**_ID),
    "Say after": cmd.Say(**_ID, text="hello"),
    "Say end": cmd.Say(**_ID, text="hello", when="end"),
    "Say now": cmd.Say(**_ID, text="hello", when="now"),
    "Approve": cmd.Approve(**_ID, expect=_THIS),
    "Reject": cmd.Reject(**_ID, expect=_THIS),
    "Edit": cmd.Edit(**_ID, expect=_THIS, input={}),
    "TakeOver": cmd.TakeOver(**_ID),
    "Act": cmd.Act(**_ID, member="left_click", input={"coordinate": [5, 5]}),
    "Conceal": cmd.Conceal(**_ID),
    "Reveal": cmd.Reveal(**_ID),
    "Release": cmd.Release(**_ID),
    "LiveView": cmd.LiveView(**_ID),
    "SetLimit": cmd.SetLimit(**_ID, limit="steps", value=50),
    "SetMode": cmd.SetMode(**_ID, mode="ask-all"),
    "SetModel": cmd.SetModel(**_ID, model="claude-opus-5-5"),
    "Abort": cmd.Abort(**_ID),
    "Revise": cmd.Revise(**_ID, message="another", text="hello again"),
    "Unsay": cmd.Unsay(**_ID, message="another"),
}


def cell(command: str, state: str) -> str:
    """Write what a command does in a state: that it is applied, or the number of the reason to refuse."""
    _, answer = apply(STATES[state], COMMANDS[command])
    if isinstance(answer, Applied):
        return "yes" if answer.effect else "same"
    return f"no {REASONS.index(answer.why) + 1}"


def _reasons() -> list[str]:
    found: dict[str, None] = {}
    for command in COMMANDS.values():
        for state in STATES.values():
            _, answer = apply(state, command)
            if isinstance(answer, Refused):
                found[answer.why] = None
    return list(found)


REASONS: Final = _reasons()


def table() -> str:
    """Write the table of docs/steering.md."""
    heads = ["command", *STATES]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for command in COMMANDS:
        lines.append("| " + " | ".join([command, *(cell(command, state) for state in STATES)]) + " |")
    reasons = [f"{number}. {why}" for number, why in enumerate(REASONS, 1)]
    return "\n".join([*lines, "", *reasons])
